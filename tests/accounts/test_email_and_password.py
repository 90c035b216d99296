"""The address is confirmed, and a forgotten password replaced, by links in e-mails."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD, UserFactory, link

NEW = "another long enough passphrase"


def test_a_new_address_is_confirmed_before_it_is_used(client, alice, mailoutbox):
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = reverse("account_email")
    client.post(page, {"action_add": "", "email": "alice@new.example"})
    client.post(page, {"action_primary": "", "email": "alice@new.example"})
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    [mail] = [mail for mail in mailoutbox if mail.to == ["alice@new.example"]]
    assert "alice@new.example" in client.get(link(mail)).content.decode()
    client.post(link(mail))
    client.post(page, {"action_primary": "", "email": "alice@new.example"})
    alice.refresh_from_db()
    assert alice.email == "alice@new.example"


@pytest.fixture
def mandatory(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"


def test_no_mail_names_its_reader_by_a_number(client, mandatory, alice, mailoutbox):
    EmailAddress.objects.update(verified=False)
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    client.post(reverse("account_reset_password"), {"email": alice.email})
    confirmation, reset = (mail.body for mail in mailoutbox)
    assert "Somebody, probably you, gave this address for an account at" in confirmation
    assert str(alice) not in confirmation + reset


def test_nobody_gets_in_with_an_address_that_is_not_theirs(client, mandatory, alice, mailoutbox):
    EmailAddress.objects.update(verified=False)
    answer = client.post(
        reverse("account_login"), {"login": alice.email, "password": PASSWORD}, follow=True
    )
    assert "Look into your e-mails" in answer.content.decode()
    assert client.get(reverse("accounts:account")).status_code == 302
    client.post(link(mailoutbox[0]))
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert client.get(reverse("accounts:account")).status_code == 200


def test_a_forgotten_password_is_replaced_once(client, alice, mailoutbox):
    client.post(reverse("account_reset_password"), {"email": alice.email})
    form = client.get(link(mailoutbox[0]), follow=True)
    address = form.request["PATH_INFO"]
    client.post(address, {"password1": NEW, "password2": NEW})
    assert User.objects.get().check_password(NEW)
    again = client.get(link(mailoutbox[0]), follow=True).content.decode()
    assert "This link does not work" in again


def minutes_later() -> None:
    """allauth's own limits of mails last for minutes."""
    for name in ("reset_password", "confirm_email", "manage_email"):
        cache.delete_many(cache.keys(f"*{name}*"))


SIGNING_UP = {"password1": NEW, "password2": NEW, "date_of_birth": "1990-05-17"}


def ask_for_mails(name: str, email: str, times: int, **fields) -> None:
    """Each time from another network."""
    for number in range(times):
        minutes_later()
        stranger = Client(REMOTE_ADDR=f"203.0.113.{number}")
        assert stranger.post(reverse(name), {"email": email} | fields).status_code in (200, 302)


@pytest.mark.parametrize(
    ("email", "most"),
    # Links for a password and news; news that there is no account, and one that confirms.
    [("alice@example.org", 10), ("nobody@example.org", 6)],
)
def test_strangers_do_not_flood_an_address_with_mails(alice, mandatory, mailoutbox, email, most):
    ask_for_mails("account_reset_password", email, 7)
    assert len(mailoutbox) == 5
    ask_for_mails("account_signup", email, 7, consent="on", **SIGNING_UP)
    assert len(mailoutbox) == most
    ask_for_mails("account_reset_password", "bob@example.org", 1)
    assert len(mailoutbox) == most + 1


def test_nor_do_they_keep_the_link_for_a_new_password_from_its_owner(alice, mandatory, mailoutbox):
    """Five sign-ups an hour with her address would."""
    ask_for_mails("account_signup", alice.email, 6, consent="on", **SIGNING_UP)
    mailoutbox.clear()
    ask_for_mails("account_reset_password", alice.email, 1)
    [mail] = mailoutbox
    assert "/account/password/reset/key/" in mail.body


def test_nor_the_one_that_confirms_an_address(db, mandatory, mailoutbox):
    ask_for_mails("account_reset_password", "nobody@example.org", 6)
    mailoutbox.clear()
    ask_for_mails("account_signup", "nobody@example.org", 1, consent="on", **SIGNING_UP)
    [mail] = mailoutbox
    assert "/account/confirm-email/" in mail.body


def test_nor_does_somebody_who_is_signed_in(client, alice, mailoutbox):
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    for _time in range(8):
        for action in ("add", "send", "remove"):
            fields = {f"action_{action}": "", "email": "victim@example.com"}
            client.post(reverse("account_email"), fields)
        minutes_later()
    assert len([mail for mail in mailoutbox if "victim@example.com" in mail.to]) == 5


@pytest.mark.parametrize("email", ["alice@example.org", "nobody@example.org"])
def test_no_stranger_chooses_the_port_of_links(alice, mandatory, mailoutbox, settings, email):
    """The name is checked, and the port after it is not."""
    settings.SITE_URL = "https://mole.example.org"
    stranger = Client(HTTP_HOST="localhost:9")
    stranger.post(reverse("account_reset_password"), {"email": email})
    stranger.post(reverse("account_signup"), {"email": email, "consent": "on"} | SIGNING_UP)
    minutes_later()
    program = {"email": email, "password": NEW, "consent": True, "date_of_birth": "1990-05-17"}
    stranger.post("/api/v1/auth/signup/", program, content_type="application/json")
    assert len(mailoutbox) == 3
    for mail in mailoutbox:
        assert "https://mole.example.org/account/" in mail.body
        assert "localhost" not in mail.body


def test_asking_for_an_unknown_address_tells_nothing(client, alice):
    answers = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True)
        for email in (alice.email, "nobody@example.org")
    ]
    first, second = (re.sub(r'value="\w{64}"', "", a.content.decode()) for a in answers)
    assert first == second


def test_of_a_closed_account_both_mails_say_that_it_is(alice, mandatory, mailoutbox):
    """The one said that there is no account, and the other that there is one."""
    alice.is_active = False
    alice.save()
    ask_for_mails("account_reset_password", alice.email, 1)
    ask_for_mails("account_signup", "Alice@example.org", 1, consent="on", **SIGNING_UP)
    assert [mail.to for mail in mailoutbox] == [[alice.email]] * 2
    for mail in mailoutbox:
        assert mail.subject.endswith("This account is closed")
        assert "Ask the service’s administrator" in mail.body
        assert "/account/" not in mail.body


def test_with_a_second_step_the_page_says_what_comes_before_another_address(client, db):
    """The library refuses one then; staff have such a step always."""
    client.force_login(UserFactory(second_factor=True))
    page = client.get(reverse("account_email")).content.decode()
    assert "No address can be added while a second step or a passkey is on." in page
    assert reverse("mfa_index") in page
    assert "action_add" not in page
