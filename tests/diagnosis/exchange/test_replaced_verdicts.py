"""A verdict that another one replaced, or overtook, looks at no door as if it held."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.urls import reverse
from django.utils import timezone
from pydicom import dcmread

from diagnosis.models import MoleRecord
from diagnosis.reviews import teaching, verdicts
from tests.factories import BENIGN, DAYS, WEEKS, MoleFactory, assessed, picture, program_of


@pytest.fixture
def program(alice):
    return program_of(alice)


@pytest.fixture
def first(alice):
    record = assessed(owner=alice, mole=MoleFactory(owner=alice))
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(days=30))
    return record


@pytest.fixture
def later(alice, first):
    return assessed(owner=alice, mole=first.mole, image__data=picture((600, 600)))


def report(program, record) -> dict:
    return program.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()


def sentences(program, record) -> tuple[list[str], object]:
    found = dcmread(BytesIO(program.get(f"/api/v1/dicom/{record.pk}/report/").content))
    return [getattr(item, "TextValue", "") for item in found.ContentSequence], found


def test_systems_read_which_verdict_was_replaced(program, first, dr_chen):
    verdicts.write(record=first, doctor=dr_chen, **BENIGN)
    verdicts.write(record=first, doctor=dr_chen, known=1, **DAYS)
    said = report(program, first)
    assert "Earlier verdict · dr_chen, doctor: No visit needed" in said["conclusion"]
    assert said["conclusion"].startswith("dr_chen, doctor: See a doctor within a few days")
    assert len(said["conclusionCode"]) == len(said["performer"]) == 1
    found = [program.get(f"/api/v1/fhir/{each['reference']}").json() for each in said["result"]]
    notes = [each.get("note") for each in found if "verdict" in each["id"]]
    assert notes == [None, [{"text": "Earlier verdict"}]]
    texts, dicom = sentences(program, first)
    assert [text.startswith("Earlier verdict · ") for text in texts if "dr_chen" in text] == [
        False,
        True,
    ]
    assert len(dicom.VerifyingObserverSequence) == 1


def test_the_doctors_page_names_what_was_replaced(client, first, dr_chen):
    for known, verdict in enumerate((BENIGN, DAYS)):
        verdicts.write(record=first, doctor=dr_chen, known=known, **verdict)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[first.pk]))
    newest, earlier = page.content.decode().split('<article class="verdict">')[1:]
    assert "Earlier verdict" not in newest
    assert "Earlier verdict" in earlier


@pytest.mark.parametrize(("said", "asked"), [(BENIGN, WEEKS), (BENIGN, DAYS), (WEEKS, DAYS)])
def test_a_verdict_is_not_settled_once_more_was_asked_because_of_an_earlier_picture(
    program, first, later, dr_chen, said, asked
):
    def found(status: str) -> list[str]:
        bundle = program.get(f"/api/v1/fhir/DiagnosticReport?status={status}").json()
        return [entry["resource"]["id"] for entry in bundle.get("entry", ())]

    verdicts.write(record=later, doctor=dr_chen, **said)
    assert report(program, later)["status"] == "final"
    assert (found("final"), found("preliminary")) == ([str(later.pk)], [str(first.pk)])
    assert sentences(program, later)[1].VerificationFlag == "VERIFIED"
    verdicts.write(record=first, doctor=dr_chen, **asked)
    assert report(program, later)["status"] == "preliminary"
    assert (found("final"), found("preliminary")) == ([str(first.pk)], [str(later.pk)])
    assert sentences(program, later)[1].VerificationFlag == "UNVERIFIED"


def test_what_was_overtaken_teaches_nothing(alice, first, later, dr_chen, tmp_path):
    alice.teaching_consented_at = timezone.now()
    alice.save()
    verdicts.write(record=later, doctor=dr_chen, **BENIGN)
    assert teaching.export(tmp_path / "before")[0] == 1
    verdicts.write(record=first, doctor=dr_chen, **DAYS)
    assert teaching.export(tmp_path / "after")[0] == 1  # the first one alone
    assert "high_risk" in (tmp_path / "after" / teaching.TABLE).read_text()
