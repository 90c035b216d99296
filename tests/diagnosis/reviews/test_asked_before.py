"""What a doctor asked of an earlier picture of the mole holds at every door, and is heard of."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils import timezone
from pypdf import PdfReader

from diagnosis.models import MoleRecord
from diagnosis.reviews import verdicts
from tests.factories import (
    MoleFactory,
    UserFactory,
    assessed,
    picture,
    program_of,
)

BENIGN = {"risk_category": "benign", "urgency": "none"}
WEEKS = {"risk_category": "malignant_low_risk", "urgency": "doctor_weeks"}
URGENT = {"risk_category": "malignant_high_risk", "urgency": "doctor_days"}
SINCE = "Since the verdict on this picture, a doctor has asked for a visit"
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
def dr_okafor(db):
    return UserFactory(display_name="dr_okafor", role="doctor", is_staff=True)


@pytest.fixture
def program(alice):
    return program_of(alice)


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


def test_a_colleague_is_not_told_the_verdict_that_their_own_is_waited_for(
    first, later, dr_chen, dr_okafor
):
    verdicts.write(record=first, doctor=dr_chen, ask=dr_okafor, **URGENT)
    for doctor, is_told in ((dr_okafor, False), (dr_chen, True)):
        colleague = program_of(doctor)
        conclusion = fhir(colleague, later)["conclusion"]
        said = colleague.get(f"/api/v1/queue/{later.pk}/").json()
        advice = said["assessment"]["advice"]
        assert ("A doctor said of an earlier picture" in conclusion) == is_told
        assert (advice, said["asked_before"]) == (
            ("doctor_days", "doctor_days") if is_told else ("watch", "")
        )
