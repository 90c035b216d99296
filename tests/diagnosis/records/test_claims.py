"""Messages are hints: duplicate, late and lost ones do nothing."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from diagnosis.models import Assessment
from diagnosis.records import claims
from tests.factories import RecordFactory, answer, assessed


@pytest.fixture
def record(alice):
    return RecordFactory(owner=alice)


def expire(record):
    record.claimed_until = timezone.now() - timedelta(seconds=1)
    record.save()


def test_claiming_starts_an_attempt_that_outlives_the_tasks_hard_limit(record, settings):
    claimed = claims.claim(record.pk)
    assert (claimed.state, claimed.attempts) == ("running", 1)
    left = claimed.claimed_until - timezone.now()
    assert left > timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)


def test_a_duplicate_message_claims_nothing(record):
    claims.claim(record.pk)
    assert claims.claim(record.pk) is None


@pytest.mark.parametrize("risk_category", ["benign", None])
def test_a_late_message_claims_nothing_of_a_finished_record(alice, risk_category):
    record = assessed(risk_category, owner=alice)
    assert claims.claim(record.pk) is None


def test_a_message_for_a_deleted_record_claims_nothing(db):
    assert claims.claim(uuid.uuid4()) is None


def test_an_expired_claim_can_be_taken_over(record):
    expire(claims.claim(record.pk))
    assert claims.claim(record.pk).attempts == 2


@pytest.mark.parametrize(("risk_category", "state"), [("benign", "done"), (None, "unusable")])
def test_finishing_stores_the_answer_with_the_final_state(record, risk_category, state):
    assert claims.finish(claims.claim(record.pk), Assessment(**answer(risk_category)))
    record.refresh_from_db()
    assert record.state == state
    assert record.current_assessment == record.assessments.get()
    assert record.finished_at
    assert not record.claim_token


def test_a_worker_that_comes_back_late_changes_nothing(record):
    late = claims.claim(record.pk)
    expire(late)
    claims.finish(claims.claim(record.pk), Assessment(**answer("benign")))
    assert not claims.finish(late, Assessment(**answer("malignant_high_risk")))
    claims.release(late)
    claims.fail(late, claims.FailureReason.ERROR)
    record.refresh_from_db()
    assert record.state == "done"
    assert record.assessments.get().risk_category == "benign"


def test_a_worker_whose_record_was_deleted_stores_nothing(record):
    claimed = claims.claim(record.pk)
    record.delete()
    assert not claims.finish(claimed, Assessment(**answer()))
    assert not Assessment.objects.exists()


def test_an_error_gives_the_record_back_twice_and_then_fails_it(record):
    for state in ("queued", "queued", "failed"):
        claims.release(claims.claim(record.pk))
        record.refresh_from_db()
        assert record.state == state
    assert record.failure_reason == "error"
    assert claims.claim(record.pk) is None


def test_three_interrupted_attempts_fail_the_record(record):
    for _attempt in range(claims.MAX_ATTEMPTS):
        assert claims.give_up_interrupted() == 0
        expire(claims.claim(record.pk))
    assert claims.claim(record.pk) is None
    assert claims.give_up_interrupted() == 1
    record.refresh_from_db()
    assert (record.state, record.failure_reason) == ("failed", "interrupted")


def test_what_waits_is_queued_or_expired_oldest_first(alice, record):
    interrupted = RecordFactory(owner=alice, running=True)
    claims.claim(RecordFactory(owner=alice).pk)
    assessed(owner=alice)
    assert list(claims.waiting()) == [record, interrupted]
