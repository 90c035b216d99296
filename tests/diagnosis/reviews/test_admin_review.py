"""A record's page in the admin: doctors read it, and write a verdict that the person sees."""

import uuid
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from auditlog.models import LogEntry
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from rest_framework.test import APIClient

from diagnosis.language import results
from diagnosis.models import DoctorProfile, MoleRecord, Review
from diagnosis.reviews import claims, looks, verdicts
from tests.diagnosis.reviews.conftest import VERDICT, address, post
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    in_state,
    program_of,
)


@pytest.fixture
def record(alice):
    return assessed("malignant_low_risk", owner=alice, note="bleeds", signs=["bleeding"])


def test_a_doctor_writes_a_verdict_that_the_person_sees(doctor, dr_chen, alice, record):
    assert post(doctor, record, VERDICT).status_code == 302
    review = Review.objects.get()
    assert (review.record, review.doctor) == (record, dr_chen)
    api = APIClient()
    api.force_authenticate(alice)
    [seen] = api.get(f"/api/v1/records/{record.pk}/").json()["reviews"]
    assert seen["comment"] == "Please come this week."
    assert seen["urgency"] == "doctor_days"


@pytest.mark.parametrize(("origin", "age"), [("upload", True), ("import", False)])
def test_the_age_is_told_of_who_is_known(doctor, alice, origin, age):
    html = doctor.get(address("change", assessed(owner=alice, origin=origin))).content.decode()
    assert ("<dt>Age</dt><dd>–</dd>" not in html) == age


@pytest.mark.parametrize("missing", ["risk_category", "urgency", "confidence"])
def test_an_incomplete_verdict_says_what_is_missing(doctor, record, missing):
    response = post(doctor, record, VERDICT | {missing: ""})
    assert b"This field is required" in response.content
    assert f'aria-describedby="id_{missing}_error"'.encode() in response.content
    assert b'role="alert" tabindex="-1" autofocus' in response.content
    assert b"Breslow?" in response.content
    assert not Review.objects.exists()


def test_saving_changes_nothing_of_the_record_or_its_assessment(doctor, record):
    before = MoleRecord.objects.filter(pk=record.pk).values().get()
    post(doctor, record, VERDICT, note="changed", state="failed", malignancy="0")
    after = MoleRecord.objects.filter(pk=record.pk).values().get()
    assert after == before | {"is_reviewed": True}
    record.current_assessment.refresh_from_db()
    assert record.current_assessment.risk_category == "malignant_low_risk"


def test_the_page_shows_picture_heatmap_answer_and_what_the_person_said(doctor, alice, record):
    record.mole = MoleFactory(owner=alice)
    record.save()
    earlier = RecordFactory(owner=alice, mole=record.mole)
    html = doctor.get(address("change", record)).content.decode()
    for part in (
        address("image", record),
        'value="heatmap"',
        '"outline": [[0.3, 0.3]',
        "malignant, low risk",
        "90.0%",
        "It bleeds",
        "bleeds",
        address("thumbnail", earlier),
    ):
        assert part in html


@pytest.mark.parametrize("kind", ["queued", "failed", "unusable"])
def test_the_page_opens_in_every_state(doctor, alice, kind):
    record = in_state(kind, owner=alice)
    assert doctor.get(address("change", record)).status_code == 200


def test_what_the_camera_page_showed_is_told_where_the_check_did_not_finish(doctor, dr_chen, alice):
    record = RecordFactory(owner=alice, failed=True, phone_advice="doctor_weeks")
    told = "Advice shown on the phone"
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    page = doctor.get(address("change", record)).content.decode()
    assert (told in page, "Hidden, since you review blind" in page) == (False, True)
    assert told in doctor.get(address("change", record), {"model": 1}).content.decode()


def test_verdicts_that_stand_are_read_only_on_the_page(doctor, dr_chen, record):
    review = ReviewFactory(record=record, doctor=dr_chen, comment="as it was")
    post(doctor, record, VERDICT, id=review.pk, known=1)
    review.refresh_from_db()
    assert review.comment == "as it was"


def test_doctors_correct_their_own_verdicts_only(doctor, dr_chen, record):
    own = ReviewFactory(record=record, doctor=dr_chen)
    others = ReviewFactory(record=record)
    for review, status in ((own, 302), (others, 403)):
        page = reverse("admin:diagnosis_review_change", args=[review.pk])
        assert doctor.get(page).status_code == 200
        assert doctor.post(page, VERDICT).status_code == status
    own.refresh_from_db()
    assert own.comment == "Please come this week."


def test_a_corrected_verdict_is_the_newest(client, alice, dr_chen, record):
    record.mole = MoleFactory(owner=alice)
    record.save()
    assessed(owner=alice, mole=record.mole)
    own = ReviewFactory(record=record, doctor=dr_chen, urgency="doctor_weeks", diagnosis="nv")
    further = ReviewFactory(record=record, diagnosis="bkl")
    past = timezone.now() - timedelta(days=40)
    Review.objects.update(created_at=past, news_since=past)
    verdicts.correct(review=own, by=dr_chen, urgency="doctor_days")
    whole = MoleRecord.objects.with_answers().get(pk=record.pk)
    assert results.tag(whole)["tone"] == "soon"
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert page.index("See a doctor within a few days") < page.index("No visit needed")
    with translation.override("en-gb"):
        today = date_format(timezone.localdate(), "DATE_FORMAT")
    assert f"doctor, on {today}" in page
    first, second = client.get(f"/api/v1/records/{record.pk}/").json()["reviews"]
    assert (first["urgency"], second["urgency"]) == ("doctor_days", "none")
    assert first["changed_at"] > first["created_at"] == second["changed_at"]
    client.force_login(dr_chen)
    page = client.get(address("change", record)).content.decode()
    assert page.index(f"<h3>{dr_chen}") < page.index(f"<h3>Earlier verdict · {further.doctor}")
    row = client.get(reverse("admin:diagnosis_molerecord_changelist")).content.decode()
    assert row.index("melanocytic naevus, ") < row.index("benign keratosis, ")


@pytest.mark.parametrize("by", ["page", "program"])
@pytest.mark.parametrize(
    "words",
    [
        {"comment": "All right."},
        {"diagnosis": "bkl"},
        {"diagnosis": "", "other_diagnosis": "Spitz naevus", "code": "D22.5"},
    ],
    ids=["comment", "diagnosis", "code"],
)
def test_words_made_clearer_bring_no_calm_verdict_before_a_later_urgent_one(
    doctor, alice, dr_chen, record, mailoutbox, by, words
):
    calm = ReviewFactory(record=record, doctor=dr_chen, diagnosis="nv", confidence="low")
    ReviewFactory(record=record, urgency="doctor_days")
    if by == "page":
        page = reverse("admin:diagnosis_review_change", args=[calm.pk])
        as_it_was = {name: getattr(calm, name) for name in Review.VERDICT}
        assert doctor.post(page, as_it_was | words).status_code == 302
    else:
        address = f"/api/v1/reviews/{calm.pk}/"
        assert program_of(dr_chen).patch(address, words, format="json").status_code == 200
    assert [message.to for message in mailoutbox] == [[alice.email]]
    assert results.tag(MoleRecord.objects.with_answers().get(pk=record.pk))["tone"] == "soon"
    doctor.force_login(alice)
    page = doctor.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert page.index("See a doctor within a few days") < page.index("No visit needed")
    calm.refresh_from_db()
    assert {name: getattr(calm, name) for name in words} == words
    Review.objects.exclude(pk=calm.pk).update(urgency="none")
    verdicts.correct(review=calm, by=dr_chen, urgency="doctor_weeks")
    assert results.tag(MoleRecord.objects.with_answers().get(pk=record.pk))["tone"] == "doctor"


@pytest.mark.parametrize("by", ["page", "program"])
@pytest.mark.parametrize(
    "changes", [{}, {"private_comment": "Breslow?", "confidence": "high"}], ids=["none", "unread"]
)
def test_what_the_person_does_not_read_is_no_news(doctor, dr_chen, record, mailoutbox, by, changes):
    calm = ReviewFactory(record=record, doctor=dr_chen, confidence="low", blind=True)
    ReviewFactory(record=record, urgency="doctor_weeks")
    as_it_was = {name: getattr(calm, name) for name in Review.VERDICT}
    if by == "page":
        page = reverse("admin:diagnosis_review_change", args=[calm.pk])
        assert doctor.post(page, as_it_was | changes).status_code == 302
    else:
        program = program_of(dr_chen)
        sent = {"urgency": "none"} | changes
        answer = program.patch(f"/api/v1/reviews/{calm.pk}/", sent, format="json")
        assert (answer.status_code, answer.json()["blind"]) == (200, not changes)
    now = Review.objects.get(pk=calm.pk)
    assert {name: getattr(now, name) for name in Review.VERDICT} == as_it_was | changes
    assert results.tag(MoleRecord.objects.with_answers().get(pk=record.pk))["tone"] == "doctor"
    assert now.news_since == calm.news_since
    assert not mailoutbox


def test_a_form_of_corrections_that_was_open_on_another_tab_takes_nothing_back(
    doctor, dr_chen, record
):
    review = ReviewFactory(record=record, doctor=dr_chen, confidence="low")
    page = reverse("admin:diagnosis_review_change", args=[review.pk])
    form = doctor.get(page).context["adminform"].form
    tab = {field.html_initial_name: field.value() or "" for field in form}
    tab |= {field.html_name: field.value() or "" for field in form}
    verdicts.correct(review=review, by=dr_chen, urgency="doctor_days")
    assert doctor.post(page, tab | {"comment": "Nothing to add."}).status_code == 302
    review.refresh_from_db()
    assert (review.urgency, review.comment) == ("doctor_days", "Nothing to add.")
    # What does not go with what was saved meanwhile is said, and not half-written.
    verdicts.correct(review=review, by=dr_chen, risk_category="malignant_high_risk")
    refused = doctor.post(page, tab | {"diagnosis": "nv", "comment": "Harmless."})
    assert refused.status_code == 200
    assert "belongs to another risk category" in refused.content.decode()
    review.refresh_from_db()
    assert (review.diagnosis, review.comment) == ("", "Nothing to add.")


def test_nor_what_is_being_saved_as_it_is_sent(transactional_db, doctor, dr_chen, record):
    """Of two at once the second is checked against what the first has saved."""
    review = ReviewFactory(record=record, doctor=dr_chen, diagnosis="nv", confidence="low")
    page = reverse("admin:diagnosis_review_change", args=[review.pk])
    form = doctor.get(page).context["adminform"].form
    tab = {field.html_initial_name: field.value() or "" for field in form}
    tab |= {field.html_name: field.value() or "" for field in form}

    def send():
        try:
            return doctor.post(page, tab | {"diagnosis": "bkl", "comment": "Harmless."})
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            changes = {"risk_category": "malignant_high_risk", "diagnosis": "mel"}
            verdicts.correct(review=review, by=dr_chen, urgency="doctor_days", **changes)
            sent = pool.submit(send)
            wait([sent], timeout=1)  # it comes to the lock, meanwhile
        answer = sent.result()
    assert answer.status_code == 200
    assert "belongs to another risk category" in answer.content.decode()
    review.refresh_from_db()
    assert (review.diagnosis, review.comment) == ("mel", "")


def test_nobody_adds_or_deletes_records_here(doctor, record, admin_client):
    for client in (doctor, admin_client):
        assert client.post(reverse("admin:diagnosis_molerecord_add")).status_code == 403
        assert client.post(address("delete", record), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", ["person", "administrator"])
def test_who_is_no_doctor_sees_no_record(client, record, role):
    client.force_login(UserFactory(role=role, is_staff=role != "person"))
    pages = [reverse("admin:diagnosis_molerecord_changelist")]
    pages += [address(name, record) for name in ("change", "image", "thumbnail")]
    for page in pages:
        assert client.get(page).status_code in (302, 403, 404)
    assert post(client, record, VERDICT).status_code in (302, 403)
    assert not Review.objects.exists()


@pytest.mark.parametrize("name", ["image", "thumbnail"])
def test_who_looks_at_a_picture_is_logged(doctor, dr_chen, record, name):
    assert doctor.get(address(name, record))["Content-Type"] == "image/jpeg"
    entry = LogEntry.objects.get(action=LogEntry.Action.ACCESS)
    assert (entry.actor, entry.object_pk) == (dr_chen, str(record.pk))


def test_who_opens_a_records_page_is_logged(doctor, dr_chen, record):
    doctor.get(address("change", record))
    entry = LogEntry.objects.get(action=LogEntry.Action.ACCESS)
    assert (entry.actor, entry.object_pk) == (dr_chen, str(record.pk))


def test_a_missing_picture_file_is_told(doctor, record):
    record.image.storage.delete(record.image.name)
    html = doctor.get(address("change", record)).content.decode()
    assert "The file of this picture is missing." in html
    assert "Save and next" in html
    for name in ("image", "thumbnail"):
        assert doctor.get(address(name, record)).status_code == 404


def test_an_address_of_no_record_leads_back(doctor, record):
    page = reverse("admin:diagnosis_molerecord_change", args=[uuid.uuid4()])
    assert doctor.get(page).url == reverse("admin:index")


@pytest.mark.parametrize(
    ("do", "where", "name"), [("stay", looks, "is_blind"), ("claim", claims, "take")]
)
def test_a_record_that_is_deleted_meanwhile_leads_back(
    doctor, record, monkeypatch, do, where, name
):
    monkeypatch.setattr(where, name, lambda **_: record.delete() and 0)
    assert doctor.get(post(doctor, record, VERDICT, do=do).url).url == reverse("admin:index")


def test_no_doctor_reviews_a_drawn_picture(doctor, alice):
    drawn = assessed(owner=alice, origin="demo")
    listed = doctor.get(reverse("admin:diagnosis_molerecord_changelist"), {"review": "all"})
    assert str(drawn.pk) not in listed.content.decode()
    assert post(doctor, drawn, VERDICT).url == reverse("admin:index")
    assert doctor.get(address("image", drawn)).status_code == 404
    assert not Review.objects.exists()


def test_a_doctors_own_record_is_for_other_doctors(doctor, dr_chen):
    own = assessed(owner=dr_chen)
    assert "Save and next" not in doctor.get(address("change", own)).content.decode()
    assert post(doctor, own, VERDICT).status_code == 403
    assert not Review.objects.exists()


def test_the_audit_log_keeps_who_and_when_without_the_content(doctor, dr_chen, record):
    post(doctor, record, VERDICT)
    entry = LogEntry.objects.get_for_model(Review).get()
    assert entry.actor == dr_chen
    record.delete()
    log = str(list(LogEntry.objects.values("changes", "object_repr", "additional_data")))
    for content in ("bleeds", "Please come", "Breslow", "records/"):
        assert content not in log
