"""Two beats, as while one replaces the other: everything is asked for twice, and done once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts import outbox
from accounts.models import OutgoingMail
from diagnosis import tasks
from diagnosis.models import Mole, MoleRecord
from tests.diagnosis.programs import Program, wait_for
from tests.factories import MoleFactory, RecordFactory, picture


def twice(*calls) -> None:
    """All of them, each two times, at the same moment."""
    together = Barrier(2 * len(calls))

    def run(call) -> None:
        with closing(connection):
            together.wait()
            call()

    with ThreadPoolExecutor(2 * len(calls)) as threads:
        for done in [threads.submit(run, call) for call in calls for _ in range(2)]:
            done.result()


pytestmark = pytest.mark.django_db(transaction=True)


def test_each_person_is_reminded_once(alice, bob) -> None:
    for person in (alice, bob):
        record = RecordFactory(owner=person, mole=MoleFactory(owner=person))
        long_ago = timezone.now() - timedelta(days=40)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=long_ago)
    twice(tasks.sweep_reminders)
    assert sorted(message.to for message in mail.outbox) == [[alice.email], [bob.email]]
    assert not Mole.objects.filter(reminded_at=None).exists()


def test_each_e_mail_of_the_outbox_goes_out_once(settings) -> None:
    settings.MAIL_SERVER_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    for number in range(10):
        OutgoingMail.objects.create(
            sender="a@example.org", recipients=[f"{number}@example.org"], content=b"To: b\n\nHi"
        )
    twice(outbox.send_due)
    assert sorted(message.to for message in mail.outbox) == [
        [f"{number}@example.org"] for number in range(10)
    ]
    assert not OutgoingMail.objects.exists()


def test_sweeps_that_delete_trip_over_nothing(alice) -> None:
    RecordFactory(owner=alice)
    twice(tasks.sweep_files, tasks.sweep_expired, tasks.sweep_shares)
    assert MoleRecord.objects.get().image.storage.exists(MoleRecord.objects.get().image.name)


@pytest.mark.slow
def test_each_record_is_assessed_once_by_real_beats_and_workers(
    process_environment, tmp_path, alice
) -> None:
    """No message was sent: all work comes from sweeps, of both beats, to both workers."""
    records = [RecordFactory(owner=alice, image__data=picture((600, 600))) for _ in range(8)]
    celery = ("celery", "-A", "skincare_site")
    programs = [
        Program(*celery, *command, log=tmp_path / f"{number}.log", **process_environment)
        for number, command in enumerate(
            [
                ("beat", "--pidfile="),
                ("beat", "--pidfile="),
                ("worker", "--concurrency=1", "-n", "one@localhost"),
                ("worker", "--concurrency=1", "-n", "two@localhost"),
            ]
        )
    ]
    try:
        log = tmp_path / "2.log"
        pending = MoleRecord.objects.filter(state__in=MoleRecord.PENDING)
        wait_for(lambda: not pending.exists(), 400, log)
        wait_for(lambda: (tmp_path / "1.log").read_text().count("sweep_records") > 1, 200, log)
    finally:
        for program in programs:
            program.stop()
    for record in records:
        record.refresh_from_db()
        assert (record.state in MoleRecord.ASSESSED, record.attempts) == (True, 1)
        assert record.assessments.count() == 1
