"""A record that is deleted while a request on it waits is not found, as a moment later."""

import io

import pytest
from django.urls import reverse

from diagnosis.models import MoleRecord
from diagnosis.records import answers, sittings
from diagnosis.reviews import verdicts
from tests.factories import FurtherPictureFactory, MoleFactory, ReviewFactory, assessed, picture


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
