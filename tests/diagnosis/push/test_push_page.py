"""Notifications turned on and off by their person, and ended with the session or the account."""

import io
import json
import uuid
import zipfile
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from py_vapid import Vapid02

from accounts import expiry, staff
from accounts.models import User
from diagnosis.models import PushSubscription
from diagnosis.own_data import archive, deletion
from diagnosis.push import notifications, subscriptions
from tests.diagnosis.push.conftest import browser_at
from tests.factories import PASSWORD

PAGE = reverse("diagnosis:push")
ON = reverse("diagnosis:push_on")
OFF = reverse("diagnosis:push_off")
RENEW = reverse("diagnosis:push_renew")
PHONE = browser_at("https://push.example.org/send/phone").said
NEWER = browser_at("https://push.example.org/send/newer").said


@pytest.fixture
def phone(client, alice, offered):
    """alice's, signed in by the page."""
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    return client


def test_the_service_offers_none_without_a_key(client, alice, settings):
    settings.VAPID_KEY = ""
    client.force_login(alice)
    assert PAGE not in client.get(reverse("accounts:account")).content.decode()
    assert client.get(PAGE).status_code == 404
    assert client.post(ON, PHONE).status_code == 404
    assert client.post(OFF).status_code == 404
    assert not PushSubscription.objects.exists()


def test_they_are_off_until_she_turns_them_on(phone, alice):
    page = phone.get(PAGE).content.decode()
    assert f'data-push="{notifications.public_key()}"' in page
    assert "A doctor has answered. Sign in to read it." in page
    assert "Turn off in all browsers" not in page
    assert phone.post(ON, PHONE).status_code == 302
    page = phone.get(PAGE).content.decode()
    assert "Notifications are on in this browser." in page
    assert "They are on in 1 browser." in page
    assert "In 1 browser" in phone.get(reverse("accounts:account")).content.decode()
    kept = alice.push_subscriptions.get()
    assert {name: getattr(kept, name) for name in PHONE} == PHONE


def test_they_stay_off_where_a_new_password_ended_the_session_meanwhile(phone, alice, monkeypatch):
    seal = notifications.sealed

    def and_meanwhile(*said):
        person = User.objects.get(pk=alice.pk)
        person.set_password("another long enough passphrase")
        person.save()
        return seal(*said)

    monkeypatch.setattr(notifications, "sealed", and_meanwhile)
    assert phone.post(ON, PHONE).status_code == 403
    assert not PushSubscription.objects.exists()


def test_a_double_click_turns_them_on_once(phone, alice):
    phone.post(ON, PHONE)
    phone.post(ON, PHONE)
    assert alice.push_subscriptions.count() == 1


def test_a_browser_that_got_another_address_is_told_there(phone, alice):
    phone.post(ON, PHONE)
    before = alice.push_subscriptions.get()
    PushSubscription.objects.filter(pk=before.pk).update(record_id=before.pk, due_at=timezone.now())
    assert phone.get(RENEW).json()["key"] == notifications.public_key()
    assert phone.post(RENEW, NEWER).status_code == 204
    kept = alice.push_subscriptions.get()
    assert {name: getattr(kept, name) for name in NEWER} == NEWER
    assert (kept.pk, kept.record_id) == (before.pk, before.pk)  # what it had still to be told
    phone.post(reverse("account_logout"))
    assert not PushSubscription.objects.exists()


def test_the_audit_log_holds_no_id_that_a_browser_proves_itself_by(phone, alice):
    phone.post(ON, PHONE)
    kept = str(alice.push_subscriptions.get().pk)
    phone.post(OFF)
    logged = LogEntry.objects.get_for_model(PushSubscription)
    assert [entry.action for entry in logged.order_by("id")] == [
        LogEntry.Action.CREATE,
        LogEntry.Action.DELETE,
    ]
    assert kept not in str(list(logged.values()))
    assert len(set(logged.values_list("object_pk"))) == 1  # what belongs together is still seen


def test_no_id_that_the_audit_log_had_before_is_worth_anything(phone):
    phone.post(ON, PHONE)
    call_command("migrate", "diagnosis", "0034", verbosity=0)
    call_command("migrate", "diagnosis", verbosity=0)
    mallory = Client()
    mallory.cookies[subscriptions.COOKIE] = phone.cookies[subscriptions.COOKIE].value
    assert mallory.post(RENEW, NEWER).status_code == 302
    assert not PushSubscription.objects.exists()


def test_a_new_address_turns_nothing_on(phone, alice, bob, client):
    assert phone.post(RENEW, NEWER).status_code == 400
    phone.post(ON, PHONE)
    for wrong in ({"endpoint": "https://localhost/send"}, {"auth": "short"}):
        assert phone.post(RENEW, NEWER | wrong).status_code == 400
    client.force_login(bob)  # on the same browser, with its cookie
    assert client.post(RENEW, NEWER).status_code == 400
    client.logout()
    assert client.post(RENEW, NEWER).status_code == 302
    assert not PushSubscription.objects.filter(endpoint=NEWER["endpoint"]).exists()


def test_they_are_turned_off_here_or_in_all_browsers(phone, alice, bob):
    for name in ("desk", "tablet"):
        said = browser_at(f"https://push.example.org/send/{name}").said
        PushSubscription.objects.create(person=alice, **said)
    of_bob = PushSubscription.objects.create(
        person=bob, **browser_at("https://push.example.org/send/bob").said
    )
    phone.post(ON, PHONE)
    phone.post(OFF, {"endpoint": of_bob.endpoint})
    phone.post(OFF, {"endpoint": PHONE["endpoint"]})
    assert alice.push_subscriptions.count() == 2
    phone.post(OFF)
    assert list(PushSubscription.objects.all()) == [of_bob]


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpoint": ""},
        {"endpoint": "http://push.example.org/send/phone"},
        {"endpoint": "https://localhost/send"},
        {"endpoint": "https://169.254.169.254/latest/meta-data"},
        {"endpoint": "https://[2606:4700:4700::1111]/send"},
        {"endpoint": "https://push.example.org/" + "x" * 1024},
        {"p256dh": ""},
        {"p256dh": "A" * 87},
        {"p256dh": PHONE["p256dh"] + "A" * 100},
        {"auth": ""},
        {"auth": "short"},
        {"auth": "\x00" * 22},
    ],
)
def test_what_no_browser_says_is_refused_and_nothing_is_kept(phone, wrong):
    response = phone.post(ON, PHONE | wrong)
    assert response.status_code == 400
    assert "Nothing was turned on." in response.content.decode()
    assert not PushSubscription.objects.exists()


def test_a_person_has_so_many_browsers_and_no_more(phone, alice):
    for number in range(subscriptions.AT_MOST):
        said = browser_at(f"https://push.example.org/send/{number}").said
        assert phone.post(ON, said).status_code == 302
    response = phone.post(ON, PHONE)
    assert response.status_code == 400
    assert "as many browsers as one person may have" in response.content.decode()
    assert phone.post(ON, said).status_code == 302  # one that is known may come again
    assert alice.push_subscriptions.count() == subscriptions.AT_MOST


def test_who_signs_in_later_on_the_same_browser_gets_it(phone, bob):
    phone.post(ON, PHONE)
    other = Client()
    other.force_login(bob)
    other.post(ON, PHONE)
    assert PushSubscription.objects.get().person == bob


def test_signing_out_ends_them_in_this_browser(phone, alice):
    desk = Client()
    desk.force_login(alice)
    desk.post(ON, browser_at("https://push.example.org/send/desk").said)
    phone.post(ON, PHONE)
    phone.post(reverse("account_logout"))
    assert alice.push_subscriptions.get().endpoint.endswith("/desk")


def test_being_signed_out_from_elsewhere_ends_them(phone, alice):
    phone.post(ON, PHONE)
    desk = Client()
    desk.force_login(alice)
    session = UserSession.objects.get(session_key=phone.session.session_key)
    desk.post(reverse("accounts:session_end", args=[session.pk]))
    assert not PushSubscription.objects.exists()


def test_a_session_that_ran_out_ends_them_not(phone, alice):
    """She may wait longer for a doctor than a session lasts; the sentence asks her to sign in."""
    phone.post(ON, PHONE)
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    expiry.remove_expired()
    assert not Session.objects.exists()
    assert alice.push_subscriptions.count() == 1


def sign_in(browser, person):
    browser.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})


def run_out(browser):
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))
    expiry.remove_expired()
    del browser.cookies["sessionid"]


@pytest.mark.parametrize("where", ["here", "elsewhere"])
def test_signing_out_of_a_later_session_ends_them(phone, alice, where):
    phone.post(ON, PHONE)
    run_out(phone)
    sign_in(phone, alice)
    assert alice.push_subscriptions.count() == 1
    if where == "here":
        phone.post(reverse("account_logout"))
    else:
        desk = Client()
        desk.force_login(alice)
        session = UserSession.objects.get(session_key=phone.session.session_key)
        desk.post(reverse("accounts:session_end", args=[session.pk]))
    assert not PushSubscription.objects.exists()


def test_a_browser_whose_session_ran_out_is_told_at_its_new_address_all_the_same(phone, alice):
    phone.post(ON, PHONE)
    run_out(phone)
    assert phone.get(RENEW).json()["key"] == notifications.public_key()
    assert phone.post(RENEW, NEWER).status_code == 204
    assert alice.push_subscriptions.get().endpoint == NEWER["endpoint"]
    assert not Session.objects.exists()


@pytest.mark.parametrize("named", [None, "", "x", "\x00", str(uuid.UUID(int=1))])
def test_but_no_other_browser_without_a_session(phone, alice, named):
    phone.post(ON, PHONE)
    stranger = Client()
    if named is not None:
        stranger.cookies[subscriptions.COOKIE] = named
    for answer in (stranger.get(RENEW), stranger.post(RENEW, NEWER)):
        assert answer.url.startswith(reverse("account_login"))
    assert alice.push_subscriptions.get().endpoint == PHONE["endpoint"]


def test_nor_one_of_an_account_that_was_closed(phone, alice):
    phone.post(ON, PHONE)
    run_out(phone)
    User.objects.update(is_active=False)
    assert phone.post(RENEW, NEWER).status_code == 302
    assert alice.push_subscriptions.get().endpoint == PHONE["endpoint"]


def test_another_person_in_the_same_browser_ends_hers_not(phone, alice, bob):
    """She turned them on, and a session that ran out is not a signing out."""
    phone.post(ON, PHONE)
    run_out(phone)
    sign_in(phone, bob)
    phone.post(reverse("account_logout"))
    assert alice.push_subscriptions.count() == 1


def test_a_new_secret_key_ends_them_not_and_signing_out_still_does(phone, alice, settings):
    phone.post(ON, PHONE)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another long secret key, which took the place of the first one"
    assert phone.get(PAGE).status_code == 200
    assert alice.push_subscriptions.count() == 1
    phone.post(reverse("account_logout"))
    assert not PushSubscription.objects.exists()


def test_also_when_it_was_replaced_twice_before_she_signed_in_again(phone, alice, settings):
    phone.post(ON, PHONE)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the third of the long secret keys", []
    run_out(phone)
    sign_in(phone, alice)
    phone.post(reverse("account_logout"))
    assert not PushSubscription.objects.exists()


@pytest.mark.parametrize("kept", ["", "x", "'; --", "\x00", "a:b:c"])
def test_what_is_no_browsers_name_is_nothing_at_a_sign_in(client, alice, offered, kept):
    client.cookies[subscriptions.COOKIE] = kept
    sign_in(client, alice)
    assert client.get(PAGE).status_code == 200


def test_another_persons_is_not_ended(phone, bob):
    phone.post(ON, PHONE)
    mallory = Client()
    mallory.cookies[subscriptions.COOKIE] = phone.cookies[subscriptions.COOKIE].value
    sign_in(mallory, bob)
    mallory.post(reverse("account_logout"))
    assert PushSubscription.objects.count() == 1


def test_the_end_of_twelve_hours_of_staff_ends_them_not(client, dr_chen, offered):
    """Nobody signed out: as when a session ran out, “Sign in to read it” stays true."""
    client.force_login(dr_chen)
    client.post(ON, PHONE)
    session = client.session
    session[staff.SIGNED_IN_AT] -= staff.LONGEST.total_seconds() + 1
    session.save()
    answer = client.get(PAGE)
    assert answer.status_code == 302
    assert "Clear-Site-Data" not in answer
    assert dr_chen.push_subscriptions.count() == 1


def test_a_new_password_ends_them_everywhere(phone, alice):
    phone.post(ON, PHONE)
    alice.set_password("another long password of hers")
    alice.save()
    assert not PushSubscription.objects.exists()


def test_they_go_with_the_account(phone, alice):
    phone.post(ON, PHONE)
    deletion.delete_account(alice)
    assert not PushSubscription.objects.exists()


def test_they_are_in_the_archive_without_their_keys(phone, alice):
    phone.post(ON, PHONE)
    content = b"".join(archive.archive(alice))
    data = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("data.json"))
    [kept] = data["account"]["notifications"]
    assert kept["endpoint"] == PHONE["endpoint"]
    assert kept.keys() == {"endpoint", "created_at"}
    assert PHONE["auth"].encode() not in content


def test_the_command_writes_a_key_that_the_settings_take(capsys):
    call_command("make_vapid_key")
    call_command("make_vapid_key")
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    name, _equals, value = first.partition("=")
    assert name == "VAPID_KEY"
    assert Vapid02.from_string(value).public_key
