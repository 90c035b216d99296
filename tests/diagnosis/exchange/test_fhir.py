"""Records over FHIR R4: valid by fhir.resources, honest, and shown to whom they may be."""

import io
import uuid
from datetime import timedelta
from importlib import import_module
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from auditlog.models import LogEntry
from django.utils import timezone
from django.utils.translation import override
from pydicom import dcmread
from pydicom.sr._cid_dict import cid_concepts
from pydicom.sr._concepts_dict import concepts
from rest_framework.test import APIClient

from diagnosis.language import terms
from diagnosis.models import Assessment, Change, DoctorProfile, MoleRecord, Review
from diagnosis.moles import changes
from diagnosis.records import assessments
from diagnosis.reviews import verdicts
from diagnosis.tasks import reassess_record
from ml import codes, taxonomy
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    answer,
    assessed,
    program_of,
)

BASE = "/api/v1/fhir/"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def fhir(alice):
    return program_of(alice)


@pytest.fixture
def record(alice):
    mole = MoleFactory(owner=alice, name="below alice's collar", body_site="back")
    return assessed("malignant_high_risk", owner=alice, mole=mole, note="private words")


def read(client, path, status=200):
    """The resource, after fhir.resources has found it valid; extra or missing elements are not."""
    answer = client.get(path if path.startswith("http") else BASE + path)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"].startswith("application/fhir+json")
    resource = answer.json()
    return valid(resource)


def valid(resource):
    kind = resource["resourceType"]
    module = import_module(f"fhir.resources.R4B.{kind.lower()}")
    getattr(module, kind).model_validate(resource)
    for entry in resource.get("entry", []):
        valid(entry["resource"])
    return resource


def write(record, doctor, **said):
    verdict = {"risk_category": "malignant_high_risk", "urgency": "doctor_days"} | said
    return verdicts.write(record=record, doctor=doctor, **verdict)


def correct(review, **said):
    verdicts.correct(review=review, by=review.doctor, **said)


def codings(concept):
    return {(each["system"], each["code"]) for each in concept.get("coding", [])}


def own_codings(resource):
    """All of our own codes, at any depth."""
    parts = resource.values() if isinstance(resource, dict) else resource
    if isinstance(resource, dict) and str(resource.get("system")).endswith("/mole-check"):
        yield resource
    for part in parts:
        if isinstance(part, dict | list):
            yield from own_codings(part)


def own_concepts(client):
    """The codes of our own, with their names."""
    return read(client, "CodeSystem/mole-check")["concept"]


def test_a_report_leads_to_all_that_was_said_of_a_picture(fhir, alice, record):
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["status"] == "preliminary"
    assert "not a diagnosis" in report["conclusion"]
    observed = {}
    for result in report["result"]:
        each = read(fhir, result["reference"])
        observed[each["code"]["coding"][0]["code"]] = each
        assert each["status"] == "preliminary"
        assert each["bodySite"]["coding"][0]["code"] == "66643007"
        assert each["derivedFrom"] == [{"reference": f"Media/{record.pk}"}]
        device = read(fhir, each["device"]["reference"])
        assert device["version"] == [{"value": record.current_assessment.model_version}]
        structure = read(fhir, each["extension"][0]["valueReference"]["reference"])
        assert structure["location"]["text"] == "back"
    assert set(observed) == {"risk-category", "malignancy", "diagnoses"}
    category = observed["risk-category"]["valueCodeableConcept"]
    assert category["coding"][0]["code"] == "malignant_high_risk"
    quantity = observed["malignancy"]["valueQuantity"]
    assert quantity["value"] == pytest.approx(record.current_assessment.malignancy)
    assert (quantity["system"], quantity["code"]) == ("http://unitsofmeasure.org", "1")
    parts = {part["code"]["coding"][0]["code"]: part for part in observed["diagnoses"]["component"]}
    assert set(parts) == set(taxonomy.DIAGNOSES)
    assert (codes.SNOMED_CT, "93655004") in codings(parts["mel"]["code"])
    assert (codes.ICD_10, "C43.9") in codings(parts["mel"]["code"])
    person = read(fhir, report["subject"]["reference"])
    assert person["identifier"][0]["value"] == alice.pseudonym
    assert person["birthDate"] == "1980"
    media = read(fhir, report["media"][0]["link"]["reference"])
    picture = fhir.get(media["content"]["url"])
    assert picture["Content-Type"] == "image/jpeg"
    assert picture.getvalue().startswith(b"\xff\xd8")


def test_nothing_names_the_person(fhir, alice, record):
    page = read(fhir, "DiagnosticReport?_include=*")
    text = str(page)
    for word in (alice.email, alice.display_name, "1980-03-27", "collar", "private words"):
        assert word not in text


def test_it_has_the_elements_of_the_published_examples(fhir, record, dr_chen):
    """Of https://hl7.org/fhir/R4/diagnosticreport-example-f201-brainct.json.html."""
    write(record, dr_chen, diagnosis="mel")
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    example = {"resourceType", "id", "text", "status", "category", "code", "subject", "performer"}
    example |= {"effectiveDateTime", "issued", "conclusion", "conclusionCode"}
    assert example <= set(report)
    [category] = report["category"]
    assert category["coding"][0]["system"] == "http://terminology.hl7.org/CodeSystem/v2-0074"
    assert report["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml">')


def test_a_verdict_makes_it_final(fhir, record, dr_chen):
    review = write(
        record,
        dr_chen,
        diagnosis="mel",
        code="C43.5",
        comment="<b>Come</b> & see",
        confidence="low",
    )
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["status"] == "final"
    assert report["performer"] == [{"display": review.signature}]
    [found] = report["conclusionCode"]
    assert (codes.ICD_10, "C43.5") in codings(found)
    assert (codes.ICD_10, "C43.9") not in codings(found)  # the doctor's is more exact
    assert (codes.SNOMED_CT, "93655004") in codings(found)
    assert "<b>Come</b> & see" in report["conclusion"]
    assert "&lt;b&gt;Come&lt;/b&gt; &amp; see" in report["text"]["div"]
    [verdict] = [
        each
        for each in (read(fhir, result["reference"]) for result in report["result"])
        if each["code"]["coding"][0]["code"] == "verdict"
    ]
    assert verdict["status"] == "final"
    assert "device" not in verdict
    urgency = verdict["component"][0]["valueCodeableConcept"]
    assert urgency["text"] == "see a doctor within a few days"
    [coding] = urgency["coding"]
    assert coding["code"] == "doctor_days"
    defined = {each["code"]: each["display"] for each in own_concepts(fhir)}
    assert coding["display"] == defined["doctor_days"]


@pytest.mark.parametrize("urgency", terms.URGENCIES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_verdicts_urgency_is_a_code_that_is_defined(fhir, record, dr_chen, urgency, language):
    review = write(record, dr_chen, urgency=urgency, risk_category="malignant_low_risk")
    address = f"{BASE}Observation/verdict-{review.pk}"
    verdict = valid(fhir.get(address, headers={"Accept-Language": language}).json())
    said = verdict["component"][0]["valueCodeableConcept"]
    [coding] = said["coding"]
    assert coding["code"] == urgency
    assert {"code": urgency, "display": coding["display"]} in own_concepts(fhir)
    with override(language):
        assert said["text"] == str(terms.URGENCIES[urgency])


def test_what_a_doctor_pastes_leaves_as_text_that_systems_take(fhir, record, dr_chen):
    """Word ends lines by a vertical tab, PDFs pages by a form feed: neither is allowed in XML."""
    write(record, dr_chen, comment="Come\x0bsoon,\x0cplease\x02.\x1b\r\n\tDr\ufffe Chen")
    said = "Come soon, please .\x20\r\n\tDr  Chen"
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert said in report["conclusion"]
    assert said in report["text"]["div"]
    document = dcmread(io.BytesIO(fhir.get(f"/api/v1/dicom/{record.pk}/report/").content))
    assert said in "".join(getattr(item, "TextValue", "") for item in document.ContentSequence)


def test_a_doctor_without_a_name_is_a_doctor(fhir, record, dr_chen):
    type(dr_chen).objects.filter(pk=dr_chen.pk).update(display_name="")
    write(record, dr_chen)
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["performer"] == [{"display": "A doctor"}]
    assert report["conclusion"].startswith("A doctor: See a doctor within a few days;")
    verdict = read(fhir, report["result"][-1]["reference"])
    assert verdict["performer"] == [{"display": "A doctor"}]


@pytest.mark.parametrize(
    ("code", "system"),
    [
        ("D22.5", codes.ICD_10),
        ("2C30.0", "http://id.who.int/icd/release/11/mms"),
        ("400096001", codes.SNOMED_CT),
    ],
)
def test_a_doctors_own_code_has_its_system(fhir, record, dr_chen, code, system):
    write(record, dr_chen, other_diagnosis="something rare", code=code)
    [found] = read(fhir, f"DiagnosticReport/{record.pk}")["conclusionCode"]
    assert found == {"coding": [{"system": system, "code": code}], "text": "something rare"}


def test_a_verdict_without_a_diagnosis_concludes_the_group(fhir, record, dr_chen):
    write(record, dr_chen)
    [found] = read(fhir, f"DiagnosticReport/{record.pk}")["conclusionCode"]
    assert found["coding"][0]["code"] == "malignant_high_risk"


def test_a_refused_picture_has_no_value_but_a_reason(fhir, alice):
    record = assessed(None, owner=alice)
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["status"] == "preliminary"
    [result] = report["result"]
    observed = read(fhir, result["reference"])
    assert "out of focus" in observed["dataAbsentReason"]["text"]
    assert "valueCodeableConcept" not in observed
    assert "out of focus" in report["conclusion"]


def test_an_uncertain_answer_says_so(fhir, record):
    record.current_assessment.uncertain = True
    record.current_assessment.save()
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert "not sure" in report["conclusion"]
    observed = read(fhir, report["result"][0]["reference"])
    assert observed["interpretation"][0]["coding"][0]["code"] == "IND"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({}, "registered"),
        ({"failed": True}, "cancelled"),
        ({"failed": True, "signs": ["bleeding"]}, "registered"),
        ({"failed": True, "phone_advice": "doctor_weeks"}, "registered"),
    ],
)
def test_what_is_not_assessed_is_registered_or_cancelled(fhir, alice, state, status):
    record = RecordFactory(owner=alice, **state)
    others = {"registered", "preliminary", "cancelled", "final"} - {status}
    assert ids(read(fhir, f"DiagnosticReport?status={status}")) == [str(record.pk)]
    assert ids(read(fhir, f"DiagnosticReport?status={','.join(sorted(others))}")) == []
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["status"] == status
    assert "result" not in report
    read(fhir, f"Media/{record.pk}")


@pytest.mark.parametrize("category", ["benign", None])
@pytest.mark.parametrize("why", ["sign", "change"])
def test_who_reads_the_category_alone_reads_the_advice_that_holds(fhir, alice, category, why):
    raised = {"signs": ["bleeding"]} if why == "sign" else {"changes": ["grew"]}
    record = assessed(category, owner=alice, **raised)
    observed = read(fhir, f"Observation/risk-category-{record.pk}")
    [advice] = observed["component"]
    assert advice["code"]["coding"][0]["code"] == "advice"
    [coding] = advice["valueCodeableConcept"]["coding"]
    rest = fhir.get(f"/api/v1/records/{record.pk}/").json()
    assert coding["code"] == rest["assessment"]["advice"] == "doctor_weeks"
    notes = " ".join(note["text"] for note in observed["note"])
    assert notes in read(fhir, f"DiagnosticReport/{record.pk}")["conclusion"]
    assert ("it bleeds" if why == "sign" else "It grew") in notes
    assert "not a diagnosis" in notes


@pytest.mark.parametrize("trait", [{}, {"running": True}, {"failed": True}])
def test_signs_that_need_a_doctor_are_said_without_an_answer_too(fhir, alice, trait):
    record = RecordFactory(owner=alice, signs=["bleeding"], **trait)
    said = "You told us: it bleeds. Then a doctor should look at it, whatever the picture shows."
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["conclusion"].endswith(said)
    assert said in report["text"]["div"]
    document = dcmread(io.BytesIO(fhir.get(f"/api/v1/dicom/{record.pk}/report/").content))
    assert said in [getattr(item, "TextValue", "") for item in document.ContentSequence]


def test_of_an_imported_picture_nobody_says_whom_it_shows(fhir, alice):
    mole = MoleFactory(owner=alice)
    record = assessed(owner=alice, origin="import", mole=mole)
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert "subject" not in report
    read(fhir, f"Patient/{alice.pk}", 404)
    read(fhir, f"BodyStructure/{mole.pk}", 404)
    assert read(fhir, f"DiagnosticReport?patient={alice.pk}")["total"] == 0


def test_in_french(fhir, record, dr_chen):
    headers = {"Accept-Language": "fr"}
    review = write(record, dr_chen, diagnosis="mel")
    defined = own_concepts(fhir)
    seen = set()
    for one in (
        *(f"DiagnosticReport/{record.pk}", f"Media/{record.pk}"),
        *(f"Observation/verdict-{review.pk}", f"Observation/risk-category-{record.pk}"),
    ):
        resource = fhir.get(f"{BASE}{one}", headers=headers).json()
        assert resource.get("language", "fr") == "fr"
        seen |= {(one["code"], one["display"]) for one in own_codings(resource)}
    assert {"advice", "urgency", "diagnosis"} <= {code for code, _display in seen}
    assert seen <= {(each["code"], each["display"]) for each in defined}


# --- search --------------------------------------------------------------------------------------


@pytest.fixture
def year(alice):
    """A record of each month of 2025, in the middle of it, the last first."""
    records = [assessed(owner=alice) for _ in range(12)]
    for month, record in enumerate(records, start=1):
        moment = timezone.now().replace(2025, month, 15, 12, 0, 0, 0)
        MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    return [str(record.pk) for record in reversed(records)]


def ids(bundle):
    return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


@pytest.mark.parametrize(
    ("query", "months"),
    [
        ("date=2025-03", [3]),
        ("date=2025-03-15", [3]),
        ("date=2025-03-15T12:00:00Z", [3]),
        ("date=2025-03-15T13:00:00%2B01:00", [3]),
        ("date=2025-03-16T11:59:00%2B23:59", [3]),
        ("date=2025-03-14T12:01:00-23:59", [3]),
        ("date=2025-03-16", []),
        ("date=eq2025-12", [12]),
        ("date=ge2025-11", [12, 11]),
        ("date=gt2025-11", [12]),
        ("date=sa2025-11-15", [12]),
        ("date=lt2025-02", [1]),
        ("date=le2025-02", [2, 1]),
        ("date=eb2025-02-15", [1]),
        ("date=ge2025-03&date=lt2025-05", [4, 3]),
        ("date=ne2025", []),
        ("date=2024", []),
        ("status=final", []),
    ],
)
def test_reports_are_found_by_date_and_status(fhir, year, query, months):
    bundle = read(fhir, f"DiagnosticReport?{query}")
    assert ids(bundle) == [year[12 - month] for month in months]
    assert bundle["total"] == len(months)


@pytest.mark.parametrize(
    ("date", "found"),
    [
        ("gt{first}", ["second"]),
        ("sa{first}", ["second"]),
        ("ge{first}", ["second", "first"]),
        ("eq{first}", ["first"]),
        ("le{first}", ["first"]),
        ("lt{second}", ["first"]),
        ("2025-03-15T12:00:30.6Z", ["second"]),
        ("2025-03-15T12:00:30.623456Z", ["second"]),
        ("2025-03-15T12:00:30Z", ["second", "first"]),
        ("2025-03-15T12:00Z", ["second", "first"]),
        ("2025-03-15T12:00", ["second", "first"]),
        ("gt2025-03-15T12:00Z", []),
        ("gt2025-03-15T11:59Z", ["second", "first"]),
    ],
)
def test_a_moment_is_as_wide_as_it_is_written(fhir, alice, date, found):
    records, written = {}, {}
    for name, part in (("first", 123456), ("second", 623456)):
        records[name] = assessed(owner=alice)
        moment = timezone.now().replace(2025, 3, 15, 12, 0, 30, part)
        MoleRecord.objects.filter(pk=records[name].pk).update(created_at=moment)
        report = read(fhir, f"DiagnosticReport/{records[name].pk}")
        written[name] = report["effectiveDateTime"].replace("+", "%2B")
    bundle = read(fhir, f"DiagnosticReport?date={date.format(**written)}")
    assert ids(bundle) == [str(records[name].pk) for name in found]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ge2025-03-02", ["corrected", "changed"]),
        ("gt2025-03-02T12:00:00Z", ["changed"]),
        ("gt2025-03-02", ["changed"]),
        ("le2025-03-02", ["corrected", "failed"]),
        ("lt2025-03-02", ["failed"]),
        ("2025-03-03T12:00Z", ["changed"]),
        ("ne2025-03-03", ["corrected", "failed"]),
    ],
)
def test_reports_are_found_by_what_was_said_of_them_last(fhir, alice, dr_chen, query, found):
    days = [timezone.now().replace(2025, 3, day, 12, 0, 0, 0) for day in (1, 2, 3)]
    records = {
        "failed": RecordFactory(owner=alice, failed=True, stale_since=days[2]),
        "changed": assessed(owner=alice),
        "corrected": assessed(owner=alice),
    }
    MoleRecord.objects.update(created_at=days[0], finished_at=days[0])
    Assessment.objects.update(created_at=days[0])
    records["changed"].assessments.update(created_at=days[2])
    review = write(records["corrected"], dr_chen)
    waits = ReviewFactory(record=records["corrected"], is_final=False)
    for verdict, day in ((review, days[1]), (waits, days[2])):
        Review.objects.filter(pk=verdict.pk).update(news_since=day)
    bundle = read(fhir, f"DiagnosticReport?_lastUpdated={query}")
    assert set(ids(bundle)) == {str(records[name].pk) for name in found}
    assert bundle["total"] == len(found)


def test_whoever_asks_for_what_is_new_hears_of_all_that_is_said_later(fhir, alice, dr_chen, old):
    failed = RecordFactory(owner=alice, failed=True)
    MoleRecord.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(days=1))

    def new_since(report) -> list[str]:
        moment = report["meta"]["lastUpdated"].replace("+", "%2B")
        return ids(read(fhir, f"DiagnosticReport?_lastUpdated=gt{moment}"))

    def say(record, **said) -> None:
        assert fhir.patch(f"/api/v1/records/{record.pk}/", said, format="json").status_code == 200

    for record, happen in (
        (failed, lambda: say(failed, signs=["bleeding"])),
        (old, lambda: say(old, signs=["bleeding"])),
        (old, lambda: say(old, body_site="sole")),
        (old, lambda: write(old, dr_chen)),
        (old, lambda: write(old, UserFactory(role="doctor", is_staff=True))),
        # Beneath the later one, where it stays.
        (old, lambda: correct(old.reviews.get(doctor=dr_chen), comment="On the left.")),
    ):
        before = read(fhir, f"DiagnosticReport/{record.pk}")
        happen()
        after = read(fhir, f"DiagnosticReport/{record.pk}")
        assert after != before
        assert str(record.pk) in new_since(before)
        assert str(record.pk) not in new_since(after)


def test_reports_are_found_by_patient_status_and_id(fhir, alice, bob, record, dr_chen):
    write(record, dr_chen)
    other = assessed(owner=alice)
    for query, found in (
        ("_format=application/fhir+json", {other, record}),
        (f"patient={alice.pk}", {other, record}),
        (f"patient=Patient/{alice.pk}", {other, record}),
        (f"subject=Patient/{alice.pk}", {other, record}),
        (f"patient={bob.pk}", set()),
        ("status=final", {record}),
        ("status=preliminary,registered", {other}),
        (f"_id={other.pk},{record.pk}", {other, record}),
        (f"_id={other.pk}", {other}),
    ):
        bundle = read(fhir, f"DiagnosticReport?{query}")
        assert set(ids(bundle)) == {str(each.pk) for each in found}, query


def test_a_search_by_post_is_the_same_search(fhir, alice, bob, record):
    """Which keeps the patient's id out of logs on the way (R4, http.html#search)."""
    assessed(owner=alice)
    token = program_of(alice, scope="read")

    def search(query, **form):
        return token.post(
            f"{BASE}DiagnosticReport/_search{query}", urlencode(form), content_type=FORM
        )

    by_get = read(fhir, f"DiagnosticReport?patient={alice.pk}&_count=1")
    by_post = valid(search("?_count=1", patient=alice.pk).json())
    assert by_post["entry"] == by_get["entry"]
    assert by_post["total"] == by_get["total"] == 2
    (after,) = (link["url"] for link in by_post["link"] if link["relation"] == "next")
    assert ids(read(fhir, after)) == [str(record.pk)]
    place = dict(parse_qsl(urlsplit(after).query))["_after"]
    assert ids(search("", patient=alice.pk, _after=place).json()) == [str(record.pk)]
    assert search("", patient=bob.pk).json()["total"] == 0
    assert ids(search("", _id=record.pk, status="preliminary").json()) == [str(record.pk)]
    assert search("", _id=record.pk, status="done").status_code == 400
    assert search("", code="x").json()["resourceType"] == "OperationOutcome"
    as_json = token.post(f"{BASE}DiagnosticReport/_search", {"_id": "x"}, format="json")
    assert as_json.status_code == 415
    assert as_json.json()["issue"][0]["code"] == "not-supported"
    assert token.get(f"{BASE}DiagnosticReport/_search").status_code == 405
    assert (
        token.post(f"{BASE}DiagnosticReport", urlencode({}), content_type=FORM).status_code == 405
    )


def test_pages_follow_each_other_whatever_comes_meanwhile(fhir, alice, year):
    page = read(fhir, "DiagnosticReport?_count=5&date=2025")
    seen = ids(page)
    assessed(owner=alice)
    while nexts := [each["url"] for each in page["link"] if each["relation"] == "next"]:
        page = read(fhir, nexts[0])
        seen += ids(page)
    assert seen == year
    assert read(fhir, "DiagnosticReport?_count=0")["total"] == 13
    place = f"2025-03-16T11:58:00%2B23:59_{uuid.UUID(int=0)}"
    assert ids(read(fhir, f"DiagnosticReport?_after={place}")) == year[-2:]


def test_what_reports_refer_to_comes_along_once(fhir, alice, record):
    assessed(owner=alice)
    bundle = read(fhir, "DiagnosticReport?_include=DiagnosticReport:result&_include=*")
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "DiagnosticReport": 2,
        "Observation": 6,
        "Media": 2,
        "Patient": 1,
    }
    assert {entry["search"]["mode"] for entry in bundle["entry"][2:]} == {"include"}


@pytest.mark.parametrize(
    "query",
    [
        *("date=yesterday", "date=2025-13", "date=2025-02-30", "date=ap2025", "date=", "date=0000"),
        *("date=2025-03-15T12", "date=2025-03-15T1200Z", "date=2025-03-15T12:00:00,5Z"),
        *("date=ge2025-03-15T99:00:00Z", "patient=alice", "status=done", "code=x"),
        *("_count=x", "_count=-1", "_after=x", "_after=2025-01-01_x", "_include=Patient:x"),
        *("date=0001-01-01T00:00:00%2B23:59", "date=9999-12-31T23:59:59-23:59"),
        f"_after=0001-01-01T00:00:00%2B23:59_{uuid.UUID(int=0)}",
        *("_format=xml", "_id=1", "unknown=1", "_count=99999999999999999999"),
        "_lastUpdated=yesterday",
        f"_id={','.join(str(uuid.UUID(int=number)) for number in range(101))}",
    ],
)
def test_a_search_that_is_not_understood_is_an_outcome(fhir, query):
    outcome = read(fhir, f"DiagnosticReport?{query}", 400)
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    "end", ["9999", "9999-12", "9999-12-31", "9999-12-31T23:59Z", "9999-12-31T23:59:59.999999Z"]
)
def test_a_range_may_end_with_the_last_day_that_can_be_written(fhir, record, end):
    """Which many systems write for a range without an end."""
    for name in ("date", "_lastUpdated"):
        assert read(fhir, f"DiagnosticReport?{name}=le{end}")["total"] == 1
        for prefix in ("eq", "sa", "ge"):
            assert read(fhir, f"DiagnosticReport?{name}={prefix}{end}")["total"] == 0


def test_a_page_costs_the_same_whatever_its_length(fhir, alice, django_assert_max_num_queries):
    for _ in range(3):
        assessed(owner=alice)
    with django_assert_max_num_queries(8):
        fhir.get(f"{BASE}DiagnosticReport?_include=*")


# --- whose, and errors ---------------------------------------------------------------------------


def test_others_get_nothing_and_doctors_get_it_with_a_trace(record, bob, dr_chen):
    review = write(record, dr_chen)
    paths = [
        f"DiagnosticReport/{record.pk}",
        f"Media/{record.pk}",
        f"Observation/risk-category-{record.pk}",
        f"Observation/verdict-{review.pk}",
        f"Patient/{record.owner_id}",
        f"BodyStructure/{record.mole_id}",
    ]
    theirs, doctors = program_of(bob), program_of(dr_chen)
    for path in (*paths, "Device/model-test"):
        assert read(theirs, path, 404)["issue"][0]["code"] == "not-found"
        read(APIClient(), path, 401)
    assert read(theirs, "DiagnosticReport")["total"] == 0
    read(doctors, "Device/model-test")  # of no person
    looks = LogEntry.objects.get_for_object(record).filter(actor=dr_chen)
    looks = looks.filter(action=LogEntry.Action.ACCESS)
    for number, path in enumerate([*paths, "DiagnosticReport"], start=1):
        read(doctors, path)
        assert looks.count() == number, path


def test_a_search_is_a_look_at_each_record_that_it_shows(record, alice, dr_chen):
    other = assessed(owner=alice)
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    doctor = program_of(dr_chen)
    assert read(doctor, "DiagnosticReport")["total"] == 2
    for shown in (record, other):
        verdict = {"risk_category": "benign", "urgency": "none", "confidence": "high"}
        answer = doctor.post(f"/api/v1/queue/{shown.pk}/reviews/", verdict, format="json")
        assert answer.json()["blind"] is False


def test_a_search_that_asks_for_the_number_alone_is_logged_as_such(record, fhir, dr_chen):
    search = f"patient={record.owner_id}&_count=0"
    for client in (fhir, program_of(dr_chen)):
        assert read(client, f"DiagnosticReport?{search}")["total"] == 1
    [look] = LogEntry.objects.filter(action=LogEntry.Action.ACCESS)
    assert look.actor == dr_chen
    assert look.additional_data == {"action": "list", "shown": [], "search": search}


@pytest.mark.parametrize("kind", ["Media", "Binary", "Patient", "BodyStructure", "picture"])
def test_who_reads_no_answer_stays_blind_and_the_log_says_so(record, dr_chen, kind):
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    doctor = program_of(dr_chen)
    keys = {"Patient": record.owner_id, "BodyStructure": record.mole_id}
    path = f"{BASE}{kind}/{keys.get(kind, record.pk)}"
    if kind == "picture":
        path = f"/api/v1/dicom/{record.pk}/picture/"
    assert doctor.get(path).status_code == 200
    look = LogEntry.objects.get_for_object(record).get(action=LogEntry.Action.ACCESS)
    assert look.additional_data == {"answer": "hidden"}
    verdict = {"risk_category": "benign", "urgency": "none", "confidence": "high"}
    answer = doctor.post(f"/api/v1/queue/{record.pk}/reviews/", verdict, format="json")
    assert answer.json()["blind"] is True


def test_a_verdict_that_is_not_there_to_be_read_is_no_look(record, dr_chen):
    colleague = UserFactory(role="doctor", is_staff=True)
    review = write(record, dr_chen, urgency="doctor_weeks", ask=colleague)
    assert not review.is_final
    read(program_of(colleague), f"Observation/verdict-{review.pk}", 404)
    assert not LogEntry.objects.filter(actor=colleague, action=LogEntry.Action.ACCESS).exists()


def test_who_is_asked_for_an_opinion_reads_no_verdict_before_writing_it(record, dr_chen, alice):
    colleague = UserFactory(role="doctor", is_staff=True)
    review = write(record, dr_chen, comment="Surely a melanoma.", ask=colleague)
    assert review.is_final  # as an urgent one
    doctor, paths = program_of(colleague), [f"DiagnosticReport/{record.pk}", "DiagnosticReport"]
    dicom = f"/api/v1/dicom/{record.pk}/report/"
    read(doctor, f"Observation/verdict-{review.pk}", 404)
    assert not LogEntry.objects.filter(actor=colleague, action=LogEntry.Action.ACCESS).exists()
    for path in paths:
        assert "Surely a melanoma." not in str(read(doctor, path))
    hidden = doctor.get(dicom).content
    assert b"Surely a melanoma." not in hidden
    assert dcmread(io.BytesIO(hidden)).VerificationFlag == "UNVERIFIED"
    write(record, colleague)
    for reader in (doctor, program_of(dr_chen), program_of(alice)):
        for path in paths:
            assert "Surely a melanoma." in str(read(reader, path))
    assert b"Surely a melanoma." in doctor.get(dicom).content


def test_a_doctors_browser_that_has_not_passed_the_second_step_gets_own_ones_only(
    client, record, dr_chen
):
    client.force_login(dr_chen)
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 1}]
    session.save()
    assert client.get(f"{BASE}DiagnosticReport/{record.pk}").status_code == 404


def test_what_one_reads_of_ones_own_is_not_logged(fhir, record):
    before = LogEntry.objects.count()
    read(fhir, f"DiagnosticReport/{record.pk}")
    read(fhir, "DiagnosticReport")
    assert LogEntry.objects.count() == before


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "DiagnosticReport/x", 404),
        ("get", "Observation/risk-category-x", 404),
        ("get", "Observation/x", 404),
        ("get", "Device/x", 404),
        ("get", "Binary/x", 404),
        ("get", "Practitioner/1", 404),
        ("get", "", 404),
        ("post", "DiagnosticReport", 405),
        ("delete", "Patient/x", 405),
    ],
)
def test_every_error_is_an_outcome(fhir, method, path, status):
    answer = getattr(fhir, method)(BASE + path)
    assert answer.status_code == status
    assert valid(answer.json())["resourceType"] == "OperationOutcome"


def test_the_capabilities_are_valid_and_true(db):
    statement = read(APIClient(), "metadata")
    assert statement["fhirVersion"] == "4.0.1"
    searched = statement["rest"][0]["resource"][0]["searchParam"]
    assert {"name": "_lastUpdated", "type": "date"} in searched
    for resource in statement["rest"][0]["resource"]:
        assert APIClient().get(f"{BASE}{resource['type']}/x").status_code in (401, 404)
    system = read(APIClient(), "CodeSystem/mole-check")
    known = [each["code"] for each in system["concept"]]
    defined = {*taxonomy.RISK_CATEGORIES, *taxonomy.ADVICE, *terms.URGENCIES, "advice"}
    assert defined <= set(known)
    assert len(known) == len(set(known))


# --- the table of codes --------------------------------------------------------------------------


def test_the_table_of_codes_names_every_diagnosis_once():
    assert set(codes.DIAGNOSES) == set(taxonomy.DIAGNOSES)
    groups = {name for name, found in codes.DIAGNOSES.items() if not found}
    assert groups == {"bkl", "vasc", "akiec"}
    assert set(codes.BODY_SITES) <= set(taxonomy.BODY_SITES)


def test_body_sites_are_those_of_dicom():
    """CID 4029 and 4031, and 7155 for the chest, as pydicom has them from the standard."""
    known = {}
    for cid in (4029, 4031, 7155):
        for keyword in cid_concepts[cid]["SCT"]:
            for code, (meaning, cids) in concepts["SCT"][keyword].items():
                if cid in cids:
                    known[code] = meaning
    for site, code in codes.BODY_SITES.items():
        assert known.get(code.code) == code.display, site


def test_a_report_is_as_old_as_the_last_thing_said(fhir, record, dr_chen):
    review = write(record, dr_chen)
    later = timezone.now() + timedelta(days=1)
    type(review).objects.update(news_since=later)
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert report["issued"] == later.isoformat(timespec="milliseconds")


@pytest.fixture
def old(record):
    """A record of which all was said a day ago."""
    past = timezone.now() - timedelta(days=1)
    MoleRecord.objects.update(created_at=past, finished_at=past)
    record.assessments.update(created_at=past)
    return record


@pytest.mark.parametrize("version", ["test", "newer"])
def test_another_answer_is_an_update(fhir, old, monkeypatch, version):
    before = read(fhir, f"DiagnosticReport/{old.pk}")
    says = answer("benign", model_version=version)
    monkeypatch.setattr(assessments.classifier(), "version", version)
    monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**says))
    MoleRecord.objects.update(stale_since=timezone.now())
    reassess_record(old.pk)
    after = read(fhir, f"DiagnosticReport/{old.pk}")
    assert after["conclusion"] != before["conclusion"]
    assert after["meta"]["lastUpdated"] == after["issued"] > before["issued"]
    observed = read(fhir, after["result"][0]["reference"])
    assert observed["issued"] == after["issued"]


def test_the_answer_of_a_release_that_is_back_is_an_update(fhir, old, monkeypatch):
    before = read(fhir, f"DiagnosticReport/{old.pk}")
    known = old.assessments.create(**answer("benign", model_version="back"))
    old.assessments.filter(pk=known.pk).update(created_at=old.created_at - timedelta(days=1))
    monkeypatch.setattr(assessments.classifier(), "version", "back")
    reassess_record(old.pk)
    after = read(fhir, f"DiagnosticReport/{old.pk}")
    assert after["conclusion"] != before["conclusion"]
    assert after["issued"] > before["issued"]


def test_a_sign_that_is_said_later_is_an_update(fhir, old):
    before = read(fhir, f"DiagnosticReport/{old.pk}")
    address = f"/api/v1/records/{old.pk}/"
    fhir.patch(address, {"note": "words of one's own"}, format="json")
    assert read(fhir, f"DiagnosticReport/{old.pk}") == before
    fhir.patch(address, {"signs": ["bleeding"]}, format="json")
    after = read(fhir, f"DiagnosticReport/{old.pk}")
    assert "it bleeds" in after["conclusion"]
    assert after["issued"] > before["issued"]


def test_a_sign_is_an_update_while_the_picture_is_to_be_judged_again(fhir, old):
    address = f"/api/v1/records/{old.pk}/"
    fhir.patch(address, {"body_site": "back"}, format="json")
    before = read(fhir, f"DiagnosticReport/{old.pk}")
    fhir.patch(address, {"signs": ["bleeding"]}, format="json")
    after = read(fhir, f"DiagnosticReport/{old.pk}")
    assert after["meta"]["lastUpdated"] > before["meta"]["lastUpdated"]


def test_a_report_is_final_no_more_once_a_sign_comes_after_the_verdict(fhir, record, dr_chen):
    write(record, dr_chen)
    fhir.patch(f"/api/v1/records/{record.pk}/", {"signs": ["bleeding"]}, format="json")
    assert read(fhir, f"DiagnosticReport/{record.pk}")["status"] == "preliminary"
    assert ids(read(fhir, "DiagnosticReport?status=preliminary")) == [str(record.pk)]
    assert not fhir.get(f"/api/v1/records/{record.pk}/").json()["is_reviewed"]
    write(record, dr_chen)
    assert fhir.get(f"/api/v1/records/{record.pk}/").json()["is_reviewed"]
    assert read(fhir, f"DiagnosticReport/{record.pk}")["status"] == "final"


def test_what_came_after_a_calm_verdict_is_said_before_it(fhir, record, dr_chen):
    review = verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    assert "note" not in read(fhir, f"Observation/verdict-{review.pk}")
    assert "conclusionCode" in read(fhir, f"DiagnosticReport/{record.pk}")
    fhir.patch(f"/api/v1/records/{record.pk}/", {"signs": ["bleeding"]}, format="json")
    [note] = read(fhir, f"Observation/verdict-{review.pk}")["note"]
    assert note["text"].startswith("New since the doctor’s verdict.")
    report = read(fhir, f"DiagnosticReport/{record.pk}")
    assert "conclusionCode" not in report  # which would stand there without that sentence
    conclusion = report["conclusion"]
    assert conclusion.startswith("New since the doctor’s verdict.")
    assert conclusion.index("Should be seen by a doctor") < conclusion.index("No visit needed")


def test_a_change_that_is_found_later_is_an_update(fhir, old):
    first = assessed(owner=old.owner, mole=old.mole)
    MoleRecord.objects.filter(pk=first.pk).update(created_at=old.created_at - timedelta(days=1))
    Change.objects.create(
        before=first.current_assessment,
        after=old.current_assessment,
        result={"reason": "", "changes": ["grew"]},
    )
    before = read(fhir, f"DiagnosticReport/{old.pk}")
    changes.follow(old.mole_id)
    after = read(fhir, f"DiagnosticReport/{old.pk}")
    assert "It grew" in after["conclusion"]
    assert after["issued"] > before["issued"]
    changes.follow(old.mole_id)
    assert read(fhir, f"DiagnosticReport/{old.pk}") == after
    fhir.patch(f"/api/v1/records/{old.pk}/", {"mole": None}, format="json")
    alone = read(fhir, f"DiagnosticReport/{old.pk}")
    assert "It grew" not in alone["conclusion"]
    assert alone["issued"] > after["issued"]
