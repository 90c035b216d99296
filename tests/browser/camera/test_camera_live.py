"""What the page says while the camera runs."""

import base64
import io
import re
from datetime import timedelta

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser.camera.conftest import (
    HEIGHT,
    HIDE,
    WIDTH,
    expect_advice,
    film_frame,
    frames,
    lesions,
    shaken,
    start,
)

# All that the page answers from here on, as it comes.
LISTEN = """() => {
  window.said = [];
  const outcome = document.querySelector("[data-outcome]");
  new MutationObserver(() => {
    const advice = outcome.dataset.advice;
    if (advice !== window.said.at(-1)) window.said.push(advice);
  }).observe(outcome, { attributes: true });
}"""

# The camera starts when it is allowed to, and not before.
SLOW = """() => {
  const start = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  const allowed = new Promise((resolve) => { window.allow = resolve; });
  window.tracks = [];
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const stream = await allowed.then(() => start(wanted));
    window.tracks.push(...stream.getTracks());
    return stream;
  };
}"""
OFF = "() => window.tracks.length && window.tracks.every((track) => track.readyState === 'ended')"


@pytest.mark.parametrize(
    ("advice", "heading"),
    [("watch", "No warning sign found"), ("doctor_days", "Should be seen by a doctor soon")],
)
def test_a_prediction_appears_with_its_outline(phone, film, pick, advice, heading) -> None:
    page = phone(film(shaken(pick(advice))))
    start(page)
    expect_advice(page, advice)
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    page.wait_for_function(
        """() => {
          const canvas = document.querySelector("[data-outline]");
          if (!canvas.width) return false;
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.some((value, i) => i % 4 === 3 && value > 0);
        }"""
    )


def after(page: Page, count: int) -> None:
    """Once that many more frames were looked at."""
    page.wait_for_function(
        "n => document.querySelector('[data-camera]').dataset.frames > n",
        arg=frames(page) + count,
        timeout=120_000,
    )


def all_skin_is_dark(route: Route) -> None:
    card = route.fetch().json()
    for limit in card["live"]["limits"]["photo"]:
        if limit.get("warning") == "dark_skin":
            limit["min"] = 90  # degrees: lighter than any skin
    route.fulfill(json=card)


def test_skin_that_was_hardly_tested_is_said_beside_the_answer(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"))), routes={"**/model.json": all_skin_is_dark})
    start(page)
    expect_advice(page, "watch")
    outcome = page.locator("[data-outcome]")
    expect(outcome).to_have_attribute("data-tone", "neutral")
    expect(outcome).to_contain_text("Nearly all of the tested skin was light.")
    expect(outcome).to_contain_text("show the mole to a doctor")
    heading = "No warning sign found, but hardly tested on dark skin"
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()


def test_to_a_minor_it_is_said_that_adults_alone_were_tested(phone, film, pick, alice) -> None:
    alice.date_of_birth = timezone.localdate() - timedelta(days=365 * 10)
    alice.save()
    page = phone(film(shaken(pick("watch"))))
    start(page)
    expect_advice(page, "watch")
    heading = "No warning sign found, but too little tested on moles like this"
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    outcome = page.locator("[data-outcome]")
    expect(outcome).to_have_attribute("data-tone", "neutral")
    expect(outcome).to_contain_text("It was tested on adults only.")
    expect(outcome).to_contain_text("show the mole to a doctor")


def test_the_focus_follows_what_was_pressed(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"), count=3)))
    start(page)
    expect(page.locator("[data-heading]")).to_be_focused()
    page.get_by_role("button", name="Stop").click()
    button = page.get_by_role("button", name="Start the camera")
    expect(button).to_be_focused()
    page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia = async () => {
          await new Promise((done) => setTimeout(done, 500)); // as long as a person needs to say no
          throw new DOMException("", "NotFoundError");
        }; }"""
    )
    button.click()
    expect(page.get_by_text("No camera was found.")).to_be_visible()
    expect(button).to_be_focused()


def test_what_is_no_lesion_gets_no_prediction(phone, film) -> None:
    page = phone(film(shaken(lesions("not_a_lesion", 3)[-1])))
    page.evaluate(LISTEN)
    start(page)
    expect(page.locator("[data-hint]")).to_be_visible(timeout=30_000)
    after(page, 20)
    assert page.evaluate("window.said") in ([], [""])
    expect(page.get_by_role("heading", name="Put one mole in the frame")).to_be_visible()


def test_skin_without_a_mole_gets_no_prediction(phone, film) -> None:
    page = phone(film([Image.new("RGB", (WIDTH, HEIGHT), (224, 172, 150))] * 5))
    page.evaluate(LISTEN)
    start(page)
    expect(page.locator("[data-hint]")).to_be_visible(timeout=30_000)
    assert page.evaluate("window.said") in ([], [""])


@pytest.mark.parametrize("kind", ["watch", "near", "doctor_days"])
def test_on_a_still_picture_the_answer_stands_still(phone, film, pick, kind) -> None:
    page = phone(film(shaken(pick(kind), count=40, pixels=6)))
    start(page)
    said = re.compile(".+")  # before the first frame, the attribute is missing
    expect(page.locator("[data-outcome]")).to_have_attribute("data-advice", said, timeout=30_000)
    page.evaluate(LISTEN)
    page.wait_for_timeout(10_000)
    assert len(page.evaluate("window.said")) <= 2  # as it was, and one change


STALLS = """
    window.held = [];
    const listen = Worker.prototype.addEventListener;
    Worker.prototype.addEventListener = function (kind, heard) {
      listen.call(this, kind, (event) => {
        if (window.stalled && event.data?.said === "look") window.held.push(() => heard(event));
        else heard(event);
      });
    };
"""


@pytest.mark.parametrize(
    ("stop", "go_on"),
    [
        ("window.stalled = true", "window.stalled = false; for (const go of window.held) go()"),
        ("document.querySelector('video').pause()", "document.querySelector('video').play()"),
    ],
    ids=["worker", "camera"],
)
def test_no_calm_answer_stands_over_what_nobody_looks_at(phone, film, pick, stop, go_on) -> None:
    """The worker or the camera stands still, and the phone moves on to another mole."""
    page = phone(film(shaken(pick("watch"), count=40)), script=STALLS)
    start(page)
    expect_advice(page, "watch")
    page.evaluate(f"() => {{ {stop} }}")
    expect(page.locator("[data-outcome]")).not_to_have_attribute("data-advice", "watch")
    page.evaluate(f"() => {{ {go_on} }}")
    expect_advice(page, "watch")


# From here on the camera sees this picture.
SHOW = """async (jpeg) => {
  const bytes = Uint8Array.from(atob(jpeg), (c) => c.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const part = createImageBitmap;
  window.createImageBitmap = (_video, ...where) => part(picture, ...where);
}"""


def test_a_warning_sign_stays_until_another_mole(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"), count=10)))
    start(page)
    expect_advice(page, "doctor_days")
    expect(page.get_by_text("A warning sign was seen.")).to_be_visible()
    page.evaluate(LISTEN)
    calm = io.BytesIO()
    film_frame(pick("watch"))[0].save(calm, "JPEG", quality=95)
    page.evaluate(SHOW, base64.b64encode(calm.getvalue()).decode())
    after(page, 20)
    page.wait_for_timeout(6_000)
    assert set(page.evaluate("window.said")) <= {"doctor_days"}
    # Nor does switching off and on help.
    page.get_by_role("button", name="Stop").click()
    start(page)
    after(page, 20)
    expect_advice(page, "doctor_days")
    page.get_by_role("button", name="Another mole").click()
    expect_advice(page, "watch")


def test_the_hidden_page_switches_the_camera_off_and_on_again(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))))
    start(page)
    expect_advice(page, "doctor_days")
    page.evaluate(
        "() => { window.track = document.querySelector('video').srcObject.getTracks()[0]; }"
    )
    page.evaluate(HIDE, True)
    assert page.evaluate("window.track.readyState") == "ended"
    assert page.evaluate("document.querySelector('video').srcObject") is None
    page.evaluate(HIDE, False)
    expect(page.get_by_role("button", name="Save this picture")).to_be_enabled(timeout=30_000)
    expect_advice(page, "doctor_days")


@pytest.mark.parametrize("allowed", ["hidden", "shown"])
def test_a_camera_that_starts_slowly_is_not_left_on(phone, film, pick, allowed) -> None:
    page = phone(film(shaken(pick("watch"), count=3)))
    start(page)
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    page.evaluate(SLOW)
    for hidden in (True, False, True):
        page.evaluate(HIDE, hidden)
    if allowed == "hidden":
        page.evaluate("window.allow()")
        page.wait_for_function(OFF)
    page.evaluate(HIDE, False)
    page.evaluate("window.allow()")
    expect(page.get_by_role("button", name="Save this picture")).to_be_enabled(timeout=30_000)
    stop.click()
    page.wait_for_function(OFF)


# All at one moment: what stands above them may change.
BOXES = """(names) => names.map((name) => {
  const { x, y, width, height } = document.querySelector(name).getBoundingClientRect();
  return { x, y, width, height };
})"""


def test_the_phone_may_be_turned(phone, film, pick) -> None:
    page = phone(film(shaken(pick("doctor_days"))))
    start(page)
    expect_advice(page, "doctor_days")
    for size in ({"width": 740, "height": 360}, {"width": 360, "height": 740}):
        page.set_viewport_size(size)
        page.get_by_role("button", name="Another mole").click()
        expect_advice(page, "doctor_days")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        line, guide, finder = page.evaluate(BOXES, ["[data-outline]", ".guide", ".viewfinder"])
        assert line == pytest.approx(guide)
        assert guide["width"] / finder["width"] == pytest.approx(0.7, abs=0.01)


def test_light_and_zoom_where_the_camera_has_them(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"), count=3)))
    start(page)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.get_by_role("button", name="Light")).to_be_hidden()
    expect(page.get_by_label("Zoom", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Stop").click()
    # A camera that has both: what it is asked for is kept.
    page.evaluate(
        """() => {
          window.asked = [];
          const zoom = { min: 1, max: 4, step: 0.5 };
          MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true, zoom });
          MediaStreamTrack.prototype.applyConstraints = async ({ advanced }) => {
            window.asked.push(...advanced);
          };
        }"""
    )
    start(page)
    light = page.get_by_role("button", name="Light")
    light.click()
    expect(light).to_have_attribute("aria-pressed", "true")
    light.click()
    page.get_by_label("Zoom", exact=True).fill("2.5")
    assert page.evaluate("window.asked") == [{"torch": True}, {"torch": False}, {"zoom": 2.5}]


def test_nothing_leaves_the_phone_before_it_is_saved(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"))))
    start(page)
    requests = []
    page.context.on("request", lambda request: requests.append(request))
    expect_advice(page, "watch")
    page.wait_for_timeout(3_000)
    # The service worker stores the page meanwhile: it asks, and sends nothing.
    assert not [r.url for r in requests if r.method != "GET" or r.post_data_buffer]
    assert not [r.url for r in requests if "/api/" in r.url or "/records/" in r.url]
    assert all(len(r.url) < 200 for r in requests)
