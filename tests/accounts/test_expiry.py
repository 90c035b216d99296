"""What has run out is removed each day, and nothing else."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from knox.models import AuthToken

from accounts import expiry
from accounts.models import User
from tests.factories import PASSWORD, MoleFactory, RecordFactory, UserFactory

MONTHS_AGO = timezone.now() - timedelta(days=90)


def test_sessions_that_ended(alice, bob):
    for person in (alice, bob):
        client = Client()
        client.force_login(person)
        UserSession.objects.create(
            user=person, session_key=client.session.session_key, ip="127.0.0.1", user_agent=""
        )
    Session.objects.filter(session_key=alice.usersession_set.get().session_key).update(
        expire_date=MONTHS_AGO
    )
    expiry.remove_expired()
    assert Session.objects.count() == 1
    assert UserSession.objects.get().user == bob


def test_tokens_that_ended(alice, bob):
    AuthToken.objects.create(alice)
    AuthToken.objects.update(expiry=MONTHS_AGO)
    AuthToken.objects.create(bob)
    expiry.remove_expired()
    assert AuthToken.objects.get().user == bob


@pytest.fixture
def dana(db):
    """Signed up three months ago, and never confirmed the address."""
    person = UserFactory(display_name="dana", date_joined=MONTHS_AGO)
    person.emailaddress_set.update(verified=False)
    return person


def test_accounts_that_nobody_confirmed(dana, alice, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    User.objects.filter(pk=alice.pk).update(date_joined=MONTHS_AGO)
    expiry.remove_expired()
    assert [person.display_name for person in User.objects.all()] == ["alice"]


@pytest.mark.parametrize(
    "change",
    [
        {"last_login": MONTHS_AGO},
        {"is_staff": True},
        {"date_joined": timezone.now() - timedelta(days=2)},
    ],
)
def test_others_stay(dana, settings, change):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    User.objects.filter(pk=dana.pk).update(**change)
    expiry.remove_expired()
    assert User.objects.exists()


def test_who_was_made_by_an_administrator_stays(client, settings, frank):
    """A first sign-in notes the address, and asks to confirm it."""
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.force_login(frank)
    fields = {"email": "erin@example.org", "password1": PASSWORD, "password2": PASSWORD}
    client.post(reverse("admin:accounts_user_add"), fields | {"usable_password": "true"})
    erin = User.objects.get(email="erin@example.org")
    Client().post(reverse("account_login"), {"login": erin.email, "password": PASSWORD})
    assert list(erin.emailaddress_set.values_list("verified", flat=True)) == [False]
    User.objects.filter(pk=erin.pk).update(date_joined=MONTHS_AGO)
    expiry.remove_expired()
    assert User.objects.filter(pk=erin.pk).exists()


@pytest.mark.parametrize("used", [RecordFactory, MoleFactory, None])
def test_who_came_by_a_program_alone_stays_though_the_address_is_a_new_one(
    client, settings, alice, frank, used
):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    User.objects.filter(pk=alice.pk).update(date_joined=MONTHS_AGO)
    if used:
        used(owner=alice)
    else:
        AuthToken.objects.create(alice)
    client.force_login(frank)
    page = reverse("admin:accounts_user_change", args=[alice.pk])
    client.post(page, {"email": "new@example.org", "is_active": "on"})
    assert not alice.emailaddress_set.get().verified
    expiry.remove_expired()
    assert User.objects.filter(email="new@example.org").exists()


def test_where_nobody_has_to_confirm_they_stay(dana):
    expiry.remove_expired()
    assert User.objects.exists()
