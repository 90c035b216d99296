"""What Prometheus reads, for all hosts alike."""

import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pyrage
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

import ml.release
from accounts.models import OutgoingMail
from backups import watching
from backups.management.commands import backup
from diagnosis import media
from diagnosis.models import MoleRecord
from diagnosis.records import assessments, uploads
from diagnosis.records.pictures import PictureRefused
from tests.factories import RecordFactory, assessed, picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def figures(client, settings):
    """figures() → {(name, sorted labels …): value}, as Prometheus reads them."""
    settings.METRICS_TOKEN = "collector"

    def read():
        response = client.get("/metrics", headers={"Authorization": "Bearer collector"})
        assert response.status_code == 200
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(response.content.decode())
            for sample in family.samples
            if sample.name.startswith("skincare_")
        }

    return read


def test_the_queue_its_age_and_the_states(figures, alice) -> None:
    for _ in range(2):
        RecordFactory(owner=alice)
    oldest = RecordFactory(owner=alice)
    oldest.created_at = oldest.created_at.replace(year=2025)
    oldest.save()
    assessed(owner=alice)
    read = figures()
    assert read["skincare_queue_records",] == 3
    assert read["skincare_queue_oldest_seconds",] > 365 * 24 * 3600 / 2
    assert read["skincare_records", "queued"] == 3
    assert read["skincare_records", "done"] == 1
    assert read["skincare_records", "failed"] == 0


def test_an_empty_queue_has_no_age(figures) -> None:
    assert figures()["skincare_queue_oldest_seconds",] == 0


@pytest.mark.django_db(transaction=True)
def test_an_upload_and_its_answer_are_counted_once_with_the_time_of_each_stage(
    figures, alice
) -> None:
    file = SimpleUploadedFile("mole.jpg", picture((600, 600)))
    record = uploads.submit(owner=alice, file=file)
    assessments.run(record.pk)
    assessments.run(record.pk)  # a doubled message
    record.refresh_from_db()
    answer, version = record.current_assessment, ml.release.current().version
    read = figures()
    assert read["skincare_uploads_total", "photo", "upload"] == 1
    assert read["skincare_assessments_total", version, record.state] == 1
    assert read["skincare_advice_total", *sorted(["photo", answer.advice, version])] == 1
    for stage in ("prepare", "keep", "wait", "read", "assess", "store"):
        assert read["skincare_stage_seconds_count", stage] == 1
        assert read["skincare_stage_seconds_bucket", "+Inf", stage] == 1
        assert read["skincare_stage_seconds_sum", stage] > 0
    for reason in answer.reasons:
        assert read["skincare_unusable_total", reason] == 1
    if answer.usable:
        assert read["skincare_malignancy_count", version, "photo"] == 1
        assert read["skincare_malignancy_sum", version, "photo"] == pytest.approx(answer.malignancy)


def test_each_picture_of_a_sitting_is_counted_by_its_kind(figures, alice) -> None:
    first, *others = (SimpleUploadedFile("mole.jpg", picture((300 + n, 240))) for n in range(3))
    kinds = ("dermoscopy", "photo")
    uploads.submit(owner=alice, file=first, further=list(zip(others, kinds, strict=True)))
    read = figures()
    assert read["skincare_uploads_total", "photo", "upload"] == 2
    assert read["skincare_uploads_total", "dermoscopy", "upload"] == 1


@pytest.mark.django_db(transaction=True)
def test_the_time_until_somebody_tries_again_is_no_time_of_waiting(figures, alice) -> None:
    record = RecordFactory(owner=alice, failed=True, image__data=picture((600, 600)))
    uploads.retry(record=record, by=alice)
    assessments.run(record.pk)
    read = figures()
    assert read["skincare_stage_seconds_count", "assess"] == 1
    assert ("skincare_stage_seconds_count", "wait") not in read


def test_refusals_are_counted_by_reason(figures, alice, settings) -> None:
    with pytest.raises(PictureRefused) as refusal:
        uploads.submit(owner=alice, file=SimpleUploadedFile("notes.txt", b"not a picture"))
    settings.MAX_RECORDS = 0
    with pytest.raises(PictureRefused):
        uploads.submit(owner=alice, file=SimpleUploadedFile("mole.jpg", picture()))
    read = figures()
    assert read["skincare_refusals_total", refusal.value.code] == 1
    assert read["skincare_refusals_total", "quota"] == 1


def test_what_alerts_ask_for_counts_from_zero(figures) -> None:
    """A series that begins with its first failures has not increased, so that no alert fired."""
    read = figures()
    assert read["skincare_assessments_total", "", "failed"] == 0
    assert read["skincare_refusals_total", "busy"] == 0


def test_no_room_for_pictures_is_not_too_many_at_once(figures, alice, settings) -> None:
    """Whose alert says to add web hosts."""
    folder = Path(settings.MEDIA_ROOT)
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    with pytest.raises(media.NoStorage):
        uploads.submit(owner=alice, file=SimpleUploadedFile("mole.jpg", picture()))
    read = figures()
    assert read["skincare_refusals_total", "no_storage"] == 1
    assert read["skincare_refusals_total", "busy"] == 0


def test_a_picture_that_is_gone_counts_as_given_back_then_as_failed(figures, alice) -> None:
    record = RecordFactory(owner=alice)
    record.image.storage.delete(record.image.name)
    MoleRecord.objects.update(
        created_at=timezone.now() - assessments.OVERDUE
    )  # till then it may be back
    for _ in range(3):
        assessments.run(record.pk)
    read = figures()
    assert read["skincare_assessments_total", "", "given back"] == 2
    assert read["skincare_assessments_total", "", "failed"] == 1


def test_the_sweep_says_that_beat_broker_and_worker_live(figures) -> None:
    assert ("skincare_last_sweep_timestamp_seconds",) not in figures()
    assessments.sweep()
    assert figures()["skincare_last_sweep_timestamp_seconds",] > 1.7e9


def test_mails_that_wait_the_disk_and_the_model(figures, alice) -> None:
    RecordFactory(owner=alice)  # with its picture, and so the folder
    OutgoingMail.objects.create(sender="a@example.org", recipients=[alice.email], content=b"")
    read = figures()
    assert read["skincare_mails",] == 1
    assert read["skincare_mails_oldest_seconds",] > 0
    assert 0 < read["skincare_media_free_bytes",] < read["skincare_media_size_bytes",]
    assert read["skincare_model_info", ml.release.current().version, "litert"] == 1


def test_a_folder_of_pictures_that_takes_none_is_down(figures, settings) -> None:
    """As of a disk that was mounted anew as read-only: uploads failed, and nothing fired."""
    assert figures()["skincare_up", "media"] == 1
    folder = Path(settings.MEDIA_ROOT)
    folder.rmdir()
    folder.touch()
    assert figures()["skincare_up", "media"] == 0


def test_without_the_broker_the_database_still_tells(figures, alice, settings) -> None:
    RecordFactory(owner=alice)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    read = figures()
    assert read["skincare_up", "broker"] == 0
    assert read["skincare_up", "database"] == 1
    assert read["skincare_queue_records",] == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_good_backup_and_the_last_try(
    figures, alice, settings, tmp_path, monkeypatch
) -> None:
    """Of a failure nobody heard who did not ask Docker: the last whole one could be months old."""
    settings.BACKUP_KEY = str(pyrage.x25519.Identity.generate())
    record = RecordFactory(owner=alice)
    good, tried = (f"skincare_last_backup_{of}timestamp_seconds" for of in ("", "try_"))

    def daily(sleeps: int = 1) -> None:
        """Until a day later, or until it has slept so often before its time."""
        left, sleep = iter([60, 86_400]), Mock(side_effect=[None] * sleeps)
        with monkeypatch.context() as patch:
            patch.setattr(backup, "_seconds_until", lambda *_: next(left))
            patch.setattr(backup, "time", SimpleNamespace(sleep=sleep))
            with pytest.raises(StopIteration):
                call_command("backup", "--daily-at=12:00", to=tmp_path)

    assert not {(good,), (tried,)} & figures().keys()
    daily()
    first = figures()
    assert time.time() - 60 < first[good,] == first[tried,] <= time.time()
    record.image.storage.delete(record.image.name)
    daily()
    second = figures()
    assert second[good,] == first[good,] < second[tried,]
    cache.clear()  # the broker started anew
    assert not {(good,), (tried,)} & figures().keys()
    daily(sleeps=0)
    assert figures()[tried,] == second[tried,]
    record.delete()
    call_command("backup", to=tmp_path)  # by hand
    third = figures()
    assert second[tried,] < third[good,] == third[tried,]


@pytest.mark.django_db(transaction=True)
def test_none_is_owed_of_a_new_system_without_accounts(
    figures, settings, tmp_path, monkeypatch
) -> None:
    """BackupIsOld paged for it each day, and what a killed try had left made it unhealthy."""
    settings.BACKUP_KEY = str(pyrage.x25519.Identity.generate())
    good = ("skincare_last_backup_timestamp_seconds",)
    tried = ("skincare_last_backup_try_timestamp_seconds",)

    def start() -> None:
        sleep = Mock(side_effect=StopIteration)
        with monkeypatch.context() as patch:
            patch.setattr(backup, "time", SimpleNamespace(sleep=sleep))
            with pytest.raises(StopIteration):
                call_command("backup", "--daily-at=12:00", to=tmp_path)

    (tmp_path / "skincare-20261101T023000Z.tar.gz.part").touch()
    start()
    assert time.time() - 60 < figures()[good] == figures()[tried]
    assert not (tmp_path / ".failed").exists()
    # With a backup there, an empty one is a database that was lost.
    made = tmp_path / "skincare-20261101T023000Z.tar.gz.age"
    made.touch()
    start()
    assert good not in figures()
    assert (tmp_path / ".failed").exists()
    # One that was made and went says nothing any more of what is owed.
    watching.succeeded(tmp_path)
    made.unlink()
    watching.tell(tmp_path)
    assert good not in figures()


def test_backups_of_before_they_were_noted_count(figures, tmp_path) -> None:
    made = tmp_path / "skincare-20261101T023000Z.tar.gz.age"
    made.touch()
    watching.tell(tmp_path)
    good = ("skincare_last_backup_timestamp_seconds",)
    assert figures()[good] == pytest.approx(made.stat().st_mtime)
    (tmp_path / ".failed").touch()  # it may lack something
    watching.tell(tmp_path)
    assert good not in figures()
