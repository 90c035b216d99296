"""All moles of a person side by side: from head to foot, each by its newest picture."""

import re

import pytest
from django.urls import reverse

from tests.factories import MoleFactory, RecordFactory, ReviewFactory, assessed

PAGE = reverse("diagnosis:moles")


@pytest.fixture
def shown(client, alice):
    """shown(): the places of the page, each with its names."""
    client.force_login(alice)

    def get(**asked) -> dict[str, list[str]]:
        html = client.get(PAGE, asked).content.decode()
        sections = re.findall(r'<h2 id="at-(\w+)".*?</section>', html, re.DOTALL)
        bodies = re.findall(r"<section.*?</section>", html, re.DOTALL)
        names = [re.findall(r"<h3><a [^>]+>([^<]+)</a>", body) for body in bodies]
        return dict(zip(sections, names, strict=True))

    return get


def mole_of(alice, name: str, site: str, category: str | None = None, **fields):
    mole = MoleFactory(owner=alice, name=name, body_site=site)
    if category:
        assessed(category, owner=alice, mole=mole, **fields)
    return mole


def test_places_go_from_head_to_foot_and_the_unnamed_is_last(alice, shown):
    for name, site in (("one", ""), ("two", "foot"), ("three", "back"), ("four", "face")):
        mole_of(alice, name, site)
    assert list(shown()) == ["face", "back", "foot", "unknown"]


def test_at_a_place_those_for_a_doctor_come_first(alice, shown):
    mole_of(alice, "calm", "back", "benign")
    mole_of(alice, "low", "back", "malignant_low_risk")
    mole_of(alice, "empty", "back")
    mole_of(alice, "bleeds", "back", "benign", signs=["bleeding"])
    mole_of(alice, "high", "back", "malignant_high_risk")
    assert shown() == {"back": ["high", "low", "bleeds", "calm", "empty"]}


def test_the_newest_picture_stands_for_the_mole_with_its_verdict(client, alice, shown):
    mole = mole_of(alice, "collar", "neck", "malignant_high_risk")
    newest = assessed(owner=alice, mole=mole)
    other = mole_of(alice, "nape", "neck", "malignant_low_risk")
    assert shown() == {"neck": ["nape", "collar"]}
    html = client.get(PAGE).content.decode()
    assert reverse("diagnosis:record_thumbnail", args=[newest.pk]) in html
    assert "No warning sign found" in html
    ReviewFactory(record=newest, risk_category="malignant_high_risk", urgency="doctor_days")
    ReviewFactory(record=other.records.get())
    html = client.get(PAGE).content.decode()
    assert "Doctor: See a doctor within a few days" in html
    assert "Doctor: No visit needed" in html


def test_a_picture_that_waits_or_can_not_be_used_says_so(client, alice, shown):
    RecordFactory(owner=alice, mole=mole_of(alice, "waits", "back"))
    assessed(None, owner=alice, mole=mole_of(alice, "blurred", "back"))
    assert set(shown()["back"]) == {"waits", "blurred"}
    html = client.get(PAGE).content.decode()
    assert "Waiting to be checked" in html
    assert "Take another picture" in html


def test_another_persons_moles_are_not_there(alice, bob, shown):
    mole_of(bob, "his", "back", "benign")
    assert shown() == {}


def test_a_hundred_stand_on_one_page_and_more_on_the_next(alice, shown):
    for number in range(101):
        mole_of(alice, f"mole {number}", "back" if number else "foot")
    assert [len(names) for names in shown().values()] == [100]
    assert shown(page=2) == {"foot": ["mole 0"]}


@pytest.mark.parametrize("number", [1, 12])
def test_the_number_of_queries_is_constant(client, alice, number, django_assert_num_queries):
    client.force_login(alice)
    for _ in range(number):
        mole_of(alice, "one", "back", "benign")
    with django_assert_num_queries(7):
        client.get(PAGE)


def test_without_a_mole_it_says_how_to_follow_one(client, alice):
    client.force_login(alice)
    assert "You follow no mole yet." in client.get(PAGE).content.decode()
