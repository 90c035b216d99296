"""The address is confirmed, and a forgotten password replaced, by links in e-mails."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse

from accounts.models import User
from tests.factories import PASSWORD

NEW = "another long enough passphrase"


def link(mail) -> str:
    return re.search(r"https?://[^/]+(/\S+)", mail.body)[1]


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


def test_asking_for_an_unknown_address_tells_nothing(client, alice):
    answers = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True)
        for email in (alice.email, "nobody@example.org")
    ]
    first, second = (re.sub(r'value="\w{64}"', "", a.content.decode()) for a in answers)
    assert first == second
