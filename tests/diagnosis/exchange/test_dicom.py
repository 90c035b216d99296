"""Records as DICOM: read back by our own decoder, without a name, valid by dciodvfy."""

import io
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pydicom
import pytest
from django.utils import timezone
from django.utils.translation import override

from diagnosis.exchange import rights
from diagnosis.language import results
from diagnosis.models import Change, MoleRecord
from diagnosis.records import answers, sittings
from diagnosis.reviews import verdicts
from ml import images, release
from tests.factories import (
    FurtherPictureFactory,
    MoleFactory,
    assessed,
    in_state,
    picture,
    program_of,
)

BASE = "/api/v1/dicom/"


@pytest.fixture
def record(alice):
    mole = MoleFactory(owner=alice, name="below alice's collar", body_site="back")
    return assessed("malignant_high_risk", owner=alice, mole=mole, image__data=picture((301, 241)))


def read(client, record, name):
    answer = client.get(f"{BASE}{record.pk}/{name}/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/dicom"
    return answer.content


def check(content, tmp_path):
    """By David Clunie's dciodvfy (Debian's dicom3tools), where the machine has it."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed")
    (tmp_path / "it.dcm").write_bytes(content)
    said = subprocess.run(
        [program, "-new", str(tmp_path / "it.dcm")], capture_output=True, text=True, check=False
    )
    lines = (said.stdout + said.stderr).splitlines()
    assert not [line for line in lines if line.startswith("Error")]


def test_the_picture_comes_back_as_it_is_stored(alice, record):
    content = read(program_of(alice), record, "picture")
    found = pydicom.dcmread(io.BytesIO(content))
    assert found.SOPClassUID.name == "VL Photographic Image Storage"
    assert found.AnatomicRegionSequence[0].CodeValue == "66643007"
    assert (found.Rows, found.Columns) == (241, 301)
    with record.image.open() as file:
        stored = images.decode(file)
    assert np.array_equal(images.decode(content), stored)
    assert found.pixel_array.shape == stored.shape  # by a decoder that is not ours


def test_what_came_after_the_verdict_is_not_verified(alice, dr_chen, record):
    client = program_of(alice)
    verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    answers.give(record=record, by=alice, signs=["bleeding"])
    found = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
    assert found.VerificationFlag == "UNVERIFIED"
    assert "VerifyingObserverSequence" not in found


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
@pytest.mark.parametrize("state", ["queued", "running", "failed", "unusable"])
def test_a_report_without_an_answer_to_the_mole_is_partial_and_says_why(alice, state, language):
    record = in_state(state, owner=alice)
    address = f"{BASE}{record.pk}/report/"
    answer = program_of(alice).get(address, headers={"Accept-Language": language})
    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert found.CompletionFlag == "PARTIAL"
    with override(language):
        assert found.CompletionFlagDescription == str(results.STATES[state])
    assert len(found.CompletionFlagDescription) <= 64  # as LO has


@pytest.mark.parametrize("made", ["done", "failed", "unusable"])
def test_a_report_is_complete_with_an_answer_or_a_verdict(alice, dr_chen, made):
    record = in_state(made, owner=alice)
    if made != "done":
        verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, "report")))
    assert found.CompletionFlag == "COMPLETE"
    assert "CompletionFlagDescription" not in found


def test_a_report_is_partial_while_the_mole_is_judged_again(alice):
    record = assessed(owner=alice, stale_since=timezone.now())
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, "report")))
    assert found.CompletionFlag == "PARTIAL"
    assert "CompletionFlagDescription" not in found  # it is to come


@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_a_report_says_that_what_was_changed_will_not_be_counted(alice, language):
    record = assessed(owner=alice, stale_since=timezone.now() - timedelta(hours=1))
    address = f"{BASE}{record.pk}/report/"
    answer = program_of(alice).get(address, headers={"Accept-Language": language})
    found = pydicom.dcmread(io.BytesIO(answer.content))
    assert found.CompletionFlag == "PARTIAL"
    with override(language):
        assert found.CompletionFlagDescription == str(results.UNCOUNTED)
    assert len(found.CompletionFlagDescription) <= 64  # as LO has


def test_a_report_is_partial_while_the_mole_may_still_be_found_changed(alice, record):
    first = assessed(owner=alice, mole=record.mole)
    MoleRecord.objects.filter(pk=first.pk).update(created_at=record.created_at - timedelta(days=30))
    Change.objects.create(before=first.current_assessment, after=record.current_assessment)
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, "report")))
    assert found.CompletionFlag == "PARTIAL"


def test_a_report_has_another_identifier_once_it_says_something_else(alice, dr_chen, record):
    """Archives keep the first object of an identifier, so a doctor's word would never get there."""
    client = program_of(alice)

    def stored() -> tuple[str, str, str]:
        found = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
        assert found.SOPInstanceUID == found.file_meta.MediaStorageSOPInstanceUID
        return found.SOPInstanceUID, found.SeriesInstanceUID, found.StudyInstanceUID

    by_the_program = stored()
    assert stored() == by_the_program
    verdicts.write(
        record=record, doctor=dr_chen, risk_category="malignant_high_risk", urgency="doctor_days"
    )
    verified = stored()
    assert verified[0] != by_the_program[0]
    assert verified[1:] == by_the_program[1:]
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    assert len({by_the_program[0], verified[0], stored()[0]}) == 3


def test_a_picture_of_another_kind_than_was_said_has_another_identifier(alice, record):
    client, identifiers = program_of(alice), set()
    for kind in ("photo", "dermoscopy"):
        MoleRecord.objects.filter(pk=record.pk).update(modality=kind)
        found = pydicom.dcmread(io.BytesIO(read(client, record, "picture")))
        identifiers.add(found.SOPInstanceUID)
    assert len(identifiers) == 2


def test_the_report_holds_what_was_said_and_refers_to_the_picture(alice, dr_chen, record):
    client = program_of(alice)
    before = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
    assert before.VerificationFlag == "UNVERIFIED"
    verdicts.write(
        record=record,
        doctor=dr_chen,
        risk_category="malignant_high_risk",
        urgency="doctor_days",
        diagnosis="mel",
        comment="Venez à la consultation.",
    )
    found = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
    assert found.SOPClassUID.name == "Basic Text SR Storage"
    assert found.VerificationFlag == "VERIFIED"
    said = [item.TextValue for item in found.ContentSequence if item.ValueType == "TEXT"]
    assert any("Venez à la consultation." in each for each in said)
    assert "not a diagnosis" in " ".join(said)
    shown = pydicom.dcmread(io.BytesIO(read(client, record, "picture")))
    [image] = [item for item in found.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == shown.SOPInstanceUID
    assert found.StudyInstanceUID == shown.StudyInstanceUID == before.StudyInstanceUID
    assert found.SeriesInstanceUID != shown.SeriesInstanceUID


@pytest.mark.parametrize(
    ("name", "read_as"),
    [
        ("", "A doctor"),
        ("^=", "A doctor"),
        (r"Dr Chen^Li\Wu=Ba", "Dr Chen Li Wu Ba"),
        ("Dr " + "Ç" * 97, "Dr " + "Ç" * 61),
    ],
)
def test_a_doctors_name_is_one_that_dicom_takes(alice, dr_chen, record, name, read_as):
    type(dr_chen).objects.filter(pk=dr_chen.pk).update(display_name=name)
    verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="none")
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, "report")))
    assert found.VerifyingObserverSequence[0].VerifyingObserverName == read_as


@pytest.mark.parametrize("name", ["picture", "report"])
def test_the_person_has_a_pseudonym_and_nothing_else(alice, record, name):
    content = read(program_of(alice), record, name)
    found = pydicom.dcmread(io.BytesIO(content))
    assert found.PatientID == found.PatientName == alice.pseudonym
    assert found.PatientBirthDate == ""
    # By chance, an identifier may hold any digits.
    rest = re.sub(rb"2\.25\.\d+", b"", content).replace(alice.pseudonym.encode(), b"")
    for word in (alice.email, alice.display_name, "collar", "1980"):
        assert word.encode() not in rest


def test_of_an_imported_picture_there_is_no_person(alice):
    record = assessed(owner=alice, origin="import")
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, "picture")))
    assert found.PatientID == ""


def test_a_dermoscopic_picture_is_one_of_its_own_kind_whichever_release_there_is(
    alice, monkeypatch
):
    monkeypatch.setattr(release, "RELEASE", Path("none"))
    record = assessed(owner=alice, modality="dermoscopy")
    client = program_of(alice)
    found = pydicom.dcmread(io.BytesIO(read(client, record, "picture")))
    assert found.SOPClassUID.name == "Dermoscopic Photography Image Storage"
    assert (found.Modality, found.RecognizableVisualFeatures) == ("DMS", "YES")
    report = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
    [image] = [item for item in report.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedSOPClassUID == found.SOPClassUID


@pytest.mark.parametrize("modality", ["photo", "dermoscopy"])
@pytest.mark.parametrize("name", ["picture", "report"])
def test_it_is_valid_by_dciodvfy(alice, dr_chen, record, name, modality, tmp_path):
    record.modality = modality
    record.save(update_fields=["modality"])
    verdicts.write(
        record=record, doctor=dr_chen, risk_category="benign", urgency="none", comment="Très bien."
    )
    check(read(program_of(alice), record, name), tmp_path)


def test_doctors_get_it_and_others_do_not(record, bob, dr_chen):
    for name in ("picture", "report"):
        assert program_of(bob).get(f"{BASE}{record.pk}/{name}/").status_code == 404
        read(program_of(dr_chen), record, name)


def test_a_picture_that_is_deleted_meanwhile_is_not_found(alice, record, monkeypatch):
    def holder_of(key, records):
        MoleRecord.objects.all().delete()
        return key

    monkeypatch.setattr(rights, "holder_of", holder_of)
    assert program_of(alice).get(f"{BASE}{record.pk}/picture/").status_code == 404


def test_a_picture_whose_file_is_gone_is_not_found(alice, record):
    record.image.storage.delete(record.image.name)
    assert program_of(alice).get(f"{BASE}{record.pk}/picture/").status_code == 404


def test_another_picture_has_another_identifier_and_keeps_it(alice, record):
    next_one = FurtherPictureFactory(
        record=record, image__data=picture((320, 240)), modality="dermoscopy"
    )
    client = program_of(alice)

    def stored(of) -> tuple[str, str, str]:
        found = pydicom.dcmread(io.BytesIO(read(client, of, "picture")))
        return found.SOPInstanceUID, found.SeriesInstanceUID, found.Modality

    gone, kept = stored(record), stored(next_one)
    assert len({*gone, *kept}) == 6
    sittings.remove(record=record, picture=record, by=alice)
    assert stored(record) == kept
    report = pydicom.dcmread(io.BytesIO(read(client, record, "report")))
    [series] = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert (series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID, series.SeriesInstanceUID) == (
        kept[:2]
    )


@pytest.mark.parametrize("name", ["picture", "report"])
def test_times_are_those_of_utc_whoever_asks(alice, dr_chen, record, name, settings):
    at = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    MoleRecord.objects.update(created_at=at, finished_at=at)
    record.assessments.update(created_at=at)
    review = verdicts.write(
        record=record, doctor=dr_chen, risk_category="benign", urgency="none", diagnosis="nv"
    )
    type(review).objects.update(news_since=at)
    settings.TIME_ZONE = "Asia/Tokyo"
    found = pydicom.dcmread(io.BytesIO(read(program_of(alice), record, name)))
    assert found.TimezoneOffsetFromUTC == "+0000"
    assert (found.StudyDate, found.StudyTime) == ("20260701", "233000")
    assert (found.ContentDate, found.ContentTime) == ("20260701", "233000")
    if name == "report":
        assert found.VerifyingObserverSequence[0].VerificationDateTime == "20260701233000"
