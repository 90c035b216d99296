"""Language, time zone and e-mails: chosen by the person, kept with the account."""

from datetime import UTC, date, datetime

import pytest
from django.urls import reverse

from accounts.models import User
from diagnosis.models import MoleRecord
from tests.factories import RecordFactory, assessed

PREFERENCES = reverse("accounts:preferences")
LANGUAGE = reverse("accounts:language")
HISTORY = reverse("diagnosis:history")


def test_the_account_speaks_the_chosen_language(signed_in, alice):
    signed_in.post(PREFERENCES, {"language": "fr", "time_zone": ""})
    answer = signed_in.get(HISTORY, headers={"Accept-Language": "en"})
    assert 'lang="fr"' in answer.content.decode()
    assert answer["Content-Language"] == "fr"


def test_without_a_choice_it_speaks_what_the_browser_asks_for(client, db):
    assert 'lang="fr"' in client.get("/", headers={"Accept-Language": "fr-BE"}).content.decode()
    assert 'lang="en-gb"' in client.get("/", headers={"Accept-Language": "nl"}).content.decode()


def test_the_switch_at_the_end_of_a_page_works_without_an_account(client, db):
    answer = client.post(LANGUAGE, {"language": "fr", "next": "/account/login/"})
    assert answer.url == "/account/login/"
    assert 'lang="fr"' in client.get("/", headers={"Accept-Language": "en"}).content.decode()


def test_the_switch_is_remembered_by_the_account(signed_in, alice):
    signed_in.post(LANGUAGE, {"language": "fr"})
    alice.refresh_from_db()
    assert alice.language == "fr"


@pytest.mark.parametrize("door", ["page", "api"])
def test_as_the_browser_asks_holds_after_the_switch_was_used(signed_in, door):
    signed_in.post(LANGUAGE, {"language": "fr"})
    if door == "page":
        signed_in.post(PREFERENCES, {"language": "", "time_zone": ""})
    else:
        signed_in.patch("/api/v1/account/", {"language": ""}, content_type="application/json")
    answer = signed_in.get(HISTORY, headers={"Accept-Language": "de"})
    assert answer["Content-Language"] == "de"


@pytest.mark.parametrize(
    "wrong", [{"language": "xx"}, {"language": "fr", "next": "//evil.example"}]
)
def test_the_switch_takes_no_other_language_and_leads_nowhere_else(signed_in, alice, wrong):
    assert signed_in.post(LANGUAGE, wrong).url == "/"
    assert signed_in.get(LANGUAGE).status_code == 405


def test_times_are_given_in_the_chosen_zone(signed_in, alice):
    moment = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    record = RecordFactory(owner=alice)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    signed_in.post(PREFERENCES, {"language": "", "time_zone": "Europe/Brussels"})
    page = signed_in.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "2 Jul 2026, 12:30 a.m." in page


def test_days_are_those_of_the_chosen_zone(signed_in, alice):
    """On her birthday there, which is the day before for the service."""
    User.objects.update(time_zone="Europe/Brussels", date_of_birth=date(2008, 7, 2))
    record = assessed(owner=alice)
    MoleRecord.objects.update(created_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    page = signed_in.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "It was tested on adults only." not in page
    for address in (
        reverse("diagnosis:record_report", args=[record.pk]),
        f"/api/v1/records/{record.pk}/report/",
    ):
        assert "mole-2026-07-02.pdf" in signed_in.get(address)["Content-Disposition"]


@pytest.mark.parametrize("zone", ["Asia/Kalkutta", "../zone"])
def test_a_stored_zone_that_this_machine_does_not_know_is_the_services(signed_in, alice, zone):
    User.objects.update(time_zone=zone)
    assert signed_in.get(HISTORY).status_code == 200
    assert signed_in.get(PREFERENCES).status_code == 200


@pytest.mark.parametrize("wrong", [{"language": "xx"}, {"time_zone": "Europe/Atlantis"}])
def test_what_is_not_offered_is_refused(signed_in, alice, wrong):
    assert signed_in.post(PREFERENCES, wrong).status_code == 400
    alice.refresh_from_db()
    assert (alice.language, alice.time_zone) == ("", "")


def test_each_kind_of_e_mail_is_switched_off_and_on(signed_in, alice):
    notifications = reverse("accounts:notifications")
    asked = signed_in.get(notifications).content.decode()
    assert "or the program finds afterwards that a doctor should look" in asked
    signed_in.post(notifications, {"verdict_emails": "on"})
    assert User.objects.values_list("reminder_emails", "verdict_emails").get() == (False, True)
    account = signed_in.get(reverse("accounts:account")).content.decode()
    assert "A doctor’s answers, and what is found later" in account
    signed_in.post(notifications, {"reminder_emails": "on"})
    assert User.objects.values_list("reminder_emails", "verdict_emails").get() == (True, False)
