"""A folder of pictures that is missing, read-only or full: said, and nothing is left behind."""

import errno
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from diagnosis import media
from diagnosis.records.models import MoleRecord
from tests.factories import picture


@pytest.fixture(params=["not writable", "full"])
def trouble(request, settings, tmp_path, monkeypatch) -> str:
    """A file where the folder should be; a disk with less free than there must be."""
    if request.param == "not writable":
        (tmp_path / "media").write_text("in the way")
    else:
        monkeypatch.setattr(media, "MINIMUM_FREE", 2**80)
    return request.param


def send(client, **more):
    return client.post(
        "/api/v1/records/", {"image": SimpleUploadedFile("mole.jpg", picture())}, **more
    )


def api(person) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(person)
    return client


STATUS = {"not writable": 503, "full": 507}
WORDS = {"not writable": "be stored", "full": "no room"}


def test_the_api_says_it(alice, trouble):
    answer = send(api(alice), format="multipart")
    assert answer.status_code == STATUS[trouble]
    assert answer["Content-Type"] == "application/problem+json"
    assert WORDS[trouble] in answer.json()["detail"]
    assert int(answer["Retry-After"]) > 0
    assert not MoleRecord.objects.exists()


def test_the_page_says_it(client, alice, trouble):
    client.force_login(alice)
    form = client.get("/records/new/").context["form"]
    key = form["key"].value()
    sent = {"image": SimpleUploadedFile("mole.jpg", picture()), "key": key}
    answer = client.post("/records/new/", sent)
    assert answer.status_code == STATUS[trouble]
    assert WORDS[trouble] in answer.content.decode().replace("&#x27;", "'")


def test_health_says_it_and_leaves_the_pages_up(client, db, trouble):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json().items() >= {"status": "degraded", "media": trouble}.items()


def test_a_folder_on_the_network_that_hangs_is_told_in_time(client, alice, settings, monkeypatch):
    """As of NFS whose server is gone: each check kept a thread, until no page was answered."""
    back, there = threading.Event(), tempfile.TemporaryFile

    def hang(dir=None, **options):
        if dir == Path(settings.MEDIA_ROOT):
            back.wait(30)  # after which all would be well
        return there(dir=dir, **options)

    assert media.PATIENCE < 3  # health checks give up after 5
    monkeypatch.setattr(media, "PATIENCE", 0.5)
    monkeypatch.setattr(media.tempfile, "TemporaryFile", hang)
    before = set(threading.enumerate())  # of which some may end meanwhile
    try:
        for _ in range(2):
            said = client.get("/health/ready")
            assert said.status_code == 200
            assert said.json().items() >= {"status": "degraded", "media": "unreachable"}.items()
        assert send(api(alice), format="multipart").status_code == 503
        [waits] = set(threading.enumerate()) - before  # one for all
    finally:
        back.set()
    waits.join()
    monkeypatch.setattr(media, "PATIENCE", 60)
    assert client.get("/health/ready").json()["media"] == "ok"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EIO, 503)])
def test_a_disk_that_fails_while_writing_keeps_no_half_file(
    alice, settings, monkeypatch, number, status
):
    save = FileSystemStorage._save

    def half(storage, name, content):
        save(storage, name, content)
        raise OSError(number, "while writing")

    monkeypatch.setattr(FileSystemStorage, "_save", half)
    assert send(api(alice), format="multipart").status_code == status
    assert not MoleRecord.objects.exists()
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["gunicorn", "-c", "python:skincare_site.gunicorn", "skincare_site.wsgi"],
        ["celery", "-A", "skincare_site", "worker"],
    ],
)
def test_neither_web_nor_worker_starts_without_the_folder(
    process_environment, tmp_path, command, unused_tcp_port
):
    (tmp_path / "file").touch()
    environment = process_environment | {
        "MEDIA_ROOT": str(tmp_path / "file/media"),
        "PORT": str(unused_tcp_port),
    }
    process = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert process.returncode != 0
    assert "MEDIA_ROOT is not a folder" in process.stderr
    assert "Traceback" not in process.stderr
