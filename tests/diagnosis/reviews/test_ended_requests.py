"""A visit that a doctor asked for ends by a later word on that picture or on one after it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import MoleRecord
from diagnosis.records import answers
from diagnosis.reviews import verdicts
from tests.diagnosis.reviews.conftest import address
from tests.factories import (
    BENIGN,
    DAYS,
    WEEKS,
    MoleFactory,
    UserFactory,
    assessed,
    picture,
    program_of,
)


@pytest.fixture
def taken(alice):
    """taken(days_ago, mole): an assessed picture of it, which the program calls benign."""

    def take(days_ago: int, mole=None) -> MoleRecord:
        record = assessed(owner=alice, mole=mole, image__data=picture((300 + days_ago, 240)))
        then = timezone.now() - timedelta(days=days_ago)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=then)
        return record

    return take


@pytest.fixture
def pictures(alice, taken):
    """Three of one mole, the oldest first."""
    mole = MoleFactory(owner=alice)
    return [taken(days, mole) for days in (60, 30, 0)]


@pytest.fixture
def asked(alice, client):
    """asked(record): what the API says a doctor asked before, and the tone of the mole's tag."""
    program = program_of(alice)

    def ask(record: MoleRecord) -> tuple[str, str]:
        client.force_login(alice)
        said = program.get(f"/api/v1/records/{record.pk}/").json()["asked_before"]
        moles = client.get(reverse("diagnosis:moles")).content.decode()
        return said, moles.partition('class="tag" data-tone="')[2].partition('"')[0]

    return ask


@pytest.fixture(params=["page", "program"])
def open_before(request, client, dr_okafor):
    """open_before(record): dr_okafor opens it by this door; what that returns writes there, later,
    that no visit is needed."""

    def look(record: MoleRecord) -> Callable[[], Any]:
        verdict = BENIGN | {"confidence": "high"}
        if request.param == "page":
            client.force_login(dr_okafor)
            shown = client.get(address("change", record)).context["form"]
            verdict |= {name: shown[name].value() for name in ("known", "shown")}

            def save():
                client.force_login(dr_okafor)
                return client.post(address("change", record), verdict)

            return save
        program = program_of(dr_okafor)
        shown = program.get(f"/api/v1/queue/{record.pk}/").json()
        verdict |= {name: shown[name] for name in ("known", "shown")}
        return lambda: program.post(f"/api/v1/queue/{record.pk}/reviews/", verdict, "json")

    return look


def test_a_doctor_who_did_not_read_of_a_visit_does_not_end_it(
    pictures, asked, open_before, dr_chen
):
    save = open_before(pictures[1])
    verdicts.write(record=pictures[0], doctor=dr_chen, **DAYS)
    assert "or what a doctor asked" in save().content.decode()
    assert asked(pictures[2]) == ("doctor_days", "soon")
    assert open_before(pictures[1])().status_code in (201, 302)
    assert asked(pictures[2])[0] == ""


def test_nor_one_who_read_a_verdict_before_it_was_corrected(pictures, asked, open_before, dr_chen):
    said = verdicts.write(record=pictures[1], doctor=dr_chen, **BENIGN)
    save = open_before(pictures[1])
    verdicts.correct(review=said, by=dr_chen, **DAYS)
    assert "or what a doctor asked" in save().content.decode()
    assert asked(pictures[2]) == ("doctor_days", "soon")
    assert open_before(pictures[1])().status_code in (201, 302)
    assert asked(pictures[2])[0] == ""


@pytest.mark.parametrize("milder", [BENIGN, WEEKS])
def test_a_milder_word_on_an_older_picture_ends_no_visit_asked_for_a_newer_one(
    pictures, asked, dr_chen, milder
):
    first, second, third = pictures
    verdicts.write(record=second, doctor=dr_chen, **DAYS)
    verdicts.write(record=first, doctor=dr_chen, **milder)
    assert asked(third) == ("doctor_days", "soon")


@pytest.mark.parametrize("name", ["record_mole", "record_answers"])
def test_who_moves_a_picture_reads_that_the_visit_goes_with_it(
    pictures, asked, client, alice, dr_chen, name
):
    first, second, third = pictures
    verdicts.write(record=second, doctor=dr_chen, **DAYS)
    client.force_login(alice)
    said = "because of this picture: See a doctor within a few days."
    address = reverse(f"diagnosis:{name}", args=[second.pk])
    assert said in client.get(address).content.decode()
    for other in (first, third):
        page = client.get(reverse(f"diagnosis:{name}", args=[other.pk]))
        assert said not in page.content.decode()
    wrist = MoleFactory(owner=alice, name="wrist")
    answers.give(record=second, mole=wrist, by=alice)
    assert asked(third)[0] == ""
    verdicts.write(record=second, doctor=dr_chen, **BENIGN)
    assert said not in client.get(address).content.decode()


@pytest.mark.parametrize("on", [1, 2], ids=["that picture", "a later one"])
def test_a_later_word_on_that_picture_or_a_later_one_ends_it(pictures, asked, dr_chen, on):
    verdicts.write(record=pictures[1], doctor=dr_chen, **DAYS)
    verdicts.write(record=pictures[on], doctor=dr_chen, known=2 - on, **BENIGN)
    assert asked(pictures[2])[0] == ""


def test_a_program_that_asks_again_for_what_has_ended_is_heard(pictures, asked, dr_chen, dr_okafor):
    older, newer, newest = pictures
    program, reviews = program_of(dr_chen), f"/api/v1/queue/{older.pk}/reviews/"

    def ask(**known) -> dict:
        return program.post(reviews, DAYS | {"confidence": "high"} | known, "json").json()

    first = ask()["id"]
    assert ask()["id"] == first  # the same request, sent again
    verdicts.write(record=newer, doctor=dr_okafor, **BENIGN)
    assert "a verdict was written meanwhile" in ask(known=0)["detail"]
    assert asked(newest)[0] == ""
    assert ask()["id"] != first
    assert asked(newest)[0] == "doctor_days"


def test_of_two_that_are_open_the_more_urgent_holds(pictures, asked, dr_chen):
    verdicts.write(record=pictures[1], doctor=dr_chen, **WEEKS)
    verdicts.write(record=pictures[0], doctor=dr_chen, **DAYS)
    assert asked(pictures[2]) == ("doctor_days", "soon")
    verdicts.write(record=pictures[0], doctor=dr_chen, known=1, **BENIGN)
    assert asked(pictures[2])[0] == "doctor_weeks"


@pytest.mark.parametrize(("calm", "urgent"), [(0, 1), (1, 0)])
def test_a_corrected_comment_ends_no_visit_that_was_asked_for_since(
    alice, pictures, asked, dr_chen, calm, urgent
):
    said = verdicts.write(record=pictures[calm], doctor=dr_chen, **BENIGN)
    verdicts.write(record=pictures[urgent], doctor=dr_chen, **DAYS)
    answer = program_of(dr_chen).patch(f"/api/v1/reviews/{said.pk}/", {"comment": "a word"}, "json")
    assert answer.status_code == 200
    assert asked(pictures[2]) == ("doctor_days", "soon")


CORRECTED = {
    "the group": (BENIGN | {"urgency": "doctor_weeks"}, {"risk_category": "malignant_low_risk"}),
    "to no visit": (WEEKS, BENIGN),
    "to a later visit": (BENIGN, {"urgency": "doctor_weeks"}),
}


@pytest.mark.parametrize("on", [0, 1], ids=["that picture", "an earlier one"])
@pytest.mark.parametrize("corrected", CORRECTED)
def test_no_correction_ends_a_sooner_visit_that_was_asked_for_since(
    pictures, asked, dr_chen, dr_okafor, corrected, on
):
    said, changes = CORRECTED[corrected]
    review = verdicts.write(record=pictures[1], doctor=dr_chen, **said)
    verdicts.write(record=pictures[1 - on], doctor=dr_okafor, **DAYS)
    program = program_of(dr_chen)
    assert program.patch(f"/api/v1/reviews/{review.pk}/", changes, "json").status_code == 200
    assert asked(pictures[2]) == ("doctor_days", "soon")
    verdicts.write(record=pictures[1], doctor=dr_chen, known=2 - on, **BENIGN)
    assert asked(pictures[2])[0] == ""


def test_nor_one_by_which_two_doctors_agree(pictures, asked, alice, dr_chen, dr_okafor):
    between = pictures[1]
    first = verdicts.write(record=between, doctor=dr_chen, ask=dr_okafor, **WEEKS)
    verdicts.write(record=between, doctor=dr_okafor, **BENIGN)
    verdicts.write(record=pictures[0], doctor=dr_okafor, **DAYS)
    verdicts.correct(review=first, by=dr_chen, **BENIGN)
    assert asked(pictures[2]) == ("doctor_days", "soon")
    said = program_of(alice).get(f"/api/v1/records/{between.pk}/").json()
    assert [each["urgency"] for each in said["reviews"]] == ["none"]


def test_a_correction_ends_a_visit_of_its_own_and_one_that_is_no_sooner(
    pictures, asked, dr_chen, dr_okafor
):
    verdicts.write(record=pictures[0], doctor=dr_okafor, **WEEKS)
    review = verdicts.write(record=pictures[1], doctor=dr_chen, **DAYS)
    verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")
    assert asked(pictures[2])[0] == "doctor_weeks"
    verdicts.correct(review=review, by=dr_chen, **BENIGN)
    assert asked(pictures[2])[0] == ""


@pytest.mark.parametrize("door", ["of the older", "of the newer"])
def test_a_calm_word_on_another_mole_s_picture_ends_none_once_it_is_put_here(
    alice, taken, asked, dr_chen, door
):
    here, there = MoleFactory(owner=alice), MoleFactory(owner=alice)
    older, between, newest = taken(60, here), taken(30, there), taken(0, here)
    verdicts.write(record=older, doctor=dr_chen, **DAYS)
    said = verdicts.write(record=between, doctor=dr_chen, **BENIGN)
    if door == "of the older":
        answers.give(record=between, by=alice, mole=here)
    else:
        for record in (older, newest):
            answers.give(record=record, by=alice, mole=there)
    assert asked(newest)[0] == asked(between)[0] == "doctor_days"
    verdicts.correct(review=said, by=dr_chen, comment="a word")
    assert asked(newest) == ("doctor_days", "soon")
    verdicts.write(record=between, doctor=dr_chen, known=1, **BENIGN)
    assert asked(newest)[0] == ""


@pytest.mark.parametrize("ends", ["by a correction", "by a new verdict"])
def test_a_visit_asked_for_by_a_correction_is_left_once_the_sooner_one_ends(
    pictures, asked, dr_chen, dr_okafor, ends
):
    older, newer, newest = pictures
    mine = verdicts.write(record=newer, doctor=dr_chen, **BENIGN)
    third = UserFactory(role="doctor", is_staff=True)
    verdicts.write(record=newer, doctor=third, known=1, **BENIGN)
    days = verdicts.write(record=older, doctor=dr_okafor, **DAYS)
    verdicts.correct(review=mine, by=dr_chen, **WEEKS)
    assert asked(newest)[0] == "doctor_days"
    if ends == "by a correction":
        verdicts.correct(review=days, by=dr_okafor, **BENIGN)
    else:
        verdicts.write(record=older, doctor=dr_okafor, known=1, **BENIGN)
    assert asked(newest)[0] == "doctor_weeks"
