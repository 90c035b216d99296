"""What the person says, or the program measures, after a doctor has looked reaches a doctor."""

from io import BytesIO

import pytest
from django.urls import reverse
from pypdf import PdfReader

from diagnosis.language import results
from diagnosis.models import Assessment, MoleRecord, Review
from diagnosis.reviews import claims, verdicts
from diagnosis.sharing import links
from ml import taxonomy
from tests.factories import BENIGN, MoleFactory, answer, assessed, program_of

VERDICT = BENIGN | {"confidence": "high"}


@pytest.fixture
def say(alice):
    """say(record, **said): alice's program changes what she said of it."""
    program = program_of(alice)

    def patch(record, **said) -> None:
        answer = program.patch(f"/api/v1/records/{record.pk}/", said, format="json")
        assert answer.status_code == 200

    return patch


@pytest.fixture
def record(alice):
    return assessed(owner=alice)


@pytest.fixture
def reviewed(record, dr_chen):
    """A record of which dr_chen has said that no visit is needed."""
    verdicts.write(record=record, doctor=dr_chen, **BENIGN)
    return record


@pytest.fixture
def read(client, alice):
    """read(record): the page on which alice reads her record."""

    def get(record):
        client.force_login(alice)
        return client.get(reverse("diagnosis:record_detail", args=[record.pk]))

    return get


def tone(record) -> str:
    return results.tag(MoleRecord.objects.with_answers().get(pk=record.pk))["tone"]


LATER = [
    {"signs": ["bleeding"]},
    {"signs": ["itching"]},
    {"note": "It hurts since Monday."},
    {"size_mm": 7.5},
    {"body_site": "sole"},
]


@pytest.mark.parametrize("said", LATER, ids=lambda said: next(iter(said.values())))
def test_a_verdict_is_not_on_words_that_the_doctor_did_not_read(client, dr_chen, record, say, said):
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    form = client.get(address).context["form"]
    verdict = VERDICT | {name: form[name].value() for name in ("known", "shown")}
    say(record, **said)
    refused = client.post(address, verdict)
    assert "Something has changed meanwhile" in refused.content.decode()
    assert not Review.objects.exists()
    again = verdict | {"shown": refused.context["form"]["shown"].value()}
    assert client.post(address, again).status_code == 302


def test_a_verdict_by_a_program_is_on_the_words_that_it_showed(dr_chen, record, say):
    doctor = program_of(dr_chen)
    address = f"/api/v1/queue/{record.pk}/"
    verdict = VERDICT | {"shown": doctor.get(address).json()["shown"]}
    say(record, signs=["bleeding"])
    refused = doctor.post(f"{address}reviews/", verdict, format="json")
    assert (refused.status_code, "has changed" in refused.json()["detail"]) == (409, True)
    assert "the program’s answer" in refused.json()["detail"]
    again = verdict | {"shown": doctor.get(address).json()["shown"]}
    assert doctor.post(f"{address}reviews/", again, format="json").status_code == 201
    again |= {"known": 0, "comment": "So."}
    refused = doctor.post(f"{address}reviews/", again, format="json")
    assert "or a verdict was written meanwhile" in refused.json()["detail"]


def test_a_change_that_is_measured_while_the_doctor_writes_is_shown_first(client, dr_chen, alice):
    record = assessed(owner=alice, mole=MoleFactory(owner=alice))
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    form = client.get(address).context["form"]
    verdict = VERDICT | {name: form[name].value() for name in ("known", "shown")}
    MoleRecord.objects.filter(pk=record.pk).update(changes=["grew"])
    assert "Something has changed meanwhile" in client.post(address, verdict).content.decode()


def test_so_is_another_answer_of_the_program(client, dr_chen, alice):
    record = assessed("benign", owner=alice)
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    form = client.get(address).context["form"]
    verdict = VERDICT | {name: form[name].value() for name in ("known", "shown")}
    said = answer("malignant_high_risk", model_version="newer")
    MoleRecord.objects.filter(pk=record.pk).update(
        current_assessment=Assessment.objects.create(record=record, **said)
    )
    refused = client.post(address, verdict)
    assert "Something has changed meanwhile" in refused.content.decode()
    assert not record.reviews.exists()
    again = verdict | {"shown": refused.context["form"]["shown"].value()}
    assert client.post(address, again).status_code == 302
    assert record.reviews.exists()


@pytest.mark.parametrize("sign", sorted(taxonomy.ALARMING_SIGNS))
def test_a_sign_after_the_verdict_brings_the_record_back(reviewed, dr_chen, say, read, sign):
    assert (tone(reviewed), claims.take_next(doctor=dr_chen)) == ("calm", None)
    say(reviewed, signs=[sign])
    assert tone(reviewed) == "doctor"
    assert claims.take_next(doctor=dr_chen) == reviewed
    shown = read(reviewed).content.decode()
    first = shown.index("Should be seen by a doctor")
    assert first < shown.index("No visit needed")
    assert "New since the doctor’s verdict" in shown
    assert shown.count("<h1") == 1
    verdicts.write(record=reviewed, doctor=dr_chen, comment="I know.", **BENIGN)
    assert (tone(reviewed), claims.take_next(doctor=dr_chen)) == ("calm", None)
    shown = read(reviewed).content.decode()
    assert shown.index("No visit needed") < shown.index("Should be seen by a doctor")
    assert "said before" not in shown


def test_a_change_that_is_measured_after_the_verdict_does_so_too(reviewed, dr_chen):
    MoleRecord.objects.filter(pk=reviewed.pk).update(changes=["grew"])
    assert tone(reviewed) == "doctor"
    assert claims.take_next(doctor=dr_chen) == reviewed


def test_what_the_doctor_knew_or_is_no_alarm_brings_nothing_back(alice, dr_chen, say):
    record = assessed(owner=alice, signs=["bleeding"])
    verdicts.write(record=record, doctor=dr_chen, **BENIGN)
    say(record, signs=["bleeding", "itching"], note="As I said.")
    assert (tone(record), claims.take_next(doctor=dr_chen)) == ("calm", None)


def test_a_sign_that_is_taken_back_waits_for_nobody(reviewed, dr_chen, say):
    say(reviewed, signs=["bleeding"])
    say(reviewed, signs=[])
    assert (tone(reviewed), claims.take_next(doctor=dr_chen)) == ("calm", None)


def test_a_corrected_verdict_is_not_another_look(reviewed, dr_chen, say):
    say(reviewed, signs=["bleeding"])
    verdicts.correct(review=reviewed.reviews.get(), by=dr_chen, comment="A typing error.")
    assert tone(reviewed) == "doctor"
    assert claims.take_next(doctor=dr_chen) == reviewed


def test_a_verdict_that_sends_to_a_doctor_stays_on_top(record, dr_chen, say, read):
    verdicts.write(record=record, doctor=dr_chen, risk_category="benign", urgency="doctor_days")
    say(record, signs=["bleeding"])
    assert tone(record) == "soon"
    shown = read(record).content.decode()
    assert shown.index("See a doctor within a few days") < shown.index("Should be seen by a doctor")
    assert claims.take_next(doctor=dr_chen) == record


def test_a_sign_after_the_verdict_on_a_picture_that_can_not_be_used_now(reviewed, dr_chen, say):
    answer = reviewed.current_assessment
    answer.usable, answer.risk_category, answer.reasons = False, None, ["blurred"]
    answer.advice = "retake"
    answer.save()
    MoleRecord.objects.filter(pk=reviewed.pk).update(state="unusable")
    assert claims.take_next(doctor=dr_chen) is None
    say(reviewed, signs=["bleeding"])
    assert tone(reviewed) != "calm"
    assert claims.take_next(doctor=dr_chen) == reviewed


def test_the_doctor_reads_that_something_came_after_the_verdicts(client, reviewed, dr_chen, say):
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[reviewed.pk])
    new = "New since these verdicts"
    assert new not in client.get(address).content.decode()
    say(reviewed, signs=["bleeding"])
    assert new in client.get(address).content.decode()


@pytest.mark.parametrize("door", ["diagnosis:shared", "diagnosis:shared_report"])
def test_whoever_has_the_link_reads_what_is_new_before_the_calm_verdict(
    client, alice, reviewed, say, door
):
    link = links.create(owner=alice, days=7, record=reviewed)

    def read() -> str:
        answer = client.get(reverse(door), {"key": links.key(link)})
        if answer["Content-Type"] != "application/pdf":
            return answer.content.decode()
        return " ".join(each.extract_text() for each in PdfReader(BytesIO(answer.content)).pages)

    assert "New since the doctor’s verdict" not in read()
    say(reviewed, signs=["bleeding"])
    shown = read()
    new, calm = shown.index("New since the doctor’s verdict"), shown.index("No visit needed")
    assert new < shown.index("Should be seen by a doctor") < calm
