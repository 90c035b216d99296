"""The result page: its first sentence answers the question, and says no more than is known."""

import html
import re

import pytest
from django.urls import reverse

from diagnosis.language import frequencies
from diagnosis.models import Assessment
from ml.taxonomy import HIGH_RISK, LOW_RISK
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, answer, assessed


@pytest.fixture
def read(client, alice):
    """read(record): the page's heading and its text, as alice sees them."""
    client.force_login(alice)

    def heading_and_text(record) -> tuple[str, str]:
        page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
        main = page[page.index("<main") : page.index("</main>")]
        main = re.sub(r"<(script|svg).*?</\1>", "", main, flags=re.S)
        [heading] = re.findall(r"<h1>(.*?)</h1>", main, flags=re.S)
        return _text(heading), _text(main)

    return heading_and_text


def _text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def says(record, **changes):
    Assessment.objects.filter(record=record).update(**changes)
    return record


@pytest.mark.parametrize(
    ("category", "advice", "heading"),
    [
        ("benign", "watch", "No warning sign found"),
        (LOW_RISK, "doctor_weeks", "Should be seen by a doctor"),
        (HIGH_RISK, "doctor_days", "Should be seen by a doctor soon"),
    ],
)
def test_the_first_sentence_answers_the_question(read, alice, category, advice, heading):
    record = says(assessed(category, owner=alice), advice=advice)
    first, text = read(record)
    assert first == heading
    assert "See a doctor, whatever the program says" in text
    assert not re.search("diagnos|you are safe", text, re.I)


def test_signs_are_never_followed_by_less_than_a_doctor(read, alice):
    first, text = read(assessed("benign", owner=alice, signs=["bleeding", "itching"]))
    assert first == "Should be seen by a doctor"
    assert "You told us: it bleeds." in text


def test_an_uncertain_answer_says_so(read, alice):
    record = says(assessed("benign", owner=alice), advice="doctor_weeks", uncertain=True)
    first, text = read(record)
    assert first == "Should be seen by a doctor"
    assert "The program is not sure about this picture." in text


def test_a_picture_that_can_not_be_judged_says_what_to_do(read, alice):
    record = says(assessed(None, owner=alice), reasons=["blurred", "too_dark"])
    first, text = read(record)
    assert first == "This picture can’t be judged"
    assert "out of focus" in text
    assert "too dark" in text
    assert "Take another picture" in text
    assert "No warning sign" not in text


def test_a_picture_that_can_not_be_judged_does_not_hide_a_sign(read, alice):
    first, text = read(assessed(None, owner=alice, signs=["not_healing"]))
    assert first == "This picture can’t be judged"
    assert "You told us: it does not heal." in text
    assert "Make an appointment" in text


def test_the_verdict_of_dr_chen_stands_above_the_program(read, alice, dr_chen):
    record = assessed(HIGH_RISK, owner=alice)
    ReviewFactory(record=record, doctor=dr_chen, comment="An age spot.", private_comment="cf. 2024")
    first, text = read(record)
    assert first == "No visit needed"
    assert "dr_chen, doctor" in text
    assert text.index("An age spot.") < text.index("Should be seen by a doctor soon")
    assert "cf. 2024" not in text


def test_a_failed_check_offers_another_try(read, client, alice):
    record = RecordFactory(failed=True, owner=alice)
    first, text = read(record)
    assert first == "The check did not finish"
    assert "Something went wrong" in text
    retry = reverse("diagnosis:record_retry", args=[record.pk])
    for _ in range(2):  # a double click
        client.post(retry)
    record.refresh_from_db()
    assert record.state == "queued"


def test_the_number_names_the_group_that_it_holds_for(read, alice, monkeypatch):
    tested = {
        "n": 1000,
        "malignant": 200,
        "thresholds": {"sent_to_doctor": {"sensitivity": 0.95, "specificity": 0.5}},
    }
    card = {"version": "test", "figures": {"photo": tested}}
    monkeypatch.setattr(frequencies, "release", lambda: card)
    _, text = read(assessed("benign", owner=alice))
    assert "1,000 clinic pictures" in text
    assert "20 in 100 showed a skin cancer" in text
    assert "with an answer like this one, 2 in 100 did" in text  # 10 of 410


def test_without_figures_there_is_no_number(read, alice, monkeypatch):
    monkeypatch.setattr(frequencies, "release", lambda: {"version": "test"})
    _, text = read(assessed("benign", owner=alice))
    assert "in 100" not in text


def test_the_size_is_shown_as_it_was_typed(read, alice):
    _, text = read(assessed("benign", owner=alice, size_mm="4.5"))
    assert "Size 4.5 mm" in text


def test_what_the_page_costs_does_not_grow(client, alice, dr_chen, django_assert_max_num_queries):
    record = assessed("benign", owner=alice, mole=MoleFactory(owner=alice), signs=["itching"])
    for number in range(5):
        record.assessments.create(**answer(model_version=f"version {number}"))
        ReviewFactory(record=record, doctor=dr_chen)
    client.force_login(alice)
    client.get("/")  # what a process asks once
    with django_assert_max_num_queries(8):
        client.get(reverse("diagnosis:record_detail", args=[record.pk]))
