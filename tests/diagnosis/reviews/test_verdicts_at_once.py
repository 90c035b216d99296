"""Of two who speak at the same moment, on whichever pictures of a mole, one hears the other."""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from diagnosis.models import MoleRecord, Review
from diagnosis.moles import edits
from diagnosis.own_data import deletion
from diagnosis.records import answers, uploads
from diagnosis.reviews import verdicts
from tests.factories import BENIGN, DAYS, WEEKS, MoleFactory, assessed, picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mole(alice):
    return MoleFactory(owner=alice)


@pytest.fixture
def pictures(alice, mole) -> list[MoleRecord]:
    """Three of one mole, the oldest first."""
    records = [
        assessed(owner=alice, mole=mole, image__data=picture((300 + n, 240))) for n in range(3)
    ]
    for days, record in zip((60, 30, 0), records, strict=True):
        then = timezone.now() - timedelta(days=days)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=then)
    return records


@pytest.fixture
def meanwhile():
    """meanwhile(call): begin it on another connection; its result, there by now or to come."""
    with ThreadPoolExecutor() as pool:

        def begin(call: Callable) -> Future:
            def run():
                with contextlib.closing(connection):
                    return call()

            begun = pool.submit(run)
            wait([begun], timeout=1)
            return begun

        yield begin


def shown(record: MoleRecord) -> list[str]:
    return verdicts.shown_of(MoleRecord.objects.with_asked_before().get(pk=record.pk))


def asked(record: MoleRecord) -> str:
    return MoleRecord.objects.with_asked_before().get(pk=record.pk).asked_before


def test_no_calm_word_ends_a_visit_that_is_asked_for_at_the_same_moment(
    pictures, dr_chen, dr_okafor, meanwhile
):
    older, newer, newest = pictures
    saw = shown(newer)
    with transaction.atomic():
        verdicts.write(record=older, doctor=dr_chen, **DAYS)
        calm = meanwhile(
            lambda: verdicts.write(record=newer, doctor=dr_okafor, known=0, shown=saw, **BENIGN)
        )
    assert isinstance(calm.exception(), verdicts.ShownBefore)
    assert asked(newest) == "doctor_days"


def test_what_is_written_after_a_wait_is_the_later_word(pictures, dr_chen, dr_okafor, meanwhile):
    """The moment was taken before: so a calm word that came first had ended the visit."""
    older, newer, newest = pictures
    with transaction.atomic():
        answers.locked(older.pk)
        urgent = meanwhile(lambda: verdicts.write(record=older, doctor=dr_chen, **DAYS))
        Review.objects.create(record=newer, doctor=dr_okafor, **BENIGN)
    urgent.result()
    assert asked(newest) == "doctor_days"


def test_nor_does_a_correction_end_it(pictures, dr_chen, dr_okafor, meanwhile):
    older, newer, newest = pictures
    weeks = verdicts.write(record=newer, doctor=dr_okafor, **WEEKS)
    with transaction.atomic():
        verdicts.write(record=older, doctor=dr_chen, **DAYS)
        corrected = meanwhile(lambda: verdicts.correct(review=weeks, by=dr_okafor, **BENIGN))
    corrected.result()
    assert asked(newest) == "doctor_days"


@pytest.mark.parametrize("how", ["moved away", "moved here", "deleted"])
def test_nor_where_the_person_brings_it_up_at_the_same_moment(
    alice, mole, pictures, dr_chen, dr_okafor, meanwhile, how
):
    """By the picture whose verdict had ended it, or by the one for whose sake it was asked for."""
    older, newer, newest = pictures
    there = MoleFactory(owner=alice, name="wrist")
    if how == "moved here":
        answers.give(record=older, by=alice, mole=there)
    verdicts.write(record=older, doctor=dr_chen, **DAYS)
    verdicts.write(record=newer, doctor=dr_chen, **BENIGN)
    assert asked(newest) == ""
    saw = shown(newest)
    with transaction.atomic():
        if how == "deleted":
            uploads.delete(record=newer, by=alice)
        elif how == "moved away":
            answers.give(record=newer, by=alice, mole=there)
        else:
            answers.give(record=older, by=alice, mole_name=mole.name, mole=None)
        calm = meanwhile(
            lambda: verdicts.write(record=newest, doctor=dr_okafor, known=0, shown=saw, **BENIGN)
        )
    assert isinstance(calm.exception(), verdicts.ShownBefore)
    assert asked(newest) == "doctor_days"


@pytest.mark.parametrize("how", ["mole", "account", "account by an administrator", "place"])
def test_what_is_done_with_all_pictures_waits_for_a_verdict_on_one(
    alice, mole, pictures, dr_chen, meanwhile, how, monkeypatch
):
    """Each had rows that the other waited for: one of the two ended in an error."""
    person = User.objects.get(pk=alice.pk)
    calls = {
        "mole": lambda: edits.delete(mole=mole, by=alice),
        "account": lambda: deletion.delete_account(person),
        "account by an administrator": lambda: admin.site.get_model_admin(User).delete_model(
            None, person
        ),
        "place": lambda: edits.change(mole=mole, by=alice, body_site="back"),
    }
    begun = []
    add = verdicts._add

    def add_later(*args, **kwargs):
        begun.append(meanwhile(calls[how]))
        return add(*args, **kwargs)

    monkeypatch.setattr(verdicts, "_add", add_later)
    verdicts.write(record=pictures[0], doctor=dr_chen, **DAYS)
    begun[0].result()
    assert Review.objects.exists() == (how == "place")
