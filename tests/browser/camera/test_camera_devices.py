"""Phones with several cameras, and cameras that refuse, stand still or see nothing sharp."""

import json
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.camera.conftest import HEIGHT, WIDTH, start
from tests.ml.colours import truth

# A phone whose cameras the test describes; pictures come from Chromium's own.
PHONE = """(cameras) => {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.opened = [];
  window.wishes = [];
  const device = ({ id, label }) => ({ deviceId: id, label, kind: "videoinput", groupId: "" });
  navigator.mediaDevices.enumerateDevices = async () => cameras.map(device);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const id = wanted.video.deviceId?.exact;
    const camera = id ? cameras.find((each) => each.id === id) : cameras[0];
    if (!camera) throw new DOMException("gone", "OverconstrainedError");
    if (camera.fails) throw new DOMException("not started", camera.fails);
    while (window.slow) await new Promise((done) => setTimeout(done, 50));
    const busy = window.opened.some(({ track }) => track.readyState === "live");
    if (busy) throw new DOMException("one at a time", "NotReadableError");
    const stream = camera.still
      ? document.createElement("canvas").captureStream(0)
      : await real({ audio: false, video: true });
    const [track] = stream.getVideoTracks();
    const settings = { deviceId: camera.id, ...camera.settings };
    track.getCapabilities = () => camera.abilities ?? {};
    track.getSettings = () => settings;
    track.applyConstraints = async ({ advanced: [wish] }) => {
      window.wishes.push(wish);
      if (camera.refuses) throw new DOMException("", "OverconstrainedError");
      Object.assign(settings, wish);
    };
    Object.defineProperty(track, "muted", { get: () => Boolean(window.muted) });
    window.opened.push({ id: camera.id, track });
    return stream;
  };
}"""


@pytest.fixture
def take(phone, film) -> Callable[..., Page]:
    """take({"id": …, "label": …, "abilities": …}, …): a phone with these cameras."""

    def take(*cameras: dict) -> Page:
        page = phone(film([Image.fromarray(truth(HEIGHT, WIDTH))]))
        page.add_init_script(f"({PHONE})({json.dumps(cameras)})")
        page.reload()
        return page

    return take


def opened(page: Page) -> list[str]:
    return page.evaluate("window.opened.map(({ id }) => id)")


def live(page: Page) -> None:
    expect(page.get_by_role("button", name="Stop")).to_be_visible(timeout=30_000)


FOCUS = {"focusMode": ["continuous", "manual"]}
FIXED = {"focusMode": ["manual"]}
REFUSES = {
    "id": "a",
    "label": "Back Camera",
    "refuses": True,
    "abilities": FOCUS | {"torch": True, "zoom": {"min": 0.5, "max": 8, "step": 0.1}},
    "settings": {"zoom": 1},
}


def test_a_camera_that_refuses_focus_light_and_zoom_looks_all_the_same(take) -> None:
    page = take(REFUSES)
    start(page)
    live(page)
    assert page.evaluate("window.wishes") == [{"focusMode": "continuous"}]
    page.get_by_role("button", name="Light").click()
    expect(page.get_by_text("The camera did not switch the light.")).to_be_visible()
    expect(page.get_by_role("button", name="Light")).to_have_attribute("aria-pressed", "false")
    zoom = page.get_by_role("slider", name="Zoom")
    zoom.fill("4")
    expect(page.get_by_text("The camera did not zoom.")).to_be_visible()
    expect(zoom).to_have_value("1")


def test_the_zoom_begins_where_the_camera_is_not_at_its_least(take) -> None:
    page = take(REFUSES | {"refuses": False, "settings": {"zoom": 2}})
    start(page)
    live(page)
    zoom = page.get_by_role("slider", name="Zoom")
    expect(zoom).to_have_value("2")
    expect(zoom).to_have_attribute("min", "0.5")
    zoom.fill("4")
    page.wait_for_function("() => window.wishes.some(({ zoom }) => zoom === 4)")


ANDROID = [
    {"id": "wide", "label": "camera2 0, facing back", "abilities": FIXED},
    {"id": "front", "label": "camera2 1, facing front", "abilities": FOCUS},
    {"id": "main", "label": "camera2 2, facing back", "abilities": FOCUS},
]


def test_the_camera_that_can_focus_is_taken_and_remembered(take) -> None:
    page = take(*ANDROID)
    start(page)
    live(page)
    assert opened(page) == ["wide", "main"]
    choice = page.get_by_role("combobox", name="Camera")
    expect(choice).to_have_value("main")
    assert choice.locator("option").all_inner_texts() == [
        "camera2 0, facing back",
        "camera2 2, facing back",
    ]
    page.reload()
    start(page)
    live(page)
    assert opened(page) == ["main"]


def test_a_camera_for_what_is_near_is_taken_by_its_name(take) -> None:
    names = ("Back Camera", "Back Telephoto Camera", "Back Triple Camera", "Front Camera")
    page = take(*({"id": name, "label": name} for name in names))
    start(page)
    live(page)
    assert opened(page) == ["Back Camera", "Back Triple Camera"]


def test_where_none_can_focus_the_first_stays(take) -> None:
    page = take(*({"id": n, "label": f"Back {n}", "abilities": FIXED} for n in "abc"))
    start(page)
    live(page)
    assert opened(page)[0] == opened(page)[-1] == "a"
    page.reload()
    start(page)
    live(page)
    assert opened(page) == ["a"]


def test_another_camera_is_chosen_and_remembered(take) -> None:
    page = take(*({"id": n, "label": f"Back {n}", "abilities": FOCUS} for n in "ab"))
    start(page)
    live(page)
    page.get_by_role("combobox", name="Camera").select_option("Back b")
    page.wait_for_function("() => window.opened.length === 2")
    live(page)
    expect(page.get_by_role("combobox", name="Camera")).to_have_value("b")
    page.reload()
    start(page)
    live(page)
    assert opened(page) == ["b"]


def test_who_stops_while_another_camera_opens_can_start_again(take) -> None:
    page = take(*({"id": n, "label": f"Back {n}", "abilities": FOCUS} for n in "ab"))
    start(page)
    live(page)
    page.evaluate("window.slow = true")
    page.get_by_role("combobox", name="Camera").select_option("Back b")
    expect(page.get_by_text("Starting the camera")).to_have_count(1)
    page.get_by_role("button", name="Stop").click()
    page.evaluate("window.slow = false")
    again = page.get_by_role("button", name="Start the camera")
    expect(again).to_be_enabled()
    expect(page.get_by_text("Starting the camera")).to_have_count(0)
    page.wait_for_function("() => window.opened.every(({ track }) => track.readyState === 'ended')")
    again.click()
    live(page)


def test_a_remembered_camera_that_is_gone_gives_way_to_another(take) -> None:
    page = take({"id": "a", "label": "Back Camera"})
    page.evaluate("localStorage.setItem('camera', 'sold')")
    start(page)
    live(page)
    assert opened(page) == ["a"]
    expect(page.get_by_role("combobox", name="Camera")).to_be_hidden()


@pytest.mark.parametrize("fails", ["NotReadableError", "AbortError"])
def test_a_chosen_camera_that_does_not_start_gives_way_to_another(take, fails) -> None:
    """Cameras are chosen while one looks: nobody could have chosen another."""
    page = take(
        {"id": "a", "label": "Back Camera", "abilities": FOCUS},
        {"id": "b", "label": "Back of another program", "fails": fails},
    )
    page.evaluate("localStorage.setItem('camera', 'b')")
    start(page)
    live(page)
    assert opened(page) == ["a"]
    expect(page.get_by_role("combobox", name="Camera")).to_have_value("a")


def test_a_chosen_camera_is_remembered_while_none_starts(take) -> None:
    page = take(*({"id": n, "label": f"Back {n}", "fails": "NotReadableError"} for n in "ab"))
    page.evaluate("localStorage.setItem('camera', 'b')")
    start(page)
    expect(page.get_by_text("The camera is in use by another program.")).to_be_visible()
    assert page.evaluate("localStorage.getItem('camera')") == "b"


def test_a_camera_that_gives_no_picture_is_said(take) -> None:
    page = take({"id": "a", "label": "Back Camera", "still": True})
    start(page)
    live(page)
    expect(page.get_by_text("The camera gives no new picture.")).to_be_visible()


def test_a_camera_that_is_muted_for_a_while_is_said(take) -> None:
    page = take({"id": "a", "label": "Back Camera"})
    start(page)
    live(page)
    sentence = page.get_by_text("The camera gives no new picture.")
    page.wait_for_timeout(4000)
    expect(sentence).to_be_hidden()
    page.evaluate("window.muted = true")
    expect(sentence).to_be_visible()
    page.evaluate("window.muted = false")
    expect(sentence).to_be_hidden()


# What is said of frames, one each 100 ms: {"reasons": […]}, or of the sharp {}.
FOLLOW = """async (frames) => {
  const main = document.querySelector("script[src$='main.js']").src;
  const { Steady } = await import(main.replace("main.js", "steady.js"));
  const steady = new Steady(["watch", "doctor_weeks", "doctor_days"]);
  return frames.map(({ reasons = [] }, number) => {
    const assessment = { usable: !reasons.length, reasons, warnings: [], advice: "watch" };
    return steady.add({ assessment, isClearlyFlagged: false, sharpness: 1 }, number * 100).hint;
  });
}"""


def test_what_stays_blurred_may_be_too_near(take) -> None:
    page = take()
    # Far out of focus, no mole is found either.
    blurred = [{"reasons": ["no_lesion", "blurred"]}] * 50
    hints = page.evaluate(FOLLOW, [*blurred, *[{}] * 20, *blurred])
    assert hints[39] == "no_lesion"
    assert hints[40] == hints[49] == "too_near"
    assert hints[69] is None
    assert hints[75] != "too_near"
    assert hints[-1] == "too_near"
    assert set(page.evaluate(FOLLOW, [{"reasons": ["no_lesion"]}] * 90)) == {"no_lesion"}
    words = page.evaluate("JSON.parse(document.getElementById('program').textContent).words")
    assert "too near to focus" in words["hints"]["too_near"]


def test_a_hint_that_holds_for_a_part_of_the_frames_is_not_read_again_and_again(take) -> None:
    chance = random.Random(1)
    frames = [{"reasons": ["blurred"] * (chance.random() < 0.4)} for _ in range(600)]
    hints = take().evaluate(FOLLOW, frames)
    assert sum(before != after for before, after in pairwise(hints)) < 15  # in a minute


def test_frames_from_before_a_gap_say_nothing_of_what_is_framed_now(take) -> None:
    said = take().evaluate(
        """async () => {
          const main = document.querySelector("script[src$='main.js']").src;
          const { Steady } = await import(main.replace("main.js", "steady.js"));
          const steady = new Steady(["watch", "doctor_weeks", "doctor_days"]);
          const assessment = { usable: true, reasons: [], warnings: [], advice: "watch" };
          const look = { assessment, isClearlyFlagged: false, sharpness: 1 };
          return [0, 100, 200, 20_000, 20_100, 20_200].map((at) => steady.add(look, at).advice);
        }"""
    )
    assert said == [None, None, "watch", None, None, "watch"]


def test_a_calm_answer_of_another_mole_does_not_come_back(take) -> None:
    """A calm mole, nothing for two seconds, and a mole of which no frame is calm."""
    said = take().evaluate(
        """async () => {
          const main = document.querySelector("script[src$='main.js']").src;
          const { Steady } = await import(main.replace("main.js", "steady.js"));
          const steady = new Steady(["watch", "doctor_weeks", "doctor_days"]);
          const seen = [["watch"], ["retake", "no_lesion"], ["doctor_weeks"]].flatMap(
            ([advice, ...reasons]) =>
              Array(20).fill({ usable: !reasons.length, reasons, warnings: [], advice }));
          return seen.map((assessment, number) =>
            steady.add({ assessment, isClearlyFlagged: false, sharpness: 1 }, number * 100).advice);
        }"""
    )
    assert said[39] is None
    assert set(said[40:]) == {None, "doctor_weeks"}


def test_what_is_not_a_number_is_an_error_and_not_calm(take) -> None:
    failed = take().evaluate(
        """async () => {
          const main = document.querySelector("script[src$='main.js']").src;
          const { calibrated } = await import(main.replace("main.js", "rule.js"));
          const bias = [0, 0];
          return [NaN, Infinity].map((logit) => {
            try {
              return calibrated([logit, 0], { temperature: 1, bias });
            } catch {
              return "failed";
            }
          });
        }"""
    )
    assert failed == ["failed", "failed"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("NotAllowedError", "may not use the camera"),
        ("NotFoundError", "No camera was found."),
        ("NotReadableError", "in use by another program"),
        ("AbortError", "in use by another program"),
        ("OverconstrainedError", "can do what is needed"),
        ("SecurityError", "secure address"),
        ("TypeError", "secure address"),
        ("InvalidStateError", "Bring this page to the front"),
        ("SomethingNewError", "could not be started"),
    ],
)
def test_every_refusal_of_a_camera_has_its_words(take, name, sentence) -> None:
    page = take()
    error = "new TypeError()" if name == "TypeError" else f"new DOMException('', '{name}')"
    page.evaluate(
        f"() => {{ navigator.mediaDevices.getUserMedia = async () => {{ throw {error}; }}; }}"
    )
    start(page)
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled()
    expect(page.get_by_role("link", name="Upload a picture instead")).to_be_visible()


def test_an_installed_app_looks_for_an_update_when_it_comes_back(take) -> None:
    page = take()
    expect(page.locator("[data-offline=ready]")).to_be_visible(timeout=60_000)
    page.evaluate(
        """() => {
          window.looked = 0;
          ServiceWorkerRegistration.prototype.update = async () => { window.looked += 1; };
          for (const hidden of [true, false]) {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
          }
        }"""
    )
    page.wait_for_function("() => window.looked === 1")


def test_a_browser_that_never_tells_of_a_new_picture_is_asked(take) -> None:
    """As WebKitGTK does with a camera's."""
    page = take({"id": "a", "label": "Back Camera"})
    page.evaluate("() => { HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0; }")
    start(page)
    live(page)
    page.wait_for_function("() => document.querySelector('[data-frames]')?.dataset.frames > 3")
