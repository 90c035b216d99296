"""The pages hold the longest words of each language on the narrowest phone, from right to left too.

English is looked at in test_every_page.py.
"""

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page

from skincare_site import messages
from tests.browser import pages

NARROW = {"width": 320, "height": 640}
# Opened as far as it goes; then as a language from right to left would show it.
PREPARE = """(direction) => {
  document.documentElement.dir = direction;
  for (const one of document.querySelectorAll("details")) one.open = true;
  return document.documentElement.scrollWidth;
}"""


@pytest.fixture(params=[path.parts[-3] for path in messages.catalogues()])
def phone(request: pytest.FixtureRequest, browser: Browser, base_url: str):
    """A narrow phone that asks for one of the languages."""
    context = browser.new_context(base_url=base_url, viewport=NARROW, locale=request.param)
    yield context.new_page()
    context.close()


def too_wide(page: Page, addresses: dict[str, str]) -> list[str]:
    found = []
    for name, address in addresses.items():
        page.goto(address)
        for direction in ("ltr", "rtl"):
            width = page.evaluate(PREPARE, direction)
            if width > NARROW["width"]:
                found.append(f"{name}, {direction}: {width}")
    return found


def test_nothing_scrolls_sideways(phone: Page, alice, dr_chen, log_in) -> None:
    found = too_wide(phone, pages.PUBLIC)
    own = pages.of(alice, dr_chen)
    log_in(phone.context, alice)
    found += too_wide(phone, own | {"camera": reverse("diagnosis:camera")})
    log_in(phone.context, dr_chen)
    record = own["result_days"].rstrip("/").rpartition("/")[2]
    doctors = {
        "front": reverse("admin:index"),
        "record": reverse("admin:diagnosis_molerecord_change", args=[record]),
    }
    found += too_wide(phone, doctors)
    assert not found, "\n".join(found)


def test_a_language_from_right_to_left_is_mirrored(phone: Page, alice, log_in) -> None:
    log_in(phone.context, alice)
    phone.goto(reverse("diagnosis:record_new"))
    phone.evaluate(PREPARE, "rtl")

    def side(selector: str) -> str:
        box = phone.locator(selector).first.bounding_box()
        left, right = box["x"], NARROW["width"] - box["x"] - box["width"]
        return "left" if left < right else "right"

    assert (side(".brand"), side(".menu")) == ("right", "left")
    assert side("h1 ~ form .choice input") == "right"
    assert side(".back-link") == "right"


def test_each_table_of_figures_shows_whose_they_are_and_the_first_of_them(phone: Page) -> None:
    phone.goto(reverse("diagnosis:limits"))
    tables = phone.locator(".figures")
    assert tables.count() > 5
    cut_off = tables.evaluate_all(
        """(tables) => tables.flatMap((table) => {
          const end = table.getBoundingClientRect().right;
          return [...table.querySelectorAll("caption, td:nth-child(2)")].filter(
            (part) => part.getBoundingClientRect().right > end + 1,
          ).map((part) => part.textContent.trim());
        })"""
    )
    assert not cut_off


PARTS_OF_WORDS = """(brand) => {
  const text = [...brand.childNodes].find((node) => node.nodeType === 3 && node.data.trim());
  return [...text.data.matchAll(/[^\\s-]+/g)].filter((word) => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  }).map((word) => word[0]);
}"""


@pytest.mark.parametrize("width", [320, 360, 800])
@pytest.mark.parametrize("language", ["en", "fr", "nl", "de"])
def test_large_letters_break_no_word_of_the_name(page: Page, alice, log_in, language, width):
    alice.language = language
    alice.save()
    log_in(page.context, alice)
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(reverse("diagnosis:history"))
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.locator(".brand").evaluate(PARTS_OF_WORDS) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if width < 768:
        page.locator(".menu").click()
        header, menu = (
            page.locator(which).bounding_box() for which in (".site-header", "#site-menu")
        )
        assert header
        assert menu
        assert abs(header["y"] + header["height"] - menu["y"]) <= 1
