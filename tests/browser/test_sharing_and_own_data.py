"""What leaves the service: a link for a doctor, an archive, a reminder; and the account itself."""

import re
import zipfile

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from diagnosis.models import MoleRecord
from diagnosis.moles import reminders
from tests.browser import pages
from tests.factories import PASSWORD, MoleFactory, assessed


@pytest.fixture
def mole(alice):
    mole = MoleFactory(owner=alice, name="left shoulder")
    assessed("malignant_low_risk", owner=alice, mole=mole, note="since May")
    return mole


def test_a_doctor_without_an_account_reads_it_until_it_is_withdrawn(
    page: Page, browser: Browser, base_url, alice, mole, log_in
) -> None:
    log_in(page.context, alice)
    page.goto(f"/moles/{mole.pk}/")
    page.get_by_role("link", name="Share with a doctor").click()
    page.get_by_label("1 day").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label("Link").input_value()

    doctor = browser.new_context(base_url=base_url).new_page()
    doctor.goto(link)
    expect(doctor.get_by_role("heading", level=1)).to_have_text("left shoulder")
    expect(doctor.get_by_text("since May")).to_be_visible()
    picture = doctor.get_by_role("img", name="The mole on")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == 300
    pdf = doctor.request.get(doctor.get_by_role("link", name="Report").get_attribute("href"))
    assert pdf.headers["content-type"] == "application/pdf"

    page.reload()
    expect(page.get_by_text("once, on")).to_be_visible()  # page and report, within a minute
    with doctor.expect_navigation():  # what is clicked next moves while pictures come
        doctor.get_by_role("button", name="Français").click()
    expect(doctor.locator("html")).to_have_attribute("lang", "fr")
    expect(doctor.get_by_role("heading", level=1)).to_have_text("left shoulder")
    doctor.get_by_role("button", name="English").click()
    expect(doctor.locator("html")).to_have_attribute("lang", "en-gb")
    page.get_by_role("button", name="Withdraw it").click()
    doctor.reload()
    expect(doctor.get_by_role("heading", level=1)).to_have_text("This link does not work")
    doctor.context.close()


def test_everything_is_taken_away_and_then_deleted(page: Page, alice, bob, mole, tmp_path) -> None:
    assessed("benign", owner=bob)
    pages.sign_in(page, alice.email)
    pages.follow(page, "Account")
    page.get_by_role("link", name="Open your data").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download everything").click()
    download.value.save_as(tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert len(archive.namelist()) == 3
    page.get_by_role("link", name="Delete your account").click()
    page.get_by_role("button", name="Delete everything").dblclick()
    expect(page.get_by_text("all that belonged to it are deleted")).to_be_visible()
    expect(page.get_by_text("is not saved")).to_be_hidden()
    assert list(User.objects.all()) == [bob]
    assert MoleRecord.objects.get().owner == bob
    pages.sign_in(page, alice.email)
    expect(page.get_by_role("alert")).to_contain_text("not correct")


def test_the_link_in_a_reminder_switches_off_by_one_click(page: Page, alice) -> None:
    page.goto(f"/reminders/off/?key={reminders.off_key(alice)}")
    expect(page.get_by_role("heading", level=1)).to_have_text("The reminders are off")
    alice.refresh_from_db()
    assert not alice.reminder_emails


@pytest.mark.browser_context_args(java_script_enabled=False)
def test_without_javascript_it_is_one_button_more(page: Page, alice) -> None:
    page.goto(f"/reminders/off/?key={reminders.off_key(alice)}")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The reminders are off")


def test_the_language_is_switched_on_any_page_and_stays(page: Page, alice, log_in) -> None:
    log_in(page.context, alice)
    page.goto("/records/?q=summer")
    with page.expect_navigation():
        page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page).to_have_url(re.compile(r"/records/\?q=summer$"))
    page.context.clear_cookies(name="django_language")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en-gb")
