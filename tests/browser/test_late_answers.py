"""The picture goes first; what the person knows of the mole is said while it is checked."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from diagnosis.models import MoleRecord
from diagnosis.records import assessments
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import RecordFactory, picture


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_answer_comes_while_the_questions_are_answered(page: Page, alice, log_in, size) -> None:
    page.set_viewport_size(size)
    log_in(page.context, alice)
    page.goto(reverse("diagnosis:record_new"))
    expect(page.get_by_label("It bleeds")).to_be_hidden()
    mole = {"name": "mole.jpg", "mimeType": "image/jpeg", "buffer": picture((600, 600))}
    page.get_by_label("Picture of the mole").set_input_files(mole)
    page.get_by_role("button", name="Check this picture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your picture is being checked")
    page.get_by_label("It bleeds").check()
    page.get_by_label("Note").fill("since May")
    assessments.run(MoleRecord.objects.get().pk)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Your picture is being checked")
    # What was half written is still there.
    expect(page.get_by_label("Note")).to_have_value("since May")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("What you said is saved")).to_be_visible()
    expect(page.get_by_text("You told us: it bleeds")).to_be_visible()


def test_the_questions_lie_near_the_top_of_a_phone(page: Page, alice, log_in) -> None:
    record = RecordFactory(owner=alice, image__data=picture((1200, 1200)))
    page.set_viewport_size(PHONE)
    log_in(page.context, alice)
    page.goto(reverse("diagnosis:record_detail", args=[record.pk]))
    box = page.get_by_role("heading", name="Meanwhile, say what you know").bounding_box()
    assert box["y"] < PHONE["height"]


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_navigation_takes_one_row(page: Page, alice, log_in, width) -> None:
    log_in(page.context, alice)
    page.set_viewport_size({"width": width, "height": 740})
    page.goto(reverse("diagnosis:history"))
    assert page.locator(".site-header").bounding_box()["height"] < 70


def test_the_menu_opens_and_closes_by_keyboard(page: Page, alice, log_in) -> None:
    log_in(page.context, alice)
    page.set_viewport_size(PHONE)
    page.goto(reverse("diagnosis:history"))
    menu = page.get_by_role("button", name="Menu")
    account = page.get_by_role("navigation", name="Main").get_by_role("link", name="Account")
    expect(account).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(account).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Check a mole")).to_be_focused()
    page.keyboard.press("Escape")
    expect(account).to_be_hidden()
    expect(menu).to_be_focused()
