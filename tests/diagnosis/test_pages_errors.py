"""Error pages stand on their own, in the same look, also where nothing else works."""

import pytest
from django.test import Client
from django.urls import reverse
from django.views import defaults


def test_a_page_that_is_not_there(client, db):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "<h1>Page not found</h1>" in response.content.decode()


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
