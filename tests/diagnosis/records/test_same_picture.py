"""The very same picture again: said, linked, and the person decides."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from diagnosis.models import MoleRecord
from tests.factories import RecordFactory, picture

NEW = reverse("diagnosis:record_new")


@pytest.fixture
def send(client, alice):
    client.force_login(alice)

    def post(data: bytes | None = None, **fields):
        image = SimpleUploadedFile("mole.jpg", data or picture(), "image/jpeg")
        return client.post(NEW, {"image": image, "key": uuid.uuid4()} | fields)

    return post


def test_the_page_says_it_and_links_to_the_result(send):
    send()
    first = MoleRecord.objects.get()
    response = send()
    assert response.status_code == 409
    page = response.content.decode()
    assert "You sent this very picture before, on" in page
    assert reverse("diagnosis:record_detail", args=[first.pk]) in page
    assert "Send it again all the same" in page
    assert MoleRecord.objects.count() == 1


def test_who_wants_it_again_gets_another_record(send, stored_files):
    send()
    assert send(again="on").status_code == 302
    assert MoleRecord.objects.count() == len(stored_files()) == 2


def test_another_picture_is_not_asked_about(send):
    send()
    assert send(picture((301, 240))).status_code == 302


def test_a_deleted_one_and_bobs_do_not_count(send, bob, client):
    send()
    MoleRecord.objects.get().delete()
    assert send().status_code == 302
    client.force_login(bob)
    assert send().status_code == 302


def test_a_double_click_is_no_second_time(send):
    key = uuid.uuid4()
    first, second = (send(key=key) for _ in range(2))
    assert first.url == second.url


@pytest.fixture
def post(alice):
    """post(): alice's program, or the page's script, sends the same picture."""
    api = APIClient()
    api.force_authenticate(alice)

    def post(**fields):
        image = SimpleUploadedFile("mole.jpg", picture(), "image/jpeg")
        return api.post("/api/v1/records/", {"image": image} | fields, format="multipart")

    return post


def test_a_program_is_told_and_not_stopped(post):
    first, second = post(), post()
    assert first.status_code == second.status_code == 201
    assert first.json()["same_picture"] is None
    assert second.json()["same_picture"] == first.json()["id"] != second.json()["id"]


def test_who_wants_new_ones_only_is_told_which_it_was(post):
    first = post(only_new=True).json()
    refused = post(only_new=True)
    assert refused.status_code == 409
    assert refused.json()["same_picture"] == first["id"]
    assert "You sent this very picture before" in refused.json()["detail"]
    assert MoleRecord.objects.count() == 1


def test_records_of_before_have_no_digest_and_match_nothing(send, alice):
    RecordFactory(owner=alice, picture_digest="")
    assert send().status_code == 302


def test_of_several_it_is_said_which(alice, post):
    first = post().json()["id"]
    files = [picture((301, 240)), picture()]
    image = [SimpleUploadedFile("mole.jpg", data, "image/jpeg") for data in files]
    refused = post(image=image, only_new=True).json()
    assert (refused["same_picture"], refused["picture_number"]) == (first, 2)
    assert refused["detail"].startswith("Picture 2: You sent this very picture before")
    assert "picture_number" not in post(only_new=True).json()
