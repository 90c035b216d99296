"""What a verdict may say: checked when it is written, and by the database whoever writes."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

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
