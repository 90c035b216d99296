"""Staff see other people's records: a password alone opens neither the admin nor the API."""

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from tests.factories import PASSWORD, UserFactory

ADMIN = reverse("admin:index")


@pytest.fixture
def hasty(db):
    """A doctor who has not switched the second factor on."""
    return UserFactory(display_name="dr_hasty", role="doctor", is_staff=True, second_factor=False)


def ask_for_a_token(person):
    credentials = {"email": person.email, "password": PASSWORD}
    return APIClient().post("/api/v1/auth/token/", credentials, format="json")


def test_the_admin_sends_staff_to_switch_it_on(client, hasty):
    client.force_login(hasty)
    answer = client.get(ADMIN, follow=True)
    assert answer.redirect_chain[-1][0].split("?")[0] in (
        reverse("mfa_activate_totp"),
        reverse("account_reauthenticate"),
    )
    assert "Staff need the second step" in answer.content.decode()


def test_with_it_the_admin_opens(client, dr_chen):
    client.force_login(dr_chen)
    assert client.get(ADMIN).status_code == 200


def test_no_token_without_it(hasty):
    answer = ask_for_a_token(hasty)
    assert answer.status_code == 400
    assert "second step" in answer.json()["detail"]


def test_people_need_none(alice):
    assert ask_for_a_token(alice).status_code == 201


def test_the_demo_of_make_run_asks_nobody(settings, client, hasty):
    settings.DEMO = True
    client.force_login(hasty)
    assert client.get(ADMIN).status_code == 200
    assert ask_for_a_token(hasty).status_code == 201
