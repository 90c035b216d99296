"""How soon a doctor should look is said at every door, also where there is no usable answer."""

from io import BytesIO

import pytest
from django.urls import reverse
from pydicom import dcmread
from pypdf import PdfReader

from diagnosis.models import Assessment, MoleRecord
from diagnosis.records import assessments
from diagnosis.sharing import links
from diagnosis.tasks import reassess_record
from tests.factories import RecordFactory, answer, assessed

SOON = "Should be seen by a doctor soon · "


def failed(alice, monkeypatch) -> MoleRecord:
    return RecordFactory(owner=alice, failed=True, phone_advice="doctor_days", origin="camera")


def queued(alice, monkeypatch) -> MoleRecord:
    return RecordFactory(owner=alice, phone_advice="doctor_days", origin="camera")


def not_judged_any_more(alice, monkeypatch) -> MoleRecord:
    record = assessed("malignant_high_risk", owner=alice)
    monkeypatch.setattr(assessments.classifier(), "version", "newer")
    said = answer(None, model_version="newer")
    monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**said))
    reassess_record(record.pk)
    return record


@pytest.mark.parametrize("make", [failed, queued, not_judged_any_more])
def test_how_soon_is_said_in_words_at_every_door(client, program, alice, monkeypatch, make):
    record = make(alice, monkeypatch)
    client.force_login(alice)
    key = links.key(links.create(owner=alice, days=7, record=record))
    shared = client.get(reverse("diagnosis:shared"), {"key": key}).content.decode()
    pages = PdfReader(
        BytesIO(client.get(reverse("diagnosis:record_report", args=[record.pk])).content)
    ).pages
    report = dcmread(BytesIO(program.get(f"/api/v1/dicom/{record.pk}/report/").content))
    said = {
        "list": client.get(reverse("diagnosis:history")).content.decode(),
        "shared": shared.partition('<ol class="timeline shared">')[2],
        "pdf": " ".join(page.extract_text() for page in pages),
        "fhir": program.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()["conclusion"],
        "dicom": " ".join(getattr(item, "TextValue", "") for item in report.ContentSequence),
    }
    assert [door for door, words in said.items() if SOON not in " ".join(words.split())] == []
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "today or tomorrow" in page


def test_what_can_not_be_judged_is_said_beside_it(client, alice, monkeypatch):
    record = not_judged_any_more(alice, monkeypatch)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert f"<span>{SOON}This picture can’t be judged</span></h1>" in page
