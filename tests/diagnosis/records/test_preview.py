"""What a browser can't show, the server shows as it would be stored; nothing is kept."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from rest_framework.test import APIClient

from diagnosis.models import MoleRecord
from tests.factories import picture
from tests.ml.files import TRUTH, dicom

URL = "/api/v1/records/preview/"
FILES = {
    "HEIC": lambda: picture(file_format="HEIF"),
    "TIFF": lambda: picture(file_format="TIFF"),
    "JPEG 2000": lambda: picture(file_format="JPEG2000"),
    "DICOM": lambda: dicom(TRUTH.tobytes()),
}


def preview(api, data: bytes):
    return api.post(URL, {"image": SimpleUploadedFile("mole", data)}, format="multipart")


@pytest.mark.parametrize("name", FILES)
def test_a_preview_is_made_and_nothing_is_kept(api, stored_files, name):
    data = FILES[name]()
    response = preview(api, data)
    assert response.status_code == 200
    assert response["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(response.content)).format == "JPEG"
    assert b"Doe" not in response.content
    assert not MoleRecord.objects.exists()
    assert not stored_files()


def test_what_is_no_picture_is_refused_as_an_upload_is(api):
    response = preview(api, b"It grew since May.")
    assert response.status_code == 400
    assert "not a picture that we can read" in response.json()["detail"]


def test_nobody_gets_one_without_signing_in(db):
    assert preview(APIClient(), picture()).status_code == 401


@pytest.mark.parametrize("name", FILES)
def test_each_kind_is_stored_without_the_identity_in_it(api, stored_files, name):
    file = SimpleUploadedFile("mole", FILES[name]())
    response = api.post("/api/v1/records/", {"image": file}, format="multipart")
    assert response.status_code == 201
    [stored] = stored_files()
    data = stored.read_bytes()
    assert Image.open(io.BytesIO(data)).format == "JPEG"
    assert b"Doe" not in data
    assert b"4711" not in data
