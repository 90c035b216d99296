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
