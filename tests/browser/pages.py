"""Every page and state that a person meets, for the tests and pictures that look at all of them."""

import math
from datetime import timedelta
from decimal import Decimal
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page

from diagnosis.language import frequencies
from diagnosis.models import Assessment, Change, MoleRecord, Webhook
from diagnosis.records import demos
from diagnosis.reviews import verdicts
from diagnosis.sharing import links
from tests.factories import PASSWORD, MoleFactory, RecordFactory, answer, assessed, sitting

GRID = [math.exp(-((x - 3) ** 2 + (y - 3) ** 2) / 5) for y in range(7) for x in range(7)]
OVERLAYS = {
    "heatmap": {"rows": 7, "cols": 7, "values": GRID},
    "outline": [[0.5 + 0.2 * math.cos(a / 9), 0.5 + 0.2 * math.sin(a / 9)] for a in range(57)],
}
LOW, HIGH = "malignant_low_risk", "malignant_high_risk"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WEIGHT = 150_000  # bytes of a first load, compressed, without pictures


def record_of(owner, name: str = "even_mole", category: str | None = "benign", **fields):
    """An assessed record of a demo picture; keys of the assessment go into ``says``."""
    released = {"model_version": frequencies.release().get("version", "test")}
    says = OVERLAYS | released | fields.pop("says", {})
    record = assessed(category, owner=owner, image__data=demos.picture(name), **fields)
    Assessment.objects.filter(record=record).update(**says)
    return record


def of(alice, dr_chen) -> dict[str, str]:
    """Name → address of each page that alice sees, made with all that stands on them."""
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
            alice,
            "irregular_mole",
            HIGH,
            mole=shoulder,
            note="Darker than in the summer.",
            size_mm="6.5",
        ),
        "result_watch": record_of(alice, mole=shoulder, note="Before the holidays."),
        "result_doctor": record_of(alice, "irregular_mole", HIGH, mole=shoulder),
        "result_older": record_of(alice, says={"model_version": "2026.06.2"}),
        "result_several": sitting("benign", None, HIGH, together="benign", owner=alice),
    }
    records["result_older"].assessments.create(**answer(None, model_version="2026.01.1"))
    verdicts.write(
        record=records["result_doctor"],
        doctor=dr_chen,
        risk_category=HIGH,
        urgency="doctor_days",
        comment="Please call the practice today; we keep a place free for you on Thursday.",
    )
    _over_time(shoulder)
    broken = Webhook.objects.create(
        owner=alice,
        url="https://hospital.example.org/a/rather/long/address/that/has/no/place/to/break/mole-check",
        events=Webhook.Event.values,
        failures=12,
        failing_since=timezone.now(),
        disabled_at=timezone.now(),
    )
    delivery = broken.deliveries.create(event="record.assessed", record_id=shoulder.pk, tries=10)
    delivery.attempts.create(error="no_connection", milliseconds=31)
    share = links.create(owner=alice, days=7, mole=shoulder)
    addresses = {n: reverse("diagnosis:record_detail", args=[r.pk]) for n, r in records.items()}
    return addresses | {
        "history": reverse("diagnosis:history"),
        "new": reverse("diagnosis:record_new"),
        "picture_new": reverse("diagnosis:picture_new", args=[records["result_several"].pk]),
        "picture_delete": reverse(
            "diagnosis:picture_delete",
            args=[records["result_several"].pk, records["result_several"].pictures[1].pk],
        ),
        "delete": reverse("diagnosis:record_delete", args=[records["result_watch"].pk]),
        "mole": reverse("diagnosis:mole_detail", args=[shoulder.pk]),
        "mole_edit": reverse("diagnosis:mole_edit", args=[shoulder.pk]),
        "mole_delete": reverse("diagnosis:mole_delete", args=[shoulder.pk]),
        "mole_share": reverse("diagnosis:mole_share", args=[shoulder.pk]),
        "answers": reverse("diagnosis:record_answers", args=[records["result_signs"].pk]),
        "mole_chosen": reverse("diagnosis:record_mole", args=[records["result_watch"].pk]),
        "mole_new": reverse("diagnosis:mole_detail", args=[MoleFactory(owner=alice).pk]),
        "moles": reverse("diagnosis:moles"),
        "history_filtered": reverse("diagnosis:history") + "?q=summer",
        "history_nothing": reverse("diagnosis:history") + "?q=winter&since=soon",
        "shares": reverse("diagnosis:shares"),
        "shared": f"{reverse('diagnosis:shared')}?{urlencode({'key': links.key(share)})}",
        "shared_closed": reverse("diagnosis:shared"),
        "own_data_asks": reverse("diagnosis:own_data"),
        "account": reverse("accounts:account"),
        "account_preferences": reverse("accounts:preferences"),
        "account_notifications": reverse("accounts:notifications"),
        "account_tokens": reverse("accounts:tokens"),
        "account_webhooks": reverse("diagnosis:webhooks"),
        "account_sessions": reverse("usersessions_list"),
        "account_passkeys": reverse("mfa_list_webauthn"),
        "account_name": reverse("accounts:details"),
        "account_sex": reverse("accounts:sex"),
        "account_teaching": reverse("accounts:teaching"),
        "account_email": reverse("account_email"),
        "account_password": reverse("account_change_password"),
        "second_step": reverse("mfa_index"),
        "sign_out": reverse("account_logout"),
        "not_found": "/nowhere/",
    }


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():  # what comes next looks at the whole page
        page.get_by_role("main").get_by_role("button", name="Sign in").click()


def follow(page: Page, name: str) -> None:
    """Click a link of the navigation, which a phone has behind its menu."""
    navigation = page.get_by_role("navigation", name="Main")
    menu = navigation.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()
    navigation.get_by_role("link", name=name).click()


# What a worker measures of a mole that grew: both pictures lie as they are.
MEASURED = {"area": 0.1, "diameter": 0.36, "asymmetry": 0.12, "border": 1.1, "colours": 9.5}
GREW = {
    "reason": "",
    "matrix": [[1, 0, 0], [0, 1, 0]],
    "inliers": 40,
    "on_skin": 30,
    "before": MEASURED | {"mm": 4.5},
    "after": MEASURED | {"area": 0.17, "diameter": 0.5, "colours": 10.25, "mm": 6.5},
    "differences": {
        "area": 0.53,
        "diameter": 0.33,
        "asymmetry": 0.0,
        "border": 0.0,
        "colours": 0.75,
    },
    "changes": ["grew"],
    "sizes": [[600, 600], [600, 600]],
}


def _over_time(mole) -> None:
    """A picture about every month, most with their size, and what changed since the first."""
    for months, record in enumerate(mole.records.order_by("-created_at")):
        moment = record.created_at - timedelta(days=33 * months)
        size = record.size_mm or (None if months == 1 else Decimal("6.5") - months / Decimal(2))
        MoleRecord.objects.filter(pk=record.pk).update(created_at=moment, size_mm=size)
    first, *later = mole.records.filter(state="done").order_by("created_at")
    for record in later:
        Change.objects.create(
            before=first.current_assessment, after=record.current_assessment, result=GREW
        )
    MoleRecord.objects.filter(pk=later[-1].pk).update(changes=GREW["changes"])


PUBLIC = {
    "home": "/",
    "limits": reverse("diagnosis:limits"),
    "sign_in": reverse("account_login"),
    "sign_up": reverse("account_signup"),
    "password_reset": reverse("account_reset_password"),
    "password_reset_sent": reverse("account_reset_password_done"),
    "password_reset_old": reverse("account_reset_password_from_key", args=["x", "y-z"]),
    "email_confirm_old": reverse("account_confirm_email", args=["x"]),
    "verification_sent": reverse("account_email_verification_sent"),
}
