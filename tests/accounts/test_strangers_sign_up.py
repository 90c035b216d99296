"""Who signed up with another's address leaves nothing in the account once its owner takes it."""

import re
from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import expiry
from accounts.consent import CONSENT_VERSION
from accounts.models import User
from tests.factories import PASSWORD, RecordFactory, UserFactory

CHEN = "chen@example.org"
NEW = "another long enough passphrase"
UPLOAD = reverse("diagnosis:record_new")
CONSENT = reverse("accounts:consent")
SIGN_UP = {
    "email": CHEN,
    "display_name": "Mallory",
    "date_of_birth": "1990-05-17",
    "password1": PASSWORD,
    "password2": PASSWORD,
    "consent": "on",
    "time_zone": "Asia/Tokyo",
}


@pytest.fixture
def chens(db, settings):
    """The account of chen's address, which mallory made and nobody confirmed."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    Client(HTTP_ACCEPT_LANGUAGE="fr").post(reverse("account_signup"), SIGN_UP)
    cache.clear()  # some minutes pass: mails to one address have a limit
    return User.objects.get(email=CHEN)


def new_password(email: str, mailoutbox) -> Client:
    browser = Client()
    browser.post(reverse("account_reset_password"), {"email": email})
    link = re.search(r"https?://[^/]+(/\S+/reset/\S+)", mailoutbox[-1].body)[1]
    form = browser.get(link, follow=True)
    browser.post(form.request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    return browser


def test_by_a_new_password_its_owner_is_in_and_says_everything_anew(chens, mailoutbox):
    browser = new_password(CHEN, mailoutbox)
    assert chens.emailaddress_set.get().verified  # the link was in a mail to it
    browser.post(reverse("account_login"), {"login": CHEN, "password": NEW})
    person = browser.get("/account/").context["user"]
    assert (person.display_name, person.date_of_birth, person.time_zone) == ("", None, "")
    assert person.language == "en-gb"
    assert not person.consented_at
    asked = browser.get(UPLOAD).url
    assert asked.startswith(CONSENT)
    assert browser.post(asked, {"consent": "on"}).status_code == 400
    young = f"{timezone.localdate().year - 10}-01-01"
    assert browser.post(asked, {"consent": "on", "date_of_birth": young}).status_code == 400
    answer = browser.post(asked, {"consent": "on", "date_of_birth": "1980-03-27"})
    assert answer.url == UPLOAD
    person = User.objects.get(pk=person.pk)
    assert person.date_of_birth == date(1980, 3, 27)
    assert person.consent_version == CONSENT_VERSION


def test_it_stays_then_as_one_that_was_confirmed(chens, mailoutbox):
    new_password(CHEN, mailoutbox)
    User.objects.update(date_joined=timezone.now() - timedelta(days=90))
    expiry.remove_expired()
    assert User.objects.filter(pk=chens.pk).exists()


def test_without_it_the_account_goes(chens):
    User.objects.update(date_joined=timezone.now() - timedelta(days=90))
    expiry.remove_expired()
    assert not User.objects.exists()


@pytest.mark.parametrize("confirmed", [True, False])
def test_who_was_in_before_keeps_what_they_said(alice, mailoutbox, settings, confirmed):
    """An administrator may have replaced the address, which is not confirmed since."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    RecordFactory(owner=alice)
    alice.emailaddress_set.update(verified=confirmed)
    new_password(alice.email, mailoutbox)
    alice.refresh_from_db()
    assert alice.emailaddress_set.get().verified
    assert (alice.display_name, alice.date_of_birth) == ("alice", date(1980, 3, 27))
    assert alice.consent_version == CONSENT_VERSION


def test_a_further_address_is_not_confirmed_along_with_it(alice, mailoutbox):
    alice.emailaddress_set.create(email="second@example.org", verified=False)
    new_password(alice.email, mailoutbox)
    assert not alice.emailaddress_set.get(email="second@example.org").verified


def test_what_an_administrator_wrote_of_a_person_stays(db, mailoutbox):
    """Nobody has signed up, nor agreed to anything."""
    erin = UserFactory(display_name="erin", consent_version="", consented_at=None)
    erin.emailaddress_set.all().delete()
    new_password(erin.email, mailoutbox)
    erin.refresh_from_db()
    assert (erin.display_name, erin.date_of_birth) == ("erin", date(1980, 3, 27))
    assert [each.verified for each in erin.emailaddress_set.all()] == [True]
