"""One record through the worker's code, with the released model."""

import errno
import os
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db import DatabaseError
from django.utils import timezone

from diagnosis import media, queue
from diagnosis.models import Assessment, MoleRecord
from diagnosis.records import assessments, claims
from diagnosis.tasks import assess_record
from tests.factories import RecordFactory, assessed, picture, spoil


@pytest.fixture
def record(alice):
    return RecordFactory(owner=alice, image__data=picture((600, 600)))


def test_a_queued_record_ends_with_its_assessment(record):
    assessments.run(record.pk)
    record.refresh_from_db()
    assert record.state in record.ASSESSED
    [assessment] = record.assessments.all()
    assert assessment == record.current_assessment
    assert assessment.model_version == assessments.classifier().version
    assert sum(assessment.diagnoses.values()) == pytest.approx(1)


def test_a_second_message_does_nothing(record):
    assessments.run(record.pk)
    assessments.run(record.pk)
    assert Assessment.objects.count() == 1


@pytest.mark.parametrize(
    ("signs", "at_least"), [([], 0), (["itching"], 0), (["bleeding"], 2)], ids=str
)
def test_alarming_signs_never_give_less_than_a_doctor_within_weeks(record, signs, at_least):
    record.signs = signs
    record.save()
    assessments.run(record.pk)
    [assessment] = Assessment.objects.all()
    ranks = ["watch", "retake", "doctor_weeks", "doctor_days"]
    assert ranks.index(assessment.advice) >= at_least


def test_a_stored_picture_that_can_not_be_read_fails_at_once(alice):
    record = RecordFactory(owner=alice, image__data=b"no picture")
    assessments.run(record.pk)
    record.refresh_from_db()
    assert (record.state, record.failure_reason) == ("failed", "unreadable")


def test_an_unexpected_error_is_raised_and_the_record_waits_for_the_next_attempt(
    record, monkeypatch
):
    def broken(self, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(Assessment, "save", broken)
    for state in ("queued", "queued", "failed"):
        with pytest.raises(DatabaseError):
            assessments.run(record.pk)
        record.refresh_from_db()
        assert (record.state, record.current_assessment) == (state, None)


def test_while_the_folder_can_not_be_read_a_record_waits_and_loses_no_attempt(record, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as folder:
        folder.setattr(FileSystemStorage, "_open", broken)
        for _ in range(claims.MAX_ATTEMPTS + 1):
            assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("queued", 0)
    assess_record(record.pk)
    record.refresh_from_db()
    assert record.state in record.ASSESSED


@pytest.mark.parametrize(
    ("hours", "trouble", "state"),
    [
        *((0, "", "queued"), (2, "not writable", "queued")),
        *((2, "", "failed"), (2, "full", "failed")),
    ],
    ids=["young", "of a store in trouble", "of a store that works", "of one that is full"],
)
def test_one_file_that_can_not_be_read_is_given_up_after_an_hour(
    record, monkeypatch, hours, trouble, state
):
    spoil(record.image)
    monkeypatch.setattr(media, "trouble", lambda: trouble)
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(hours=hours))
    for _ in range(claims.MAX_ATTEMPTS):
        record.refresh_from_db()
        assert record.state == "queued"
        assess_record(record.pk)
    record.refresh_from_db()
    assert record.state == state
    assert record.failure_reason == ("unreadable" if state == "failed" else "")


@pytest.mark.parametrize(("hours", "state"), [(0, "queued"), (2, "failed")])
def test_one_that_is_not_there_is_so_too(record, hours, state):
    record.image.storage.delete(record.image.name)
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(hours=hours))
    for _ in range(claims.MAX_ATTEMPTS):
        assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.failure_reason) == (state, "unreadable" if hours else "")


def test_an_input_error_of_the_model_is_an_attempt(record, monkeypatch):
    def broken():
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(assessments, "classifier", broken)
    with pytest.raises(OSError, match="error"):
        assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("queued", 1)


def test_a_record_that_is_deleted_meanwhile_is_no_error(record, alice, monkeypatch):
    claimed = claims.claim(record.pk)
    monkeypatch.setattr(claims, "claim", lambda record_id: claimed)
    record.image.delete(save=False)
    record.delete()
    assessments.run(claimed.pk)
    assert not Assessment.objects.exists()


def test_the_sweep_sends_what_waits_and_fails_what_was_interrupted_too_often(alice, monkeypatch):
    sent = []
    monkeypatch.setattr(queue, "send", sent.append)
    waiting = RecordFactory(owner=alice)
    interrupted = RecordFactory(owner=alice, running=True)
    lost = RecordFactory(owner=alice, running=True, attempts=claims.MAX_ATTEMPTS)
    assessed(owner=alice)
    assert assessments.sweep() == 2
    assert sent == [waiting.pk, interrupted.pk]
    lost.refresh_from_db()
    assert (lost.state, lost.failure_reason) == ("failed", "interrupted")


def test_the_claim_outlives_the_time_limits():
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT
    assert queue.claim_time().total_seconds() > settings.CELERY_TASK_TIME_LIMIT
    sweep = settings.CELERY_BEAT_SCHEDULE["records"]["schedule"].total_seconds()
    longest = queue.claim_time().total_seconds() + sweep
    assert longest < 60  # what a killed worker held is finished within a minute
