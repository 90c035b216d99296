"""From a doctor's answer to the browser: encrypted, signed, tried again, and nothing medical."""

from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone
from py_vapid import Vapid02
from py_vapid.utils import b64urldecode

from diagnosis import queue, tasks
from diagnosis.models import PushSubscription
from diagnosis.push import notifications, subscriptions
from diagnosis.reviews import verdicts
from diagnosis.webhooks import outbound
from tests.diagnosis.push.conftest import browser_at
from tests.factories import assessed


@pytest.fixture
def phone(receiver):
    return browser_at(f"https://127.0.0.1:{receiver.port}/push/alice-phone")


@pytest.fixture
def subscription(alice, phone, offered):
    return PushSubscription.objects.create(person=alice, **phone.said)


@pytest.fixture
def answer(alice, dr_chen, monkeypatch, django_capture_on_commit_callbacks):
    """answer(): a doctor writes a verdict on a picture of alice's, and a worker hears of it."""
    monkeypatch.setattr(queue, "send_push", tasks.send_push)

    def write(**fields):
        record = assessed("malignant_high_risk", owner=alice, note="on my left shoulder")
        with django_capture_on_commit_callbacks(execute=True):
            verdicts.write(
                record=record,
                doctor=dr_chen,
                **{"risk_category": "malignant_high_risk", "urgency": "doctor_days", **fields},
            )
        return record

    return write


def later(subscription):
    """As if the time of the next attempt had come."""
    PushSubscription.objects.filter(due_at__isnull=False).update(
        due_at=timezone.now() - timedelta(seconds=1)
    )
    tasks.sweep_pushes()


def test_only_the_browser_can_read_it_and_it_says_nothing_medical(
    answer, subscription, phone, receiver
):
    record = answer(comment="Call the practice.")
    [(path, headers, body)] = receiver.heard
    assert path == "/push/alice-phone"
    assert headers["Content-Encoding"] == "aes128gcm"
    assert (headers["TTL"], headers["Topic"]) == ("259200", "answer")
    assert b"doctor" not in body
    assert phone.opened(body) == {
        "title": "Skincare mole check",
        "body": "A doctor has answered. Sign in to read it.",
        "lang": "en-gb",
        "page": f"/records/{record.pk}/",
    }
    subscription.refresh_from_db()
    assert (subscription.due_at, subscription.record_id) == (None, None)


def test_the_push_service_can_tell_that_it_comes_from_here(answer, subscription, receiver):
    """By RFC 8292: a token for this origin alone, by the key that the browser subscribed with."""
    answer()
    authorization = receiver.heard[0][1]["Authorization"]
    assert Vapid02.verify(authorization)
    token, key = authorization.removeprefix("vapid t=").split(",k=")
    assert key == notifications.public_key()
    public = ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), b64urldecode(key.encode())
    )
    claims = jwt.decode(
        token, public, algorithms=["ES256"], audience=f"https://127.0.0.1:{receiver.port}"
    )
    assert claims["sub"] == "mailto:security@example.org"
    assert 0 < claims["exp"] - timezone.now().timestamp() <= 24 * 3600


def test_it_speaks_the_persons_language(alice, answer, subscription, phone, receiver):
    alice.language = "fr"
    alice.save()
    answer()
    assert phone.opened(receiver.heard[0][2])["lang"] == "fr"
    assert "Sign in" not in phone.opened(receiver.heard[0][2])["body"]


def test_each_of_her_browsers_hears_and_nobody_elses(alice, bob, answer, offered, receiver):
    address = f"https://127.0.0.1:{receiver.port}/push/"
    for person, name in ((alice, "phone"), (alice, "desk"), (bob, "bobs")):
        PushSubscription.objects.create(person=person, **browser_at(address + name).said)
    answer()
    assert {path for path, *_ in receiver.heard} == {"/push/phone", "/push/desk"}


def test_what_was_not_taken_comes_again_and_is_given_up_in_the_end(
    answer, subscription, receiver, caplog
):
    receiver.status = 503
    answer()
    for tries in range(1, 2 + len(notifications.PAUSES)):
        assert len(receiver.heard) == tries
        subscription.refresh_from_db()
        later(subscription)
    assert len(receiver.heard) == 1 + len(notifications.PAUSES)
    subscription.refresh_from_db()
    assert subscription.due_at is None
    assert "503" in caplog.text
    assert "alice-phone" not in caplog.text


def test_it_waits_before_it_tries_again(answer, subscription, receiver):
    receiver.status = 429
    answer()
    tasks.sweep_pushes()
    tasks.send_push(str(subscription.pk))
    assert len(receiver.heard) == 1
    receiver.status = 201
    later(subscription)
    subscription.refresh_from_db()
    assert (len(receiver.heard), subscription.due_at) == (2, None)


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_the_push_service_has_forgotten_is_removed(
    status, answer, subscription, receiver
):
    receiver.status = status
    answer()
    assert not PushSubscription.objects.exists()


def test_a_browser_that_told_its_new_address_meanwhile_hears_there(
    alice, answer, subscription, phone, receiver, monkeypatch
):
    """The push service forgets the old address as soon as the browser has the new one."""
    newer = browser_at(phone.endpoint + "-newer")

    def post_while_it_tells(*_args):
        subscriptions.renew(person=alice, key=str(subscription.pk), **newer.said)
        return outbound.Outcome(410, "", 1)

    with monkeypatch.context() as one_attempt:
        one_attempt.setattr(outbound, "check_url", lambda *_args, **_more: None)
        one_attempt.setattr(outbound, "post", post_while_it_tells)
        answer()
    later(subscription)
    [(path, _headers, body)] = receiver.heard
    assert path == "/push/alice-phone-newer"
    assert newer.opened(body)["title"] == "Skincare mole check"


def test_redirects_are_not_followed(answer, subscription, receiver):
    receiver.status = 307
    receiver.headers = {"Location": f"https://127.0.0.1:{receiver.port}/elsewhere"}
    answer()
    assert [path for path, *_ in receiver.heard] == ["/push/alice-phone"]


def test_no_private_address_is_reached_even_if_it_is_stored(
    answer, subscription, receiver, settings
):
    settings.WEBHOOK_NETWORKS = []
    answer()
    assert receiver.heard == []


def test_an_answer_that_comes_while_one_is_sent_is_not_lost(
    answer, subscription, receiver, monkeypatch
):
    newer = assessed(owner=subscription.person)
    send = outbound.post

    def post(*args):
        outcome = send(*args)
        monkeypatch.setattr(outbound, "post", send)
        monkeypatch.setattr(queue, "send_push", lambda _key: None)
        notifications.tell(person_id=subscription.person_id, record_id=newer.pk)
        return outcome

    monkeypatch.setattr(outbound, "post", post)
    answer()
    subscription.refresh_from_db()
    assert subscription.record_id == newer.pk


def test_what_fails_after_the_answer_is_stored_is_logged(answer, subscription, monkeypatch, caplog):
    def broken(_key):
        raise RuntimeError("odd")

    monkeypatch.setattr(queue, "send_push", broken)
    assert answer().reviews.exists()
    assert "odd" in caplog.text


def test_a_question_to_a_colleague_tells_her_nothing_yet(answer, subscription, receiver, dr_okafor):
    answer(ask=dr_okafor, urgency="doctor_weeks", risk_category="malignant_low_risk")
    assert receiver.heard == []


def test_a_corrected_verdict_is_told_again(
    answer, subscription, receiver, dr_chen, django_capture_on_commit_callbacks
):
    record = answer()
    with django_capture_on_commit_callbacks(execute=True):
        verdicts.correct(review=record.reviews.get(), by=dr_chen, comment="Come at nine.")
    assert len(receiver.heard) == 2


def test_a_closed_account_is_told_nothing(alice, answer, subscription, receiver):
    type(alice).objects.update(is_active=False)  # as a program might; save() forgets the browser
    answer()
    assert receiver.heard == []


def test_without_a_key_nothing_is_noted_or_sent(answer, subscription, receiver, settings):
    settings.VAPID_KEY = ""
    answer()
    PushSubscription.objects.update(record_id=subscription.pk, due_at=timezone.now())
    tasks.sweep_pushes()
    tasks.send_push(str(subscription.pk))
    assert receiver.heard == []
