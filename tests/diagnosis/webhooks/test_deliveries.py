"""From the event to the receiver: signed, retried, never lost, and nothing medical in it."""

import json
import threading
import time
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connections
from django.db.models.signals import pre_save
from django.urls import reverse
from django.utils import timezone
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from diagnosis import queue, tasks
from diagnosis.models import Assessment, Webhook, WebhookDelivery
from diagnosis.records import answers, assessments, claims
from diagnosis.reviews import verdicts
from diagnosis.webhooks import deliveries, outbound, registrations, signatures
from tests.factories import RecordFactory, ReviewFactory, answer, assessed


def finish(record, category="malignant_high_risk"):
    """As the worker does once the model has answered."""
    claimed = claims.claim(record.pk)
    assert claims.finish(claimed, Assessment(**answer(category)))


def failing(webhook, times=1):
    """The webhook, at its next attempt after each of so many that failed."""
    for _ in range(times):
        tasks.tell_webhook(str(webhook.pk))
        soon()


def soon():
    """As if the time of every next attempt had come."""
    past = timezone.now() - timedelta(seconds=1)
    Webhook.objects.filter(busy_until__isnull=False).update(busy_until=past)
    WebhookDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=past)


def test_an_assessed_record_is_told_signed_and_with_its_id_alone(
    alice, webhook, receiver, worker, django_capture_on_commit_callbacks
):
    record = RecordFactory(owner=alice, note="on my left shoulder")
    with django_capture_on_commit_callbacks(execute=True):
        finish(record)
    [(path, headers, body)] = receiver.heard
    delivery = WebhookDelivery.objects.get()
    assert path == "/hook?from=here"
    assert headers["webhook-id"] == str(delivery.pk)
    assert headers["Content-Type"] == "application/json"
    said = StandardWebhook(signatures.secret(webhook)).verify(body, headers)
    assert said == {
        "type": "record.assessed",
        "timestamp": delivery.created_at.isoformat().replace("+00:00", "Z"),
        "data": {"record": str(record.pk)},
    }
    [attempt] = delivery.attempts.all()
    assert (attempt.status, attempt.error) == (200, "")
    assert delivery.state == "delivered"


def test_a_verdict_and_its_correction_are_told(
    alice, dr_chen, webhook, receiver, worker, django_capture_on_commit_callbacks
):
    record = assessed(owner=alice)
    with django_capture_on_commit_callbacks(execute=True):
        review = verdicts.write(
            record=record,
            doctor=dr_chen,
            risk_category="malignant_high_risk",
            diagnosis="mel",
            urgency="doctor_days",
            comment="Please come this week.",
        )
    with django_capture_on_commit_callbacks(execute=True):
        verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")
    said = [json.loads(body) for _path, _headers, body in receiver.heard]
    assert [each["type"] for each in said] == ["record.reviewed"] * 2
    everything = str(receiver.heard)
    for word in ("mel", "malignant", "doctor", "Please", "alice", "dr_chen", alice.email):
        assert word not in everything.replace(deliveries.AGENT, "")


def test_a_new_answer_of_a_newer_model_is_told(alice, webhook, worker, monkeypatch):
    record = assessed(owner=alice)
    newer = Assessment(**answer("malignant_low_risk", model_version="newer"))
    monkeypatch.setattr(assessments, "_answer", lambda *_: newer)
    assert assessments.reassess(record=record) == newer
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.event, delivery.record_id) == ("record.assessed", record.pk)


@pytest.mark.parametrize("category", ["benign", "malignant_high_risk", None])
@pytest.mark.parametrize("signs", [["bleeding"], []])
def test_a_sign_that_comes_after_a_calm_verdict_is_told(
    client, alice, dr_chen, webhook, category, signs
):
    """Whatever the advice was before: a program that keeps the verdict has to ask again."""
    before = [] if signs else ["growing"]
    record = assessed(category, owner=alice, signs=before)
    verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    WebhookDelivery.objects.all().delete()
    client.force_login(alice)
    address = reverse("api-record-detail", args=[record.pk])
    for _ in range(2):  # the second time, nothing new is said
        sent = {"signs": signs, "size_mm": 4}
        assert client.patch(address, sent, content_type="application/json").status_code == 200
    assert client.get(address).json()["is_reviewed"] is not bool(signs)
    [delivery] = WebhookDelivery.objects.all()
    assert (delivery.event, delivery.record_id) == ("record.assessed", record.pk)


def test_a_sign_of_a_picture_that_waits_comes_with_its_answer(alice, webhook):
    answers.give(record=RecordFactory(owner=alice), by=alice, signs=["bleeding"])
    assert not WebhookDelivery.objects.exists()


def test_only_ones_own_webhooks_hear_and_only_what_they_asked_for(alice, bob, receiver):
    reviewed = registrations.create(owner=alice, url=receiver.url, events=["record.reviewed"])
    registrations.create(owner=bob, url=receiver.url, events=["record.assessed"])
    finish(RecordFactory(owner=alice))
    assert not WebhookDelivery.objects.exists()
    dr = ReviewFactory(record=assessed(owner=alice)).doctor
    verdicts.write(record=assessed(owner=alice), doctor=dr, risk_category="benign", urgency="none")
    assert WebhookDelivery.objects.get().webhook == reviewed


@pytest.mark.django_db(transaction=True)
def test_a_verdict_is_kept_though_its_person_removes_the_webhook_just_then(
    client, alice, dr_chen, webhook, monkeypatch
):
    """What a delivery points to is checked once the verdict is committed, and would undo it."""
    record, removed = assessed(owner=alice), []

    def remove():
        try:
            registrations.delete(webhook=Webhook.objects.get(pk=webhook.pk), by=alice)
            removed.append(webhook.pk)
        finally:
            connections.close_all()

    other = threading.Thread(target=remove)

    def meanwhile(_webhook_id):
        other.start()
        other.join(timeout=1)  # it may have to wait until the verdict is there

    monkeypatch.setattr(deliveries, "_hint", meanwhile)
    client.force_login(dr_chen)
    sent = {"risk_category": "malignant_high_risk", "urgency": "doctor_days", "confidence": "high"}
    address = reverse("api-queue-reviews", args=[record.pk])
    answer = client.post(address, sent, content_type="application/json")
    other.join()
    assert answer.status_code == 201
    assert record.reviews.get().is_final
    assert removed
    assert not Webhook.objects.exists()


def test_what_did_not_happen_is_not_told(alice, webhook):
    claimed = claims.claim(RecordFactory(owner=alice).pk)
    claims.release(claimed)  # its claim is lost
    assert not claims.finish(claimed, Assessment(**answer()))
    assert not WebhookDelivery.objects.exists()


def test_a_lost_message_is_sent_by_the_sweep_once(alice, webhook, receiver, worker):
    finish(RecordFactory(owner=alice))  # its transaction does not end, so nothing is sent
    assert not receiver.heard
    tasks.sweep_webhooks()
    tasks.sweep_webhooks()
    assert len(receiver.heard) == 1


def test_a_failed_attempt_is_repeated_under_the_same_id_with_backoff(
    alice, webhook, receiver, worker
):
    receiver.status = 500
    finish(RecordFactory(owner=alice))
    pauses = []
    for number in range(1, 12):
        tasks.sweep_webhooks()
        delivery = WebhookDelivery.objects.get()
        if delivery.next_attempt_at is None:
            break
        failed = delivery.attempts.latest("created_at").created_at
        pauses.append(delivery.next_attempt_at - failed)
        assert len(receiver.heard) == number
        tasks.sweep_webhooks()
        assert len(receiver.heard) == number  # not before its time
        soon()
    assert [pause.total_seconds() for pause in pauses] == [
        *(5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    ]
    assert number == 10
    assert delivery.state == "given_up"
    assert {headers["webhook-id"] for _path, headers, _body in receiver.heard} == {str(delivery.pk)}
    assert [attempt.status for attempt in delivery.attempts.all()] == [500] * 10


def test_each_attempt_is_signed_anew(alice, webhook, receiver, worker, monkeypatch):
    receiver.status = 503
    finish(RecordFactory(owner=alice))
    tasks.sweep_webhooks()
    soon()
    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    tasks.sweep_webhooks()
    first, second = (int(headers["webhook-timestamp"]) for _p, headers, _b in receiver.heard)
    assert second - first >= 3590


def test_a_failing_receiver_does_not_keep_back_what_comes_later(alice, webhook, receiver, worker):
    broken = RecordFactory(owner=alice)
    finish(broken)
    receiver.behave = lambda handler: handler.send_error(
        500 if str(broken.pk).encode() in receiver.heard[-1][2] else 200
    )
    tasks.sweep_webhooks()
    finish(RecordFactory(owner=alice))
    soon()
    tasks.tell_webhook(str(webhook.pk))
    states = {each.record_id == broken.pk: each.state for each in WebhookDelivery.objects.all()}
    assert states == {True: "waiting", False: "delivered"}


def test_one_worker_at_a_time_tells_one_webhook(alice, webhook, receiver, monkeypatch):
    hints = []
    monkeypatch.setattr(queue, "tell_webhook", hints.append)
    for _ in range(3):
        finish(RecordFactory(owner=alice))
    receiver.behave = lambda handler: [
        handler.send_response(200),
        handler.end_headers(),
    ]
    claimed = Webhook.objects.filter(pk=webhook.pk)
    claimed.update(busy_until=timezone.now() + queue.claim_time())
    tasks.tell_webhook(str(webhook.pk))
    tasks.sweep_webhooks()
    assert not receiver.heard
    assert not hints
    claimed.update(busy_until=timezone.now() - timedelta(seconds=1))  # its worker was killed
    tasks.sweep_webhooks()
    assert hints == [webhook.pk]
    tasks.tell_webhook(str(webhook.pk))
    assert len(receiver.heard) == 1
    assert hints == [webhook.pk] * 2  # for the others


@pytest.mark.parametrize("by", ["test", "send again"])
def test_nobody_who_is_impatient_takes_a_failing_webhook_from_its_worker(
    alice, webhook, receiver, worker, django_capture_on_commit_callbacks, by
):
    receiver.status = 500
    finish(RecordFactory(owner=alice))
    failing(webhook)
    Webhook.objects.update(busy_until=timezone.now() + queue.claim_time())  # a worker is sending
    with django_capture_on_commit_callbacks(execute=True):
        if by == "test":
            registrations.test(webhook=webhook, by=alice)
        else:
            deliveries.send_again(WebhookDelivery.objects.all())
    assert len(receiver.heard) == 1


@pytest.mark.parametrize("failures", [1, 2])
@pytest.mark.parametrize("by", ["test", "send again"])
def test_who_is_impatient_does_not_wait_for_the_rest_of_a_failing_webhook(
    alice, webhook, receiver, worker, django_capture_on_commit_callbacks, by, failures
):
    receiver.status = 500
    finish(RecordFactory(owner=alice))
    failing(webhook, failures - 1)
    tasks.tell_webhook(str(webhook.pk))
    tasks.tell_webhook(str(webhook.pk))
    assert len(receiver.heard) == failures  # it rests
    with django_capture_on_commit_callbacks(execute=True):
        if by == "test":
            registrations.test(webhook=webhook, by=alice)
        else:
            deliveries.send_again(WebhookDelivery.objects.all())
    assert len(receiver.heard) == failures + 1


def test_after_many_failures_over_a_day_it_is_switched_off_and_its_person_told_once(
    alice, webhook, receiver, worker, django_capture_on_commit_callbacks
):
    receiver.status = 500
    mail.outbox.clear()  # that it was added
    finish(RecordFactory(owner=alice))
    failing(webhook, 9)
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.disabled_at) == (9, None)
    Webhook.objects.update(failing_since=timezone.now() - timedelta(days=2))
    finish(RecordFactory(owner=alice))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.tell_webhook(str(webhook.pk))
    webhook.refresh_from_db()
    assert webhook.disabled_at
    [message] = mail.outbox
    assert message.to == [alice.email]
    assert receiver.url in message.body
    soon()
    heard = len(receiver.heard)
    tasks.sweep_webhooks()
    finish(RecordFactory(owner=alice))
    tasks.sweep_webhooks()
    assert len(receiver.heard) == heard
    assert len(mail.outbox) == 1


def test_many_failures_within_minutes_do_not_switch_it_off(alice, webhook, receiver, worker):
    receiver.status = 500
    for _ in range(12):
        finish(RecordFactory(owner=alice))
    failing(webhook, 12)
    webhook.refresh_from_db()
    assert (webhook.failures, webhook.disabled_at) == (12, None)


def test_gone_switches_it_off_at_once(alice, webhook, receiver, worker):
    receiver.status = 410
    finish(RecordFactory(owner=alice))
    tasks.sweep_webhooks()
    webhook.refresh_from_db()
    assert webhook.disabled_at


def test_a_test_that_arrives_switches_it_on_again_and_the_rest_follows(
    alice, webhook, receiver, worker, django_capture_on_commit_callbacks
):
    receiver.status = 410
    finish(RecordFactory(owner=alice))
    tasks.sweep_webhooks()
    receiver.status = 204
    with django_capture_on_commit_callbacks(execute=True):
        registrations.test(webhook=webhook, by=alice)
    webhook.refresh_from_db()
    assert (webhook.disabled_at, webhook.failures, webhook.failing_since) == (None, 0, None)
    assert json.loads(receiver.heard[-1][2])["type"] == "webhook.test"
    soon()
    tasks.sweep_webhooks()
    assert json.loads(receiver.heard[-1][2])["type"] == "record.assessed"


def test_a_test_is_tried_once(alice, webhook, receiver, worker):
    receiver.status = 500
    delivery = registrations.test(webhook=webhook, by=alice)
    failing(webhook, 2)
    delivery.refresh_from_db()
    assert (delivery.state, len(receiver.heard)) == ("given_up", 1)


def test_the_old_secret_signs_for_a_day_beside_the_new_one(alice, webhook, receiver, worker):
    old = signatures.secret(webhook)
    new = signatures.secret(registrations.rotate(webhook=webhook, by=alice))
    assert new != old
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        StandardWebhook(secret).verify(body, headers)
    Webhook.objects.update(rotated_at=timezone.now() - timedelta(days=1, seconds=1))
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    StandardWebhook(new).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(old).verify(body, headers)


def test_a_new_key_of_the_site_keeps_the_old_secrets_working(
    alice, webhook, receiver, worker, settings
):
    secret = signatures.secret(webhook)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    StandardWebhook(secret).verify(body, headers)


def test_a_new_secret_after_a_new_key_of_the_site_lets_the_old_one_sign_for_a_day(
    alice, webhook, receiver, worker, settings
):
    """As docs/integrations.md asks for it: the receiver still has the old key's secret then."""
    old = signatures.secret(webhook)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    new = signatures.secret(registrations.rotate(webhook=webhook, by=alice))
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    for secret in (old, new):
        StandardWebhook(secret).verify(body, headers)


def test_a_changed_body_or_another_secret_does_not_verify(alice, bob, webhook, receiver, worker):
    registrations.test(webhook=webhook, by=alice)
    tasks.sweep_webhooks()
    _path, headers, body = receiver.heard[-1]
    another = registrations.create(owner=bob, url=receiver.url, events=["record.assessed"])
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(signatures.secret(another)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(signatures.secret(webhook)).verify(body + b" ", headers)


def test_what_is_removed_while_it_is_told_is_no_error(
    alice, webhook, receiver, worker, monkeypatch
):
    finish(RecordFactory(owner=alice))
    real = outbound.post

    def post(*args):
        Webhook.objects.all().delete()
        return real(*args)

    monkeypatch.setattr(outbound, "post", post)
    tasks.tell_webhook(str(webhook.pk))
    assert len(receiver.heard) == 1
    assert not WebhookDelivery.objects.exists()


def test_nothing_is_told_for_a_closed_account(alice, webhook, receiver, worker):
    finish(RecordFactory(owner=alice))
    alice.is_active = False
    alice.save()
    tasks.sweep_webhooks()
    assert not receiver.heard


def test_the_log_of_attempts_is_forgotten_after_a_month(alice, webhook, worker):
    finish(RecordFactory(owner=alice))
    tasks.sweep_webhooks()
    WebhookDelivery.objects.update(created_at=timezone.now() - timedelta(days=31))
    tasks.sweep_webhooks()
    assert not WebhookDelivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_to_be_sent_again_while_an_attempt_is_noted_is_sent_again(alice, webhook, receiver):
    receiver.status = 500
    finish(RecordFactory(owner=alice))
    delivery = WebhookDelivery.objects.get()

    def begin_again():
        try:
            deliveries.send_again([delivery])
        finally:
            connections.close_all()

    other = threading.Thread(target=begin_again)

    def meanwhile(**_):
        pre_save.disconnect(meanwhile, sender=WebhookDelivery)
        other.start()
        other.join(timeout=1)  # it may have to wait until the attempt is noted

    pre_save.connect(meanwhile, sender=WebhookDelivery)
    tasks.tell_webhook(str(webhook.pk))
    other.join()
    delivery.refresh_from_db()
    assert delivery.attempts.count() == 1
    assert delivery.tries == 0
    assert delivery in deliveries.due()
