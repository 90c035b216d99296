"""The list of records in the admin: a review queue."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.language.figures import percent
from diagnosis.models import Assessment, MoleRecord
from diagnosis.records import uploads
from diagnosis.reviews import claims
from diagnosis.reviews.queue_page import MoleRecordAdmin
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    answer,
    assessed,
)

LIST = reverse("admin:diagnosis_molerecord_changelist")


def shown(client, **query):
    response = client.get(LIST, query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def test_the_most_dangerous_and_longest_waiting_come_first(doctor, alice):
    benign, low, high, later_high = (
        assessed(category, owner=alice)
        for category in (
            "benign",
            "malignant_low_risk",
            "malignant_high_risk",
            "malignant_high_risk",
        )
    )
    assert shown(doctor) == [high, later_high, low, benign]


def test_the_queue_holds_what_waits_for_a_review(doctor, alice, dr_chen):
    reviewed, waiting = assessed(owner=alice), assessed(owner=alice)
    ReviewFactory(record=reviewed, doctor=dr_chen)
    unusable, failed = assessed(None, owner=alice), RecordFactory(owner=alice, failed=True)
    assessed("malignant_high_risk", owner=alice, origin="demo")
    assert shown(doctor) == [waiting]
    assert shown(doctor, review="reviewed") == [reviewed]
    assert set(shown(doctor, review="all")) == {reviewed, waiting, unusable, failed}


def test_a_sign_that_needs_a_doctor_waits_for_one_whatever_the_picture_shows(
    doctor, alice, dr_chen
):
    benign, cancer = assessed(owner=alice), assessed("malignant_low_risk", owner=alice)
    assessed(None, owner=alice, signs=["itching"])
    bleeding = assessed(None, owner=alice, signs=["bleeding"])
    later = assessed(None, owner=alice)
    MoleRecord.objects.filter(pk=later.pk).update(signs=["growing", "itching"])
    assert shown(doctor) == [cancer, bleeding, later, benign]
    assert (
        doctor.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk])).status_code == 200
    )
    ReviewFactory(record=bleeding, doctor=dr_chen)
    MoleRecord.objects.filter(pk=later.pk).update(signs=["itching"])
    assert shown(doctor) == [cancer, benign]


def test_nor_does_a_check_that_did_not_finish_hide_a_warning(doctor, alice, dr_chen):
    benign = assessed(owner=alice)
    bleeding = RecordFactory(owner=alice, failed=True, signs=["bleeding"])
    seen = RecordFactory(owner=alice, failed=True, phone_advice="doctor_weeks")
    RecordFactory(owner=alice, failed=True, signs=["itching"], phone_advice="watch")
    RecordFactory(owner=alice, signs=["bleeding"], phone_advice="doctor_days")
    assert shown(doctor) == [bleeding, seen, benign]
    ReviewFactory(record=bleeding, doctor=dr_chen)
    uploads.retry(record=seen, by=alice)
    assert shown(doctor) == [benign]


def test_no_figure_of_a_picture_that_can_not_be_used_is_shown(doctor, alice):
    record = assessed(None, owner=alice, signs=["bleeding"])
    figure = percent(record.current_assessment.malignancy, 1)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    for address in (LIST, page):
        assert figure not in doctor.get(address).content.decode()
    alone = answer(None)
    Assessment.objects.update(used=["age"], picture=alone)
    html = doctor.get(page).content.decode()
    assert "%" not in html[html.index('id="model-title"') : html.index('<div class="said">')]
    judged = assessed("malignant_low_risk", owner=alice)
    figure = percent(judged.current_assessment.malignancy, 1)
    assert figure in doctor.get(LIST).content.decode()


def test_sorted_by_malignancy_nor_does_its_place_tell_one(doctor, alice):
    """Highest first, then those without a figure, longest waiting first."""
    hidden = [assessed(None, owner=alice, signs=["bleeding"]) for _picture in range(2)]
    records = [assessed(owner=alice), assessed("malignant_high_risk", owner=alice)]
    figures = zip([*hidden, *records], [0.05, 0.99, 0.1, 0.9], strict=True)
    for record, malignancy in figures:
        Assessment.objects.filter(record=record).update(malignancy=malignancy)
    low, high = records
    column = MoleRecordAdmin.list_display.index("malignancy") + 1
    assert shown(doctor, o=f"-{column}")[:2] == [high, low]
    assert set(shown(doctor, o=f"-{column}")[2:]) == set(hidden)
    assert shown(doctor, o=f"{column}")[2:] == [low, high]


def test_filters_and_search(doctor, alice, bob):
    mole = MoleFactory(owner=alice, name="my left arm")
    risky = assessed("malignant_high_risk", owner=alice, note="on the shoulder", mole=mole)
    harmless = assessed(owner=bob)
    assert shown(doctor, danger__exact=MoleRecord.Danger.HIGH_RISK) == [risky]
    for words in ("shoulder", "should", "the Shoulder", "left arm"):
        assert shown(doctor, q=words) == [risky]
    for words in ("knee", "' | (", "!!"):
        assert shown(doctor, q=words) == []
    assert shown(doctor, q=str(harmless.pk)) == [harmless]
    assert shown(doctor, q=bob.pseudonym) == shown(doctor, q=str(bob.pk)) == [harmless]


@pytest.mark.parametrize("words", ["2025-12-23", "20251223", "deadbeef", "D" * 33, "1" * 36])
def test_words_that_look_like_an_id_are_searched_in_notes(doctor, alice, words):
    noted = assessed(owner=alice, note=f"Imported: {words}.jpg")
    assessed(owner=alice)
    assert shown(doctor, q=words) == [noted]


@pytest.mark.parametrize(
    "words", ["D812", "D812.BMP", "SET_D/D812.BMP", "IMG_0042-2", "23", "set_d"]
)
def test_a_picture_is_found_by_its_files_name(doctor, alice, words):
    noted = assessed(owner=alice, note="SET_D/D812.BMP, IMG_0042-2.jpg of 2025-12-23")
    assessed(owner=alice)
    assert shown(doctor, q=words) == [noted]


@pytest.mark.parametrize("words", ["--------", "P-", "-" * 36])
def test_dashes_are_no_id(doctor, alice, words):
    assessed(owner=alice)
    assert shown(doctor, q=words) == []


def test_people_are_shown_by_pseudonym_only(doctor, alice):
    record = assessed(owner=alice)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    for address in (LIST, page):
        html = doctor.get(address).content.decode()
        assert f"P-{alice.pk.hex[:8]}" in html
        assert "alice" not in html


# One more where there is a next page: its keys come first.
@pytest.mark.parametrize(("count", "queries"), [(2, 12), (30, 12), (60, 13)])
def test_the_list_takes_a_constant_number_of_queries(
    doctor, alice, dr_chen, count, queries, django_assert_num_queries
):
    for number in range(count):
        mole = MoleFactory(owner=alice, name=f"mole {number}")
        ReviewFactory(record=assessed(owner=alice, mole=mole), doctor=dr_chen, diagnosis="nv")
        claims.take(record_ids=[assessed(owner=alice, mole=mole).pk], doctor=dr_chen)
    with django_assert_num_queries(queries):
        html = doctor.get(LIST).content.decode()
    assert html.count("dr_chen, until") == html.count("naevus, ") == min(count, 50)


def test_the_order_follows_the_assessment_that_counts(doctor, alice):
    benign, later = assessed(owner=alice), assessed(owner=alice)
    Assessment.objects.filter(record=later).update(advice="doctor_weeks", uncertain=True)
    assert shown(doctor) == [later, benign]
    newer = Assessment(record=benign, **answer("malignant_high_risk", model_version="newer"))
    MoleRecord.objects.filter(pk=benign.pk).update(current_assessment=newer.pk)
    newer.save(force_insert=True)
    assert shown(doctor) == [benign, later]


def test_what_is_written_into_the_derived_columns_does_not_count(alice, dr_chen):
    record = assessed("malignant_high_risk", owner=alice)
    MoleRecord.objects.filter(pk=record.pk).update(danger=0, is_reviewed=True)
    assert MoleRecord.objects.awaiting_review().get().danger == MoleRecord.Danger.HIGH_RISK
    review = ReviewFactory(record=record, doctor=dr_chen)
    record.save()
    assert not MoleRecord.objects.awaiting_review().exists()
    review.delete()
    assert MoleRecord.objects.awaiting_review().exists()


def test_the_moles_earlier_verdicts_are_told(doctor, alice, dr_chen):
    mole = MoleFactory(owner=alice)
    earlier = assessed(owner=alice, mole=mole)
    ReviewFactory(record=earlier, doctor=dr_chen, diagnosis="bkl")
    ReviewFactory(record=earlier, doctor=dr_chen, other_diagnosis="Spitz naevus")
    assessed(owner=alice, mole=mole)
    html = doctor.get(LIST).content.decode()
    assert "benign keratosis, " in html
    assert "Spitz naevus, " in html


def test_the_front_page_counts_what_waits(doctor, alice, dr_chen):
    for category in ("benign", "malignant_high_risk", "malignant_high_risk"):
        record = assessed(category, owner=alice)
    assessed("malignant_high_risk", owner=alice, origin="demo")
    claims.take(record_ids=[record.pk], doctor=dr_chen)
    sent = timezone.now() - timedelta(days=3)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=sent, signs=["bleeding"])
    html = " ".join(doctor.get(reverse("admin:index")).content.decode().split())
    assert "3 records wait for a review" in html
    # Not since when it waits: a sign may have brought it back just now.
    assert "<dt>Since the oldest was sent</dt><dd>3 days</dd>" in html
    assert 'danger__exact=4">Malignant, high risk</a></dt><dd>2</dd>' in html
    assert 'danger__exact=1">Benign</a></dt><dd>1</dd>' in html
    assert 'claim=own">Claimed by you</a></dt><dd>1</dd>' in html


def test_who_is_no_doctor_reads_no_counts(client, db):
    client.force_login(UserFactory(role="administrator", is_staff=True))
    assert b"for a review" not in client.get(reverse("admin:index")).content
