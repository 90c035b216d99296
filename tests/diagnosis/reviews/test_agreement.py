"""Figures of the program against the doctors' verdicts."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import Assessment, MoleRecord, Review
from diagnosis.reviews import agreement, verdicts
from tests.factories import RecordFactory, ReviewFactory, answer, assessed

PAGE = reverse("admin:diagnosis_assessment_changelist")
BENIGN, LOW, HIGH = "benign", "malignant_low_risk", "malignant_high_risk"


def reviewed(said, verdict, owner, doctor, **fields):
    """A record that the program and a doctor have spoken about."""
    blind, says = fields.pop("blind", False), fields.pop("says", {})
    record = assessed(said, owner=owner, **fields)
    Assessment.objects.filter(record=record).update(**says)
    ReviewFactory(record=record, doctor=doctor, risk_category=verdict, blind=blind)
    return record


def measure(**choice):
    return agreement.measure(**{"model_version": "test"} | choice)


def test_the_confusion_matrix_has_a_row_for_each_verdict(alice, dr_chen):
    for said, verdict in ((BENIGN, BENIGN), (BENIGN, HIGH), (LOW, HIGH), (HIGH, HIGH)):
        reviewed(said, verdict, alice, dr_chen)
    assessed(HIGH, owner=alice)  # not reviewed
    assert measure().confusion == [[1, 0, 0], [0, 0, 0], [1, 1, 1]]


def test_sensitivity_and_specificity_by_hand(alice, dr_chen):
    reviewed(LOW, LOW, alice, dr_chen)
    reviewed(BENIGN, LOW, alice, dr_chen, says={"uncertain": True})
    reviewed(BENIGN, HIGH, alice, dr_chen)
    reviewed(BENIGN, BENIGN, alice, dr_chen)
    rates = {name: (share.hits, share.n) for name, share in measure().rates.items()}
    assert rates == {
        "same_category": (2, 4),
        "sensitivity": (1, 3),
        "specificity": (1, 1),
        "sensitivity_sent": (2, 3),
        "specificity_sent": (1, 1),
        "high_risk_flagged": (0, 1),
        "high_risk_named": (0, 1),
    }


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    # Newcombe 1998 (doi 10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), table I
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_s_interval(hits, n, low, high):
    assert agreement.Share(hits, n).interval == pytest.approx((low, high), abs=1e-4)


def test_of_several_verdicts_the_newest_counts(alice, dr_chen):
    record = reviewed(LOW, BENIGN, alice, dr_chen)
    second = ReviewFactory(record=record, doctor=dr_chen, risk_category=LOW)
    assert measure().rates["same_category"] == agreement.Share(1, 1)
    first = record.reviews.exclude(pk=second.pk).get()
    verdicts.correct(review=first, by=dr_chen, urgency="doctor_weeks")
    assert measure().rates["same_category"] == agreement.Share(0, 1)


def test_each_version_modality_and_kind_of_verdict_is_counted_alone(alice, dr_chen):
    record = reviewed(
        LOW, LOW, alice, dr_chen, modality="dermoscopy", says={"modality": "dermoscopy"}
    )
    reviewed(LOW, BENIGN, alice, dr_chen, blind=True)
    newer = answer(BENIGN, model_version="newer", modality="dermoscopy")
    Assessment.objects.create(record=record, **newer)
    assert agreement.model_versions() == ["newer", "test"]
    assert measure().reviewed == 2
    assert measure(modality="dermoscopy").confusion[1] == [0, 1, 0]
    assert measure(modality="photo").confusion[0] == [0, 1, 0]
    assert measure(blind=True).reviewed == 1
    assert measure(model_version="newer").confusion[1] == [1, 0, 0]


def test_calibration_compares_the_mean_with_the_doctors_share(alice, dr_chen):
    for malignancy, verdict in ((0.12, BENIGN), (0.18, LOW), (1.0, HIGH)):
        reviewed(LOW, verdict, alice, dr_chen, says={"malignancy": malignancy})
    low, high = measure().bins
    assert low.mean == pytest.approx(0.15)
    assert low.malignant == agreement.Share(1, 2)
    assert high.malignant == agreement.Share(1, 1)


def test_weeks_show_scores_and_refusals(alice):
    now = timezone.now()
    for category, malignancy, ago in (
        (BENIGN, 0.1, 7),
        (BENIGN, 0.3, 7),
        (HIGH, 0.9, 0),
        (None, 0, 0),
    ):
        record = assessed(category, owner=alice)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=now - timedelta(days=ago))
        Assessment.objects.filter(record=record).update(malignancy=malignancy)
    before, this = measure().weeks
    assert before.quartiles == pytest.approx([0.15, 0.2, 0.25])
    assert (before.refused, before.flagged) == (agreement.Share(0, 2), agreement.Share(0, 2))
    assert (this.refused, this.flagged) == (agreement.Share(1, 2), agreement.Share(1, 1))
    assert this.monday.weekday() == 0
    assert measure().refused == agreement.Share(1, 4)


def test_waiting_times_end_with_the_first_verdict(alice, dr_chen):
    now = timezone.now()
    for days in (1, 3):
        record = reviewed(HIGH, HIGH, alice, dr_chen)
        ReviewFactory(record=record, doctor=dr_chen)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=now - timedelta(days=days))
        Review.objects.filter(record=record, risk_category=HIGH).update(created_at=now)
    assessed(HIGH, owner=alice)
    RecordFactory(owner=alice, failed=True)
    [wait] = measure().waits
    assert (wait.danger, wait.reviewed, wait.waiting) == (MoleRecord.Danger.HIGH_RISK, 2, 1)
    assert wait.median == timedelta(days=2)
    assert wait.ninetieth == timedelta(days=2.8)


def test_demo_pictures_are_in_no_figure(alice, dr_chen):
    reviewed(HIGH, BENIGN, alice, dr_chen, origin="demo")
    assessed(HIGH, owner=alice, origin="demo")
    found = measure()
    assert (found.reviewed, found.weeks, found.waits) == (0, [], [])
    assert agreement.model_versions() == []


def test_the_page_shows_plots_and_numbers_to_doctors(client, dr_chen, alice):
    reviewed(LOW, LOW, alice, dr_chen)
    reviewed(BENIGN, BENIGN, alice, dr_chen)
    client.force_login(dr_chen)
    html = client.get(PAGE, {"modality": "photo"}).content.decode()
    assert html.count("<svg") >= 3
    assert "1 / 1" in html
    assert "100% (21% – 100%)" in html
    assert " style=" not in html.split('id="content-main"')[1]


def test_the_page_says_when_there_is_nothing_yet(client, dr_chen):
    client.force_login(dr_chen)
    assert "No picture has been assessed yet" in client.get(PAGE).content.decode()


def test_the_page_opens_before_the_first_verdict(client, dr_chen, alice):
    assessed(None, owner=alice)
    client.force_login(dr_chen)
    assert "No record with a verdict yet" in client.get(PAGE).content.decode()


def test_an_unknown_version_is_refused(client, dr_chen, alice):
    assessed(owner=alice)
    client.force_login(dr_chen)
    assert "Choose a version" in client.get(PAGE, {"model_version": "x"}).content.decode()


@pytest.mark.parametrize("count", [1, 12])
def test_the_figures_take_a_constant_number_of_queries(
    alice, dr_chen, count, django_assert_num_queries
):
    for _ in range(count):
        reviewed(LOW, HIGH, alice, dr_chen)
    with django_assert_num_queries(4):
        measure()
