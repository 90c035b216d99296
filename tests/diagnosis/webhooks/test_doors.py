"""Webhooks through the API, the account page and the administration."""

import io
import json
import re
import zipfile
from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook as StandardWebhook

from diagnosis import tasks
from diagnosis.models import Webhook, WebhookDelivery
from diagnosis.own_data import archive, deletion
from diagnosis.webhooks import outbound, registrations, signatures
from tests.factories import UserFactory, confirmed_session, program_of

API = "/api/v1/webhooks/"
PAGE = reverse("diagnosis:webhooks")


@pytest.fixture
def api(alice):
    return program_of(alice)


@pytest.fixture
def signed_in(client, alice):
    client.cookies["sessionid"] = confirmed_session(alice)
    return client


def test_a_person_is_mailed_what_a_program_adds(api, alice, receiver, mailoutbox):
    assert api.post(API, {"url": "http://169.254.169.254/"}, format="json").status_code == 400
    assert mailoutbox == []
    assert api.post(API, {"url": receiver.url}, format="json").status_code == 201
    [mail] = mailoutbox
    assert mail.to == [alice.email]
    assert receiver.url in mail.body
    assert "remove it on your account page" in mail.body


def test_a_program_adds_tries_rotates_and_removes_one(api, receiver, worker):
    answer = api.post(API, {"url": receiver.url}, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert made["events"] == ["record.assessed", "record.reviewed"]
    assert made["secret"].startswith("whsec_")
    assert answer["Cache-Control"] == "no-store"
    one = f"{API}{made['id']}/"
    for address in (API, one):
        assert "secret" not in str(api.get(address).json())
    assert api.post(f"{one}test/").status_code == 202
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    assert StandardWebhook(made["secret"]).verify(body, headers)["type"] == "webhook.test"
    [delivery] = api.get(f"{one}deliveries/").json()["results"]
    assert (
        delivery.items() >= {"event": "webhook.test", "state": "delivered", "record": None}.items()
    )
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    rotated = api.post(f"{one}rotate/").json()
    assert rotated["secret"] != made["secret"]
    assert api.delete(one).status_code == 204
    assert api.get(API).json()["results"] == []


def test_the_same_key_makes_one_and_shows_its_secret_to_who_missed_it(api, alice):
    key = {"Idempotency-Key": "once"}
    first, second = (
        api.post(API, {"url": "https://example.org/"}, format="json", headers=key).json()
        for _ in range(2)
    )
    assert first == second
    assert alice.webhooks.count() == 1


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "url"),
        ({"url": "http://example.org/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://[::ffff:169.254.169.254]/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://example.org/\0"}, "url"),
        ({"url": "https://example.org/" + "a" * 10_000}, "url"),
        ({"url": ["https://example.org/"]}, "url"),
        ({"url": "https://example.org/", "events": []}, "events"),
        ({"url": "https://example.org/", "events": ["record.deleted"]}, "events"),
        ({"url": "https://example.org/", "events": "record.assessed"}, "events"),
        ({"url": "https://example.org/", "events": {"record.assessed": False}}, "events"),
    ],
)
def test_what_is_wrong_is_named(api, fields, name):
    answer = api.post(API, fields, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {name}
    assert not Webhook.objects.exists()


def test_nobody_has_more_than_the_limit(api):
    for number in range(registrations.AT_MOST):
        assert (
            api.post(API, {"url": f"https://example.org/{number}"}, format="json").status_code
            == 201
        )
    refused = api.post(API, {"url": "https://example.org/more"}, format="json")
    assert refused.status_code == 400
    assert "Remove one first" in refused.json()["detail"]


def test_none_is_added_by_a_token_that_a_new_password_ended_meanwhile(api, alice, monkeypatch):
    check = outbound.check_url

    def and_meanwhile(url):
        alice.set_password("another long enough passphrase")
        alice.save()
        check(url)

    monkeypatch.setattr(outbound, "check_url", and_meanwhile)
    assert api.post(API, {"url": "https://example.org/"}, format="json").status_code == 403
    assert not Webhook.objects.exists()


def test_anothers_webhook_is_hidden(api, bob):
    theirs = registrations.create(owner=bob, url="https://example.org/", events=["record.assessed"])
    one = f"{API}{theirs.pk}/"
    for answer in (
        api.get(one),
        api.delete(one),
        api.post(f"{one}rotate/"),
        api.post(f"{one}test/"),
        api.get(f"{one}deliveries/"),
    ):
        assert answer.status_code == 404
    assert Webhook.objects.filter(pk=theirs.pk).exists()


def test_the_page_shows_the_secret_once(signed_in, alice, receiver, worker):
    answer = signed_in.post(PAGE, {"url": receiver.url, "events": ["record.reviewed"]})
    webhook = alice.webhooks.get()
    assert signatures.secret(webhook) in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    page = signed_in.get(PAGE).content.decode()
    assert receiver.url in page
    assert "whsec_" not in page
    signed_in.post(reverse("diagnosis:webhook_test", args=[webhook.pk]))
    tasks.sweep_webhooks()
    assert "arrived (200)" in signed_in.get(PAGE).content.decode()
    rotated = signed_in.post(reverse("diagnosis:webhook_rotate", args=[webhook.pk]))
    webhook.refresh_from_db()
    assert signatures.secret(webhook) in rotated.content.decode()
    signed_in.post(reverse("diagnosis:webhook_delete", args=[webhook.pk]))
    assert not alice.webhooks.exists()


def shown(page) -> str:
    return re.search('whsec_[^&"]*', page.content.decode())[0]


def test_a_new_secret_that_is_asked_for_twice_is_the_same_one(signed_in, api, alice, webhook):
    """By the same form, or by the same request of a program."""
    address = reverse("diagnosis:webhook_rotate", args=[webhook.pk])
    number = re.search(r'name="number" value="(\d+)"', signed_in.get(PAGE).content.decode())[1]
    first, again = (signed_in.post(address, {"number": number}) for _ in range(2))
    assert shown(first) == shown(again)
    # What stood open on a tab for an hour is not a form that came twice.
    Webhook.objects.update(rotated_at=timezone.now() - timedelta(hours=1))
    assert shown(signed_in.post(address, {"number": number})) != shown(first)
    key = {"Idempotency-Key": "once"}
    made, same = (
        api.post(f"{API}{webhook.pk}/rotate/", headers=key).json()["secret"] for _ in range(2)
    )
    assert made == same != shown(first)


def test_asked_for_twice_without_a_key_what_the_receiver_has_still_signs(
    api, alice, webhook, receiver, worker
):
    secrets = [signatures.secret(webhook)]
    for _ in range(2):
        secrets.append(api.post(f"{API}{webhook.pk}/rotate/").json()["secret"])
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    assert len(set(secrets)) == 3
    for secret in secrets:
        StandardWebhook(secret).verify(body, headers)


def test_no_switch_of_the_language_leads_away_from_a_secret(signed_in, alice, receiver):
    """It leads back by GET: to 405, or to a page that no longer shows it."""
    switch = reverse("accounts:language")
    made = signed_in.post(PAGE, {"url": receiver.url, "events": ["record.reviewed"]})
    rotated = signed_in.post(reverse("diagnosis:webhook_rotate", args=[alice.webhooks.get().pk]))
    for answer in (made, rotated):
        assert "whsec_" in answer.content.decode()
        assert switch not in answer.content.decode()
    wrong = signed_in.post(PAGE, {"url": "", "events": ["record.reviewed"]})
    for answer in (signed_in.get(PAGE), wrong):
        assert switch in answer.content.decode()


def test_the_page_says_what_is_wrong(signed_in, alice):
    for url in ("https://10.0.0.1/", "http://example.org/", ""):
        answer = signed_in.post(PAGE, {"url": url, "events": ["record.reviewed"]})
        assert answer.status_code == 400
        assert 'href="#id_url"' in answer.content.decode()
    assert not alice.webhooks.exists()


def test_a_new_secret_asks_for_the_password_again(client, alice):
    webhook = registrations.create(
        owner=alice, url="https://example.org/", events=["record.assessed"]
    )
    client.force_login(alice)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 1}]
    session.save()
    for address in (PAGE, reverse("diagnosis:webhook_rotate", args=[webhook.pk])):
        answer = client.post(address, {"url": "https://example.org/", "events": "record.assessed"})
        assert answer.status_code == 302
        assert "/account/reauthenticate/" in answer.url
    assert alice.webhooks.count() == 1


def test_an_administrator_sends_again(client, frank, alice, webhook, receiver, worker):
    receiver.status = 500
    delivery = registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    receiver.status = 200
    client.force_login(frank)
    answer = client.post(
        reverse("admin:diagnosis_webhookdelivery_changelist"),
        {"action": "send_again", "_selected_action": [str(delivery.pk)]},
        follow=True,
    )
    assert "1 delivery will be sent again" in answer.content.decode()
    tasks.sweep_webhooks()
    delivery.refresh_from_db()
    assert delivery.state == "delivered"
    page = client.get(reverse("admin:diagnosis_webhookdelivery_change", args=[delivery.pk]))
    assert "whsec_" not in page.content.decode()
    assert client.get(reverse("admin:diagnosis_webhook_changelist")).status_code == 200


@pytest.mark.parametrize("is_superuser", [False, True])
def test_what_belongs_to_a_superuser_is_for_superusers(
    client, alice, webhook, receiver, is_superuser
):
    delivery = registrations.test(webhook=webhook, by=alice)
    alice.is_staff = alice.is_superuser = True
    alice.save()
    frank = UserFactory(
        display_name="frank", role="administrator", is_staff=True, is_superuser=is_superuser
    )
    client.force_login(frank)
    for name, row in (("webhook", webhook), ("webhookdelivery", delivery)):
        page = client.get(reverse(f"admin:diagnosis_{name}_change", args=[row.pk]))
        assert (page.status_code == 200) == is_superuser


def test_who_added_changed_and_removed_one_is_logged_without_its_address(api, alice):
    one = api.post(API, {"url": "https://alice-at-home.example.org/"}, format="json").json()["id"]
    api.post(f"{API}{one}/rotate/")
    api.delete(f"{API}{one}/")
    entries = LogEntry.objects.filter(object_pk=one).order_by("timestamp")
    assert [entry.action for entry in entries] == [
        LogEntry.Action.CREATE,
        LogEntry.Action.UPDATE,
        LogEntry.Action.DELETE,
    ]
    everything = str(list(LogEntry.objects.values()))
    assert "alice-at-home" not in everything
    assert "whsec_" not in everything


def test_own_data_holds_it_and_the_account_takes_it_along(alice, webhook, worker):
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    with zipfile.ZipFile(io.BytesIO(b"".join(archive.archive(alice)))) as files:
        [row] = json.loads(files.read("data.json"))["webhooks"]
    assert row["url"] == webhook.url
    assert [each["event"] for each in row["deliveries"]] == ["webhook.test"]
    assert "secret" not in str(row)
    deletion.delete_account(alice)
    assert not Webhook.objects.exists()
    assert not WebhookDelivery.objects.exists()
