"""History and moles: newest first, page by page, at a constant number of queries."""

import re

import pytest
from django.urls import reverse
from django.utils import formats, timezone

from diagnosis.records.history import PAGE_SIZE
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, assessed

HISTORY = reverse("diagnosis:history")


def text(client, address: str = HISTORY) -> str:
    return client.get(address).content.decode()


def test_the_start_page_says_what_this_is_and_what_it_is_not(client, db):
    page = text(client, "/")
    assert "Check a mole with a picture" in page
    assert "not an approved medical device" in page


def test_the_start_page_is_the_history_for_who_is_signed_in(client, alice):
    client.force_login(alice)
    assert client.get("/").url == HISTORY


def test_the_empty_history_leads_to_the_first_picture(client, alice):
    client.force_login(alice)
    page = text(client)
    assert "Check your first mole" in page
    assert "No picture at hand?" in page


def test_each_state_has_its_words(client, alice, dr_chen):
    RecordFactory(owner=alice)
    RecordFactory(owner=alice, failed=True)
    assessed("benign", owner=alice)
    assessed(None, owner=alice)
    ReviewFactory(record=assessed("malignant_high_risk", owner=alice), urgency="doctor_days")
    client.force_login(alice)
    page = text(client)
    for words in (
        "Waiting to be checked",
        "The check did not finish",
        "No warning sign found",
        "Take another picture",
        "Doctor: See a doctor within a few days",
    ):
        assert f">{words}</strong>" in page


def test_a_mole_that_has_no_picture_any_more_is_still_there(client, alice):
    mole = MoleFactory(owner=alice, name="left shoulder")
    client.force_login(alice)
    page = text(client)
    assert "You have not sent a picture yet." not in page
    assert reverse("diagnosis:mole_detail", args=[mole.pk]) in page


def test_newest_first_page_by_page(client, alice):
    records = [RecordFactory(owner=alice) for _ in range(PAGE_SIZE + 1)]
    client.force_login(alice)
    first, second = text(client), text(client, f"{HISTORY}?page=2")
    assert first.index(str(records[-1].pk)) < first.index(str(records[1].pk))
    assert str(records[0].pk) not in first
    assert str(records[0].pk) in second
    assert "<title>Your records – Page 2 of 2 –" in second
    assert "Page 1 of 2 –" not in first


def test_records_of_one_mole_are_told_apart_by_their_links_and_titles(client, alice):
    mole = MoleFactory(owner=alice, name="collar")
    record = assessed(owner=alice, mole=mole)
    client.force_login(alice)
    [link] = re.findall(rf'<a href="[^"]*{record.pk}/">(.*?)</a>', text(client))
    taken = formats.date_format(timezone.localtime(record.created_at), "DATETIME_FORMAT")
    assert link == f'collar<span class="visually-hidden">, {taken}</span>'
    own = text(client, reverse("diagnosis:record_detail", args=[record.pk]))
    assert re.search(r"<title>No warning sign found\s+– collar –", own)


@pytest.mark.parametrize("number", [1, 15])
def test_the_number_of_queries_does_not_grow(client, alice, django_assert_max_num_queries, number):
    mole = MoleFactory(owner=alice)
    for _ in range(number):
        ReviewFactory(record=assessed("benign", owner=alice, mole=mole))
    client.force_login(alice)
    with django_assert_max_num_queries(9):
        client.get(HISTORY)


def test_a_mole_shows_its_own_pictures(client, alice):
    mole = MoleFactory(owner=alice, name="left shoulder")
    its, other = RecordFactory(owner=alice, mole=mole), RecordFactory(owner=alice)
    client.force_login(alice)
    page = text(client, reverse("diagnosis:mole_detail", args=[mole.pk]))
    assert str(its.pk) in page
    assert str(other.pk) not in page
    assert f"?mole={mole.pk}" in page


def test_a_long_note_without_spaces_is_cut_in_lists(client, alice):
    """As in Japanese, where nothing stands between words."""
    mole = MoleFactory(owner=alice)
    RecordFactory(owner=alice, mole=mole, note="背中の黒子" * 100)
    client.force_login(alice)
    for address in (HISTORY, reverse("diagnosis:mole_detail", args=[mole.pk])):
        assert "背中の黒子" * 20 in text(client, address)
        assert "背中の黒子" * 50 not in text(client, address)
