"""A result older than the released model: another answer is offered, the old one stays readable."""

import pytest
from django.urls import reverse

from diagnosis import queue
from diagnosis.language import frequencies
from diagnosis.records import assessments
from ml.taxonomy import HIGH_RISK
from tests.factories import RecordFactory, answer, assessed, picture

OFFER = "Check it with the newer version"


@pytest.fixture
def asked(monkeypatch):
    """Whom the workers were asked to assess again."""
    keys = []
    monkeypatch.setattr(queue, "send_again", lambda pk: keys.append(pk) or True)
    return keys


@pytest.fixture
def record(client, alice):
    client.force_login(alice)
    return assessed(HIGH_RISK, owner=alice, image__data=picture((600, 600)))


def address(record, name: str = "detail") -> str:
    return reverse(f"diagnosis:record_{name}", args=[record.pk])


def read(client, where: str, **headers: str) -> str:
    return client.get(where, headers=headers).content.decode()


def test_a_newer_model_is_offered_and_asked(client, record, asked):
    assert OFFER in read(client, address(record))
    response = client.post(address(record, "reassess"))
    assert asked == [record.pk]
    page = read(client, response.url)
    assert "The newer version is looking at the mole." in page
    assert "Should be seen by a doctor soon" in page
    assert OFFER not in page


def test_an_answer_of_the_released_model_is_not_offered_again(client, alice, record, monkeypatch):
    monkeypatch.setattr(frequencies, "release", lambda: {"version": "test"})
    assert OFFER not in read(client, address(record))


@pytest.mark.parametrize("fields", [{}, {"failed": True}], ids=str)
def test_without_an_answer_there_is_nothing_to_offer(client, alice, record, fields):
    assert OFFER not in read(client, address(RecordFactory(owner=alice, **fields)))


def test_while_it_waits_only_the_offer_is_replaced(client, record):
    state = address(record, "state") + "?again=1&looks=3"
    waiting = client.get(state, headers={"HX-Request": "true"})
    assert waiting["HX-Retarget"] == "#newer"
    assert "still looking" in waiting.content.decode()
    assert 'role="status"' not in waiting.content.decode()  # else each look is read out
    assessments.reassess(record=record)
    ready = client.get(state, headers={"HX-Request": "true"})
    assert "HX-Retarget" not in ready
    assert "The result is ready" in ready.content.decode()


def test_the_earlier_answers_stay_readable(client, record):
    assessments.reassess(record=record)
    page = read(client, address(record))
    earlier = page[page.index("What earlier versions said") :]
    assert "Version test, on" in earlier
    assert "Should be seen by a doctor soon" in earlier
    assert "malignant, high risk" in earlier


def test_an_earlier_refusal_says_why(client, record):
    record.assessments.create(**answer(None, model_version="older"))
    page = read(client, address(record))
    assert "This picture can’t be judged" in page
    assert "out of focus" in page


def test_without_a_broker_the_page_says_so(client, record, monkeypatch):
    monkeypatch.setattr(queue, "send_again", lambda pk: False)
    response = client.post(address(record, "reassess"), follow=True)
    assert "This can’t be done now." in response.content.decode()


def test_bob_does_not_ask_for_alice(client, record, bob, asked):
    client.force_login(bob)
    assert client.post(address(record, "reassess")).status_code == 404
    assert not asked
