"""Tokens for programs, with the second factor where it is on."""

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts import credentials
from accounts.models import User
from tests.factories import PASSWORD, UserFactory, ask_for_token, current_code, link, program_of

URL = "/api/v1/auth/token/"
NEW = "another long enough passphrase"


@pytest.fixture
def api():
    return APIClient()


def test_a_token_opens_the_api_until_it_is_revoked(alice, api):
    answer = ask_for_token(api, alice)
    assert answer.status_code == 201
    assert set(answer.json()) == {"token", "expiry"}
    assert answer["Cache-Control"] == "no-store"
    api.credentials(HTTP_AUTHORIZATION=f"Token {answer.json()['token']}")
    assert api.get("/api/v1/records/").status_code == 200
    assert api.delete(URL).status_code == 204
    refused = api.get("/api/v1/records/")
    assert refused.status_code == 401
    assert refused["WWW-Authenticate"] == "Token"


def test_a_program_with_a_token_is_no_device_that_somebody_signed_in_on(alice, api):
    api.credentials(HTTP_AUTHORIZATION=f"Token {ask_for_token(api, alice).json()['token']}")
    api.cookies["device_of"] = "P-00000000"
    answer = api.get("/api/v1/records/")
    assert answer.status_code == 200
    assert "Clear-Site-Data" not in answer
    assert not answer.cookies


def test_revoking_leaves_the_other_tokens(alice, api):
    ask_for_token(api, alice)
    api.credentials(HTTP_AUTHORIZATION=f"Token {ask_for_token(api, alice).json()['token']}")
    api.delete(URL)
    assert AuthToken.objects.filter(user=alice).count() == 1


def change(client, person, mailoutbox):
    client.force_login(person)
    fields = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post(reverse("account_change_password"), fields)


def reset(client, person, mailoutbox):
    client.post(reverse("account_reset_password"), {"email": person.email})
    form = client.get(link(mailoutbox[0]), follow=True)
    client.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})


def by_an_administrator(client, person, mailoutbox):
    client.force_login(UserFactory(role="administrator", is_staff=True))
    page = reverse("admin:auth_user_password_change", args=[person.pk])
    client.post(page, {"usable_password": "true", "password1": NEW, "password2": NEW})


@pytest.mark.parametrize("replace", [change, reset, by_an_administrator])
def test_a_new_password_ends_the_tokens(replace, alice, bob, api, client, mailoutbox):
    bobs = ask_for_token(api, bob).json()["token"]
    api.credentials(HTTP_AUTHORIZATION=f"Token {ask_for_token(api, alice).json()['token']}")
    assert api.get("/api/v1/records/").status_code == 200
    replace(client, alice, mailoutbox)
    assert api.get("/api/v1/records/").status_code == 401
    assert ask_for_token(APIClient(), alice, password=NEW).status_code == 201
    api.credentials(HTTP_AUTHORIZATION=f"Token {bobs}")
    assert api.get("/api/v1/records/").status_code == 200


def set_a_new_password(person):
    person.set_password(NEW)


def close(person):
    person.is_active = False


def make_staff(person):
    person.is_staff = True


def by_password(alice):
    return lambda: ask_for_token(APIClient(), alice, days=365)


def beside_another(alice):
    api = program_of(alice)
    return lambda: api.post("/api/v1/tokens/", {"password": PASSWORD, "days": 365}, format="json")


@pytest.mark.parametrize("change", [set_a_new_password, close, make_staff])
@pytest.mark.parametrize("door", [by_password, beside_another])
def test_none_is_made_by_what_was_proved_before_it(door, change, alice, monkeypatch):
    """The check of a password takes a while: it ended the others, and this one came after."""
    ask, check = door(alice), credentials.check

    def and_meanwhile(**proof):
        proved = check(**proof)
        person = User.objects.get(pk=alice.pk)
        change(person)
        person.save()
        return proved

    monkeypatch.setattr(credentials, "check", and_meanwhile)
    assert ask().status_code == 403
    assert not AuthToken.objects.exists()


def test_a_stronger_hash_of_the_same_password_does_not(alice, api, settings):
    api.credentials(HTTP_AUTHORIZATION=f"Token {ask_for_token(api, alice).json()['token']}")
    stronger = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
    settings.PASSWORD_HASHERS = [stronger, *settings.PASSWORD_HASHERS]
    assert ask_for_token(APIClient(), alice).status_code == 201
    alice.refresh_from_db()
    assert alice.password.startswith("pbkdf2_")
    assert api.get("/api/v1/records/").status_code == 200


def test_a_new_token_can_be_asked_for_with_an_old_one_in_the_header(alice, api):
    api.credentials(HTTP_AUTHORIZATION="Token expired")
    assert ask_for_token(api, alice).status_code == 201


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"email": "nobody@example.org"}])
def test_wrong_credentials_do_not_tell_which_part_is_wrong(alice, api, changes):
    answer = ask_for_token(api, alice, **changes)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The e-mail address or the password is wrong."


def test_a_deactivated_person_gets_no_token(alice, api):
    alice.is_active = False
    alice.save()
    assert ask_for_token(api, alice).status_code == 400


def test_the_second_factor_is_asked_for_and_checked(alice, api):
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    assert ask_for_token(api, alice).json()["errors"] == {
        "code": ["Enter the code from your authenticator app."]
    }
    assert "code" in ask_for_token(api, alice, code="000000x").json()["errors"]
    code = current_code(secret)  # once: the next half minute has another
    assert ask_for_token(api, alice, code=code).status_code == 201
    assert ask_for_token(api, alice, code=code).status_code == 400  # used once


def test_guessing_is_slowed_down(alice, api):
    answers = [ask_for_token(api, alice, password="wrong") for _guess in range(12)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "300"
    assert ask_for_token(api, alice).status_code == 429


def test_a_token_that_is_no_text_is_refused(db, api):
    answer = api.get("/api/v1/records/", HTTP_AUTHORIZATION=b"Token \xff\xfe".decode("latin-1"))
    assert answer.status_code == 401
