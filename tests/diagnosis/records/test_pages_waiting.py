"""The result page while the record waits: it asks more and more rarely, then stops."""

import re

import pytest
from django.urls import reverse

from diagnosis.records import claims
from diagnosis.records.views import POLL_DELAYS
from tests.factories import RecordFactory, assessed


@pytest.fixture
def state(client, alice):
    """state(record, looks): what htmx gets when it has looked that often."""
    client.force_login(alice)

    def fragment(record, looks) -> str:
        address = reverse("diagnosis:record_state", args=[record.pk])
        return client.get(
            address, {"looks": looks}, headers={"HX-Request": "true"}
        ).content.decode()

    return fragment


def test_the_page_looks_again_by_itself(client, alice):
    record = RecordFactory(owner=alice)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "Your picture is being checked" in page
    assert 'hx-trigger="load delay:1s,' in page


def test_it_looks_more_rarely_until_it_stops(state, alice):
    record = RecordFactory(owner=alice)
    delays = []
    looks = 0
    while match := re.search(
        r'\?looks=(\d+)" hx-trigger="load delay:(\d+)s,', state(record, looks)
    ):
        looks, delay = map(int, match.groups())
        delays.append(delay)
    assert delays == POLL_DELAYS
    assert delays == sorted(delays)
    assert "Look again" in state(record, looks)


@pytest.mark.parametrize("looks", ["", "x", "-1", "99999999999999999999"])
def test_a_strange_count_does_no_harm(state, alice, looks):
    assert "hx-get" in state(RecordFactory(owner=alice), looks)


def test_the_result_is_announced_and_ends_the_looking(state, alice):
    fragment = state(assessed("benign", owner=alice), 1)
    assert "hx-get" not in fragment
    assert 'role="status"' in fragment
    assert re.search(r"The result is ready:\s+No warning sign found", fragment)


def test_without_htmx_the_address_leads_to_the_page(client, alice):
    record = RecordFactory(owner=alice)
    client.force_login(alice)
    response = client.get(reverse("diagnosis:record_state", args=[record.pk]))
    assert response.url == reverse("diagnosis:record_detail", args=[record.pk])


def test_who_was_signed_out_meanwhile_loads_the_whole_page(client, alice):
    address = reverse("diagnosis:record_state", args=[RecordFactory(owner=alice).pk])
    response = client.get(address, headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"


def test_a_record_that_was_deleted_meanwhile_loads_the_whole_page(client, alice):
    record = RecordFactory(owner=alice)
    client.force_login(alice)
    address = reverse("diagnosis:record_state", args=[record.pk])
    record.delete()
    response = client.get(address, headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Refresh"]) == (404, "true")


@pytest.mark.parametrize(
    ("before", "words"),
    [(0, "Yours is next."), (1, "1 picture is before yours."), (3, "3 pictures are before yours.")],
)
def test_its_place_in_the_queue(state, alice, bob, before, words):
    for _ in range(before):
        RecordFactory(owner=bob)
    assessed(owner=bob)
    record = RecordFactory(owner=alice)
    RecordFactory(owner=bob)  # came later
    assert words in state(record, 0)


def test_a_long_queue_is_counted_up_to_a_limit(
    state, alice, bob, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(claims, "AHEAD_AT_MOST", 2)
    for _ in range(3):
        RecordFactory(owner=bob)
    record = RecordFactory(owner=alice)
    with django_assert_num_queries(1):
        assert claims.ahead(record) == 2
