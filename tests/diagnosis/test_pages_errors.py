"""Error pages stand on their own, in the same look, also where nothing else works."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.views import defaults

from diagnosis.records import uploads
from tests.factories import RecordFactory, picture


def test_a_page_that_is_not_there(client, db):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "<h1>Page not found</h1>" in response.content.decode()


@pytest.mark.parametrize("whose", ["deleted", "another's"])
def test_a_message_about_a_record_that_is_gone_leads_on(client, alice, bob, whose):
    """To who has never had it, it says the same."""
    record = RecordFactory(owner=alice if whose == "deleted" else bob)
    address = reverse("diagnosis:record_detail", args=[record.pk])
    if whose == "deleted":
        record.delete()
    client.force_login(alice)
    response = client.get(address)
    page = response.content.decode()
    assert response.status_code == 404
    assert "<h1>Deleted, or not yours</h1>" in page
    assert "show the mole to a doctor" in page
    assert f'href="{reverse("diagnosis:history")}">Your records' in page
    assert (link := f"{reverse('account_logout')}?next={address}") in page
    # Signed out, the way leads to the same address in the other account.
    assert client.post(link).url == address
    assert client.get(address).url == f"{reverse('account_login')}?next={address}"


@pytest.mark.parametrize(
    ("view", "heading"),
    [
        (defaults.bad_request, "This page can’t answer that"),
        (defaults.permission_denied, "You may not see this page"),
        (defaults.server_error, "Something went wrong on our side"),
    ],
)
def test_other_errors(rf, view, heading):
    request = rf.get("/")
    response = view(request) if view is defaults.server_error else view(request, Exception())
    assert f"<h1>{heading}</h1>" in response.content.decode()
    assert "not an approved medical device" in response.content.decode()


@pytest.mark.parametrize(("error", "status"), [(RuntimeError, 500), (OperationalError, 503)])
def test_what_was_sent_into_an_error_is_not_said_to_be_safe(
    client, alice, monkeypatch, error, status
):
    def fail(*_args, **_kwargs) -> None:
        raise error

    client.force_login(alice)
    client.raise_request_exception = False
    monkeypatch.setattr(uploads, "submit", fail)
    sent = {"image": SimpleUploadedFile("mole.jpg", picture()), "key": uuid.uuid4().hex}
    response = client.post(reverse("diagnosis:record_new"), sent)
    assert response.status_code == status
    page = response.content.decode()
    assert "safe" not in page
    assert "What you sent may not be saved." in page


def test_what_is_too_large_is_called_so(client, alice, settings):
    client.force_login(alice)
    settings.MAX_REQUEST_BYTES = 100
    sent = {"image": SimpleUploadedFile("mole.jpg", picture()), "key": uuid.uuid4().hex}
    response = client.post(reverse("diagnosis:record_new"), sent)
    assert response.status_code == 413
    page = response.content.decode()
    assert "<h1>This is too large to be sent</h1>" in page
    assert "fewer or smaller pictures" in page


def test_a_form_without_its_token_says_what_to_do(db):
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"))
    assert response.status_code == 403
    assert "<h1>Please send that again</h1>" in response.content.decode()
