"""Reminders to look again: when, to whom, once, without a name, and off by one click."""

import re
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.mail import EmailMessage
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from diagnosis import tasks
from diagnosis.models import Mole, MoleRecord
from diagnosis.moles import reminders
from tests.factories import MoleFactory, RecordFactory

OFF = reverse("diagnosis:reminders_off")


def seen(owner, days_ago: float, **fields) -> Mole:
    mole = MoleFactory(owner=owner, **fields)
    record = RecordFactory(owner=owner, mole=mole)
    moment = timezone.now() - timedelta(days=days_ago)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return mole


def link(mail) -> str:
    return re.search(rf"{OFF}\?key=\S+", mail.body)[0]


def test_a_month_after_the_last_picture(alice, mailoutbox):
    seen(alice, 29.9)
    tasks.sweep_reminders()
    assert not mailoutbox
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(days=30))
    tasks.sweep_reminders()
    assert mailoutbox[0].to == [alice.email]


def test_one_e_mail_for_all_moles_and_not_again_before_another_month(alice, mailoutbox):
    seen(alice, 40)
    seen(alice, 50)
    tasks.sweep_reminders()
    tasks.sweep_reminders()
    assert len(mailoutbox) == 1
    assert "2 moles" in mailoutbox[0].body
    Mole.objects.update(reminded_at=timezone.now() - timedelta(days=31))
    tasks.sweep_reminders()
    assert len(mailoutbox) == 2


def test_it_names_neither_mole_nor_person(alice, mailoutbox):
    seen(alice, 40, name="scar on the chin", body_site="genital")
    tasks.sweep_reminders()
    mail = str(mailoutbox[0].message())
    for word in ("scar", "chin", "genital", alice.display_name + " "):
        assert word not in mail
    assert "http://localhost/moles/" in mail


@pytest.mark.parametrize(
    ("days", "after", "number"), [(100, 91, 1), (80, 91, 0), (400, 0, 0), (400, 365, 1)]
)
def test_as_often_as_the_person_chose(alice, mailoutbox, days, after, number):
    seen(alice, days, remind_after_days=after)
    tasks.sweep_reminders()
    assert len(mailoutbox) == number


@pytest.mark.parametrize("field", ["reminder_emails", "is_active"])
def test_not_to_who_wants_none_or_has_gone(alice, mailoutbox, field):
    seen(alice, 40)
    setattr(alice, field, False)
    alice.save()
    tasks.sweep_reminders()
    assert not mailoutbox


def test_not_for_a_mole_without_a_picture(alice, mailoutbox):
    MoleFactory(owner=alice)
    tasks.sweep_reminders()
    assert not mailoutbox


def test_an_e_mail_that_can_t_be_stored_leaves_the_mole_due(alice, mailoutbox, monkeypatch):
    seen(alice, 40)
    with monkeypatch.context() as broken:
        broken.setattr(EmailMessage, "send", Mock(side_effect=DatabaseError))
        with pytest.raises(DatabaseError):
            tasks.sweep_reminders()
    tasks.sweep_reminders()
    assert len(mailoutbox) == 1


def test_many_people_are_reminded_in_parts(alice, bob, mailoutbox, monkeypatch):
    monkeypatch.setattr(reminders, "AT_ONCE", 1)
    for person in (alice, bob):
        seen(person, 40)
    tasks.sweep_reminders()
    assert len(mailoutbox) == 1
    tasks.sweep_reminders()
    assert {mail.to[0] for mail in mailoutbox} == {alice.email, bob.email}


def test_looking_at_the_link_changes_nothing_and_one_post_switches_off(alice, client, mailoutbox):
    seen(alice, 40)
    tasks.sweep_reminders()
    address = link(mailoutbox[0])
    assert "Switch off" in client.get(address).content.decode()
    alice.refresh_from_db()
    assert alice.reminder_emails
    assert "The reminders are off" in client.post(address).content.decode()
    alice.refresh_from_db()
    assert not alice.reminder_emails


def test_mail_programs_have_a_button_for_it(alice, mailoutbox):
    seen(alice, 40)
    tasks.sweep_reminders()
    headers = mailoutbox[0].message()
    assert link(mailoutbox[0]) in headers["List-Unsubscribe"]
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_key_is_for_one_person_and_nothing_else(alice, bob, client):
    key = reminders.off_key(alice)
    for wrong in ("", "x", key[:-1], key.replace(alice.pk.hex, bob.pk.hex)):
        assert client.post(f"{OFF}?key={wrong}").status_code == 400
    client.post(f"{OFF}?key={key}")
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.reminder_emails, bob.reminder_emails) == (False, True)


def test_the_page_of_a_mole_says_that_they_are_off(alice, client):
    alice.reminder_emails = False
    alice.save()
    client.force_login(alice)
    page = client.get(reverse("diagnosis:mole_detail", args=[seen(alice, 1).pk]))
    assert "Reminders are switched off" in page.content.decode()
