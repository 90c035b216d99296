"""A mole over time: its sizes, two of its pictures, and what was said of each."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import Assessment, MoleRecord
from tests.factories import MoleFactory, RecordFactory, assessed


@pytest.fixture
def mole(client, alice):
    client.force_login(alice)
    return MoleFactory(owner=alice)


def picture_of(mole, days_ago: int, category: str | None = None, **fields):
    fields |= {"owner": mole.owner, "mole": mole}
    record = assessed(category, **fields) if category else RecordFactory(**fields)
    moment = timezone.now() - timedelta(days=days_ago)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return record


def get(client, mole, **asked):
    return client.get(reverse("diagnosis:mole_detail", args=[mole.pk]), asked)


def test_sizes_stand_in_a_plot_from_zero_and_in_a_table(client, mole):
    for days, size in ((60, "4.0"), (30, "4.5"), (0, "8.0")):
        picture_of(mole, days, size_mm=size)
    picture_of(mole, 10)  # not measured
    page = get(client, mole).content.decode()
    points = re.findall(r'<circle cx="([\d.]+)%" cy="([\d.]+)%"', page)
    assert points == [("0.00", "50.00"), ("50.00", "43.75"), ("100.00", "0.00")]
    assert re.findall(r'text-anchor="end">(\d+)<', page) == ["0", "2", "4", "6", "8"]
    assert "<td>4.5</td>" in page


@pytest.mark.parametrize("sizes", [(), ("4.0",)])
def test_below_two_sizes_there_is_no_plot_but_how_to_measure(client, mole, sizes):
    for size in sizes:
        picture_of(mole, 1, size_mm=size)
    picture_of(mole, 0)
    page = get(client, mole).content.decode()
    assert 'class="plot"' not in page
    assert "Hold a ruler" in page


def test_the_first_and_the_last_picture_are_compared_until_others_are_chosen(client, mole):
    first, middle, last = (picture_of(mole, days) for days in (60, 30, 0))
    assert get(client, mole).context["compare"] == (first, last)
    asked = {"before": middle.pk, "after": last.pk}
    assert get(client, mole, **asked).context["compare"] == (middle, last)


def test_whichever_is_named_first_the_older_one_is_what_was_before(client, mole):
    first, middle, last = (picture_of(mole, days) for days in (60, 30, 0))
    for one, other in ((middle, first), (first, middle)):
        asked = {"before": one.pk, "after": other.pk}
        assert get(client, mole, **asked).context["compare"] == (first, middle)
    same = get(client, mole, before=last.pk, after=last.pk)
    assert "These are the same picture. Choose two dates." in same.content.decode()


def test_another_moles_picture_is_not_compared(client, alice, bob, mole):
    first, last = picture_of(mole, 1), picture_of(mole, 0)
    other = picture_of(MoleFactory(owner=bob), 5)
    assert get(client, mole, before=other.pk).context["compare"] == (first, last)


def test_one_picture_is_compared_with_nothing(client, mole):
    picture_of(mole, 0)
    assert "Compare two dates" not in get(client, mole).content.decode()


def test_the_timeline_names_groups_and_doubts_and_no_probability(client, mole):
    picture_of(mole, 1, "benign", signs=["itching"])
    unsure = picture_of(mole, 0, "malignant_low_risk")
    Assessment.objects.filter(record=unsure).update(uncertain=True)
    page = get(client, mole).content.decode()
    newer, older = page.split('<ol class="timeline">')[1].split("</li>")[:2]
    assert "malignant, low risk" in newer
    assert "it is not sure" in newer
    assert "it is not sure" not in older
    assert "It itches" in older
    assert "%" not in newer + older


def test_a_mole_without_a_picture(client, mole):
    page = get(client, mole).content.decode()
    assert "There is no picture of it yet." in page
    assert "Report for a doctor" not in page


@pytest.mark.parametrize("number", [2, 15])
def test_the_number_of_queries_is_constant(client, mole, number, django_assert_num_queries):
    for days in range(number):
        picture_of(mole, days, "benign", size_mm="4.0")
    get(client, mole)  # asks for the comparison
    with django_assert_num_queries(12):
        get(client, mole)
