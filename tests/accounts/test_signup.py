"""Signing up through allauth's page: consent, minimum age, the group."""

import zoneinfo
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.age import age_on
from accounts.consent import CONSENT_VERSION
from accounts.models import User
from tests.factories import SIGN_UP, sign_up


def errors(response):
    return response.context["form"].errors


def test_signing_up_stores_consent_and_joins_the_persons(db, client):
    assert sign_up(client).status_code == 302
    dana = User.objects.get()
    assert (dana.email, dana.display_name) == ("dana@example.org", "Dana")
    assert dana.date_of_birth == date(1990, 5, 17)
    assert dana.consent_version == CONSENT_VERSION
    assert timezone.now() - dana.consented_at < timedelta(minutes=1)
    assert [group.name for group in dana.groups.all()] == ["person"]
    assert not dana.is_staff


def test_e_mails_come_in_the_language_of_the_sign_up(db, client):
    client.post(reverse("account_signup"), SIGN_UP, headers={"accept-language": "fr-BE"})
    assert User.objects.get().language == "fr"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, ""),
        ("Europe/Brussels", "Europe/Brussels"),
        ("Europe/Atlantis", ""),
        ("UTC", ""),  # the service's own
    ],
)
def test_times_come_in_the_zone_of_the_browser_that_signed_up(db, client, said, kept):
    assert sign_up(client, time_zone=said).status_code == 302
    assert User.objects.get().time_zone == kept


def test_a_browsers_older_name_of_a_zone_is_kept_where_the_machine_lacks_it(db, client):
    """As the image does, whose own list has no Asia/Calcutta."""
    zoneinfo.reset_tzpath(to=[])
    try:
        sign_up(client, time_zone="Asia/Calcutta")
        assert User.objects.get().time_zone == "Asia/Calcutta"
    finally:
        zoneinfo.reset_tzpath()


@pytest.fixture
def twice(transactional_db):
    """twice(send): the answers to a request that comes again while the account is being made."""

    def play(send):
        answers = []

        def again(**_):
            pre_save.disconnect(again, sender=User)
            with ThreadPoolExecutor(1) as pool:
                answers.append(pool.submit(in_thread, send).result())

        pre_save.connect(again, sender=User)
        answers.append(send())
        return answers

    def in_thread(send):
        try:
            return send()
        finally:
            connection.close()

    return play


def test_a_form_that_is_sent_twice_makes_one_account(twice, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    first, second = twice(lambda: sign_up(Client()))
    assert first.url == second.url == reverse("account_email_verification_sent")
    assert User.objects.count() == 1


def test_also_where_nobody_has_to_confirm(twice):
    first, second = twice(lambda: sign_up(Client()))
    assert (first.url, second.url) == ("/", reverse("account_login"))
    assert User.objects.count() == 1


def test_also_by_a_program(twice, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    sent = {"email": "dana@example.org", "password": SIGN_UP["password1"], "consent": True}
    sent |= {"date_of_birth": "1990-05-17"}
    answers = twice(lambda: APIClient().post("/api/v1/auth/signup/", sent, format="json"))
    assert [answer.status_code for answer in answers] == [204, 204]
    assert User.objects.count() == 1


def test_without_consent_there_is_no_account(db, client):
    assert "consent" in str(errors(sign_up(client, consent=None))["consent"])
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("born", "message"),
    [
        (lambda today: today.replace(year=today.year - 15), "at least 16"),
        (lambda today: today + timedelta(days=1), "real date"),
        (lambda today: "1850-01-01", "real date"),
        (lambda today: "soon", "such as 1980-03-27"),
        (lambda today: None, "Enter your date of birth"),
    ],
)
def test_a_date_of_birth_that_is_refused_says_why(db, client, born, message):
    response = sign_up(client, date_of_birth=born(timezone.localdate()))
    assert message in str(errors(response)["date_of_birth"])
    assert not User.objects.exists()


def test_the_birthday_itself_counts():
    assert age_on(date(2026, 3, 26), born=date(2010, 3, 27)) == 15
    assert age_on(date(2026, 3, 27), born=date(2010, 3, 27)) == 16
    assert age_on(date(2026, 2, 28), born=date(2008, 2, 29)) == 17
