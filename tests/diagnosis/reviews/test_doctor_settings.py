"""What each doctor chooses: the name that people read, blind review, the keys."""

import io

import pytest
from django.urls import reverse
from pypdf import PdfReader
from rest_framework.test import APIClient

from diagnosis.models import DoctorProfile, Review
from diagnosis.records import assessments
from diagnosis.sharing import links
from tests.diagnosis.reviews.conftest import VERDICT, address, post
from tests.factories import RecordFactory, ReviewFactory, UserFactory, assessed, picture

LIST = reverse("admin:diagnosis_molerecord_changelist")
SETTINGS = reverse("admin:diagnosis_doctorprofile_changelist")


@pytest.fixture
def record(alice):
    return assessed("malignant_high_risk", owner=alice)


def choose(client, **choices):
    page = client.get(SETTINGS).url
    assert client.post(page, choices).url == LIST


def test_the_person_reads_the_name_that_the_doctor_chose(doctor, dr_chen, alice, record):
    ReviewFactory(record=record, doctor=dr_chen, other_diagnosis="Spitz naevus")
    page, api = f"/records/{record.pk}/", APIClient()
    api.force_authenticate(alice)
    for chosen, read in (("", "dr_chen"), ("The skin clinic", "The skin clinic")):
        doctor.force_login(dr_chen)
        choose(doctor, shown_name=chosen)
        doctor.force_login(alice)
        html = doctor.get(page).content.decode()
        assert f"{read}, doctor, on" in html
        assert html.index(read) < html.index("What the program says")
        assert "Spitz naevus" in html
        assert api.get(f"/api/v1{page}").json()["reviews"][0]["doctor"] == read


def test_nobody_reads_a_doctors_e_mail_address(client, alice, record):
    nameless = UserFactory(display_name="", email="secret@example.org", role="doctor")
    ReviewFactory(record=record, doctor=nameless)
    client.force_login(alice)
    share = links.create(owner=alice, days=7, record=record)
    pdf = client.get(f"/records/{record.pk}/report/")
    for said in (
        client.get(f"/records/{record.pk}/").content.decode(),
        client.get(links.address(share, site="/")).content.decode(),
        PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text(),
    ):
        assert "A doctor, on" in said
        assert ", doctor, on" not in said
        assert "secret@" not in said


def test_blind_review_hides_the_answer_until_it_is_asked_for(doctor, record):
    choose(doctor, blind_review="on")
    said = ("90.0%", "malignant, high risk</strong>", '"outline"')
    hidden, asked = (
        doctor.get(address("change", record), query).content.decode()
        for query in ({}, {"model": 1})
    )
    for part in said:
        assert part not in hidden
        assert part in asked
    assert "90.0%" not in doctor.get(LIST).content.decode()


@pytest.mark.parametrize("query", [{}, {"model": 1}], ids=["blind", "seen"])
def test_a_verdict_keeps_whether_it_was_blind(doctor, record, query):
    choose(doctor, blind_review="on")
    doctor.get(address("change", record), query)
    post(doctor, record, VERDICT)
    assert Review.objects.get().blind is not bool(query)


def test_without_blind_review_no_verdict_is_blind(doctor, record):
    post(doctor, record, VERDICT)
    assert Review.objects.get().blind is False


@pytest.mark.parametrize("blind", ["on", ""], ids=["asked for", "before the choice"])
def test_who_has_seen_the_answer_is_blind_no_more(doctor, alice, record, blind):
    page, other = address("change", record), assessed("malignant_high_risk", owner=alice)
    choose(doctor, blind_review=blind)
    doctor.get(page, {"model": 1})
    choose(doctor, blind_review="on")
    doctor.post(page, {"do": "claim"})
    assert "90.0%" in doctor.get(page).content.decode()
    assert "90.0%" not in doctor.get(address("change", other)).content.decode()
    post(doctor, record, VERDICT)
    post(doctor, other, VERDICT)
    assert Review.objects.get(record=record).blind is False
    assert Review.objects.get(record=other).blind is True


def test_an_answer_that_was_seen_stays_seen_after_signing_out(doctor, dr_chen, record):
    choose(doctor, blind_review="on")
    doctor.get(address("change", record), {"model": 1})
    doctor.logout()
    doctor.force_login(dr_chen)
    assert "90.0%" in doctor.get(address("change", record)).content.decode()
    post(doctor, record, VERDICT)
    assert Review.objects.get().blind is False


def test_an_answer_that_a_program_showed_is_seen_on_the_page_too(doctor, dr_chen, record):
    program = APIClient()
    program.force_authenticate(dr_chen, token=object())
    program.get(f"/api/v1/queue/{record.pk}/")
    choose(doctor, blind_review="on")
    post(doctor, record, VERDICT)
    assert Review.objects.get().blind is False


def test_a_page_without_the_answer_and_a_picture_leave_a_doctor_blind(doctor, dr_chen, record):
    choose(doctor, blind_review="on")
    doctor.get(LIST)
    for page in ("change", "image", "thumbnail"):
        assert doctor.get(address(page, record)).status_code == 200
    program = APIClient()
    program.force_authenticate(dr_chen, token=object())
    verdict = {"risk_category": "benign", "urgency": "none", "confidence": "high"}
    sent = program.post(f"/api/v1/queue/{record.pk}/reviews/", verdict, format="json")
    assert sent.status_code == 201, sent.content
    assert Review.objects.get().blind is True


def test_a_page_before_there_is_an_answer_leaves_a_doctor_blind(doctor, alice):
    choose(doctor, blind_review="on")
    record = RecordFactory(owner=alice, image__data=picture((600, 600)))
    for page in ("change", "history"):
        assert doctor.get(address(page, record)).status_code == 200
    assessments.run(record.pk)
    assert doctor.get(address("change", record)).context["hidden"]


def test_similar_cases_that_were_seen_end_the_blindness(doctor, dr_chen, record, settings):
    settings.SIMILAR_CASES = True
    program = APIClient()
    program.force_authenticate(dr_chen, token=object())
    assert program.get(f"/api/v1/queue/{record.pk}/similar/").status_code == 200
    choose(doctor, blind_review="on")
    assert "90.0%" in doctor.get(address("change", record)).content.decode()


def test_a_corrected_verdict_is_blind_no_more(doctor, record):
    choose(doctor, blind_review="on")
    post(doctor, record, VERDICT)
    page = reverse("admin:diagnosis_review_change", args=[Review.objects.get().pk])
    doctor.post(page, VERDICT | {"diagnosis": "nv", "risk_category": "benign"})
    review = Review.objects.get()
    assert (review.diagnosis, review.blind) == ("nv", False)


def test_who_reviews_blind_does_not_filter_by_the_answer(doctor, record):
    tells = ("danger__exact=", "uncertain__exact=")
    for blind in ("", "on"):
        choose(doctor, blind_review=blind)
        lists = doctor.get(LIST).content.decode()
        front = doctor.get(reverse("admin:index")).content.decode()
        for part in tells:
            assert (part in lists) is not bool(blind)
        assert (tells[0] in front) is not bool(blind)
        assert "Malignant, high risk" in front


def test_keys_can_be_switched_off(doctor, record):
    assert "data-shortcuts" in doctor.get(address("change", record)).content.decode()
    choose(doctor, shown_name="")
    html = doctor.get(address("change", record)).content.decode()
    assert "data-shortcuts" not in html
    assert "<kbd" not in html


def test_settings_are_ones_own(client, doctor, dr_chen):
    choose(doctor, shown_name="Dr Chen")
    page = reverse("admin:diagnosis_doctorprofile_change", args=[dr_chen.pk])
    for role, status in (("doctor", 403), ("administrator", 403), ("person", 302)):
        client.force_login(UserFactory(role=role, is_staff=role != "person"))
        assert client.post(page, {"shown_name": "Mallory"}).status_code == status
    client.force_login(UserFactory(role="administrator", is_staff=True))
    assert client.get(SETTINGS).status_code == 403
    assert DoctorProfile.objects.get().shown_name == "Dr Chen"
