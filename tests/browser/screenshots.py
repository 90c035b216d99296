"""Every page and state at phone and desktop size, light and dark, into var/screenshots/.

`make screenshots` runs it; its name keeps it out of the tests.
"""

import io
from pathlib import Path

import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page

from diagnosis.models import DoctorProfile, MoleRecord
from diagnosis.records import assessments, demos
from tests.browser import pages
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import PASSWORD, MoleFactory, current_code

FOLDER = Path(__file__).parents[2] / "var" / "screenshots"
DOCUMENTS = Path(__file__).parents[2] / "docs" / "screenshots"
SIZES = {"phone": PHONE, "desktop": DESKTOP}


@pytest.fixture(params=[(s, t) for s in SIZES for t in ("light", "dark")], ids="-".join)
def look(request, browser: Browser, base_url: str) -> tuple[Page, str]:
    size, theme = request.param
    context = browser.new_context(
        base_url=base_url, viewport=SIZES[size], color_scheme=theme, reduced_motion="reduce"
    )
    yield context.new_page(), f"{size}-{theme}"
    context.close()


def take(page: Page, name: str, look: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}-{look}.png", full_page=True)


def test_a_person_who_is_signed_in(look, alice, dr_chen, log_in) -> None:
    page, suffix = look
    addresses = pages.of(alice, dr_chen)
    log_in(page.context, alice)
    for name, address in addresses.items():
        page.goto(address)
        for overlay in page.locator(".toggles button").all():
            if name in ("result_days", "result_doctor"):
                overlay.click()
        take(page, name, suffix)
    page.goto(addresses["new"])
    page.get_by_text("Say what you noticed").click()
    take(page, "new_details", suffix)
    page.get_by_role("button", name="Check this picture").click()
    take(page, "new_error", suffix)
    MoleRecord.objects.filter(owner=alice).delete()
    page.goto(addresses["history"])
    take(page, "history_empty", suffix)


def test_a_person_who_is_not_signed_in(look, db) -> None:
    page, suffix = look
    for name, address in pages.PUBLIC.items():
        page.goto(address)
        take(page, name, suffix)
    page.goto(reverse("account_signup"))
    page.get_by_role("main").get_by_role("button", name="Create an account").click()
    take(page, "sign_up_error", suffix)


def test_a_doctor(look, alice, dr_chen, log_in) -> None:
    page, suffix = look
    shown, not_yet_seen = (
        reverse("admin:diagnosis_molerecord_change", args=[_record_of_a_mole(alice).pk])
        for _ in range(2)
    )
    pages.of(alice, dr_chen)
    log_in(page.context, dr_chen)
    for name, address in {
        "doctor_front": reverse("admin:index"),
        "doctor_queue": reverse("admin:diagnosis_molerecord_changelist"),
        "doctor_record": shown,
    }.items():
        page.goto(address)
        take(page, name, suffix)
    for key in "ohp36s":  # overlays, the earlier picture, and a verdict without its confidence
        page.keyboard.press(key)
    take(page, "doctor_error", suffix)
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    page.goto(not_yet_seen)
    take(page, "doctor_blind", suffix)


def _record_of_a_mole(owner) -> MoleRecord:
    mole = MoleFactory(owner=owner)
    pages.record_of(owner, mole=mole)
    return pages.record_of(owner, "irregular_mole", pages.HIGH, mole=mole, signs=["bleeding"])


def test_the_second_step_of_signing_in(look, alice) -> None:
    page, suffix = look
    pages.sign_in(page, alice.email)
    page.wait_for_url("**/records/")
    page.goto(reverse("mfa_activate_totp"))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    take(page, "second_step_on", suffix)
    page.get_by_label("code").fill(current_code(page.locator("code").inner_text()))
    page.get_by_role("main").get_by_role("button", name="Switch on").click()
    take(page, "second_step_codes", suffix)
    page.goto(reverse("mfa_index"))
    take(page, "second_step_manage", suffix)
    page.context.clear_cookies()
    pages.sign_in(page, alice.email)
    take(page, "second_step_ask", suffix)


@pytest.mark.parametrize(
    ("name", "size", "theme"),
    [("result", DESKTOP, "light"), ("result-phone", PHONE, "dark"), ("history", DESKTOP, "light")],
)
def test_for_the_documents(name, size, theme, browser: Browser, base_url, alice, log_in) -> None:
    """What the released model says of the demo pictures: the pictures of the README."""
    shown = [demos.submit(owner=alice, name=phantom) for phantom in demos.NAMES]
    for record in shown:
        assessments.run(record.pk)
    context = browser.new_context(base_url=base_url, viewport=size, color_scheme=theme)
    log_in(context, alice)
    page = context.new_page()
    page.goto(reverse("diagnosis:record_detail", args=[shown[1].pk]))
    if name == "history":
        page.goto(reverse("diagnosis:history"))
    for button in page.get_by_role("button", name="Outline", pressed=False).all():
        button.click()
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        page.evaluate("document.activeElement.blur()")
    page.wait_for_load_state("networkidle")
    DOCUMENTS.mkdir(parents=True, exist_ok=True)
    picture = Image.open(io.BytesIO(page.screenshot()))
    # 128 colours: what a reader sees stays, three quarters of the bytes go.
    picture.convert("RGB").quantize(128).save(DOCUMENTS / f"{name}.png", optimize=True)
    context.close()
