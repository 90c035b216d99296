"""Real commits: two at the same moment, and what goes wrong after them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from diagnosis import queue
from diagnosis.models import Assessment, MoleRecord
from diagnosis.records import claims, uploads
from tests.factories import RecordFactory, answer, picture


def at_once(*calls):
    """What the calls return when they all start together, each on a connection of its own."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture
def alice(transactional_db, alice):
    return alice


def test_only_one_of_many_workers_gets_a_record(alice):
    record = RecordFactory(owner=alice)
    claimed = at_once(*[lambda: claims.claim(record.pk)] * 8)
    assert len([one for one in claimed if one]) == 1
    assert MoleRecord.objects.get().attempts == 1


def test_a_double_click_makes_one_record_and_one_file(alice, monkeypatch, stored_files):
    monkeypatch.setattr(queue, "send", lambda record_id: None)

    def click():
        return uploads.submit(
            owner=alice, file=ContentFile(picture(), "mole.jpg"), idempotency_key="one form"
        )

    clicks = at_once(*[click] * 4)
    assert len({record.pk for record in clicks}) == 1
    assert MoleRecord.objects.count() == len(stored_files()) == 1


def test_deleting_what_a_worker_finishes_leaves_nothing(alice, stored_files):
    for _round in range(5):
        record = RecordFactory(owner=alice)
        claimed = claims.claim(record.pk)
        at_once(
            lambda claimed=claimed: claims.finish(claimed, Assessment(**answer())),
            lambda record=record: uploads.delete(record=record, by=alice),
        )
    assert not MoleRecord.objects.exists()
    assert not Assessment.objects.exists()
    assert not stored_files()


def test_an_error_after_the_commit_keeps_the_row_and_the_file(alice, monkeypatch, stored_files):
    def broken(record_id):
        raise RuntimeError("no message")

    monkeypatch.setattr(queue, "send", broken)
    uploads.submit(owner=alice, file=ContentFile(picture(), "mole.jpg"))
    assert MoleRecord.objects.get().state == "queued"
    assert len(stored_files()) == 1
