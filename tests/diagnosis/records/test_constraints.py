"""The database refuses what the state machine does not know."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction

from diagnosis.models import Assessment
from tests.factories import RecordFactory, answer, assessed

THEN = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "lost"},
        {"state": "done", "finished_at": THEN},
        {"state": "failed", "finished_at": THEN},
        {"state": "failed", "failure_reason": "error"},
        {"state": "running"},
        {"failure_reason": "error"},
        {"claimed_until": THEN},
        {"finished_at": THEN},
        {"modality": "x-ray"},
        {"image": ""},
    ],
    ids=str,
)
def test_a_queued_record_can_not_become(alice, changes):
    record = RecordFactory(owner=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(record).objects.filter(pk=record.pk).update(**changes)


@pytest.mark.parametrize("risk_category", ["benign", None])
def test_an_assessed_record_keeps_its_assessment(alice, risk_category):
    record = assessed(risk_category, owner=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(record).objects.filter(pk=record.pk).update(current_assessment=None)


@pytest.mark.parametrize(
    "changes",
    [
        {"usable": True, "reasons": [], "risk_category": None},
        {"risk_category": "unknown"},
        {"usable": False},
        {"reasons": ["blurred"]},
        {"malignancy": 1.2},
        {"malignancy": float("nan")},
        {"advice": "nothing"},
    ],
    ids=str,
)
def test_an_assessment_can_not_have(alice, changes):
    record = RecordFactory(owner=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.create(record=record, **(answer() | changes))


def test_a_model_version_assesses_a_record_once(alice):
    record = assessed(owner=alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.create(record=record, **answer())


def test_deleting_a_person_deletes_everything_of_theirs(alice, bob):
    assessed(owner=alice)
    kept = assessed(owner=bob)
    alice.delete()
    connection.check_constraints()
    assert list(type(kept).objects.all()) == [kept]
    assert Assessment.objects.get() == kept.current_assessment
