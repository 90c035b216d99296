"""Assessing again with a newer model: another answer is added, and no person waits for it."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from accounts import outbox
from accounts.models import OutgoingMail
from diagnosis import queue
from diagnosis.language import results
from diagnosis.models import Assessment, MoleRecord
from diagnosis.records import assessments, claims
from diagnosis.tasks import reassess_record
from ml import taxonomy
from tests.factories import (
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    answer,
    assessed,
    picture,
)

BY_HTMX = {"HX-Request": "true"}


@pytest.fixture
def record(alice):
    """Its answer is of the model "test", which is not the released one."""
    return assessed(owner=alice, image__data=picture((600, 600)))


def test_the_new_answer_counts_and_the_old_one_stays(record):
    earlier = record.current_assessment
    attempts = record.attempts
    assert assessments.is_outdated(record)
    reassess_record(record.pk)
    record.refresh_from_db()
    assert not assessments.is_outdated(record)
    assert record.current_assessment.model_version == assessments.classifier().version
    assert set(record.assessments.all()) == {earlier, record.current_assessment}
    assert record.state == claims.final_state(record.current_assessment)
    assert (record.attempts, record.claim_token) == (attempts, None)


def test_what_is_up_to_date_is_left_as_it_is(record):
    new = assessments.reassess(record=record)
    record.refresh_from_db()
    assert assessments.reassess(record=record) == new
    assert Assessment.objects.count() == 2


def test_the_signs_count_again(alice):
    record = assessed(owner=alice, image__data=picture((600, 600)), signs=["bleeding"])
    assert assessments.reassess(record=record).advice in ("doctor_weeks", "doctor_days")


def test_a_release_that_was_taken_back_answers_anew_in_place_of_what_it_said(record, monkeypatch):
    """The person may have named another place since, or put another picture in."""
    before = record.assessments.create(**answer(model_version="taken back", malignancy=0.123))
    monkeypatch.setattr(assessments.classifier(), "version", "taken back")
    assert assessments.reassess(record=record) == before
    record.refresh_from_db()
    assert record.current_assessment == before
    assert record.current_assessment.malignancy != 0.123


def test_the_slower_of_two_adds_nothing(record):
    stale = type(record).objects.get()
    assessments.reassess(record=record)
    assert assessments.reassess(record=stale) is None
    assert Assessment.objects.count() == 2


@pytest.mark.parametrize("fields", [{}, {"failed": True}, {"running": True}], ids=str)
def test_what_has_no_answer_yet_is_left_to_the_queue(alice, fields):
    waiting = RecordFactory(owner=alice, **fields)
    reassess_record(waiting.pk)
    assert not Assessment.objects.exists()


def test_a_picture_that_is_gone_leaves_the_answer(record):
    record.image.storage.delete(record.image.name)
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.current_assessment.model_version == "test"


def test_a_record_that_is_deleted_meanwhile_is_no_error(record):
    key = record.pk
    record.delete()
    reassess_record(key)
    assert not Assessment.objects.exists()


def test_only_the_owner_asks(record, alice, bob, monkeypatch):
    sent = []
    monkeypatch.setattr(queue, "send_again", lambda pk: sent.append(pk) or True)
    with pytest.raises(PermissionDenied):
        assessments.ask_again(record=record, by=bob)
    assert assessments.ask_again(record=record, by=alice)
    assert sent == [record.pk]


@pytest.fixture
def says(monkeypatch):
    """says(risk_category, **other): what the released model answers from here on."""

    def set_answer(risk_category: str | None = taxonomy.BENIGN, **other) -> None:
        other.setdefault("advice", taxonomy.advice_of(risk_category, uncertain=False))
        other["model_version"] = assessments.classifier().version
        said = answer(risk_category, **other)
        monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**said))

    return set_answer


@pytest.fixture
def sent(mailoutbox, settings):
    """sent(): the e-mails that have gone once those that wait for others are due."""
    settings.MAIL_SERVER_BACKEND = settings.EMAIL_BACKEND

    def let_pass() -> list:
        OutgoingMail.objects.update(due_at=timezone.now())
        outbox.send_due()
        return mailoutbox

    return let_pass


def test_whose_answer_becomes_an_alarm_is_told(alice, says, sent, settings):
    calm = assessed(owner=alice)
    says("malignant_high_risk")
    reassess_record(calm.pk)
    [message] = sent()
    assert message.recipients() == [alice.email]
    said = str(message.message())
    assert f"{settings.SITE_URL}/records/{calm.pk}/" in said
    assert "malignant" not in said


def test_of_several_she_is_told_in_one_e_mail(alice, bob, says, sent):
    hers, his = [assessed(owner=alice) for _ in range(3)], assessed(owner=bob)
    says("malignant_high_risk")
    for record in (hers[0], his, *hers[1:]):
        reassess_record(record.pk)
    to_alice, to_bob = sent()
    assert all(f"/records/{record.pk}/" in str(to_alice.message()) for record in hers)
    assert str(his.pk) not in str(to_alice.message())
    assert (to_alice.recipients(), to_bob.recipients()) == ([alice.email], [bob.email])


def test_what_becomes_an_alarm_after_that_e_mail_is_told_in_another(alice, says, sent):
    first, second = assessed(owner=alice), assessed(owner=alice)
    says("malignant_high_risk")
    reassess_record(first.pk)
    assert len(sent()) == 1
    reassess_record(second.pk)
    _, message = sent()
    assert f"/records/{second.pk}/" in str(message.message())
    assert str(first.pk) not in str(message.message())


def test_nothing_is_told_of_an_answer_that_is_not_stored(alice, says, sent, monkeypatch):
    record = assessed(owner=alice)
    says("malignant_high_risk")
    monkeypatch.setattr(assessments.claims, "publish_assessed", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reassess_record(record.pk)
    assert not sent()


def say_seen(client, answer) -> None:
    """As the page does by itself, once it is there."""
    address = re.search(r'hx-get="([^"]*\?seen=1)" hx-trigger="load"', answer.content.decode())[1]
    assert client.get(address, headers=BY_HTMX).status_code == 204


@pytest.mark.parametrize("fragment", [True, False])
def test_who_asked_and_has_the_answer_before_her_is_not_told_of_it(
    client, alice, says, sent, monkeypatch, fragment
):
    monkeypatch.setattr(queue, "send_again", lambda pk: reassess_record(pk) or True)
    seen, other = assessed(owner=alice), assessed(owner=alice)
    says("malignant_high_risk")
    reassess_record(other.pk)
    client.force_login(alice)
    page = client.post(reverse("diagnosis:record_reassess", args=[seen.pk])).url
    assert str(seen.pk) in str(OutgoingMail.objects.get().about)  # she may have closed the page
    if fragment:
        part = reverse("diagnosis:record_state", args=[seen.pk])
        answer = client.get(part, {"again": "1"}, headers=BY_HTMX)
    else:
        answer = client.get(page)
    assert str(seen.pk) in str(OutgoingMail.objects.get().about)  # it may not have arrived
    say_seen(client, answer)
    [message] = sent()
    assert f"/records/{other.pk}/" in str(message.message())
    assert str(seen.pk) not in str(message.message())


def test_where_she_has_seen_all_there_is_no_e_mail(client, alice, says, sent):
    record = assessed(owner=alice)
    says("malignant_high_risk")
    reassess_record(record.pk)
    client.force_login(alice)
    page = reverse("diagnosis:record_detail", args=[record.pk])
    say_seen(client, client.get(page, {"again": ""}))
    assert not sent()


def test_what_says_seen_of_an_older_answer_takes_no_e_mail_back(
    client, alice, says, sent, monkeypatch
):
    record = assessed(owner=alice)
    says("malignant_high_risk")
    reassess_record(record.pk)
    monkeypatch.setattr(assessments, "is_outdated", lambda _: True)
    client.force_login(alice)
    state = reverse("diagnosis:record_state", args=[record.pk])
    assert client.get(state, {"seen": "1"}, headers=BY_HTMX).status_code == 204
    assert sent()


def test_so_is_who_should_go_sooner_or_whose_picture_could_not_be_used(alice, says, sent):
    says("malignant_high_risk")
    low_risk, unusable = assessed("malignant_low_risk", owner=alice), assessed(None, owner=alice)
    low_risk.assessments.update(advice="doctor_weeks")
    for number, record in enumerate((low_risk, unusable), start=1):
        reassess_record(record.pk)
        assert len(sent()) == number


@pytest.mark.parametrize(
    ("risk_category", "fields"),
    [
        ("malignant_high_risk", {}),
        ("malignant_low_risk", {"changes": ["area"]}),
        ("benign", {"signs": ["bleeding"]}),
        ("benign", {"origin": "import"}),
    ],
)
def test_who_has_heard_as_much_is_not(alice, says, sent, risk_category, fields):
    record = assessed(risk_category, owner=alice, **fields)
    says("malignant_high_risk" if fields.get("origin") else "malignant_low_risk")
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.current_assessment.model_version != "test"
    assert not sent()


def test_nor_is_whom_a_doctor_has_answered_or_who_wants_no_such_mails(
    alice, bob, dr_chen, says, sent
):
    reviewed = assessed(owner=alice)
    ReviewFactory(record=reviewed, doctor=dr_chen)
    bob.verdict_emails = False
    bob.save()
    says("malignant_high_risk")
    for record in (reviewed, assessed(owner=bob)):
        reassess_record(record.pk)
    assert Assessment.objects.count() == 4
    assert not sent()


@pytest.mark.parametrize("is_there", [True, False])
def test_nor_who_changed_the_place_or_the_pictures_and_is_there(
    client, alice, says, sent, is_there
):
    """The page looks again by itself; who has left it read only “so far”."""
    record = assessed(owner=alice)
    version = assessments.classifier().version
    record.assessments.update(model_version=version)
    MoleRecord.objects.update(stale_since=timezone.now())
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "No warning sign in the picture so far" in page
    assert "No warning sign found" not in page
    state = re.search(r'hx-get="([^"]*anew=1[^"]*)"', page)[1].replace("&amp;", "&")
    part = client.get(state, headers=BY_HTMX)
    assert part["HX-Retarget"] == "#stale"
    assert "looking at the picture again" in part.content.decode()
    says("malignant_high_risk")
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.current_assessment.risk_category == "malignant_high_risk"
    if is_there:
        whole = client.get(state, headers=BY_HTMX)
        assert "Should be seen by a doctor soon" in whole.content.decode()
        say_seen(client, whole)
    assert bool(sent()) is not is_there


def test_a_page_that_shows_no_calm_word_any_more_asks_no_more(client, alice):
    record = assessed("malignant_high_risk", owner=alice)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "hx-get" not in page


@pytest.mark.parametrize(
    ("earlier", "advice"),
    [
        ({"risk_category": "malignant_high_risk"}, "doctor_days"),
        ({"risk_category": "malignant_low_risk"}, "doctor_weeks"),
        ({"uncertain": True}, "doctor_weeks"),
        ({}, "retake"),
    ],
)
def test_a_warning_is_not_lost_where_a_newer_version_can_not_judge_the_picture(
    client, alice, dr_chen, says, earlier, advice
):
    """Nor does it become less urgent, here or among the doctors' records."""
    waits, is_soon = advice != "retake", advice == "doctor_days"
    mole = MoleFactory(owner=alice)
    calm, record = (assessed(owner=alice, mole=mole) for _ in range(2))
    low = [assessed("malignant_low_risk", owner=alice)] if is_soon else []
    record.assessments.update(**earlier)
    says(None)
    reassess_record(record.pk)
    client.force_login(dr_chen)
    queue_page = client.get(reverse("admin:diagnosis_molerecord_changelist"))
    listed = list(queue_page.context["cl"].result_list)
    assert listed == ([record, *low, calm] if waits else [calm])
    reviewed = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    assert ("What earlier versions said" in client.get(reviewed).content.decode()) == waits
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert ('<details class="earlier" open>' in page) == waits
    assert ("Another version of the program gave an answer" in page) == waits
    assert ("today or tomorrow" in page.partition("What earlier versions said")[0]) == is_soon
    assert ("Make an appointment" in page) == (waits and not is_soon)
    answer = client.get(f"/api/v1/records/{record.pk}/").json()["assessment"]
    assert answer["advice"] == advice
    soon = " soon" if is_soon else ""
    for address in (reverse("diagnosis:history"), reverse("diagnosis:moles")):
        shown = client.get(address).content.decode()
        assert (f"Should be seen by a doctor{soon} · Take another picture" in shown) == waits
    [place] = client.get(reverse("diagnosis:moles")).context["places"]
    tone = {"doctor_days": "soon", "doctor_weeks": "doctor"}.get(advice, "calm")
    assert place["entries"][0]["tag"]["tone"] == tone


@pytest.mark.parametrize("meanwhile", ["benign", "malignant_low_risk", "malignant_high_risk"])
def test_who_read_less_than_what_comes_back_as_it_can_not_be_judged_is_told(
    alice, says, sent, meanwhile
):
    """The version before the last one wanted a doctor soon, which the last one took back."""
    advice = "doctor_weeks" if meanwhile == "malignant_low_risk" else None
    record = assessed(meanwhile, owner=alice)
    if advice:
        record.assessments.update(advice=advice)
    first = answer("malignant_high_risk", model_version="before")
    Assessment.objects.create(record=record, **first)
    says(None)
    reassess_record(record.pk)
    record = MoleRecord.objects.with_answers().get(pk=record.pk)
    assert str(results.tag(record)["words"]).startswith("Should be seen by a doctor soon")
    assert bool(sent()) == (meanwhile != "malignant_high_risk")


def test_a_warning_that_had_become_less_urgent_is_so_no_more(alice, says):
    record = assessed("malignant_high_risk", owner=alice)
    says(None)
    reassess_record(record.pk)
    call_command("migrate", "diagnosis", "0038", verbosity=0)
    record.refresh_from_db()
    assert record.danger == MoleRecord.Danger.TO_BE_SEEN
    call_command("migrate", "diagnosis", verbosity=0)
    record.refresh_from_db()
    assert record.danger == MoleRecord.Danger.HIGH_RISK
