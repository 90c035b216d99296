"""Every page and state at phone and desktop size, light and dark, into var/screenshots/.

`make screenshots` runs it; its name keeps it out of the tests.
"""

import math
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page

from diagnosis.models import Assessment, MoleRecord
from diagnosis.services import demos, reviews
from tests.browser.conftest import DESKTOP, PHONE
from tests.factories import PASSWORD, MoleFactory, RecordFactory, assessed

FOLDER = Path(__file__).parents[2] / "var" / "screenshots"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
GRID = [math.exp(-((x - 3) ** 2 + (y - 3) ** 2) / 5) for y in range(7) for x in range(7)]
OVERLAYS = {
    "heatmap": {"rows": 7, "cols": 7, "values": GRID},
    "outline": [[0.5 + 0.2 * math.cos(a / 9), 0.5 + 0.2 * math.sin(a / 9)] for a in range(57)],
}
LOW, HIGH = "malignant_low_risk", "malignant_high_risk"


def record_of(owner, name: str = "even_mole", category: str | None = "benign", **fields):
    """An assessed record of a demo picture; keys of the assessment go into ``says``."""
    says = OVERLAYS | fields.pop("says", {})
    record = assessed(category, owner=owner, image__data=demos.picture(name), **fields)
    Assessment.objects.filter(record=record).update(**says)
    return record


@pytest.fixture
def pages(alice, dr_chen) -> dict[str, str]:
    """Name → address of each page that alice sees."""
    waiting = RecordFactory(owner=alice, image__data=demos.picture("even_mole"))
    shoulder = MoleFactory(owner=alice, name="Left shoulder, near the collar")
    weeks = {"advice": "doctor_weeks"}
    blurred = {"reasons": ["blurred", "too_small"]}
    records = {
        "result_waiting": waiting,
        "result_unusable": record_of(alice, category=None, says=blurred | {"heatmap": None}),
        "result_failed": RecordFactory(
            failed=True, owner=alice, image__data=demos.picture("crusty_patch")
        ),
        "result_signs": record_of(alice, signs=["bleeding", "growing"], says=weeks),
        "result_uncertain": record_of(alice, says=weeks | {"uncertain": True}, mole=shoulder),
        "result_weeks": record_of(alice, "crusty_patch", LOW, says=weeks),
        "result_days": record_of(
            alice, "irregular_mole", HIGH, mole=shoulder, note="Darker than in the summer."
        ),
        "result_watch": record_of(alice, mole=shoulder, note="Before the holidays."),
        "result_doctor": record_of(alice, "irregular_mole", HIGH, mole=shoulder),
    }
    reviews.write(
        record=records["result_doctor"],
        doctor=dr_chen,
        risk_category=HIGH,
        urgency="doctor_days",
        comment="Please call the practice today; we keep a place free for you on Thursday.",
    )
    addresses = {n: reverse("diagnosis:record_detail", args=[r.pk]) for n, r in records.items()}
    return addresses | {
        "history": reverse("diagnosis:history"),
        "new": reverse("diagnosis:record_new"),
        "delete": reverse("diagnosis:record_delete", args=[records["result_watch"].pk]),
        "mole": reverse("diagnosis:mole_detail", args=[shoulder.pk]),
        "account": reverse("accounts:account"),
        "account_name": reverse("accounts:details"),
        "account_email": reverse("account_email"),
        "account_password": reverse("account_change_password"),
        "second_step": reverse("mfa_index"),
        "sign_out": reverse("account_logout"),
        "not_found": "/nowhere/",
    }


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


def test_a_person_who_is_signed_in(look, pages, alice, log_in) -> None:
    page, suffix = look
    log_in(page.context, alice)
    for name, address in pages.items():
        page.goto(address)
        for overlay in page.locator(".toggles button").all():
            if name in ("result_days", "result_doctor"):
                overlay.click()
        take(page, name, suffix)
    page.goto(pages["new"])
    page.get_by_text("Say which mole it is").click()
    take(page, "new_details", suffix)
    page.get_by_role("button", name="Check this picture").click()
    take(page, "new_error", suffix)
    MoleRecord.objects.filter(owner=alice).delete()
    page.goto(pages["history"])
    take(page, "history_empty", suffix)


def test_a_person_who_is_not_signed_in(look, db) -> None:
    page, suffix = look
    for name, address in {
        "home": "/",
        "sign_in": reverse("account_login"),
        "sign_up": reverse("account_signup"),
        "password_reset": reverse("account_reset_password"),
    }.items():
        page.goto(address)
        take(page, name, suffix)
    page.goto(reverse("account_signup"))
    page.get_by_role("main").get_by_role("button", name="Create an account").click()
    take(page, "sign_up_error", suffix)


def test_the_second_step_of_signing_in(look, alice) -> None:
    page, suffix = look
    page.goto(reverse("account_login"))
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.goto(reverse("mfa_activate_totp"))
    take(page, "second_step_on", suffix)
