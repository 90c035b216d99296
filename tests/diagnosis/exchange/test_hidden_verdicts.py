"""Who is asked for an opinion reads at no door that a verdict holds which is hidden till then."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from pydicom import dcmread

from diagnosis.models import Assessment, MoleRecord
from diagnosis.reviews import verdicts
from tests.factories import BENIGN, DAYS, WEEKS, RecordFactory, assessed, program_of


@pytest.fixture
def record(alice):
    """One that the program has called benign two days ago."""
    record, ago = assessed(owner=alice), timezone.now() - timedelta(days=2)
    MoleRecord.objects.update(finished_at=ago, created_at=ago)
    Assessment.objects.update(created_at=ago)
    return record


@pytest.fixture
def ask(record, dr_chen, dr_okafor):
    """Have dr_chen write an urgent verdict, final at once, and ask dr_okafor all the same."""
    return lambda: verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)


def report(person, record) -> dict:
    return program_of(person).get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()


def dicom(person, record):
    content = program_of(person).get(f"/api/v1/dicom/{record.pk}/report/").content
    return dcmread(BytesIO(content))


def found(person, query) -> list[dict]:
    bundle = program_of(person).get(f"/api/v1/fhir/DiagnosticReport?{query}").json()
    return [entry["resource"] for entry in bundle.get("entry", [])]


def test_a_report_is_not_final_for_who_reads_no_verdict_in_it(record, ask, dr_okafor, alice):
    ask()
    assert report(alice, record)["status"] == "final"
    said = report(dr_okafor, record)
    assert said["status"] == "preliminary"
    assert "conclusionCode" not in said
    assert not found(dr_okafor, "status=final")
    assert [each["status"] for each in found(dr_okafor, "status=preliminary")] == ["preliminary"]
    verdicts.write(record=record, doctor=dr_okafor, known=1, **DAYS)
    assert report(dr_okafor, record)["status"] == "final"
    assert found(dr_okafor, "status=final")


def test_nor_by_an_own_calm_verdict_that_a_hidden_one_replaced(record, ask, dr_okafor, alice):
    verdicts.write(record=record, doctor=dr_okafor, **BENIGN)
    assert report(dr_okafor, record)["status"] == "final"
    ask()
    said, file = report(dr_okafor, record), dicom(dr_okafor, record)
    assert (said["status"], file.VerificationFlag) == ("preliminary", "UNVERIFIED")
    assert "No visit needed" not in said["conclusion"]
    assert "No visit needed" not in str(file)
    assert not [each for each in said["result"] if "verdict" in each["reference"]]
    assert not found(dr_okafor, "status=final")
    assert dicom(alice, record).VerificationFlag == "VERIFIED"


def test_what_is_found_as_new_is_as_new_as_it_says(record, ask, dr_okafor, alice):
    ask()
    since = (timezone.now() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert len(found(alice, f"_lastUpdated=ge{since}")) == 1
    assert report(dr_okafor, record)["meta"]["lastUpdated"] < since
    assert not found(dr_okafor, f"_lastUpdated=ge{since}")


def test_a_visit_that_they_asked_for_themselves_is_told_and_not_final(
    record, dr_chen, dr_okafor, alice
):
    verdicts.write(record=record, doctor=dr_okafor, **WEEKS)
    verdicts.write(record=record, doctor=dr_chen, known=1, ask=dr_okafor, **BENIGN)
    said = report(dr_okafor, record)
    assert (said["status"], report(alice, record)["status"]) == ("preliminary", "final")
    assert [each["id"] for each in found(dr_okafor, "status=preliminary")] == [str(record.pk)]
    file = dicom(dr_okafor, record)
    assert file.VerificationFlag == "UNVERIFIED"
    texts = " ".join(item.get("TextValue", "") for item in file.ContentSequence)
    for words in (said["conclusion"], texts):
        assert "See a doctor within a few weeks" in words


def test_a_failed_check_is_not_dropped_while_their_opinion_is_asked_for(alice, dr_chen, dr_okafor):
    record = RecordFactory(owner=alice, failed=True)
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    assert report(dr_okafor, record)["status"] == "registered"
    assert [each["id"] for each in found(dr_okafor, "status=registered")] == [str(record.pk)]
