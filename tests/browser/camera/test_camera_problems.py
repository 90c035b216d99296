"""When something is missing, the page says what, and what to do."""

import pytest
from playwright.sync_api import Page, Route, expect

import ml.release
from tests.browser.camera.conftest import HIDE, shaken, start


def said(page: Page, sentence: str) -> None:
    expect(page.get_by_text(sentence)).to_be_visible(timeout=60_000)
    expect(page.get_by_role("link", name="Upload a picture instead")).to_be_visible()


# All that a screen reader reads out of the place for it.
LISTEN = """
window.said = [];
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("[data-said]");
  new MutationObserver(() => window.said.push(place.textContent))
    .observe(place, { childList: true });
});"""


def test_while_the_program_comes_only_start_and_end_are_said(phone) -> None:
    page = phone(None)
    page.add_init_script(LISTEN)
    page.reload()
    expect(page.get_by_role("button", name="Start the camera")).to_be_enabled(timeout=60_000)
    getting, ready = page.evaluate("window.said")
    assert "Getting the program" in getting
    assert ready == "The program is ready."
    expect(page.get_by_role("progressbar")).to_be_hidden()


def test_without_a_camera(phone) -> None:
    page = phone(None)
    start(page)
    said(page, "No camera was found.")


def test_a_camera_that_is_refused(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"), count=1)), allowed=False)
    start(page)
    said(page, "This page may not use the camera.")


def test_a_camera_that_is_taken_away(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"), count=3)))
    start(page)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.evaluate(
        "document.querySelector('video').srcObject.getTracks()[0].dispatchEvent(new Event('ended'))"
    )
    said(page, "The camera was switched off.")


WORKER = """
    const Real = Worker;
    window.Worker = class extends Real {
      constructor(...given) { super(...given); window.worker = this; }
    };
"""


def test_a_program_that_ends_is_not_started_again_by_coming_back(phone, film, pick) -> None:
    page = phone(film(shaken(pick("watch"), count=3)), script=WORKER)
    start(page)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.evaluate("window.worker.dispatchEvent(new Event('error'))")
    said(page, "The program could not be loaded.")
    for hidden in (True, False):
        page.evaluate(HIDE, hidden)
    said(page, "The program could not be loaded.")
    expect(page.get_by_role("button", name="Start the camera")).to_be_disabled()


def test_a_program_that_falls_silent_is_not_waited_for(phone, film, pick) -> None:
    """“Put one mole in the frame” stood there for ever."""
    page = phone(film(shaken(pick("watch"), count=3)), script=WORKER)
    start(page)
    expect(page.get_by_role("button", name="Save this picture")).to_be_enabled(timeout=30_000)
    worker = page.workers[0]
    worker.evaluate("() => { setTimeout(() => { for (;;); }); }")
    with worker.expect_event("close", timeout=60_000):
        said(page, "Something went wrong. Load the page again.")
    expect(page.get_by_role("button", name="Start the camera")).to_be_disabled()


def gone(route: Route) -> None:
    route.fulfill(status=404)


def damaged(route: Route) -> None:
    body = bytearray(route.fetch().body())
    body[len(body) // 2] ^= 1
    route.fulfill(status=200, body=bytes(body))


@pytest.mark.parametrize("answer", [gone, damaged])
def test_a_model_that_is_missing_or_damaged(phone, answer) -> None:
    page = phone(None, routes={"**/*.tflite": answer})
    said(page, "The program could not be loaded.")
    expect(page.get_by_role("button", name="Start the camera")).to_be_disabled()


def test_a_script_that_does_not_come_leaves_a_way_on(phone) -> None:
    page = phone(None, routes={"**/steady.js": gone})
    expect(page.get_by_role("link", name="Upload a picture instead")).to_be_visible()


def test_a_server_without_a_model(phone, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(ml.release, "RELEASE", tmp_path)
    page = phone(None)
    expect(page.get_by_role("link", name="Upload a picture")).to_be_visible()
