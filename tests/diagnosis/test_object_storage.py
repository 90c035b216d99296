"""Pictures in an S3-compatible store: moto's server, as a program of its own."""

import contextlib
import io
import socket
import zipfile
from datetime import timedelta

import boto3
import pytest
import requests
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from diagnosis import media, tasks
from diagnosis.models import Change, MoleRecord
from diagnosis.object_storage import ObjectStorage
from diagnosis.records import assessments, claims, pictures
from skincare_site import storages
from skincare_site.environment import Environment
from tests import s3_server
from tests.factories import (
    PASSWORD,
    FurtherPictureFactory,
    MoleFactory,
    RecordFactory,
    assessed,
    picture,
)

BUCKET = "pictures"


@pytest.fixture(scope="module")
def address():
    with s3_server.running() as address:
        yield address


class Store:
    def __init__(self, settings, address: str) -> None:
        self.settings, self.address = settings, address
        credentials = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        place = {"endpoint_url": address, "region_name": "us-east-1"}
        self.bucket = boto3.resource("s3", **credentials, **place).Bucket(BUCKET)
        self.use(address)

    def use(self, address: str) -> None:
        """As skincare_site/settings.py does where S3_BUCKET names one."""
        env = Environment()
        env.ENVIRON = {
            "S3_BUCKET": BUCKET,
            "S3_ENDPOINT": address,
            "S3_ACCESS_KEY": "a",
            "S3_SECRET_KEY": "b",
        }
        self.settings.STORAGES = self.settings.STORAGES | storages.named_by(env)

    @contextlib.contextmanager
    def down(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.use(f"http://127.0.0.1:{port}")
        yield
        self.use(self.address)

    def fails_once(self, monkeypatch, name: str) -> None:
        """The next time that this file is read; the store itself answers."""
        answer, failed = ObjectStorage._open, []

        def read(storage, asked, mode="rb"):
            if asked == name and not failed:
                failed.append(asked)
                raise media.Unreachable
            return answer(storage, asked, mode)

        monkeypatch.setattr(ObjectStorage, "_open", read)

    @property
    def names(self) -> list[str]:
        return [each.key for each in self.bucket.objects.all()]


@pytest.fixture
def store(address, settings, transactional_db):
    requests.post(f"{address}/moto-api/reset")
    store = Store(settings, address)
    store.bucket.create()
    return store


@pytest.fixture
def alices(client, alice):
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def send(client, **options):
    file = SimpleUploadedFile("mole.jpg", picture((600, 600)))
    return client.post("/api/v1/records/", {"image": file}, **options)


def test_from_the_upload_to_the_answer_and_its_deletion(store, alices, stored_files) -> None:
    sent = send(alices)
    assert sent.status_code == 201
    assert len(store.names) == 1
    assert stored_files() == []
    record = MoleRecord.objects.get()
    assessments.run(record.pk)
    record.refresh_from_db()
    assert record.state in MoleRecord.ASSESSED
    shown = alices.get(f"/records/{record.pk}/image/")
    assert shown.status_code == 200
    assert shown.content[:3] == b"\xff\xd8\xff"
    assert "private" in shown["Cache-Control"]
    assert alices.get(f"/records/{record.pk}/thumbnail/").status_code == 200
    deleted = alices.delete(f"/api/v1/records/{record.pk}/")
    assert deleted.status_code == 204
    assert store.names == []


def test_a_browser_that_has_the_picture_asks_the_store_for_nothing(store, alices) -> None:
    send(alices)
    record = MoleRecord.objects.get()
    etag = alices.get(f"/records/{record.pk}/image/")["ETag"]
    with store.down():
        again = alices.get(f"/records/{record.pk}/image/", headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_nobody_gets_it_but_its_owner_and_not_from_the_store_itself(store, alices, bob) -> None:
    send(alices)
    record = MoleRecord.objects.get()
    other = Client()
    other.force_login(bob)
    assert other.get(f"/records/{record.pk}/image/").status_code == 404
    grants = store.bucket.Object(store.names[0]).Acl().grants
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_own_data_takes_the_pictures_along(store, alices, alice) -> None:
    record = assessed(owner=alice)
    alices.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = alices.get(reverse("diagnosis:own_data_download"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        assert file.read(f"pictures/{record.pk}.jpg")[:3] == b"\xff\xd8\xff"


def test_orphans_are_deleted_there_too(store, alice) -> None:
    record = assessed(owner=alice)
    orphan = default_storage.save("records/ab/abcd.jpg", SimpleUploadedFile("a", picture()))
    assert pictures.remove_orphans(older_than_seconds=3600) == 0
    assert pictures.remove_orphans(older_than_seconds=-3600) == 1
    assert store.names == [record.image.name]
    assert orphan not in store.names


def test_while_it_is_down_uploads_are_refused_and_nothing_is_half_written(store, alices) -> None:
    with store.down():
        refused = send(alices)
        assert refused.status_code == 503
        assert refused["Retry-After"]
        assert "can't be stored at the moment" in refused.json()["detail"]
        assert alices.get("/health/ready").json().items() >= {"media": "unreachable"}.items()
    assert not MoleRecord.objects.exists()
    assert store.names == []


def test_while_it_does_not_answer_the_pages_stay(store, client) -> None:
    """Kubernetes asks for 5 s, and then took every web host from the service."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store.use(f"http://127.0.0.1:{silent.getsockname()[1]}")
        answer = client.get("/health/ready")
        waits = default_storage._hasty.meta.config
    assert (answer.status_code, answer.json()["media"]) == (200, "unreachable")
    tries = waits.retries["total_max_attempts"]
    # What the image's own check waits for.
    assert tries * (waits.connect_timeout + waits.read_timeout) < 4


def test_while_it_is_down_records_wait_and_lose_no_attempt(store, alices) -> None:
    send(alices)
    record = MoleRecord.objects.get()
    with store.down():
        for _ in range(5):
            assessments.run(record.pk)
        record.refresh_from_db()
        assert (record.state, record.attempts) == ("queued", 0)
    assessments.run(record.pk)
    record.refresh_from_db()
    assert record.state in MoleRecord.ASSESSED


@pytest.fixture
def refuse(monkeypatch):
    """Have the store answer whoever reads one of these files, or any, with this status."""
    send = URLLib3Session.send

    def install(status: int, *names: str) -> None:
        def answer(session, request):
            is_of_one = request.method == "GET" and "/records/" in request.url
            if not is_of_one or (names and not request.url.endswith(names)):
                return send(session, request)
            raw = io.BytesIO()
            raw.stream = lambda **_: iter([b""])
            return AWSResponse(request.url, status, {}, raw)

        monkeypatch.setattr(URLLib3Session, "send", answer)

    # A busy machine must not pass for a store in trouble.
    patient = property(lambda storage: storage.connection.meta.client)
    monkeypatch.setattr(ObjectStorage, "_hasty", patient)
    return install


def old(record: MoleRecord) -> MoleRecord:
    """Too old to be waited for any longer, where its picture alone can't be read."""
    MoleRecord.objects.filter(pk=record.pk).update(
        created_at=timezone.now() - timedelta(hours=2), attempts=0
    )
    return MoleRecord.objects.get(pk=record.pk)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_one_picture_that_is_refused_for_ever_is_given_up(
    store, alices, alice, refuse, caplog, status
) -> None:
    RecordFactory(owner=alice, image__data=picture((600, 600)))
    record = RecordFactory(owner=alice, image__data=picture((640, 600)))
    refuse(status, record.image.name)
    for _ in range(claims.MAX_ATTEMPTS + 1):
        tasks.assess_record(record.pk)
    assert (MoleRecord.objects.get(pk=record.pk).state, record.attempts) == ("queued", 0)
    old(record)
    for left in reversed(range(claims.MAX_ATTEMPTS)):
        assert not [each for each in caplog.records if "given up" in each.message]
        tasks.assess_record(record.pk)
        record.refresh_from_db()
        assert record.is_pending == bool(left)
    assert (record.state, record.failure_reason) == ("failed", "unreadable")
    assert str(record.pk) in caplog.records[-1].message
    page = alices.get(f"/records/{record.pk}/").content.decode()
    assert "The stored picture can&#x27;t be read." in page
    assert "Please send a picture of it again." in page
    assert "is kept" not in page


@pytest.mark.parametrize("status", [403, 500])
def test_while_all_are_refused_the_records_wait(store, alice, refuse, status) -> None:
    """As where a key may not read any more: no number of attempts helps."""
    RecordFactory(owner=alice, image__data=picture((600, 600)))
    record = old(RecordFactory(owner=alice, image__data=picture((640, 600))))
    refuse(status)
    for _ in range(claims.MAX_ATTEMPTS + 1):
        tasks.assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("queued", 0)


def test_the_others_of_the_sitting_get_their_answer(store, alice, refuse) -> None:
    record = RecordFactory(owner=alice, image__data=picture((600, 600)))
    further = FurtherPictureFactory(record=record, image__data=picture((640, 600)))
    refuse(403, further.image.name)
    tasks.assess_record(record.pk)
    record.refresh_from_db()
    assert [part["id"] for part in record.current_assessment.pictures] == [str(record.pk)]


def test_nor_does_a_comparison_wait_for_ever_for_one_that_is_refused(store, alice, refuse) -> None:
    mole = MoleFactory(owner=alice)
    before, after = (assessed(owner=alice, mole=mole).current_assessment for _ in range(2))
    change = Change.objects.create(before=before, after=after)
    refuse(403, after.record.image.name)
    tasks.measure_change(change.pk)
    change.refresh_from_db()
    assert change.attempts == 1


def test_one_request_that_fails_leaves_no_picture_out_of_an_answer(
    store, alice, monkeypatch
) -> None:
    record = RecordFactory(owner=alice, image__data=picture((600, 600)))
    further = FurtherPictureFactory(record=record, image__data=picture((640, 600)))
    store.fails_once(monkeypatch, further.image.name)
    tasks.assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("queued", 0)
    tasks.assess_record(record.pk)
    record.refresh_from_db()
    both = {str(record.pk), str(further.pk)}
    assert {part["id"] for part in record.current_assessment.pictures} == both


def test_while_it_is_down_a_new_answer_is_still_owed(store, alices, alice) -> None:
    send(alices)
    record = MoleRecord.objects.get()
    assessments.run(record.pk)
    MoleRecord.objects.update(stale_since=timezone.now())
    with store.down():
        tasks.reassess_record(record.pk)
    record.refresh_from_db()
    assert record.stale_since
    tasks.reassess_record(record.pk)
    record.refresh_from_db()
    assert record.stale_since is None


def test_while_it_is_down_a_comparison_waits_and_loses_no_attempt(store, alice) -> None:
    mole = MoleFactory(owner=alice)
    before, after = (assessed(owner=alice, mole=mole).current_assessment for _ in range(2))
    change = Change.objects.create(before=before, after=after)
    with store.down():
        tasks.measure_change(change.pk)
    change.refresh_from_db()
    assert (change.result, change.attempts) == (None, 0)
    tasks.measure_change(change.pk)
    change.refresh_from_db()
    assert change.result


DOORS = [
    "/records/{}/image/",
    "/records/{}/thumbnail/",
    "/api/v1/records/{}/heatmap/",
    "/records/{}/report/",
    "/api/v1/records/{}/image/",
    "/api/v1/dicom/{}/picture/",
    "/api/v1/fhir/Binary/{}",
]


def test_one_request_that_fails_costs_a_comparison_no_attempt(store, alice, monkeypatch) -> None:
    mole = MoleFactory(owner=alice)
    before, after = (assessed(owner=alice, mole=mole).current_assessment for _ in range(2))
    change = Change.objects.create(before=before, after=after)
    store.fails_once(monkeypatch, after.record.image.name)
    tasks.measure_change(change.pk)
    change.refresh_from_db()
    assert (change.result, change.attempts) == (None, 0)


@pytest.mark.parametrize("asked", DOORS)
def test_one_request_that_fails_does_not_say_that_the_picture_is_gone(
    store, alices, alice, monkeypatch, asked
) -> None:
    record = assessed(owner=alice)
    store.fails_once(monkeypatch, record.image.name)
    answer = alices.get(asked.format(record.pk))
    assert answer.status_code == 503
    assert answer["Retry-After"]


@pytest.mark.parametrize("asked", DOORS)
def test_while_it_is_down_nothing_says_that_the_picture_is_gone(
    store, alices, alice, asked
) -> None:
    record = assessed(owner=alice)
    with store.down():
        answer = alices.get(asked.format(record.pk))
    assert answer.status_code == 503
    assert answer["Retry-After"]


@pytest.mark.parametrize("asked", [door for door in DOORS if "report" not in door])
def test_one_picture_that_is_refused_for_ever_is_no_outage(
    store, alices, alice, refuse, asked
) -> None:
    assessed(owner=alice)
    record = assessed(owner=alice)
    refuse(403, record.image.name)
    assert alices.get(asked.format(record.pk)).status_code == 404


def test_the_archive_names_it_and_has_the_others(store, alices, alice, refuse) -> None:
    there, lacking = assessed(owner=alice), assessed(owner=alice)
    refuse(403, lacking.image.name)
    answer = alices.get(reverse("diagnosis:own_data_download"))
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as file:
        assert f"pictures/{there.pk}.jpg" in file.namelist()
        assert str(lacking.pk) in file.read("UNREADABLE.txt").decode()


def test_no_archive_is_begun_without_its_pictures(store, alices, alice) -> None:
    assessed(owner=alice)
    alices.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    with store.down():
        assert alices.get(reverse("diagnosis:own_data_download")).status_code == 503


def test_what_is_deleted_while_it_is_down_is_deleted_there_later(store, alices, alice) -> None:
    kept, gone = assessed(owner=alice), assessed(owner=alice)
    with store.down():
        assert alices.delete(f"/api/v1/records/{gone.pk}/").status_code == 204
    assert len(store.names) == 2
    pictures.remove_orphans(older_than_seconds=-3600)
    assert store.names == [kept.image.name]


def test_a_picture_that_is_gone_is_not_found(store, alices, alice) -> None:
    record = assessed(owner=alice)
    store.bucket.Object(record.image.name).delete()
    assert alices.get(f"/records/{record.pk}/image/").status_code == 404
