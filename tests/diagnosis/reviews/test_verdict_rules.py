"""What a verdict may say: checked when it is written, and by the database whoever writes."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts import tokens
from diagnosis.models import Review
from diagnosis.reviews import verdicts
from tests.factories import ReviewFactory, assessed

CONTRADICTIONS = [
    {"diagnosis": "mel"},
    {"diagnosis": "nv", "other_diagnosis": "Spitz naevus"},
    {"code": "D22.5"},
    {"confidence": "certain"},
    {"risk_category": "unknown"},
    {"urgency": "soon"},
    {"diagnosis": "wart"},
]


def write(doctor, owner, **verdict):
    verdict = {"risk_category": "benign", "urgency": "none"} | verdict
    return verdicts.write(record=assessed(owner=owner), doctor=doctor, **verdict)


@pytest.mark.parametrize("verdict", CONTRADICTIONS, ids=str)
def test_a_contradiction_is_refused(alice, dr_chen, verdict):
    with pytest.raises(ValidationError):
        write(dr_chen, alice, **verdict)
    assert not Review.objects.exists()


def test_no_visit_for_a_melanoma_is_refused(client, alice, dr_chen):
    """Its person would read a green “No visit needed” above “melanoma”."""
    record = assessed(owner=alice)
    verdict = {"risk_category": "malignant_high_risk", "urgency": "none", "confidence": "high"}
    token = tokens.create(person=dr_chen)[1]
    address = reverse("api-queue-reviews", args=[record.pk])
    header = {"authorization": f"Token {token}"}
    refused = client.post(address, verdict, "application/json", headers=header)
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["urgency"])
    review = write(dr_chen, alice, urgency="doctor_weeks", risk_category="malignant_high_risk")
    with pytest.raises(ValidationError):
        verdicts.correct(review=review, by=dr_chen, urgency="none")
    review.refresh_from_db()
    assert review.urgency == "doctor_weeks"


def test_the_newest_verdict_alone_has_the_colour_of_its_word(client, alice, dr_chen):
    record = assessed(owner=alice)
    for urgency in ("doctor_days", "none"):
        ReviewFactory(record=record, doctor=dr_chen, urgency=urgency)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    newest, earlier = page.split('<section class="outcome"')[1:3]
    assert 'data-tone="calm"' in newest.partition(">")[0]
    assert "Earlier verdict" not in newest
    assert 'data-tone="neutral"' in earlier.partition(">")[0]
    assert "Earlier verdict · dr_chen, doctor" in earlier
    assert "See a doctor within a few days" in earlier


@pytest.mark.parametrize("verdict", CONTRADICTIONS, ids=str)
def test_the_database_refuses_it_too(alice, dr_chen, verdict):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen)
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.filter(pk=review.pk).update(**verdict)


def test_of_two_corrections_at_once_neither_takes_back_the_others(alice, dr_chen):
    review = write(dr_chen, alice, comment="as it was")
    for_urgency, for_comment = (Review.objects.get(pk=review.pk) for _ in range(2))
    verdicts.correct(review=for_urgency, by=dr_chen, urgency="doctor_days")
    verdicts.correct(review=for_comment, by=dr_chen, comment="Please come.")
    review.refresh_from_db()
    assert (review.urgency, review.comment) == ("doctor_days", "Please come.")


@pytest.mark.parametrize(
    "code", ["D22.5", "C43", "C44.91", "2C30.0", "EE90", "2F20.Z", "400096001"]
)
def test_codes_of_the_three_systems(alice, dr_chen, code):
    assert write(dr_chen, alice, other_diagnosis="as the code says", code=code).code == code


@pytest.mark.parametrize("code", ["naevus", "22.5", "D2", "d22.5", "D22.5\n", "12345"])
def test_what_is_no_code(alice, dr_chen, code):
    with pytest.raises(ValidationError, match="not an ICD-10 code"):
        write(dr_chen, alice, other_diagnosis="as the code says", code=code)


def test_of_a_stored_high_risk_cancer_no_verdict_says_that_no_visit_is_needed(client, alice):
    record = assessed(owner=alice)
    ReviewFactory(record=record, risk_category="malignant_high_risk")
    call_command("migrate", "diagnosis", "0039", verbosity=0)
    call_command("migrate", "diagnosis", verbosity=0)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "See a doctor within a few days" in page
    assert "No visit needed" not in page
