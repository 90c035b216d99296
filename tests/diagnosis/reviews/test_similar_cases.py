"""Similar cases: found by features, of people who allow it, without whose they are, and logged."""

import io
import re
from datetime import UTC, datetime

import numpy as np
import pytest
from auditlog.models import LogEntry
from django.urls import reverse
from rest_framework.test import APIClient

from accounts import consent
from diagnosis.models import Assessment, DoctorProfile, MoleRecord, Review
from diagnosis.records import assessments
from diagnosis.reviews import verdicts
from ml import features
from ml.synthetic import phantoms
from tests.factories import (
    FurtherPictureFactory,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    picture,
)

SENT = datetime(2026, 3, 17, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def switched_on(settings):
    settings.SIMILAR_CASES = True


@pytest.fixture
def willing(bob):
    consent.allow_similar(person=bob, agreed=True)
    return bob


def record_at(degrees: float | None, owner, category: str = "benign", says=(), **fields):
    """A record whose features point in this direction; None for a model that gives none."""
    record = assessed(category, owner=owner, **fields)
    turn = None if degrees is None else np.deg2rad(degrees)
    stored = None if turn is None else features.pack(np.array([np.cos(turn), np.sin(turn)]))
    Assessment.objects.filter(record=record).update(features=stored, **dict(says))
    MoleRecord.objects.filter(pk=record.pk).update(created_at=SENT)
    record.refresh_from_db()
    return record


def reviewed_at(degrees: float | None, owner, **fields):
    return ReviewFactory(record=record_at(degrees, owner, **fields), diagnosis="nv").record


def address(record) -> str:
    return reverse("admin:similar_cases", args=[record.pk])


def cases(doctor, record) -> list:
    return [each["case"] for each in doctor.get(address(record)).context["cases"]]


def test_the_nearest_come_first_with_their_verdict(doctor, alice, willing):
    for degrees in (90, 10, 45):
        reviewed_at(degrees, willing)
    record = record_at(0, alice)
    page = doctor.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    assert "Look for similar cases" in page.content.decode()
    assert "data:image" not in page.content.decode()
    found = cases(doctor, record)
    expected = 1 - np.cos(np.deg2rad([10, 45, 90]))
    assert [case.distance for case in found] == pytest.approx(expected, abs=1e-3)
    html = doctor.get(address(record)).content.decode()
    assert html.count('src="data:image/jpeg;base64,') == 3
    assert "melanocytic" in html.lower()
    assert "March 2026, distance 0.02" in html


def test_nothing_leads_to_the_other_person(doctor, alice, willing, dr_chen):
    willing.display_name = "Bob Builder"
    willing.save()
    other = record_at(10, willing, note="seen at the lake", mole=MoleFactory(owner=willing))
    review = ReviewFactory(
        record=other,
        doctor=dr_chen,
        other_diagnosis="as his brother had",
        comment="Dear Bob",
        private_comment="his wife called",
    )
    html = doctor.get(address(record_at(0, alice))).content.decode()
    assert "benign" in html
    hidden = [
        *("Bob", "brother", "wife", "lake", "17", str(other.pk), str(review.pk)),
        *(willing.pseudonym, str(willing.pk), other.mole.name, other.image.name),
    ]
    section = re.search(r'<section id="similar".*?</section>', html, re.DOTALL)[0]
    without_pictures = re.sub(r'src="data:[^"]+"', "", section)
    assert not [text for text in hidden if text in without_pictures]


def test_only_reviewed_pictures_of_people_who_allow_it_now(doctor, alice, bob, willing):
    record = record_at(0, alice)
    carol = UserFactory(display_name="carol")
    consent.allow_similar(person=carol, agreed=True)
    reviewed_at(1, UserFactory(display_name="eve"))  # was never asked
    erin = UserFactory(display_name="erin")
    consent.allow_teaching(person=erin, agreed=True)
    reviewed_at(1, erin)  # agreed to something else
    reviewed_at(1, UserFactory(display_name="mallory", is_active=False))
    record_at(1, carol)  # without a verdict
    Review.objects.filter(record=reviewed_at(1, carol)).update(is_final=False)
    reviewed_at(1, carol, origin="import")
    reviewed_at(1, carol, origin="demo")
    reviewed_at(1, carol, says={"model_version": "older"})
    reviewed_at(1, carol, says={"modality": "dermoscopy"}, modality="dermoscopy")
    reviewed_at(None, carol)
    reviewed_at(1, alice)  # her own
    assert cases(doctor, record) == []
    assert "There are none" in doctor.get(address(record)).content.decode()
    own = reviewed_at(5, willing)
    assert len(cases(doctor, record)) == 1
    consent.allow_similar(person=bob, agreed=False)
    assert cases(doctor, record) == []
    consent.allow_similar(person=bob, agreed=True)
    own.delete()
    assert cases(doctor, record) == []


def test_a_mole_counts_once_and_six_are_enough(doctor, alice, willing):
    mole = MoleFactory(owner=willing)
    for degrees in range(5, 9):
        reviewed_at(degrees, willing, mole=mole)
    assert len(cases(doctor, record_at(0, alice))) == 1
    for degrees in range(20, 40):
        reviewed_at(degrees, willing)
    assert len(cases(doctor, record_at(0, alice))) == 6


def test_the_newest_final_verdict_is_shown(doctor, alice, willing):
    other = reviewed_at(5, willing)
    ReviewFactory(record=other, risk_category="malignant_high_risk", diagnosis="mel")
    [case] = cases(doctor, record_at(0, alice))
    assert (case.diagnosis, case.risk_category) == ("mel", "malignant_high_risk")
    first = other.reviews.get(diagnosis="nv")
    verdicts.correct(review=first, by=first.doctor, diagnosis="bkl", urgency="doctor_weeks")
    [case] = cases(doctor, record_at(0, alice))
    assert (case.diagnosis, case.risk_category) == ("bkl", "benign")


def test_a_look_is_logged_with_what_it_showed_and_opening_the_record_is_none(
    doctor, alice, willing, dr_chen
):
    other, record = reviewed_at(5, willing), record_at(0, alice)
    doctor.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    logged = LogEntry.objects.filter(additional_data__action="similar cases")
    assert not logged.exists()
    doctor.get(address(record))
    [entry] = logged
    assert (entry.actor, entry.object_pk) == (dr_chen, str(record.pk))
    assert entry.additional_data["shown"] == [str(other.pk)]


def test_a_picture_that_is_gone_is_said_to_be(doctor, alice, willing):
    other = reviewed_at(5, willing)
    other.image.storage.delete(other.image.name)
    assert (
        "The file of this picture is missing"
        in doctor.get(address(record_at(0, alice))).content.decode()
    )


def drawn(name: str, *, turned: bool = False) -> bytes:
    mole = phantoms.render(name, 1024)
    stream = io.BytesIO()
    (mole.rotate(90) if turned else mole).save(stream, "JPEG", quality=80 if turned else 95)
    return stream.getvalue()


def answered(owner, data: bytes, further: bytes = b"") -> MoleRecord:
    record = RecordFactory(owner=owner, image__data=data)
    if further:
        FurtherPictureFactory(record=record, image__data=further, modality="dermoscopy")
    assessments.run(record.pk)
    record.refresh_from_db()
    return record


@pytest.mark.parametrize("name", ["irregular_mole", "even_mole"])
def test_by_the_released_model_the_nearest_is_the_same_lesion_seen_again(
    doctor, alice, willing, name
):
    said = {"irregular_mole": "bkl", "even_mole": "nv"}
    for each, diagnosis in said.items():
        ReviewFactory(record=answered(willing, drawn(each)), diagnosis=diagnosis)
    nearest, other = cases(doctor, answered(alice, drawn(name, turned=True)))
    assert nearest.diagnosis == said[name]
    assert nearest.distance < 0.2 < other.distance


@pytest.mark.parametrize(("own", "found"), [("even_mole", 1), ("", 0)])
def test_what_is_compared_is_the_picture_that_is_shown(doctor, alice, willing, own, found):
    data = drawn(own) if own else picture()  # which can't be judged
    other = answered(willing, data, further=drawn("irregular_mole"))
    assert other.state == MoleRecord.State.DONE
    ReviewFactory(record=other, diagnosis="nv")
    assert len(cases(doctor, answered(alice, drawn("irregular_mole", turned=True)))) == found
    html = doctor.get(address(other)).content.decode()
    assert ("holds nothing that pictures could be compared by" in html) == (not found)


def test_an_answer_without_features_says_so(doctor, alice, willing):
    reviewed_at(5, willing)
    record = record_at(None, alice)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    for html in (doctor.get(page).content.decode(), doctor.get(address(record)).content.decode()):
        assert "holds nothing that pictures could be compared by" in html
        assert "Look for similar cases" not in html


def test_what_was_measured_is_said_of_the_version_that_was(doctor, alice, willing, monkeypatch):
    of = {"same": 0.552, "chance": 0.267, "diagnoses": {"mel": {"same_malignancy": 0.607}}}
    known = {"model_version": "test", "modalities": {"photo": of}}
    monkeypatch.setattr(features, "neighbours", lambda: known)
    reviewed_at(5, willing)
    record = record_at(0, alice)
    said = "55 of 100 that were nearest to another one showed the same diagnosis, by chance 27"
    html = doctor.get(address(record)).content.decode()
    assert said in html
    assert "39 of 100 were benign" in html
    known["model_version"] = "another"
    assert said not in doctor.get(address(record)).content.decode()


def test_who_reviews_blind_judges_first(doctor, alice, willing, dr_chen):
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    reviewed_at(5, willing)
    record = record_at(0, alice)
    answer = doctor.get(address(record))
    assert "look at its answer first" in answer.content.decode()
    assert "cases" not in answer.context
    assert not LogEntry.objects.filter(additional_data__action="similar cases").exists()
    doctor.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]), {"model": "1"})
    assert len(cases(doctor, record)) == 1


def test_it_is_off_until_it_is_set(doctor, alice, settings, willing):
    settings.SIMILAR_CASES = False
    reviewed_at(5, willing)
    record = record_at(0, alice)
    assert doctor.get(address(record)).status_code == 404
    page = doctor.get(reverse("admin:diagnosis_molerecord_change", args=[record.pk]))
    assert "imilar cases" not in page.content.decode()


def test_queries_are_as_many_for_one_case_as_for_six(
    doctor, alice, willing, django_assert_max_num_queries
):
    record = record_at(0, alice)
    for degrees in range(10, 16):
        reviewed_at(degrees, willing)
    with django_assert_max_num_queries(14) as many:
        assert len(cases(doctor, record)) == 6
    MoleRecord.objects.filter(owner=willing).exclude(
        pk=MoleRecord.objects.filter(owner=willing).first().pk
    ).delete()
    with django_assert_max_num_queries(14) as one:
        assert len(cases(doctor, record)) == 1
    assert len(one) == len(many)


# --- for programs --------------------------------------------------------------------------------


def test_a_program_gets_them_without_an_id(dr_chen, alice, willing):
    other, record = reviewed_at(45, willing), record_at(0, alice)
    api = APIClient()
    api.force_authenticate(dr_chen, token=object())
    [case] = api.get(f"/api/v1/queue/{record.pk}/similar/").json()
    assert case.pop("picture").startswith("data:image/jpeg;base64,")
    assert case.pop("distance") == pytest.approx(0.293, abs=1e-3)
    assert case == {
        "month": "2026-03-01",
        "diagnosis": "nv",
        "risk_category": "benign",
        "urgency": "none",
    }
    [entry] = LogEntry.objects.filter(additional_data__action="similar cases")
    assert entry.additional_data["shown"] == [str(other.pk)]
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    dr_chen.refresh_from_db()
    assert api.get(f"/api/v1/queue/{record.pk}/similar/").status_code == 403


def test_a_person_gets_none(alice, willing):
    api = APIClient()
    api.force_authenticate(alice, token=object())
    assert api.get(f"/api/v1/queue/{record_at(0, alice).pk}/similar/").status_code == 403
