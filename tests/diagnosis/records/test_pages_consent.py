"""Nobody's picture is stored without their consent, also where others made the account."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.consent import CONSENT_VERSION
from diagnosis.models import MoleRecord
from tests.factories import picture

NEW = reverse("diagnosis:record_new")
LONG_AGO = datetime(2025, 2, 3, tzinfo=UTC)


@pytest.fixture
def alice(alice):
    """Her account was made by somebody else."""
    alice.consent_version, alice.consented_at = "", None
    alice.save()
    return alice


@pytest.mark.parametrize("page", [NEW, reverse("diagnosis:camera")])
def test_the_pages_for_pictures_ask_first_and_once(client, alice, page):
    client.force_login(alice)
    asked = client.get(page)
    assert asked.url == f"/account/consent/?next={page}"
    assert "are stored" in client.get(asked.url).content.decode()
    assert client.post(asked.url, {"consent": "on"}).url == page
    alice.refresh_from_db()
    assert alice.consent_version
    assert alice.consented_at
    assert client.get(page).status_code == 200
    assert client.get(asked.url).url == page


def test_a_child_whose_date_of_birth_others_stored_can_t_consent(client, alice):
    alice.date_of_birth = timezone.localdate() - timedelta(days=365 * 15)
    alice.save()
    client.force_login(alice)
    page = client.post("/account/consent/", {"consent": "on"})
    assert page.status_code == 400
    assert "16" in page.content.decode()
    program = APIClient()
    program.force_authenticate(alice)
    sent = program.patch("/api/v1/account/consent/", {"version": CONSENT_VERSION}, format="json")
    assert sent.status_code == 400
    alice.refresh_from_db()
    assert not alice.consent_version


@pytest.mark.parametrize(
    ("stored", "said", "kept"),
    [
        ("", "Europe/Vienna", "Europe/Vienna"),
        ("", "Europe/Atlantis", ""),
        ("Asia/Tokyo", "Europe/Vienna", "Asia/Tokyo"),
    ],
)
def test_the_browsers_zone_comes_along_as_with_a_sign_up(client, alice, stored, said, kept):
    alice.time_zone = stored
    alice.save()
    client.force_login(alice)
    page = client.get("/account/consent/").content.decode()
    assert '<input type="hidden" name="time_zone"' in page
    assert "js/time-zone.js" in page
    client.post("/account/consent/", {"consent": "on", "time_zone": said})
    alice.refresh_from_db()
    assert (alice.consent_version, alice.time_zone) == (CONSENT_VERSION, kept)


def test_who_agreed_to_an_earlier_text_may_agree_to_this_one(client, alice):
    alice.consent_version, alice.consented_at = "2025-01-01", LONG_AGO
    alice.save()
    client.force_login(alice)
    assert "are stored" in client.get("/account/consent/").content.decode()
    client.post("/account/consent/", {"consent": "on"})
    alice.refresh_from_db()
    assert alice.consent_version == CONSENT_VERSION
    first = alice.consented_at
    assert first > LONG_AGO
    client.post("/account/consent/", {"consent": "on"})
    alice.refresh_from_db()
    assert alice.consented_at == first


def test_without_a_yes_nothing_changes(client, alice):
    client.force_login(alice)
    response = client.post("/account/consent/", {})
    assert response.status_code == 400
    assert "Without your consent" in response.content.decode()
    image = SimpleUploadedFile("mole.jpg", picture(), "image/jpeg")
    assert client.post(NEW, {"image": image}).status_code == 302
    assert not MoleRecord.objects.exists()


def test_it_leads_to_no_other_site(client, alice):
    client.force_login(alice)
    response = client.post("/account/consent/?next=https://evil.example/", {"consent": "on"})
    assert response.url == "/"


def test_a_program_is_told_where_to_agree(alice):
    api = APIClient()
    api.force_authenticate(alice)
    image = SimpleUploadedFile("mole.jpg", picture(), "image/jpeg")
    response = api.post("/api/v1/records/", {"image": image}, format="multipart")
    assert response.status_code == 403
    assert "/account/consent/" in response.json()["detail"]
    assert not MoleRecord.objects.exists()
