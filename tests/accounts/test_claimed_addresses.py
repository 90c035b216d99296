"""An address that somebody added to an account and never confirmed is nobody's yet."""

import pytest
from allauth.account.models import EmailAddress
from auditlog.models import LogEntry
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import OutgoingMail, User
from tests.factories import PASSWORD, UserFactory, link

CHEN = "chen@example.org"
NEW = "another long enough passphrase"
FORM = {"email": CHEN, "password1": NEW, "password2": NEW, "date_of_birth": "1990-05-17"}


@pytest.fixture
def mallory(db, settings):
    """Has written chen's address into an account of her own."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    mallory, browser = UserFactory(display_name="mallory"), Client()
    browser.force_login(mallory)
    browser.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    browser.post(reverse("account_email"), {"action_add": "", "email": CHEN})
    assert mallory.emailaddress_set.filter(email=CHEN, verified=False).exists()
    cache.clear()  # some minutes pass: mails to one address have a limit
    return mallory


@pytest.mark.parametrize("door", ["page", "API"])
def test_its_owner_signs_up_all_the_same(mallory, client, mailoutbox, door):
    mailoutbox.clear()
    if door == "page":
        client.post(reverse("account_signup"), FORM | {"consent": "on"})
    else:
        fields = {"email": CHEN, "password": NEW, "date_of_birth": "1990-05-17", "consent": True}
        APIClient().post("/api/v1/auth/signup/", fields, format="json")
    [mail] = mailoutbox
    assert mail.to == [CHEN]
    client.post(link(mail))
    chen = User.objects.get(email=CHEN)
    assert chen.emailaddress_set.get().verified
    assert not EmailAddress.objects.filter(user=mallory, email=CHEN, verified=True).exists()
    client.post(reverse("account_login"), {"login": CHEN, "password": NEW})
    assert client.get("/account/").context["user"] == chen


def test_nobody_signs_in_by_it(mallory, client):
    said = {"email": CHEN, "password": PASSWORD}
    assert APIClient().post("/api/v1/auth/token/", said, format="json").status_code == 400
    client.post(reverse("account_login"), {"login": CHEN, "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    refused = LogEntry.objects.filter(additional_data__action="sign-in refused")
    assert not refused.filter(object_pk=str(mallory.pk)).exists()


def test_what_others_signed_up_for_with_it_is_not_in_its_owners_way(
    settings, client, alice, mailoutbox
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    Client().post(reverse("account_signup"), FORM | {"consent": "on"})
    assert User.objects.filter(email=CHEN).exists()
    cache.clear()
    mailoutbox.clear()
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    client.post(reverse("account_email"), {"action_add": "", "email": CHEN})
    confirm = next(link(mail) for mail in mailoutbox if mail.to == [CHEN])
    OutgoingMail.objects.create(recipients=[CHEN], content=b"for its owner")
    client.post(confirm)
    assert OutgoingMail.objects.exists()
    client.post(reverse("account_email"), {"action_primary": "", "email": CHEN})
    alice.refresh_from_db()
    assert alice.email == CHEN
    assert alice.emailaddress_set.get(primary=True).email == CHEN


def test_a_new_password_for_it_is_none_for_that_account(mallory, client, mailoutbox):
    before = mallory.password
    mailoutbox.clear()
    client.post(reverse("account_reset_password"), {"email": CHEN})
    assert not any("/password/reset/key" in mail.body for mail in mailoutbox)
    mallory.refresh_from_db()
    assert mallory.password == before


# --- and stays so, whoever follows the link without that account's session -----------------------


@pytest.fixture
def confirmation(mallory, mailoutbox) -> str:
    return link(next(mail for mail in mailoutbox if mail.to == [CHEN]))


def leads_on_to(confirmation, answer, by="account_login") -> bool:
    """To the same address, by a key that the page signs anew, perhaps in another second."""
    begins = confirmation.partition(":")[0]
    return f"{reverse(by)}?next={begins}:" in answer.content.decode()


def is_mallorys(mallory) -> bool:
    return mallory.emailaddress_set.get(email=CHEN).verified


def test_who_follows_the_link_joins_no_account_of_somebody_else(mallory, confirmation, client):
    page = client.get(confirmation)
    assert "Yes, it is mine" not in page.content.decode()
    assert leads_on_to(confirmation, page)
    client.post(confirmation)
    assert not is_mallorys(mallory)


def test_nor_does_who_is_signed_in_to_another_one_and_is_not_signed_out(
    mallory, confirmation, client, alice
):
    client.force_login(alice)
    page = client.get(confirmation)
    assert "Yes, it is mine" not in page.content.decode()
    assert leads_on_to(confirmation, page, by="account_logout")
    client.post(confirmation)
    assert not is_mallorys(mallory)
    assert client.get("/account/").context["user"] == alice
    then = client.post(reverse("account_logout"), {"next": confirmation}, follow=True)
    assert leads_on_to(confirmation, then)


def test_a_link_signs_nobody_out_before_its_address_is_confirmed(
    settings, client, alice, mailoutbox
):
    """Anybody may have signed up, and sent her the link."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    Client().post(reverse("account_signup"), FORM | {"consent": "on"})
    [mail] = mailoutbox
    client.force_login(alice)
    assert "this signs you out" in client.get(link(mail)).content.decode()
    assert client.get("/account/").context["user"] == alice
    client.post(link(mail))
    assert EmailAddress.objects.get(email=CHEN).verified
    assert client.get("/account/").status_code == 302


def test_nor_by_a_program(mallory, confirmation):
    key = confirmation.split("/")[-2]
    answer = APIClient().post("/api/v1/auth/confirm-email/", {"key": key}, format="json")
    assert answer.status_code == 400
    assert not is_mallorys(mallory)


def test_the_session_of_that_account_confirms_it(mallory, confirmation, client):
    client.force_login(mallory)
    assert "Yes, it is mine" in client.get(confirmation).content.decode()
    client.post(confirmation)
    assert is_mallorys(mallory)


def test_a_session_that_ended_before_the_button_was_pressed_is_opened_first(
    mallory, confirmation, client
):
    client.force_login(mallory)
    client.get(confirmation)
    client.logout()
    answer = client.post(confirmation)
    assert answer.status_code == 200
    assert leads_on_to(confirmation, answer)
