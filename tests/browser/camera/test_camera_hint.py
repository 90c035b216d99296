"""The camera page's hint: beside the frame, never over it."""

import pytest
from playwright.sync_api import expect

SIZES = [(320, 568), (360, 740), (430, 932)]
SHOW = """() => {
  document.querySelector("h1").classList.add("visually-hidden");
  document.querySelector("[data-start]").hidden = true;
  document.querySelector("[data-live]").hidden = false;
}"""
HINT = """(wanted) => {
  const { words } = JSON.parse(document.querySelector("#program").textContent);
  const hints = Object.values(words.hints).sort((a, b) => a.length - b.length);
  const hint = document.querySelector("[data-hint]");
  hint.textContent = hints.at(wanted === "longest" ? -1 : hints.length / 2);
  hint.hidden = false;
}"""


@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
@pytest.mark.parametrize("text", [16, 32])
def test_the_hint_leaves_the_frame_free(phone, alice, language, text) -> None:
    alice.language = language
    alice.save()
    page = phone(None, text=text)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.evaluate(SHOW)
    frame, hint = page.locator(".guide"), page.locator("[data-hint]")
    for width, height in SIZES:
        for size in ({"width": width, "height": height}, {"width": height, "height": width}):
            page.set_viewport_size(size)
            page.evaluate(HINT, "longest")
            framed, said = frame.bounding_box(), hint.bounding_box()
            is_beneath = said["y"] >= framed["y"] + framed["height"]
            is_beside = said["x"] >= framed["x"] + framed["width"]
            assert is_beneath or is_beside, (size, framed, said)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], size


def test_a_hint_moves_no_button_under_a_finger(phone, alice) -> None:
    alice.language = "de"
    alice.save()
    page = phone(None)
    page.evaluate(SHOW)
    save = page.locator("[data-save]")
    before = save.bounding_box()
    page.evaluate(HINT, "usual")
    expect(page.locator("[data-hint]")).to_be_visible()
    assert save.bounding_box() == before
