"""Error pages stand on their own, in the same look, also where nothing else works."""

import pytest
from django.test import Client
from django.urls import reverse
from django.views import defaults

from tests.factories import RecordFactory


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


def test_a_form_without_its_token_says_what_to_do(db):
    response = Client(enforce_csrf_checks=True).post(reverse("account_login"))
    assert response.status_code == 403
    assert "<h1>Please send that again</h1>" in response.content.decode()
