"""The history narrowed down; a constant number of queries, whatever is asked for."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from diagnosis.models import MoleRecord
from diagnosis.records.history import PAGE_SIZE
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, assessed

HISTORY = reverse("diagnosis:history")


def shown(client, **asked) -> set:
    return {entry["record"] for entry in client.get(HISTORY, asked).context["entries"]}


def test_by_category_and_state(signed_in, alice):
    benign, high = assessed("benign", owner=alice), assessed("malignant_high_risk", owner=alice)
    failed = RecordFactory(failed=True, owner=alice)
    assert shown(signed_in, category="malignant_high_risk") == {high}
    assert shown(signed_in, state="failed") == {failed}
    assert shown(signed_in, state="done", category="benign") == {benign}


def test_by_mole_and_place(signed_in, alice):
    mole = MoleFactory(owner=alice, body_site="back")
    on_the_back = RecordFactory(owner=alice, mole=mole)
    elsewhere = RecordFactory(owner=alice, mole=MoleFactory(owner=alice, body_site="hand"))
    RecordFactory(owner=alice)
    assert shown(signed_in, mole=mole.pk) == {on_the_back}
    assert shown(signed_in, body_site="hand") == {elsewhere}


def test_by_date_in_the_persons_time_zone(signed_in, alice):
    alice.time_zone = "Pacific/Auckland"
    alice.save()
    record = RecordFactory(owner=alice)
    # 22 December in UTC, already the 23rd in Auckland.
    moment = datetime(2025, 12, 22, 20, tzinfo=UTC)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    assert shown(signed_in, since="2025-12-23", until="2025-12-23") == {record}
    assert shown(signed_in, until="2025-12-22") == set()


def test_in_the_notes(signed_in, alice, bob):
    summer = RecordFactory(owner=alice, note="Darker than in the Summer")
    RecordFactory(owner=alice, note="100 % the same")
    RecordFactory(owner=bob, note="summer")
    assert shown(signed_in, q="summer") == {summer}
    assert shown(signed_in, q="%%") == set()


def test_another_persons_mole_is_no_choice(signed_in, alice, bob):
    RecordFactory(owner=alice)
    response = signed_in.get(HISTORY, {"mole": MoleFactory(owner=bob).pk})
    assert response.context["form"].errors["mole"]
    assert '<a href="#id_mole">' in response.content.decode()


@pytest.mark.parametrize("asked", [{"since": "soon"}, {"state": "x"}, {"mole": "x"}, {"page": "x"}])
def test_nonsense_is_no_error(signed_in, alice, asked):
    RecordFactory(owner=alice)
    assert signed_in.get(HISTORY, asked).status_code == 200


def test_nothing_fits(signed_in, alice):
    RecordFactory(owner=alice)
    page = signed_in.get(HISTORY, {"q": "nothing like it"}).content.decode()
    assert "0 pictures fit" in page
    assert "Show all pictures" in page
    assert "Check your first mole" not in page


def test_the_next_page_keeps_what_is_asked_for(signed_in, alice):
    for _ in range(PAGE_SIZE + 1):
        RecordFactory(owner=alice, note="summer")
    page = signed_in.get(HISTORY, {"q": "summer"}).content.decode()
    assert "?q=summer&amp;page=2" in page
    assert len(shown(signed_in, q="summer", page="2")) == 1


@pytest.mark.parametrize("number", [1, PAGE_SIZE])
def test_the_number_of_queries_is_constant(
    signed_in, alice, dr_chen, number, django_assert_num_queries
):
    mole = MoleFactory(owner=alice)
    for day in range(number):
        record = assessed("benign", owner=alice, mole=mole, note="summer")
        ReviewFactory(record=record, doctor=dr_chen)
        day_before = record.created_at - timedelta(days=day)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=day_before)
    asked = {"q": "summer", "mole": mole.pk, "category": "benign", "since": "2000-01-01"}
    with django_assert_num_queries(9):
        signed_in.get(HISTORY, asked)
