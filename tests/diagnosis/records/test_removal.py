"""Pictures of rows that are deleted together, as with an account: their files go on commit."""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Barrier

import pytest
from django.core.files.storage import FileSystemStorage
from django.db import transaction
from django.urls import reverse

from diagnosis import object_storage
from diagnosis.media import Unreachable
from diagnosis.models import MoleRecord
from tests.diagnosis.test_object_storage import address, store  # noqa: F401
from tests.factories import RecordFactory

MANY = 24


@pytest.fixture
def tried(store, monkeypatch):  # noqa: F811
    """tried(wait, error): the names that a store was asked to delete, each of which waits first."""
    delete = object_storage.ObjectStorage.delete

    def play(wait: Callable = int, error: Exception | None = None) -> list[str]:
        names = []

        def slowly(self, name):
            names.append(name)
            wait()
            if error:
                raise error
            delete(self, name)

        monkeypatch.setattr(object_storage.ObjectStorage, "delete", slowly)
        return names

    return play


def test_an_account_with_many_is_deleted_eight_at_once(confirmed, alice, store, tried):  # noqa: F811
    RecordFactory.create_batch(MANY, owner=alice)
    together = Barrier(8, timeout=30)
    tried(together.wait)
    assert confirmed.post(reverse("diagnosis:account_delete")).status_code == 302
    assert store.names == []


def test_what_no_store_should_raise_is_logged_after_the_account_is_gone(
    confirmed,
    alice,
    store,  # noqa: F811
    tried,
    caplog,
):
    RecordFactory(owner=alice)
    tried(error=RuntimeError("odd"))
    assert confirmed.post(reverse("diagnosis:account_delete")).status_code == 302
    assert not MoleRecord.objects.exists()
    assert "odd" in caplog.text


def test_a_store_that_does_not_answer_is_not_asked_for_each(confirmed, alice, store, tried):  # noqa: F811
    RecordFactory.create_batch(MANY, owner=alice)
    names = tried(lambda: time.sleep(0.3), Unreachable())
    assert confirmed.post(reverse("diagnosis:account_delete")).status_code == 302
    assert not MoleRecord.objects.exists()
    assert 0 < len(names) < MANY


@pytest.mark.django_db(transaction=True)
def test_one_that_can_not_be_deleted_leaves_the_others_of_a_folder(
    alice, stored_files, monkeypatch
):
    stuck, *_others = RecordFactory.create_batch(3, owner=alice)
    delete = FileSystemStorage.delete

    def but_one(self, name):
        if name == stuck.image.name:
            raise PermissionError(name)
        delete(self, name)

    monkeypatch.setattr(FileSystemStorage, "delete", but_one)
    with transaction.atomic():
        alice.records.all().delete()
    assert [path.name for path in stored_files()] == [stuck.image.name.rpartition("/")[2]]


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_back_keeps_its_file(alice, stored_files):
    kept, gone, also_gone = RecordFactory.create_batch(3, owner=alice)
    with transaction.atomic():
        gone.delete()
        with suppress(ZeroDivisionError), transaction.atomic():
            kept.delete()
            raise ZeroDivisionError
        with transaction.atomic():
            also_gone.delete()
    assert [path.name for path in stored_files()] == [kept.image.name.rpartition("/")[2]]
