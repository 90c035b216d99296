"""What is known of the person beside the picture enters the answer, and the answer says so."""

from datetime import date

import pytest
from django.urls import reverse

from diagnosis.records import assessments
from diagnosis.records.models import MoleRecord
from tests.factories import MoleFactory, RecordFactory, UserFactory

TERM = {"centre": 0.0, "coefficient": 0.2, "reason": "…"}


@pytest.fixture
def with_stage(monkeypatch):
    """The released model, to which age, sex and site count on photographs."""
    terms = {"age": TERM, "male": TERM, "head_neck": TERM}
    card = assessments.classifier().card
    monkeypatch.setitem(card, "person", {"photo": {"terms": terms}})


@pytest.fixture
def dana(db):
    return UserFactory(date_of_birth=date(1950, 1, 1), sex_at_birth="male")


def answered(record: MoleRecord) -> MoleRecord:
    assessments.run(record.pk)
    record.refresh_from_db()
    return record


@pytest.mark.usefixtures("with_stage")
def test_age_sex_and_site_are_used_and_the_picture_alone_is_kept(client, dana):
    mole = MoleFactory(owner=dana, body_site="ear")
    record = answered(RecordFactory(owner=dana, mole=mole))
    assessment = record.current_assessment
    assert assessment.used == ["age", "sex", "body_site"]
    assert assessment.picture["malignancy"] < assessment.malignancy
    client.force_login(dana)
    told = client.get(reverse("api-record-detail", args=[record.pk])).json()["assessment"]
    assert (told["used"], told["picture"]) == (assessment.used, assessment.picture)


@pytest.mark.usefixtures("with_stage")
@pytest.mark.parametrize("origin", ["import", "demo"])
def test_of_a_picture_that_shows_somebody_else_only_the_site_is_known(dana, origin):
    mole = MoleFactory(owner=dana, body_site="ear")
    record = answered(RecordFactory(owner=dana, mole=mole, origin=origin))
    assert record.current_assessment.used == ["body_site"]


@pytest.mark.usefixtures("with_stage")
def test_an_alarming_sign_is_never_outweighed(dana):
    dana.date_of_birth = date(2004, 1, 1)
    dana.save()
    record = answered(RecordFactory(owner=dana, signs=["bleeding"]))
    assert record.current_assessment.advice in ("doctor_weeks", "doctor_days")


def test_where_nothing_is_known_nothing_is_used(db):
    nobody = UserFactory(date_of_birth=None)
    assessment = answered(RecordFactory(owner=nobody)).current_assessment
    assert (assessment.used, assessment.picture) == ([], None)


@pytest.mark.usefixtures("with_stage")
@pytest.mark.parametrize("born", [date(2999, 3, 27), date(198, 3, 27)])
def test_a_date_of_birth_that_can_not_be_tells_no_age(client, dana, dr_chen, born):
    dana.date_of_birth = born  # of a row that was there before such were refused
    dana.save()
    record = answered(RecordFactory(owner=dana))
    assert record.state in MoleRecord.ASSESSED
    assert record.current_assessment.used == ["sex"]
    client.force_login(dr_chen)
    assert client.get(reverse("api-queue-detail", args=[record.pk])).json()["age"] is None


def test_the_sex_at_birth_is_asked_for_with_its_reason_and_may_stay_out(client, alice):
    client.force_login(alice)
    page = client.get(reverse("accounts:sex"))
    assert "You need not answer." in page.content.decode()
    client.post(reverse("accounts:sex"), {"sex_at_birth": "female"})
    alice.refresh_from_db()
    assert alice.sex_at_birth == "female"
    assert "female" in client.get(reverse("accounts:account")).content.decode()
    client.post(reverse("accounts:sex"), {"sex_at_birth": ""})
    alice.refresh_from_db()
    assert alice.sex_at_birth == ""
    assert client.post(reverse("accounts:sex"), {"sex_at_birth": "x"}).status_code == 400
