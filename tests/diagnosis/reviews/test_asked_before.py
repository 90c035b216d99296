"""What a doctor asked of an earlier picture of the mole holds at every door, and is heard of."""

import contextlib
import json
import threading
import time
import uuid
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pydicom import dcmread
from pypdf import PdfReader

from accounts.models import OutgoingMail
from diagnosis.language import results
from diagnosis.models import Assessment, MoleRecord, Review
from diagnosis.own_data.archive import archive
from diagnosis.records import answers, assessments
from diagnosis.reviews import verdicts
from diagnosis.sharing import links
from diagnosis.tasks import reassess_record
from diagnosis.webhooks.models import Webhook
from tests.factories import (
    BENIGN,
    DAYS,
    PASSWORD,
    WEEKS,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    answer,
    assessed,
    picture,
    program_of,
)

SINCE = "Since the verdict on this picture, a doctor has asked for a visit"
ENDS = "A doctor asked for a visit: See a doctor within a few days."
OF_AN_EARLIER = "A doctor said of an earlier picture of this mole: See a doctor within a few days."


@pytest.fixture
def mole(alice):
    return MoleFactory(owner=alice)


@pytest.fixture
def first(alice, mole):
    record = assessed(owner=alice, mole=mole)
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(days=30))
    return record


@pytest.fixture
def later(alice, mole, first):
    """The mole's next picture; the program calls both calm."""
    return assessed(owner=alice, mole=mole, image__data=picture((600, 600)))


@pytest.fixture
def read(client, alice):
    """read(address, **query): what alice reads there, of a PDF its text."""
    client.force_login(alice)

    def get(address: str, **query: str) -> str:
        answer = client.get(address, query)
        assert answer.status_code == 200
        if answer["Content-Type"] != "application/pdf":
            return answer.content.decode()
        return " ".join(each.extract_text() for each in PdfReader(BytesIO(answer.content)).pages)

    return get


def fhir(program, record) -> dict:
    return program.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()


def rest(program, record) -> dict:
    return program.get(f"/api/v1/records/{record.pk}/").json()


def dicom(program, record):
    return dcmread(BytesIO(program.get(f"/api/v1/dicom/{record.pk}/report/").content))


def test_a_colleague_is_not_told_the_verdict_that_their_own_is_waited_for(
    client, first, later, dr_chen, dr_okafor
):
    verdicts.write(record=first, doctor=dr_chen, ask=dr_okafor, **DAYS)
    page = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
    for doctor, is_told in ((dr_okafor, False), (dr_chen, True)):
        colleague = program_of(doctor)
        conclusion = fhir(colleague, later)["conclusion"]
        said = colleague.get(f"/api/v1/queue/{later.pk}/").json()
        advice = said["assessment"]["advice"]
        client.force_login(doctor)
        shown = client.get(page).content.decode()
        assert ("A doctor said of an earlier picture" in conclusion) == is_told
        assert (advice, said["asked_before"]) == (
            ("doctor_days", "doctor_days") if is_told else ("watch", "")
        )
        assert (OF_AN_EARLIER in shown) == is_told


def test_the_doctors_page_tells_the_program_s_own_advice_from_what_holds(
    client, first, later, dr_chen, dr_okafor
):
    own = "<dt>The program’s own advice</dt><dd>No warning sign found. Keep an eye on it.</dd>"

    def what_holds(reader=dr_chen) -> str:
        client.force_login(reader)
        page = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
        shown = client.get(page).content.decode()
        assert own in shown
        return shown.partition("<dt>What holds</dt><dd><strong>")[2].partition("<")[0]

    assert what_holds() == ""
    ReviewFactory(record=first, **DAYS)
    assert what_holds() == "Show it to a doctor within a few days."
    verdicts.write(record=later, doctor=dr_chen, **WEEKS)
    assert what_holds() == "Doctor: See a doctor within a few weeks"
    ReviewFactory(record=first, **DAYS)  # later, and sooner
    assert what_holds() == "Show it to a doctor within a few days."
    verdicts.write(record=later, doctor=dr_chen, known=1, ask=dr_okafor, **DAYS)
    assert what_holds() == "Doctor: See a doctor within a few days"
    assert what_holds(dr_okafor) == "Show it to a doctor within a few days."


@pytest.mark.parametrize(
    ("own", "holds"), [(DAYS, "Doctor: See a doctor within a few days"), (BENIGN, "")]
)
def test_who_is_asked_reads_the_own_verdict_that_asks_for_a_visit(
    client, later, dr_chen, dr_okafor, own, holds
):
    """A calm one may not be what holds, beside a colleague's that is hidden."""
    verdicts.write(record=later, doctor=dr_okafor, **own)
    verdicts.write(record=later, doctor=dr_chen, known=1, ask=dr_okafor, **WEEKS)
    client.force_login(dr_okafor)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk]))
    assert (page.context["assessment"].advice, page.context["holds"]) == ("watch", holds)


def test_a_doctor_reads_of_the_own_mole_what_holds(client, first, later, alice, dr_chen):
    MoleRecord.objects.update(owner=dr_chen)
    ReviewFactory(record=later, **DAYS)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk]))
    assert page.context["holds"] == "Doctor: See a doctor within a few days"


@pytest.mark.parametrize("is_failed", [False, True])
def test_the_doctors_page_knows_it(client, first, later, dr_chen, is_failed):
    ReviewFactory(record=first, **DAYS)
    if is_failed:
        later.current_assessment = None
        later.state, later.failure_reason = "failed", "error"
        later.save()
    client.force_login(dr_chen)
    page = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
    shown = client.get(page).content.decode()
    assert OF_AN_EARLIER in shown
    assert is_failed or "<strong>Show it to a doctor within a few days." in shown


def test_ones_own_data_know_it(alice, first, later):
    ReviewFactory(record=first, **DAYS)
    data = json.loads(zipfile.ZipFile(BytesIO(b"".join(archive(alice)))).read("data.json"))
    assert [each["assessments"][0]["advice"] for each in data["records"]] == [
        "watch",
        "doctor_days",
    ]


@pytest.fixture(params=["failed", "queued"])
def unanswered(request, alice, mole, first):
    """The mole's next picture, without an answer, after a doctor wanted to see the mole."""
    ReviewFactory(record=first, **DAYS)
    return RecordFactory(owner=alice, mole=mole, failed=request.param == "failed")


def test_it_is_said_without_an_answer(alice, program, read, unanswered):
    page = read(reverse("diagnosis:record_detail", args=[unanswered.pk]))
    assert OF_AN_EARLIER in page
    assert str(results.HOW_SOON["doctor_days"]) in page
    pdf = read(reverse("diagnosis:record_report", args=[unanswered.pk]))
    assert OF_AN_EARLIER in " ".join(pdf.split())
    assert "Should be seen by a doctor soon · " in read(reverse("diagnosis:history"))
    assert rest(program, unanswered)["asked_before"] == "doctor_days"
    report = fhir(program, unanswered)
    assert report["status"] == "registered"
    assert OF_AN_EARLIER in report["conclusion"]
    for status in ("registered", "cancelled"):
        found = program.get("/api/v1/fhir/DiagnosticReport", {"status": status}).json()
        assert found["total"] == (status == "registered")


@pytest.mark.parametrize("is_asked", [True, False])
def test_who_reads_already_how_soon_is_not_mailed_of_less(
    alice, first, later, monkeypatch, is_asked
):
    if is_asked:
        ReviewFactory(record=first, **DAYS)
    said = answer("malignant_low_risk") | {
        "advice": "doctor_weeks",
        "model_version": assessments.classifier().version,
    }
    monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**said))
    reassess_record(later.pk)
    assert OutgoingMail.objects.exists() != is_asked


@pytest.fixture(params=["corrected", "written after"])
def overtaken(request, first, later, dr_chen):
    """The later picture, whose calm verdict is older than an urgent one on the first."""
    if request.param == "corrected":
        review = verdicts.write(record=first, doctor=dr_chen, **BENIGN)
    verdicts.write(record=later, doctor=dr_chen, **BENIGN)
    if request.param == "corrected":
        verdicts.correct(review=review, by=dr_chen, **DAYS)
    else:
        verdicts.write(record=first, doctor=dr_chen, **DAYS)
    return later


@pytest.mark.parametrize(("asked", "is_told"), [(WEEKS, True), (DAYS, False)])
def test_who_should_go_sooner_than_was_asked_since_a_calm_verdict_is_mailed(
    alice, first, later, dr_chen, monkeypatch, asked, is_told
):
    """That verdict holds no more: what the program says is what stands there."""
    verdicts.write(record=later, doctor=dr_chen, **BENIGN)
    verdicts.write(record=first, doctor=dr_chen, **asked)
    said = answer("malignant_high_risk", model_version=assessments.classifier().version)
    monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**said))
    reassess_record(later.pk)
    assert OutgoingMail.objects.filter(about=[later.pk]).exists() == is_told


LISTS = ["diagnosis:moles", "diagnosis:history", "diagnosis:mole_detail"]


@pytest.mark.parametrize("door", LISTS)
def test_a_newer_verdict_on_an_earlier_picture_goes_before_a_calm_one_in_lists(
    overtaken, read, door
):
    of = [overtaken.mole_id] if door == "diagnosis:mole_detail" else []
    page = read(reverse(door, args=of))
    assert "Should be seen by a doctor soon" in page
    assert "No visit needed" not in page


def test_so_it_does_on_the_records_page(overtaken, read):
    page = read(reverse("diagnosis:record_detail", args=[overtaken.pk]))
    assert "<title>Should be seen by a doctor soon" in page
    assert page.count("<h1") == 1
    heading = page.partition("<h1")[2].partition("</h1>")[0]
    assert "Should be seen by a doctor soon" in heading
    assert page.index(SINCE) < page.index(OF_AN_EARLIER) < page.index("No visit needed")


@pytest.mark.parametrize("door", ["shared", "shared_report", "record_report"])
def test_so_it_does_before_a_doctor_without_an_account(alice, overtaken, read, door):
    link = links.create(owner=alice, days=7, record=overtaken)
    if door == "record_report":
        page = read(reverse("diagnosis:record_report", args=[overtaken.pk]))
    else:
        page = read(reverse(f"diagnosis:{door}"), key=links.key(link))
    page = " ".join(page.split())
    soon, calm = page.index("Should be seen by a doctor soon"), page.index("No visit needed")
    assert page.index(SINCE) < soon < calm


def test_so_it_does_for_other_systems(program, overtaken):
    report = fhir(program, overtaken)
    conclusion = report["conclusion"]
    assert conclusion.startswith(SINCE)
    assert conclusion.index(OF_AN_EARLIER) < conclusion.index("No visit needed")
    assert "conclusionCode" not in report  # which would stand there without that sentence
    verdict = next(each for each in report["result"] if "verdict-" in each["reference"])
    observed = program.get(f"/api/v1/fhir/{verdict['reference']}").json()
    assert observed["note"][0]["text"].startswith(SINCE)
    said = [item.TextValue for item in dicom(program, overtaken).ContentSequence[2:]]
    assert said[0].startswith(SINCE)
    assert "No visit needed" in said[-1]


def test_to_programs_it_is_the_advice_that_goes_first(program, overtaken):
    said = rest(program, overtaken)
    assert (said["asked_before"], said["assessment"]["advice"]) == ("doctor_days",) * 2
    assert not said["is_reviewed"]


def test_a_newer_verdict_that_asks_for_more_goes_before_one_that_asks_for_less(
    first, later, dr_chen, read
):
    verdicts.write(record=later, doctor=dr_chen, **WEEKS)
    verdicts.write(record=first, doctor=dr_chen, **DAYS)
    page = read(reverse("diagnosis:record_detail", args=[later.pk]))
    assert page.index(SINCE) < page.index("See a doctor within a few weeks")


def test_a_verdict_that_asks_for_as_much_holds(first, later, dr_chen, read, program):
    verdicts.write(record=later, doctor=dr_chen, **DAYS)
    verdicts.write(record=first, doctor=dr_chen, **WEEKS)
    page = read(reverse("diagnosis:record_detail", args=[later.pk]))
    assert SINCE not in page
    assert "See a doctor within a few days" in page.partition("<h1")[2].partition("</h1>")[0]
    assert rest(program, later)["is_reviewed"]


@pytest.fixture
def hears(alice, program):
    """hears(record): whether systems hear, once, that something else is said of it by now; of one
    without an answer, where they ask."""
    webhook = Webhook.objects.create(
        owner=alice, url="https://hooks.example.org/", events=["record.assessed"]
    )
    moments: dict[uuid.UUID, str] = {}

    def ask(record) -> bool:
        told = webhook.deliveries.filter(record_id=record.pk)
        updated = fhir(program, record)["meta"]["lastUpdated"]
        known = moments.setdefault(record.pk, updated)
        asked = program.get("/api/v1/fhir/DiagnosticReport", {"_lastUpdated": f"gt{known}"})
        is_found = str(record.pk) in asked.content.decode()
        assert is_found == (updated > known)
        assert told.count() == (is_found and record.current_assessment_id is not None)
        told.delete()
        moments[record.pk] = updated
        return is_found

    return ask


def test_systems_hear_of_what_a_verdict_makes_of_later_pictures(
    alice, mole, first, later, dr_chen, program, hears
):
    failed = RecordFactory(owner=alice, mole=mole, failed=True)
    other = assessed(owner=alice, mole=MoleFactory(owner=alice, name="another"))
    past = timezone.now() - timedelta(minutes=1)  # DICOM's moments are whole seconds
    Assessment.objects.update(created_at=past)
    MoleRecord.objects.filter(pk=later.pk).update(finished_at=past)
    for each in (later, failed, other):
        hears(each)
    before = dicom(program, later)
    review = verdicts.write(record=first, doctor=dr_chen, **BENIGN)
    assert not hears(later)
    verdicts.correct(review=review, by=dr_chen, **DAYS)
    assert rest(program, later)["assessment"]["advice"] == "doctor_days"
    assert (hears(later), hears(failed)) == (True, True)
    after = dicom(program, later)
    moments = [(each.ContentDate, each.ContentTime) for each in (before, after)]
    assert moments[0] < moments[1]
    verdicts.correct(review=review, by=dr_chen, comment="Better words.")
    assert not hears(later)
    verdicts.write(record=first, doctor=dr_chen, **BENIGN)
    assert (hears(later), hears(failed)) == (True, True)
    assert not hears(other)


def test_systems_hear_of_it_where_a_colleague_makes_it_final(
    first, later, dr_chen, dr_okafor, hears
):
    hears(later)
    verdicts.write(record=first, doctor=dr_chen, ask=dr_okafor, **WEEKS)
    assert not hears(later)
    verdicts.write(record=first, doctor=dr_okafor, **WEEKS)
    assert hears(later)


def test_systems_hear_of_it_where_pictures_change_their_mole(
    alice, mole, first, later, program, hears
):
    ReviewFactory(record=first, **DAYS)
    other = MoleFactory(owner=alice, name="another")
    of_other = assessed(owner=alice, mole=other)
    for each in (later, of_other):
        hears(each)
    program.patch(f"/api/v1/records/{first.pk}/", {"note": "words"}, format="json")
    assert (hears(later), hears(of_other)) == (False, False)
    program.patch(f"/api/v1/records/{first.pk}/", {"mole": str(other.pk)}, format="json")
    assert (hears(later), hears(of_other)) == (True, True)
    program.patch(f"/api/v1/records/{later.pk}/", {"mole": str(other.pk)}, format="json")
    assert (hears(later), hears(of_other)) == (True, False)
    program.patch(f"/api/v1/records/{later.pk}/", {"mole": None}, format="json")
    assert (hears(later), hears(of_other)) == (True, False)


def test_systems_hear_of_it_where_the_judged_picture_goes(first, later, program, hears):
    ReviewFactory(record=first, **DAYS)
    hears(later)
    assert program.delete(f"/api/v1/records/{first.pk}/").status_code == 204
    assert hears(later)


@pytest.mark.django_db(transaction=True)
def test_a_verdict_and_what_the_person_says_of_the_next_picture_do_not_wait_for_each_other(
    alice, dr_chen, first, later, monkeypatch
):
    """Telling of the next picture locked its answer, then it; what is said, the other way round."""
    count, holds = answers._count_signs, threading.Event()

    def meanwhile(record):
        holds.set()
        time.sleep(0.5)  # the doctor's verdict comes
        count(record)

    monkeypatch.setattr(answers, "_count_signs", meanwhile)

    def write():
        with contextlib.closing(connection):
            holds.wait()
            verdicts.write(record=first, doctor=dr_chen, **DAYS)

    def give():
        with contextlib.closing(connection):
            answers.give(record=later, by=alice, signs=["bleeding"])

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(give), pool.submit(write)]:
            done.result()
    assert MoleRecord.objects.get(pk=later.pk).signs == ["bleeding"]
    assert first.reviews.get().urgency == "doctor_days"


@pytest.fixture
def confirmed(client):
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def deletions(read, *records) -> list[bool]:
    """Whether the pages that delete these pictures, their mole and the account say what ends."""
    pages = [reverse("diagnosis:record_delete", args=[record.pk]) for record in records]
    pages.append(reverse("diagnosis:mole_delete", args=[records[0].mole_id]))
    return [ENDS in read(page) for page in (*pages, reverse("diagnosis:account_delete"))]


def test_who_deletes_is_told_what_a_doctor_asked_that_ends_with_it(read, confirmed, first, later):
    assert deletions(read, first, later) == [False, False, False, False]
    ReviewFactory(record=first, is_final=False, **DAYS)
    assert deletions(read, first, later) == [False, False, False, False]
    Review.objects.update(is_final=True)
    assert deletions(read, first, later) == [True, False, True, True]
    again = ReviewFactory(record=later, **DAYS)  # so that it is asked without the first, too
    assert deletions(read, first, later) == [False, False, True, True]
    verdicts.correct(review=again, by=again.doctor, **BENIGN)
    assert deletions(read, first, later) == [False, False, False, False]


def test_who_deletes_a_picture_of_no_mole_is_told_it_too(read, confirmed, alice):
    record = assessed(owner=alice)
    ReviewFactory(record=record, **DAYS)
    assert ENDS in read(reverse("diagnosis:record_delete", args=[record.pk]))
