"""One way in for staff: the site's own sign-in, and its second step in this very session."""

import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse

from tests.factories import (
    PASSWORD,
    SECURITY_KEY,
    TOTP_SECRET,
    UserFactory,
    current_code,
    program_of,
)

ADMIN, LOGIN = reverse("admin:index"), reverse("admin:login")
RECORDS = "account_authentication_methods"


def sign_in(client: Client, person) -> None:
    """Both steps, by the pages."""
    client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": current_code(TOTP_SECRET)})


def test_the_admins_own_form_signs_nobody_in_as_somebody_else(client, dr_chen, frank):
    client.force_login(dr_chen)
    answer = client.post(LOGIN, {"username": frank.email, "password": PASSWORD, "next": ADMIN})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(dr_chen.pk)


def test_nobody_sees_that_form(client, dr_chen, alice):
    assert client.get(LOGIN).url.startswith(reverse("account_login"))
    assert client.post(LOGIN, {"username": "x", "password": "y"}).status_code == 302
    client.force_login(alice)
    assert client.get(LOGIN).status_code == 403
    assert client.post(LOGIN).status_code == 403
    client.force_login(dr_chen)
    assert client.get(LOGIN).url == ADMIN


def test_it_leads_to_the_page_that_was_asked_for_and_to_no_other_site(client, dr_chen):
    client.force_login(dr_chen)
    page = reverse("admin:diagnosis_molerecord_changelist")
    assert client.get(LOGIN, {"next": page}).url == page
    assert client.get(LOGIN, {"next": "https://evil.example/"}).url == ADMIN


def test_both_steps_open_the_admin(client, dr_chen):
    sign_in(client, dr_chen)
    assert client.get(ADMIN).status_code == 200


def test_the_second_step_of_another_session_does_not_count(client, dr_chen):
    client.force_login(dr_chen)
    session = client.session
    session[RECORDS] = [{"method": "password", "at": time.time()}]
    session.save()
    assert client.get(ADMIN).status_code == 302
    answer = client.get(ADMIN, follow=True)
    assert answer.request["PATH_INFO"] == reverse("mfa_reauthenticate")
    client.post(answer.request["PATH_INFO"], {"code": current_code(TOTP_SECRET)})
    assert client.get(ADMIN).status_code == 200


def test_a_session_ends_with_the_factor_that_opened_it(client, dr_chen, frank):
    app = Authenticator.objects.get(user=dr_chen, type="totp")
    sign_in(client, dr_chen)
    assert client.get(ADMIN).status_code == 200
    key = {"name": "key", "credential": SECURITY_KEY}
    Authenticator.objects.create(user=dr_chen, type="webauthn", data=key)
    assert client.get(ADMIN).status_code == 200
    administrator = Client()
    administrator.force_login(frank)
    administrator.post(reverse("admin:mfa_authenticator_delete", args=[app.pk]), {"post": "yes"})
    answer = client.get(ADMIN, follow=True)
    assert answer.request["PATH_INFO"] == reverse("mfa_reauthenticate_webauthn")


def test_tokens_of_staff_end_with_their_last_factor_and_no_new_one_opens_them(dr_chen, frank):
    program = program_of(dr_chen)
    assert program.get("/api/v1/account/").status_code == 200
    administrator = Client()
    administrator.force_login(frank)
    app = Authenticator.objects.get(user=dr_chen, type="totp")
    administrator.post(reverse("admin:mfa_authenticator_delete", args=[app.pk]), {"post": "yes"})
    key = {"name": "key", "credential": SECURITY_KEY}
    Authenticator.objects.create(user=dr_chen, type="webauthn", data=key)
    assert program.get("/api/v1/account/").status_code == 401


@pytest.mark.parametrize("asked", ["required", "preferred"])
def test_a_key_alone_signs_in_only_where_it_had_to_know_its_owner(
    client, dr_chen, monkeypatch, asked
):
    """The challenge after a password asks for a touch, and lies in the same session."""
    key = {"name": "key", "credential": SECURITY_KEY}
    theirs = Authenticator.objects.create(user=dr_chen, type="webauthn", data=key)
    # In place of a key that signs the challenge, whichever it is.
    monkeypatch.setattr(auth, "parse_authentication_response", lambda _response: None)
    monkeypatch.setattr(auth, "extract_user_from_response", lambda _response: dr_chen)
    monkeypatch.setattr(auth, "complete_authentication", lambda *_: theirs)
    page = reverse("mfa_login_webauthn")
    session = client.session
    session[auth.STATE_SESSION_KEY] = {"challenge": "x", "user_verification": asked}
    session.save()
    client.post(page, {"credential": '{"id": "x"}'})
    assert (client.get(ADMIN).status_code == 200) == (asked == "required")


def test_who_has_a_key_and_no_app_is_asked_for_the_key(client, db):
    keyed = UserFactory(display_name="dr_key", role="doctor", is_staff=True, second_factor=False)
    Authenticator.objects.create(
        user=keyed, type="webauthn", data={"name": "key", "credential": SECURITY_KEY}
    )
    client.force_login(keyed)
    session = client.session
    session[RECORDS] = []
    session.save()
    answer = client.get(ADMIN, follow=True)
    assert answer.request["PATH_INFO"] == reverse("mfa_reauthenticate_webauthn")
    assert "Confirm by your second step" in answer.content.decode()


def test_the_demo_asks_for_none(client, settings, db):
    settings.DEMO = True
    hasty = UserFactory(display_name="dr_hasty", role="doctor", is_staff=True, second_factor=False)
    client.post(reverse("account_login"), {"login": hasty.email, "password": PASSWORD})
    assert client.get(ADMIN).status_code == 200


@pytest.mark.parametrize("name", ["password_change", "password_change_done"])
def test_the_admins_password_page_gives_way_to_the_accounts(client, dr_chen, name):
    client.force_login(dr_chen)
    for answer in (client.get(reverse(f"admin:{name}")), client.post(reverse(f"admin:{name}"))):
        assert answer.url == reverse("account_change_password")


def test_guessing_the_own_password_there_is_slowed_down(client, alice):
    client.force_login(alice)
    fields = {"oldpassword": "wrong", "password1": "another passphrase", "password2": "x"}
    page = reverse("account_change_password")
    answers = [client.post(page, fields).status_code for _guess in range(7)]
    assert answers[-1] == 429


# --- how long staff stay signed in -------------------------------------------------------------


def at(monkeypatch, seconds: float) -> None:
    now = time.time()
    monkeypatch.setattr("accounts.staff.time.time", lambda: now + seconds)


def test_staff_are_signed_out_after_half_an_hour_without_a_request(client, dr_chen):
    client.force_login(dr_chen)
    client.get(ADMIN)
    assert client.session.get_expiry_age() <= 30 * 60


def test_staff_are_signed_out_after_twelve_hours_of_work(client, dr_chen, monkeypatch):
    client.force_login(dr_chen)
    assert client.get(ADMIN).status_code == 200
    at(monkeypatch, 12 * 3600 - 60)
    assert client.get(ADMIN).status_code == 200
    at(monkeypatch, 12 * 3600 + 60)
    assert client.get(ADMIN).url.startswith(LOGIN)
    assert "_auth_user_id" not in client.session


def test_of_two_tabs_at_that_moment_both_lead_to_the_sign_in(client, dr_chen, monkeypatch):
    client.force_login(dr_chen)
    client.get(ADMIN)
    at(monkeypatch, 12 * 3600 + 60)
    read = SessionStore.load
    # The other tab's request ends the session once this one has read it.
    monkeypatch.setattr(SessionStore, "load", lambda self: (read(self), self.delete())[0])
    assert client.get(ADMIN).url.startswith(LOGIN)


def test_people_stay_for_two_weeks(client, alice):
    client.force_login(alice)
    client.get(reverse("accounts:account"))
    assert client.session.get_expiry_age() > 13 * 24 * 3600
