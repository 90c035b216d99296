"""What Python says of a record, SQL says alike: of many moles whose stories are drawn by chance."""

import json
from datetime import datetime, timedelta
from random import Random

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from diagnosis.exchange import fhir, fhir_search
from diagnosis.language import results, verdicts
from diagnosis.models import Assessment, Mole, MoleRecord
from diagnosis.records import answers
from tests.factories import (
    BENIGN,
    DAYS,
    WEEKS,
    MoleFactory,
    ReviewFactory,
    answer,
    assessed,
    in_state,
)

GROUPS = ["benign", "malignant_low_risk", "malignant_high_risk"]
STATES = ["done", "done", "done", "unusable", "failed", "queued"]
TONES = ["calm", "neutral", "doctor", "soon"]


def take(rnd: Random, mole: Mole, at: datetime) -> MoleRecord:
    """A picture of the mole, of which the camera page, its person, the program, another version
    of it, or a comparison may have wanted a doctor."""
    state = rnd.choice(STATES)
    said = {
        "phone_advice": rnd.choice(["", "", "", "watch", "doctor_weeks", "doctor_days"]),
        "signs": rnd.choice([[], [], [], ["itching"], ["bleeding"]]),
    }
    if state == "done":
        record = assessed(rnd.choice(GROUPS), owner=mole.owner, mole=mole, **said)
    else:
        record = in_state(state, owner=mole.owner, mole=mole, **said)
    of_low_risk = Assessment.objects.filter(record=record, risk_category="malignant_low_risk")
    of_low_risk.update(advice="doctor_weeks")
    if state == "unusable" and rnd.random() < 0.5:
        then = answer(rnd.choice(GROUPS), model_version="older", uncertain=rnd.random() < 0.4)
        Assessment.objects.create(record=record, **then)
        record.save()  # as a worker does, with its new answer
    if state in MoleRecord.ASSESSED and rnd.random() < 0.25:
        record.changes = ["grew"]
        record.save()
    MoleRecord.objects.filter(pk=record.pk).update(created_at=at)
    return record


def judge(rnd: Random, record: MoleRecord, doctors: list[User], now: datetime) -> None:
    """A verdict on it, after which a sign may be noticed, or the picture be moved."""
    at = now - timedelta(hours=900 * rnd.random())
    ReviewFactory(
        record=record,
        doctor=rnd.choice(doctors),
        is_final=rnd.random() < 0.85,
        news_since=at,
        **rnd.choice([BENIGN, BENIGN, WEEKS, DAYS]),
    )
    if rnd.random() < 0.3:
        record = MoleRecord.objects.get(pk=record.pk)
        answers.give(record=record, by=record.owner, signs=["growing"])
    if rnd.random() < 0.2:
        MoleRecord.objects.filter(pk=record.pk).update(moved_at=at + timedelta(hours=1))


@pytest.fixture
def stories(alice, dr_chen, dr_okafor) -> None:
    rnd, now = Random(11), timezone.now()
    for number in range(40):
        mole = MoleFactory(owner=alice, name=f"mole {number}", body_site="back")
        records = [take(rnd, mole, now - timedelta(days=30 * n)) for n in range(rnd.randint(1, 3))]
        judged = [record for record in records if record.state != "queued"]
        for record in rnd.choices(judged, k=rnd.randint(0, 3)) if judged else ():
            judge(rnd, record, [dr_chen, dr_okafor], now)


@pytest.mark.usefixtures("stories")
def test_what_holds_is_the_same_in_python_and_in_sql():
    in_sql = {each.pk: each for each in MoleRecord.objects.for_programs()}
    settled = MoleRecord.objects.with_asked_before().with_settled()
    is_settled = set(settled.filter(is_settled=True).values_list("pk", flat=True))
    with_status = {
        status: set(settled.filter(which).values_list("pk", flat=True))
        for status, which in fhir_search.STATUSES.items()
    }
    for record in MoleRecord.objects.with_answers():
        assert verdicts.is_settled(record) == (record.pk in is_settled)
        its = [status for status, found in with_status.items() if record.pk in found]
        assert its == [fhir.report(record)["status"]]
        if assessment := record.current_assessment:
            advice = json.loads(in_sql[record.pk].assessment_json)["advice"]
            assert advice == results.advice_that_holds(assessment, record)


@pytest.mark.usefixtures("stories")
def test_moles_are_sorted_by_what_is_said_of_them_and_no_request_is_lost(client, alice):
    client.force_login(alice)
    [place] = client.get(reverse("diagnosis:moles")).context["places"]
    said = {entry["mole"]: entry["tag"]["tone"] for entry in place["entries"]}
    urgency = [max(TONES.index(tone), TONES.index("neutral")) for tone in said.values()]
    assert urgency == sorted(urgency, reverse=True)
    asked = {"": "calm", "doctor_weeks": "doctor", "doctor_days": "soon"}
    for mole, tone in said.items():
        assert TONES.index(tone) >= TONES.index(asked[mole.records.visit_asked()])
