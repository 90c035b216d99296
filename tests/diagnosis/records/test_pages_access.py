"""Everybody sees their own records only; another's are not found."""

import pytest
from django.urls import reverse

from diagnosis.models import MoleRecord
from tests.factories import PASSWORD, MoleFactory, RecordFactory, picture

OF_A_RECORD = ("detail", "image", "thumbnail", "delete")


@pytest.mark.parametrize("view", [*OF_A_RECORD, "state"])
def test_alice_does_not_find_the_record_of_bob(client, alice, bob, view):
    client.force_login(alice)
    address = reverse(f"diagnosis:record_{view}", args=[RecordFactory(owner=bob).pk])
    response = client.get(address, headers={"HX-Request": "true"})
    assert response.status_code == 404


@pytest.mark.parametrize("action", ["delete", "retry"])
def test_alice_can_not_touch_the_record_of_bob(client, alice, bob, action):
    record = RecordFactory(owner=bob, failed=True)
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    address = reverse(f"diagnosis:record_{action}", args=[record.pk])
    assert client.post(address).status_code == 404
    assert MoleRecord.objects.get().state == "failed"


def test_alice_does_not_find_the_mole_of_bob(client, alice, bob):
    client.force_login(alice)
    mole = MoleFactory(owner=bob)
    assert client.get(reverse("diagnosis:mole_detail", args=[mole.pk])).status_code == 404


def test_a_doctor_reads_others_records_in_the_admin_only(client, bob, dr_chen):
    client.force_login(dr_chen)
    address = reverse("diagnosis:record_detail", args=[RecordFactory(owner=bob).pk])
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("view", OF_A_RECORD)
def test_who_is_not_signed_in_is_asked_to(client, bob, view):
    address = reverse(f"diagnosis:record_{view}", args=[RecordFactory(owner=bob).pk])
    response = client.get(address)
    assert response.url == f"{reverse('account_login')}?next={address}"


def test_the_picture_is_kept_by_the_own_browser_only(client, alice):
    client.force_login(alice)
    record = RecordFactory(owner=alice)
    response = client.get(reverse("diagnosis:record_image", args=[record.pk]))
    assert response["Content-Type"] == "image/jpeg"
    assert "private" in response["Cache-Control"]
    assert response.content == picture()


def test_deleting_asks_first(client, alice, stored_files, django_capture_on_commit_callbacks):
    record = RecordFactory(owner=alice)
    client.force_login(alice)
    address = reverse("diagnosis:record_delete", args=[record.pk])
    assert "can’t be undone" in client.get(address).content.decode()
    asked = client.post(address)
    assert asked.url.startswith(reverse("account_reauthenticate"))
    assert MoleRecord.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        # Once the password is given, the deletion goes on by itself.
        response = client.post(asked.url, {"password": PASSWORD, "next": address})
    assert response.url == reverse("diagnosis:history")
    assert not MoleRecord.objects.exists()
    assert not stored_files()
