"""What a borrowed session may not do, and what the owner of the account hears of it."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import User
from tests.factories import PASSWORD, TOTP_SECRET, MoleFactory, RecordFactory, link

EMAIL = reverse("account_email")
TOKEN = "/api/v1/auth/token/"
NEW = "another long enough passphrase"


@pytest.fixture
def borrowed(alice, client):
    """A session of alice's, whose password the one at the keyboard does not know."""
    client.force_login(alice)
    return client


@pytest.fixture
def second(alice):
    return EmailAddress.objects.create(user=alice, email="second@example.org", verified=True)


@pytest.mark.parametrize("action", ["add", "primary", "remove"])
def test_no_address_is_changed_before_the_password_is_asked_for(borrowed, second, action, alice):
    email = "evil@example.org" if action == "add" else second.email
    answer = borrowed.post(EMAIL, {f"action_{action}": "", "email": email})
    assert answer.url.startswith(reverse("account_reauthenticate"))
    assert set(alice.emailaddress_set.values_list("email", "primary")) == {
        (alice.email, True),
        (second.email, False),
    }


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("mfa_activate_totp", {"code": "000000"}),
        ("mfa_deactivate_totp", {}),
        ("mfa_add_webauthn", {"credential": "{}"}),
        ("mfa_generate_recovery_codes", {}),
        ("accounts:tokens", {}),
        ("diagnosis:account_delete", {}),
    ],
)
def test_nothing_else_that_opens_the_account_either(borrowed, alice, name, fields):
    if name == "mfa_deactivate_totp":
        TOTP.activate(alice, TOTP_SECRET)
    before = Authenticator.objects.count()
    answer = borrowed.post(reverse(name), fields)
    assert "/reauthenticate/" in answer.url
    assert Authenticator.objects.count() == before
    assert not alice.auth_token_set.exists()


def test_nor_by_what_programs_call(borrowed, alice):
    """It may look and send: a page of hers asks for the password before these, too."""
    mole = MoleFactory(owner=alice)
    record = RecordFactory(owner=alice, mole=mole)
    webhook = alice.webhooks.create(url="https://example.org/", events=[])
    asked = [
        (borrowed.post, "/api/v1/webhooks/"),
        (borrowed.post, f"/api/v1/webhooks/{webhook.pk}/rotate/"),
        (borrowed.delete, f"/api/v1/records/{record.pk}/"),
        (borrowed.delete, f"/api/v1/moles/{mole.pk}/"),
    ]
    for call, address in asked:
        answer = call(address)
        assert answer.status_code == 403
        assert "/account/reauthenticate/" in answer.json()["detail"]
    borrowed.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert [call(address).status_code for call, address in asked] == [415, 200, 204, 204]


def test_the_old_address_hears_of_a_new_one_whatever_happens_after_the_commit(
    borrowed, alice, mailoutbox
):
    borrowed.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    borrowed.post(EMAIL, {"action_add": "", "email": "evil@example.org"})
    [notice] = [mail for mail in mailoutbox if mail.to == [alice.email]]
    assert "evil@example.org" in notice.body


def test_the_notice_is_in_the_persons_language(borrowed, alice, mailoutbox):
    User.objects.filter(pk=alice.pk).update(language="fr")
    borrowed.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    borrowed.post(EMAIL, {"action_add": "", "email": "evil@example.org"})
    [notice] = [mail for mail in mailoutbox if mail.to == [alice.email]]
    assert "L’adresse e-mail" in notice.body


# --- who is locked out ---------------------------------------------------------------------------


def guess(person, times: int = 6) -> None:
    stranger = Client()
    for _guess in range(times):
        stranger.post(reverse("account_login"), {"login": person.email, "password": "wrong"})


def is_let_in(browser: Client, person, password: str = PASSWORD) -> bool:
    answer = browser.post(reverse("account_login"), {"login": person.email, "password": password})
    return answer.status_code == 302


def test_a_strangers_guesses_do_not_lock_out_the_owners_own_device(alice):
    device = Client()
    assert is_let_in(device, alice)
    device.post(reverse("account_logout"))
    guess(alice)
    assert not is_let_in(Client(), alice)
    assert is_let_in(device, alice)


# Documentation addresses, RFC 5737 and 3849.
STRANGER, HOME, OTHERS = "192.0.2.66", "198.51.100.7", [f"203.0.113.{n}" for n in range(1, 21)]


def token(person, password=PASSWORD, *, address=HOME, held="", **headers) -> int:
    headers |= {"REMOTE_ADDR": address} | ({"HTTP_AUTHORIZATION": f"Token {held}"} if held else {})
    credentials = {"email": person.email, "password": password}
    return APIClient().post(TOKEN, credentials, format="json", **headers).status_code


def guess_from(addresses, person, times: int = 6) -> list[int]:
    return [token(person, "wrong", address=one) for one in addresses for _guess in range(times)]


def test_a_strangers_guesses_do_not_hold_up_the_owners_programs(alice):
    assert guess_from([STRANGER], alice) == [400] * 5 + [429]
    assert token(alice, address=STRANGER) == 429
    assert token(alice) == 201


def test_who_comes_through_a_socket_without_an_address_is_let_in(alice):
    assert token(alice, address="") == 201
    assert is_let_in(Client(REMOTE_ADDR=""), alice)
    assert guess_from([""], alice) == [400] * 5 + [429]


def test_nor_the_owners_new_browser(alice):
    guess_from([STRANGER], alice)
    assert is_let_in(Client(REMOTE_ADDR=HOME), alice)


def test_who_guesses_by_another_port_of_the_site_guesses_no_more(alice):
    answers = [
        token(alice, "wrong", address=STRANGER, HTTP_HOST=f"localhost:{port}") for port in range(6)
    ]
    assert answers == [400] * 5 + [429]


def test_guesses_from_many_places_are_limited_together(alice):
    answers = guess_from(OTHERS, alice, times=2)
    assert answers == [400] * 30 + [429] * 10
    assert token(alice) == 429


def test_they_hold_up_neither_a_place_that_the_owner_came_from_before(alice):
    assert token(alice) == 201
    guess_from(OTHERS, alice, times=2)
    assert token(alice) == 201


def test_nor_a_program_that_holds_a_token(alice):
    held = AuthToken.objects.create(alice)[1]
    guess_from(OTHERS, alice, times=2)
    assert token(alice, held=held) == 201


def test_anothers_token_or_a_made_up_one_helps_nobody(alice, bob):
    guess_from(OTHERS, alice, times=2)
    for held in (AuthToken.objects.create(bob)[1], "0" * 64, "é", ""):
        assert token(alice, held=held) == 429


def test_guesses_from_a_known_place_or_with_a_token_are_limited_all_the_same(alice):
    held = AuthToken.objects.create(alice)[1]
    assert token(alice) == 201
    for extra in ({}, {"held": held, "address": STRANGER}):
        answers = [token(alice, "wrong", **extra) for _guess in range(6)]
        assert answers == [400] * 5 + [429]


def test_a_new_password_by_e_mail_ends_the_limit_of_many_places(alice, mailoutbox):
    guess_from(OTHERS, alice, times=2)
    browser = Client(REMOTE_ADDR=HOME)
    browser.post(reverse("account_reset_password"), {"email": alice.email})
    form = browser.get(link(mailoutbox[-1]), follow=True)
    browser.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert token(alice, NEW) == 201


def test_guesses_on_a_known_device_are_limited_all_the_same(alice):
    device = Client()
    assert is_let_in(device, alice)
    device.post(reverse("account_logout"))
    for _guess in range(6):
        assert not is_let_in(device, alice, "wrong")
    assert not is_let_in(device, alice)


def test_one_persons_device_is_not_another_persons(alice, bob):
    device = Client()
    assert is_let_in(device, bob)
    device.post(reverse("account_logout"))
    guess(alice)
    assert not is_let_in(device, alice)


def test_a_new_password_by_e_mail_ends_the_limit(alice, mailoutbox):
    guess(alice)
    browser = Client()
    browser.post(reverse("account_reset_password"), {"email": alice.email})
    form = browser.get(link(mailoutbox[-1]), follow=True)
    browser.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    assert is_let_in(Client(), alice, NEW)


# --- who has an account --------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_signing_up_costs_the_same_for_an_address_that_has_an_account(
    client, alice, settings, email, monkeypatch
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    hashed = []
    monkeypatch.setattr(
        "django.contrib.auth.hashers.MD5PasswordHasher.encode",
        lambda self, password, salt: hashed.append(password) or f"md5${salt}$x",
    )
    fields = {"password1": NEW, "password2": NEW, "date_of_birth": "1990-05-17", "consent": "on"}
    answer = client.post(reverse("account_signup"), fields | {"email": email})
    assert answer.url == reverse("account_email_verification_sent")
    assert hashed == [NEW]
