"""What the tests of the doctors' work share."""

import pytest
from django.urls import reverse

VERDICT = {
    "risk_category": "malignant_high_risk",
    "diagnosis": "mel",
    "urgency": "doctor_days",
    "confidence": "high",
    "comment": "Please come this week.",
    "private_comment": "Breslow?",
}


@pytest.fixture
def doctor(client, dr_chen):
    client.force_login(dr_chen)
    return client


def address(name, record):
    return reverse(f"admin:diagnosis_molerecord_{name}", args=[record.pk])


def post(client, record, verdict, **more):
    return client.post(address("change", record), {"known": 0} | verdict | more)
