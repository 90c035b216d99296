"""Bad input gets a 4xx and a sentence that helps, and leaves no row and no file."""

from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from diagnosis.models import MoleRecord
from diagnosis.records import pictures
from tests.diagnosis.records.bad_pictures import BAD


@pytest.mark.parametrize(("data", "status", "sentence"), BAD.values(), ids=BAD)
def test_bad_files(alice, stored_files, data, status, sentence):
    api = APIClient()
    api.force_authenticate(alice)
    image = SimpleUploadedFile("mole.jpg", data(), "image/jpeg")
    response = api.post("/api/v1/records/", {"image": image}, format="multipart")
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert sentence in problem["detail"]
    assert problem["errors"] == {"image": [problem["detail"]]}
    assert not MoleRecord.objects.exists()
    assert not stored_files()


def test_no_more_than_the_limit_is_written_while_receiving(settings):
    handler = pictures.BoundedUploadHandler()
    handler.new_file("image", "big.jpg", "image/jpeg", None)
    chunk = bytes(1024**2)
    for number in range(60):
        handler.receive_data_chunk(chunk, number * len(chunk))
    file = handler.file_complete(60 * len(chunk))
    assert file.size == 60 * len(chunk)
    assert file.seek(0, 2) <= pictures.MAX_BYTES + len(chunk)
    file.close()


@pytest.fixture
def no_room(monkeypatch):
    """Each file that is being received lies on a disk that is full."""
    full = partial(open, "/dev/full", "w+b")
    monkeypatch.setattr(pictures.tempfile, "TemporaryFile", lambda **_: full())


@pytest.mark.parametrize("size", [4_000, 200_000])  # within the file's buffer, and beyond
def test_a_picture_for_which_there_is_no_room_may_come_again_by_program(alice, no_room, size):
    api = APIClient(raise_request_exception=False)
    api.force_authenticate(alice)
    image = SimpleUploadedFile("mole.jpg", bytes(size), "image/jpeg")
    response = api.post("/api/v1/records/", {"image": image}, format="multipart")
    assert (response.status_code, response["Content-Type"]) == (503, "application/problem+json")
    assert int(response["Retry-After"]) > 0


def test_a_picture_for_which_there_is_no_room_may_come_again_by_page(alice, no_room):
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(alice)
    page = reverse("diagnosis:record_new")
    client.get(page)
    image = SimpleUploadedFile("mole.jpg", bytes(200_000), "image/jpeg")
    fields = {"csrfmiddlewaretoken": client.cookies["csrftoken"].value, "image": image}
    response = client.post(page, fields)
    assert (response.status_code, response["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert int(response["Retry-After"]) > 0
    assert "Try again in 1 minute" in response.content.decode()


def test_what_is_received_has_no_name_that_a_killed_process_could_leave(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    handler = pictures.BoundedUploadHandler()
    handler.new_file("image", "big.jpg", "image/jpeg", None)
    handler.receive_data_chunk(bytes(1024**2), 0)
    assert list(tmp_path.iterdir()) == []
    file = handler.file_complete(1024**2)
    assert len(file.read()) == 1024**2
    assert list(tmp_path.iterdir()) == []
    file.close()
