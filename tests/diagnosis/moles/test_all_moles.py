"""All moles of a person side by side: from head to foot, each by its newest picture."""

import re

import pytest
from django.urls import reverse

from diagnosis.records import answers
from diagnosis.reviews import verdicts
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


def test_a_doctors_verdict_goes_before_the_programs_group(alice, shown):
    said = {"urgent": "doctor_days", "soon": "doctor_weeks", "cleared": "none"}
    for name, urgency in said.items():
        mole = mole_of(
            alice, name, "back", "benign" if name != "cleared" else "malignant_high_risk"
        )
        ReviewFactory(record=mole.records.get(), urgency=urgency)
    mole_of(alice, "by the program", "back", "benign", signs=["bleeding"])
    assert shown() == {"back": ["urgent", "soon", "by the program", "cleared"]}


@pytest.mark.parametrize("category", ["benign", None])
def test_a_sign_that_came_after_a_calm_verdict_counts(client, alice, shown, category):
    mole = mole_of(alice, "bleeds since", "back")
    record = assessed(category, owner=alice, mole=mole)
    ReviewFactory(record=record, urgency="none")
    cleared = mole_of(alice, "cleared", "back", "benign")
    ReviewFactory(record=cleared.records.get(), urgency="none")
    answers.give(record=record, by=alice, mole=mole, signs=["bleeding"])
    assert shown() == {"back": ["bleeds since", "cleared"]}
    card = client.get(PAGE).content.decode().partition(">bleeds since</a>")[2].partition("</li>")[0]
    assert "No visit needed" not in card


def test_a_corrected_verdict_is_the_newest_of_a_mole(alice, dr_chen, shown):
    mole = mole_of(alice, "corrected", "back", "benign")
    first = ReviewFactory(record=mole.records.get(), urgency="doctor_weeks", doctor=dr_chen)
    ReviewFactory(record=mole.records.get(), urgency="none")
    mole_of(alice, "low", "back", "malignant_low_risk")
    assert shown() == {"back": ["low", "corrected"]}
    verdicts.correct(review=first, by=dr_chen, urgency="doctor_days")
    assert shown() == {"back": ["corrected", "low"]}


@pytest.mark.parametrize("urgency", ["doctor_weeks", "doctor_days"])
def test_no_later_answer_of_the_program_takes_back_what_a_doctor_asked(
    client, alice, shown, urgency
):
    mole = mole_of(alice, "asked", "back", "benign")
    ReviewFactory(record=mole.records.get(), urgency=urgency)
    mole_of(alice, "calm", "back", "benign")
    later = assessed(owner=alice, mole=mole)
    mole_of(alice, "bleeds", "back", "benign", signs=["bleeding"])
    soon = " soon" if urgency == "doctor_days" else ""
    assert shown() == {"back": ["asked", "bleeds", "calm"]}
    card = client.get(PAGE).content.decode().partition(">asked</a>")[2].partition("</li>")[0]
    assert f"Should be seen by a doctor{soon}</" in card
    page = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "A doctor said of an earlier picture of this mole: See a doctor within" in page
    assert "No warning sign found" not in page
    fhir = client.get(f"/api/v1/fhir/DiagnosticReport/{later.pk}").content.decode()
    assert f"Should be seen by a doctor{soon}" in fhir

    def advice(record) -> str:
        said = client.get(reverse("api-record-detail", args=[record.pk])).json()
        return said["assessment"]["advice"]

    assert advice(later) == urgency
    assert advice(mole.records.exclude(pk=later.pk).get()) == "watch"  # its verdict is beside it
    ReviewFactory(record=later, urgency="none")
    assert shown() == {"back": ["bleeds", "asked", "calm"]}
    assert advice(later) == "watch"


def test_a_verdict_that_is_not_final_counts_for_nothing(alice, shown):
    mole = mole_of(alice, "asked", "back", "benign")
    ReviewFactory(record=mole.records.get(), urgency="doctor_days", is_final=False)
    mole_of(alice, "weeks", "back", "malignant_low_risk")
    assert shown() == {"back": ["weeks", "asked"]}


@pytest.mark.parametrize(
    ("retake", "said"),
    [
        (lambda **of: assessed(None, **of), "Take another picture"),
        (RecordFactory, "Waiting to be checked"),
    ],
)
def test_a_warning_stands_until_another_picture_is_judged(client, alice, shown, retake, said):
    mole = mole_of(alice, "bad", "back", "malignant_high_risk")
    mole_of(alice, "harmless", "back", "benign")
    newest = retake(owner=alice, mole=mole)
    assert shown() == {"back": ["bad", "harmless"]}
    html = client.get(PAGE).content.decode()
    card = html.partition(">bad</a>")[2].partition("</li>")[0]
    assert "Should be seen by a doctor soon" in card
    assert f"Newest picture: {said}" in card
    assert reverse("diagnosis:record_thumbnail", args=[newest.pk]) in html
    assert html.count("Newest picture") == 1


@pytest.mark.parametrize(
    "told",
    [
        lambda **of: assessed(None, **of),
        RecordFactory,
        lambda **of: RecordFactory(failed=True, **of),
    ],
)
def test_a_sign_told_since_a_calm_answer_counts(client, alice, shown, told):
    """Also where a picture that says nothing came after it."""
    mole = mole_of(alice, "bleeds", "back", "benign")
    mole_of(alice, "calm", "back", "benign")
    mole_of(alice, "low", "back", "malignant_low_risk")
    told(owner=alice, mole=mole, signs=["bleeding"])
    assessed(None, owner=alice, mole=mole)
    assert shown() == {"back": ["low", "bleeds", "calm"]}
    card = client.get(PAGE).content.decode().partition(">bleeds</a>")[2].partition("</li>")[0]
    assert 'data-tone="doctor">Should be seen by a doctor' in card
    assert "No warning sign found" not in card
    assert "Newest picture: Take another picture" in card
    assessed(owner=alice, mole=mole)
    card = client.get(PAGE).content.decode().partition(">bleeds</a>")[2].partition("</li>")[0]
    # Another picture is judged; what was told with one that still waits may yet show a change.
    assert "No warning sign" in card
    assert "Should be seen by a doctor" not in card


@pytest.mark.parametrize(
    "told",
    [
        lambda **of: assessed(None, **of),
        RecordFactory,
        lambda **of: RecordFactory(failed=True, **of),
    ],
)
@pytest.mark.parametrize("judged", ["benign", "malignant_low_risk", None])
def test_what_is_more_urgent_stands_whichever_is_judged(client, alice, shown, told, judged):
    """What the camera saw in a newer picture goes before a milder answer to an earlier one."""
    mole = mole_of(alice, "seen", "back", judged)
    told(owner=alice, mole=mole, phone_advice="doctor_days")
    mole_of(alice, "low", "back", "malignant_low_risk")
    high = mole_of(alice, "high", "back", "malignant_high_risk")
    told(owner=alice, mole=high, phone_advice="doctor_weeks")
    assert shown() == {"back": ["high", "seen", "low"]}
    cards = client.get(PAGE).content.decode().partition(">high</a>")[2]
    high, seen = (card.partition("</li>")[0] for card in cards.split(">seen</a>"))
    for card in (high, seen):
        assert 'data-tone="soon">Should be seen by a doctor soon' in card


@pytest.mark.parametrize("judged", ["benign", None])
def test_of_several_warnings_the_most_urgent_stands(client, alice, shown, judged):
    mole = mole_of(alice, "seen", "back", judged)
    assessed(None, owner=alice, mole=mole, phone_advice="doctor_days")
    RecordFactory(owner=alice, mole=mole, signs=["bleeding"])
    mole_of(alice, "low", "back", "malignant_low_risk")
    assert shown() == {"back": ["seen", "low"]}
    card = client.get(PAGE).content.decode().partition(">seen</a>")[2].partition("</li>")[0]
    assert 'data-tone="soon">Should be seen by a doctor soon' in card
    assessed(owner=alice, mole=mole)  # which takes it back
    assert shown() == {"back": ["low", "seen"]}


def test_a_sign_takes_nothing_from_an_earlier_warning(client, alice, shown):
    mole = mole_of(alice, "bad", "back", "malignant_high_risk")
    assessed(None, owner=alice, mole=mole, signs=["bleeding"])
    mole_of(alice, "low", "back", "malignant_low_risk")
    assert shown() == {"back": ["bad", "low"]}
    assert "Should be seen by a doctor soon" in client.get(PAGE).content.decode()


def test_a_verdict_on_a_picture_that_the_program_could_not_judge_counts(client, alice, shown):
    mole = mole_of(alice, "seen", "back", "benign")
    ReviewFactory(record=assessed(None, owner=alice, mole=mole), urgency="doctor_days")
    mole_of(alice, "weeks", "back", "malignant_low_risk")
    assert shown() == {"back": ["seen", "weeks"]}
    assert "Newest picture" not in client.get(PAGE).content.decode()


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
