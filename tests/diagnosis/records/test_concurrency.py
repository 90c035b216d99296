"""Real commits: two at the same moment, and what goes wrong after them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.core.files.base import ContentFile
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from accounts import outbox, ownership
from accounts.models import OutgoingMail
from diagnosis import mails, queue
from diagnosis.models import Assessment, Mole, MoleRecord, Share
from diagnosis.moles import edits
from diagnosis.records import answers, claims, sittings, uploads
from tests.factories import MoleFactory, RecordFactory, answer, picture, sitting


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


def test_pictures_of_one_new_mole_that_come_at_once_are_of_one_mole(alice, monkeypatch):
    """By two, they were never compared, and the name would say neither from then on."""
    monkeypatch.setattr(queue, "send", lambda record_id: None)
    known = edits._known

    def slowly(*args):
        found = known(*args)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(edits, "_known", slowly)

    def send(width):
        file = ContentFile(picture((width, 240)), "mole.jpg")
        return uploads.submit(owner=alice, file=file, mole_name="Left arm")

    records = at_once(*(partial(send, width) for width in (300, 301, 302)))
    assert {record.mole_id for record in records} == {Mole.objects.get().pk}


def test_a_double_click_makes_one_link(alice):
    mole = MoleFactory(owner=alice)

    def click() -> str:
        browser = Client()
        browser.force_login(alice)
        address = reverse("diagnosis:mole_share", args=[mole.pk])
        return browser.post(address, {"days": 7}, follow=True).content.decode()

    pages = at_once(*[click] * 4)
    assert Share.objects.count() == 1
    for sentence, times in (("The link is ready.", 1), ("You made this link just now.", 3)):
        assert sum(sentence in page for page in pages) == times


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


def test_a_worker_that_claims_while_the_place_changes_reads_the_new_one(client, alice, monkeypatch):
    record = RecordFactory(owner=alice, mole=MoleFactory(owner=alice, body_site="back"))
    save, claimed = Mole.save, []

    def claim():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")  # it would wait for the new place
        try:
            return claims.claim(record.pk)
        except OperationalError:
            return None

    def save_late(mole, **options):
        claimed.extend(at_once(claim))
        save(mole, **options)

    monkeypatch.setattr(Mole, "save", save_late)
    client.force_login(alice)
    address = reverse("diagnosis:mole_edit", args=[record.mole.pk])
    assert client.post(address, {"name": "mole", "body_site": "face"}).status_code == 302
    record.refresh_from_db()
    assert claimed == [None] or record.stale_since
    assert record.mole.body_site == "face"


def until_somebody_waits():
    with connection.cursor() as cursor:
        for _time in range(1200):  # a minute
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits for a lock")


def on_its_own_connection(call):
    try:
        return call()
    finally:
        connection.close()


def test_a_note_that_waits_for_a_new_mole_takes_nothing_back(alice):
    record, mole = RecordFactory(owner=alice), MoleFactory(owner=alice, body_site="back")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            answers.give(record=record, mole=mole, by=alice)
            note = partial(answers.give, record=record, by=alice, note="It itches.")
            waits = pool.submit(on_its_own_connection, note)
            until_somebody_waits()
        waits.result()
    record.refresh_from_db()
    assert (record.mole, record.note) == (mole, "It itches.")


def test_a_note_does_not_wait_for_the_mole_that_its_record_keeps(alice):
    """Whose new place waits for the record: each would wait for the other."""
    record = RecordFactory(owner=alice, mole=MoleFactory(owner=alice, body_site="back"))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ownership.take_turn(alice.pk)  # before the record, as all do who come to lock both
            list(MoleRecord.objects.select_for_update().filter(pk=record.pk))
            place = partial(edits.change, mole=record.mole, by=alice, body_site="face")
            waits = pool.submit(on_its_own_connection, place)
            until_somebody_waits()
            answers.give(record=record, by=alice, note="It itches.")
        waits.result()
    record.refresh_from_db()
    assert (record.mole.body_site, record.note) == ("face", "It itches.")


@pytest.mark.parametrize("pictures", [2, 3])
def test_a_double_click_deletes_one_picture(client, alice, monkeypatch, pictures):
    """Both have read the record before either of them writes."""
    record = sitting(*["benign"] * pictures, together="benign", owner=alice)
    address = reverse("diagnosis:picture_delete", args=[record.pk, record.pk])
    client.force_login(alice)
    seen = client.get(address).context["seen"]
    both = threading.Barrier(2)
    remove = sittings.remove

    def click():
        browser = Client(raise_request_exception=False)
        browser.cookies = client.cookies
        return browser.post(address, {"seen": seen}).status_code

    def remove_together(**what):
        both.wait()
        remove(**what)

    monkeypatch.setattr(sittings, "remove", remove_together)
    assert at_once(click, click) == [302, 302]
    assert len(MoleRecord.objects.get().pictures) == pictures - 1


def test_an_error_after_the_commit_keeps_the_row_and_the_file(alice, monkeypatch, stored_files):
    def broken(record_id):
        raise RuntimeError("no message")

    monkeypatch.setattr(queue, "send", broken)
    uploads.submit(owner=alice, file=ContentFile(picture(), "mole.jpg"))
    assert MoleRecord.objects.get().state == "queued"
    assert len(stored_files()) == 1


def test_what_two_workers_tell_of_at_once_is_one_e_mail(alice):
    first, second = RecordFactory(owner=alice), RecordFactory(owner=alice)
    for _ in range(5):
        at_once(lambda: mails.tell_together(first), lambda: mails.tell_together(second))
        mail = OutgoingMail.objects.get()
        assert set(mail.about) == {first.pk, second.pk}
        assert all(str(key) in bytes(mail.content).decode() for key in mail.about)
        mail.delete()


def test_an_e_mail_does_not_go_before_what_it_tells_of_is_stored(alice, settings):
    settings.MAIL_SERVER_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    record = RecordFactory(owner=alice)
    mails.tell_together(record)
    OutgoingMail.objects.update(due_at=Now())

    def send():
        try:
            return outbox.send_due()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            mails.tell_together(RecordFactory(owner=alice))
            sent = pool.submit(send)
            with pytest.raises(TimeoutError):
                sent.result(timeout=1)
        assert sent.result() == 1
    assert not OutgoingMail.objects.exists()
