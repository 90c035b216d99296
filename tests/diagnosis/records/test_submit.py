"""Sending a picture: a row and a file, or neither."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from celery import Celery
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, models

from diagnosis import queue
from diagnosis.models import Mole, MoleRecord
from diagnosis.records import uploads
from tests.factories import MoleFactory, picture


@pytest.fixture
def sent(monkeypatch):
    messages = []
    monkeypatch.setattr(queue, "send", messages.append)
    return messages


def submit(owner, data=None, **fields):
    return uploads.submit(owner=owner, file=ContentFile(data or picture(), "mole.jpg"), **fields)


def test_a_picture_becomes_a_queued_record_and_a_message_on_commit(
    alice, sent, stored_files, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        record = submit(alice, note="since spring", signs=["growing", "bleeding", "growing"])
        assert not sent
    record.refresh_from_db()
    assert (record.state, record.owner, record.note) == ("queued", alice, "since spring")
    assert record.signs == ["bleeding", "growing"]
    assert sent == [record.pk]
    assert stored_files() == [Path(record.image.path)]


def test_a_failing_transaction_leaves_no_file(alice, stored_files, monkeypatch):
    def full_disk(*args, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(models.Model, "save", full_disk)
    with pytest.raises(DatabaseError):
        submit(alice)
    assert not stored_files()


@pytest.mark.parametrize(
    "fields", [{"modality": "x-ray"}, {"signs": ["glowing"]}, {"note": "x" * 2001}]
)
def test_unknown_values_leave_no_row_and_no_file(alice, stored_files, fields):
    with pytest.raises(ValidationError):
        submit(alice, **fields)
    assert not stored_files()
    assert not MoleRecord.objects.exists()


def test_anothers_mole_is_refused(alice, bob, stored_files):
    with pytest.raises(PermissionDenied):
        submit(alice, mole=MoleFactory(owner=bob))
    assert not stored_files()


def test_the_same_request_sent_twice_makes_one_record(alice, stored_files):
    first, second = (submit(alice, idempotency_key="form 1") for _click in range(2))
    assert first == second
    assert len(stored_files()) == 1


def test_the_faster_one_of_two_simultaneous_requests_wins(alice, stored_files, monkeypatch):
    first = submit(alice, idempotency_key="form 1")
    answers = iter([None, first])  # the second request looks before the first has committed
    monkeypatch.setattr(uploads, "_known", lambda record: next(answers))
    assert submit(alice, idempotency_key="form 1") == first
    assert MoleRecord.objects.count() == len(stored_files()) == 1


def test_two_simultaneous_requests_make_one_mole(transactional_db, alice):
    def send(number):
        try:
            return submit(alice, body_site="back", idempotency_key="form 1").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, range(4)))) == 1
    assert Mole.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"data": picture((200, 200))},
        {"note": "another"},
        {"phone_advice": "doctor_days"},
        {"mole_is_new": True},
    ],
)
def test_a_key_used_again_for_another_request_makes_another_record(alice, changes):
    assert submit(alice, idempotency_key="form 1") != submit(
        alice, idempotency_key="form 1", **changes
    )


def test_the_same_key_of_another_person_is_another_request(alice, bob):
    assert submit(alice, idempotency_key="form 1") != submit(bob, idempotency_key="form 1")


def test_without_a_key_every_request_makes_a_record(alice):
    assert submit(alice) != submit(alice)


@pytest.fixture(params=["refuses", "accepts and says nothing"])
def broker_down(request, settings):
    """A broker that has stopped, and one that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        app = Celery(set_as_current=False)
        app.conf.update(
            broker_url=f"redis://127.0.0.1:{server.getsockname()[1]}/0",
            broker_transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        )
        if request.param == "refuses":
            server.close()
        yield app
        app.close()


def test_a_broker_that_is_down_holds_up_nobody_and_loses_nothing(
    alice, broker_down, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(queue, "current_app", broker_down)
    with django_capture_on_commit_callbacks(execute=True):
        record = submit(alice)
    assert MoleRecord.objects.get(pk=record.pk).state == "queued"
