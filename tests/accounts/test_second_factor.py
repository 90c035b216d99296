"""Staff see other people's records: a password alone opens neither the admin nor the API."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from auditlog.models import LogEntry
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from tests.factories import PASSWORD, TOTP_SECRET, UserFactory

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


def test_an_administrator_removes_a_lost_one_without_seeing_its_secret(client, dr_chen):
    frank = UserFactory(display_name="frank", role="administrator", is_staff=True)
    lost = Authenticator.objects.get(user=dr_chen)
    client.force_login(frank)
    page = reverse("admin:mfa_authenticator_change", args=[lost.pk])
    assert TOTP_SECRET not in client.get(page).content.decode()
    assert client.post(page, {"data": "{}"}).status_code == 403
    delete = reverse("admin:mfa_authenticator_delete", args=[lost.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.filter(user=dr_chen).exists()
    entry = LogEntry.objects.get_for_model(Authenticator).latest()
    assert (entry.actor, entry.action) == (frank, LogEntry.Action.DELETE)


def test_the_log_does_not_keep_what_a_security_key_is_called(alice):
    Authenticator.objects.create(user=alice, type="webauthn", data={"name": "Alice's key"})
    assert "Alice's key" not in str(list(LogEntry.objects.values()))


def test_not_even_a_superuser_sees_the_secret(admin_client, dr_chen):
    lost = Authenticator.objects.get(user=dr_chen)
    page = admin_client.get(reverse("admin:mfa_authenticator_change", args=[lost.pk]))
    assert page.status_code == 200
    assert TOTP_SECRET not in page.content.decode()


def test_no_token_on_the_page_without_it_either(client, hasty):
    client.force_login(hasty)
    session = client.session
    session["account_authentication_methods_user"] = str(hasty.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "reauthenticated": True}
    ]
    session.save()
    assert client.post(reverse("accounts:tokens")).url == reverse("mfa_activate_totp")
    assert not AuthToken.objects.exists()


def test_a_token_of_before_opens_nothing_until_it_is_on(alice):
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Token {AuthToken.objects.create(alice)[1]}")
    assert api.get("/api/v1/records/").status_code == 200
    alice.is_staff = True
    alice.save()
    assert api.get("/api/v1/records/").status_code == 401
    TOTP.activate(alice, TOTP_SECRET)
    assert api.get("/api/v1/records/").status_code == 200
