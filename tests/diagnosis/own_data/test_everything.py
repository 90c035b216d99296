"""The archive is derived from the models: what is left out is named, here and to the person."""

import io
import json
import zipfile

from allauth.mfa.models import Authenticator
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import User
from audit import log
from diagnosis.models import Change
from diagnosis.own_data import archive
from diagnosis.records import answers
from diagnosis.reviews.models import Review, SecondOpinion
from ml.taxonomy import HIGH_RISK
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    program_of,
)

RECORDS = "/api/v1/records/"
HOLDS = (
    *("is_stale", "is_left_uncounted", "is_compared", "is_comparable"),
    *("is_reviewed", "asked_before"),
)


def taken(person) -> dict:
    stream = io.BytesIO(b"".join(archive.archive(person)))
    with zipfile.ZipFile(stream) as files:
        return json.loads(files.read("data.json")) | {"README": files.read("README.txt").decode()}


def test_each_table_that_points_to_a_person_is_in_it_or_named():
    tables = {relation.get_accessor_name() for relation in User._meta.related_objects}
    assert tables - {"+"} == set(archive.RELATED)


def test_each_of_them_stands_where_the_list_says(alice):
    data = taken(alice)
    for place in filter(None, archive.RELATED.values()):
        part = data
        for name in place.split("."):
            part = part[name]
        assert isinstance(part, list)


def test_each_column_of_a_verdict_is_in_it_or_named(alice, dr_chen):
    ReviewFactory(
        record=assessed(owner=alice), doctor=dr_chen, comment="seen", private_comment="hush"
    )
    data = taken(alice)
    [review] = data["records"][0]["reviews"]
    columns = {field.attname for field in Review._meta.concrete_fields}
    assert set(review) == (columns - archive.REVIEW_LEFT_OUT) | {"doctor", "changed_at"}
    assert "hush" not in json.dumps(data)
    assert "left out" in data["README"]


def test_what_does_not_hold_is_told_as_to_programs(alice, dr_chen):
    """A calm answer that is still to be compared, a calm verdict that a sign has overtaken, and a
    visit that was asked for before are not read as the last word."""
    mole = MoleFactory(owner=alice)
    first = assessed("benign", owner=alice, mole=mole)
    ReviewFactory(record=first, doctor=dr_chen, urgency="none")
    answers.give(record=first, by=alice, signs=["bleeding"])
    asking = assessed(owner=alice, mole=mole)
    ReviewFactory(record=asking, doctor=dr_chen, risk_category=HIGH_RISK, urgency="doctor_days")
    waiting = RecordFactory(owner=alice, mole=mole)
    calm = assessed("benign", owner=alice, mole=MoleFactory(owner=alice))
    later = assessed("benign", owner=alice, mole=calm.mole)
    Change.objects.create(before=calm.current_assessment, after=later.current_assessment)
    told = {record["id"]: record for record in program_of(alice).get(RECORDS).json()["results"]}
    data = taken(alice)
    kept = {record["id"]: record for record in data["records"]}
    for key, record in kept.items():
        assert record | {name: told[key][name] for name in HOLDS} == record
    assert kept[str(first.pk)]["is_reviewed"] is False
    assert kept[str(waiting.pk)]["asked_before"] == "doctor_days"
    assert kept[str(later.pk)]["is_compared"] is False
    assert kept[str(first.pk)]["reviews"][0]["changed_at"]
    assert "does not hold" in data["README"]


def test_addresses_factors_names_of_keys_and_the_log(client, alice):
    alice.emailaddress_set.create(email="second@example.org")
    Authenticator.objects.create(
        user=alice, type="webauthn", data={"name": "my key", "credential": {"secret": 1}}
    )
    AuthToken.objects.create(alice)
    client.force_login(alice)
    client.post(reverse("accounts:teaching"), {"agreed": "on"})
    data = taken(alice)
    account = data["account"]
    assert {row["email"] for row in account["addresses"]} == {alice.email, "second@example.org"}
    assert [row["name"] for row in account["second_steps"]] == ["my key"]
    assert "secret" not in json.dumps(data)
    assert any(row["kind"] == "user" and row["by"] == str(alice) for row in data["audit_log"])


def test_what_staff_did_with_the_account_is_told_without_their_name(alice, dr_chen):
    with log.acting(dr_chen):
        alice.is_active = False
        alice.save()
    assert "staff" in {row["by"] for row in taken(alice)["audit_log"]}
    assert dr_chen.email not in json.dumps(taken(alice))


def test_so_are_their_looks_at_records_and_nobody_elses(alice, bob, dr_chen):
    record, other = assessed(owner=alice), assessed(owner=bob)
    with log.acting(dr_chen):
        for one in (record, other):
            log.look(type(one), one)
    entries = taken(alice)["audit_log"]
    seen = [row for row in entries if (row["kind"], row["id"]) == ("molerecord", str(record.pk))]
    assert ("staff", "access") in {(row["by"], row["action"]) for row in seen}
    assert str(other.pk) not in json.dumps(entries)
    assert str(dr_chen) not in json.dumps(entries)


def test_a_doctors_own_verdicts_are_the_doctors(dr_chen):
    ReviewFactory(doctor=dr_chen, private_comment="mine")
    [verdict] = taken(dr_chen)["verdicts_written"]
    assert verdict["private_comment"] == "mine"


def test_so_is_what_the_doctor_asked_a_colleague(dr_chen):
    dr_silva = UserFactory(display_name="dr_silva", role="doctor", is_staff=True)
    ReviewFactory(doctor=dr_chen)
    asking = ReviewFactory(doctor=dr_chen)
    SecondOpinion.objects.create(first=asking, asked=dr_silva, question="A Spitz naevus?")
    plain, with_question = taken(dr_chen)["verdicts_written"]
    assert (plain["question"], plain["asked_at"]) == (None, None)
    assert with_question["question"] == "A Spitz naevus?"
    assert with_question["asked_at"]
    of_the_colleague = json.dumps(taken(dr_silva))
    assert "Spitz" not in of_the_colleague
    assert dr_silva.email not in json.dumps(taken(dr_chen))


def test_a_doctors_log_of_years_leaves_in_parts(alice, dr_chen):
    """Each look at a record is an entry, of which a doctor has hundreds of thousands."""
    record = assessed(owner=alice)
    ReviewFactory(record=record, doctor=dr_chen)
    with log.acting(dr_chen):
        for _ in range(200):
            log.look(type(record), record)
    data = taken(dr_chen)
    looks = [entry for entry in data["audit_log"] if entry["id"] == str(record.pk)]
    assert len(looks) >= 200
    assert len(data["verdicts_written"]) == 1
    assert max(map(len, archive._as_json(dr_chen))) < 5000
