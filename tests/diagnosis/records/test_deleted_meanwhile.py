"""What is deleted while a request on it waits is not there, as a moment later."""

import io
import uuid

import pytest
from django.urls import reverse

from diagnosis.models import Mole, MoleRecord, Webhook
from diagnosis.moles import edits
from diagnosis.own_data import deletion
from diagnosis.records import answers, sittings, uploads
from diagnosis.reviews import claims, looks, verdicts
from diagnosis.sharing import links
from diagnosis.webhooks import registrations
from tests.factories import (
    FurtherPictureFactory,
    MoleFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    picture,
)


def add(client, record):
    file = io.BytesIO(picture((310, 240)))
    file.name = "mole.jpg"
    return client.post(reverse("api-record-pictures", args=[record.pk]), {"image": file})


def remove(client, record):
    further = FurtherPictureFactory(record=record)
    return client.delete(reverse("api-record-picture", args=[record.pk, further.pk]))


def change(client, record):
    address = reverse("api-record-detail", args=[record.pk])
    return client.patch(address, {"note": "new"}, content_type="application/json")


def answer(client, record):
    return client.post(reverse("diagnosis:record_answers", args=[record.pk]), {"note": "new"})


def move(client, record):
    mole = MoleFactory(owner=record.owner)
    return client.post(reverse("diagnosis:record_mole", args=[record.pk]), {"mole": mole.pk})


@pytest.mark.parametrize(
    ("room", "act"),
    [(sittings, add), (sittings, remove), (answers, change), (answers, answer), (answers, move)],
)
def test_a_request_of_its_person_is_not_found(client, alice, monkeypatch, room, act):
    record = assessed(owner=alice)
    monkeypatch.setattr(room, "check_owner", lambda *_: MoleRecord.objects.all().delete())
    client.force_login(alice)
    assert act(client, record).status_code == 404


@pytest.fixture
def carol(transactional_db):
    """A person in transactions that are real: what a row points to is checked at their end."""
    return UserFactory(display_name="carol")


def upload(client, name, **fields):
    file = io.BytesIO(picture((310, 240)))
    file.name = "mole.jpg"
    return client.post(reverse(name), {"image": file, "key": uuid.uuid4()} | fields)


@pytest.mark.parametrize("door", ["diagnosis:record_new", "api-record-list"])
def test_a_mole_that_is_deleted_while_its_picture_is_sent_is_named(
    client, carol, monkeypatch, stored_files, door
):
    mole, store = MoleFactory(owner=carol), uploads.store
    monkeypatch.setattr(
        uploads, "store", lambda *of: (store(*of), edits.delete(mole=mole, by=carol))
    )
    client.force_login(carol)
    answer = upload(client, door, mole=mole.pk)
    assert answer.status_code == 400
    assert "That choice is not one of the available choices." in answer.content.decode()
    if door == "api-record-list":
        assert set(answer.json()["errors"]) == {"mole"}
    assert not stored_files()


@pytest.mark.parametrize("door", ["diagnosis:record_new", "api-record-list"])
def test_an_account_that_is_deleted_while_its_picture_is_sent_keeps_nothing(
    client, carol, monkeypatch, stored_files, door
):
    store = uploads.store
    monkeypatch.setattr(uploads, "store", lambda *of: (store(*of), deletion.delete_account(carol)))
    client.force_login(carol)
    assert upload(client, door).status_code == 403
    assert not stored_files()


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("diagnosis:mole_edit", {"name": "new", "body_site": ""}),
        ("diagnosis:mole_reminder", {"remind_after_days": 0}),
        ("api-mole-detail", {"name": "new"}),
        ("diagnosis:record_mole", {}),
    ],
)
def test_a_mole_that_is_deleted_is_not_found(client, carol, monkeypatch, name, sent):
    mole, record = MoleFactory(owner=carol), assessed(owner=carol)

    def delete(thing, _by):
        if isinstance(thing, Mole):
            Mole.objects.all().delete()

    for room in (answers, edits):
        monkeypatch.setattr(room, "check_owner", delete)
    client.force_login(carol)
    if name == "diagnosis:record_mole":
        found = client.post(reverse(name, args=[record.pk]), {"mole": mole.pk})
    elif name == "api-mole-detail":
        address = reverse(name, args=[mole.pk])
        found = client.patch(address, sent, content_type="application/json")
    else:
        found = client.post(reverse(name, args=[mole.pk]), sent)
    assert found.status_code == 404


@pytest.mark.parametrize("thing", ["mole", "record"])
@pytest.mark.parametrize("door", ["page", "api"])
def test_what_is_shared_just_then_is_not_found(client, carol, monkeypatch, thing, door):
    mole = MoleFactory(owner=carol)
    its = {"mole": mole, "record": assessed(owner=carol, mole=mole)}

    def delete(*_):
        MoleRecord.objects.all().delete()
        Mole.objects.all().delete()

    monkeypatch.setattr(links, "check_owner", delete)
    client.force_login(carol)
    if door == "page":
        address = reverse(f"diagnosis:{thing}_share", args=[its[thing].pk])
        answer = client.post(address, {"days": 7})
    else:
        sent = {thing: str(its[thing].pk)}
        answer = client.post(reverse("api-share-list"), sent, content_type="application/json")
    assert answer.status_code == 404


def test_a_webhook_that_is_removed_while_a_test_is_asked_for_is_not_found(
    client, carol, monkeypatch
):
    webhook = Webhook.objects.create(
        owner=carol, url="https://hooks.example.org/", events=["record.reviewed"]
    )
    monkeypatch.setattr(registrations, "check_owner", lambda *_: Webhook.objects.all().delete())
    client.force_login(carol)
    address = reverse("api-webhook-test", args=[webhook.pk])
    assert client.post(address, content_type="application/json").status_code == 404


def test_a_correction_of_a_verdict_is_not_found(client, alice, dr_chen, monkeypatch):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen)
    correct = verdicts.correct
    monkeypatch.setattr(
        verdicts, "correct", lambda **asked: (MoleRecord.objects.all().delete(), correct(**asked))
    )
    client.force_login(dr_chen)
    address = reverse("api-review-detail", args=[review.pk])
    answer = client.patch(address, {"comment": "new"}, content_type="application/json")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("name", "room", "step"),
    [("api-queue-claim", claims, "take"), ("api-queue-reviews", looks, "is_blind")],
)
def test_a_record_that_a_doctor_claims_or_reviews_is_not_found(
    client, alice, dr_chen, monkeypatch, name, room, step
):
    record, go_on = assessed(owner=alice), getattr(room, step)
    monkeypatch.setattr(
        room, step, lambda **asked: (MoleRecord.objects.all().delete(), go_on(**asked))[1]
    )
    client.force_login(dr_chen)
    verdict = {"risk_category": "benign", "urgency": "none", "confidence": "high"}
    address = reverse(name, args=[record.pk])
    assert client.post(address, verdict, content_type="application/json").status_code == 404
