"""A colleague's opinion: asked for, given without a look at the first, brought to one verdict."""

import pytest
from auditlog.models import LogEntry
from django.core.exceptions import ValidationError
from django.urls import reverse

from diagnosis.models import MoleRecord, Review, SecondOpinion
from diagnosis.reviews import agreement, claims, opinions, verdicts
from diagnosis.webhooks.models import Webhook
from tests.factories import (
    BENIGN,
    DAYS,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    answer,
    assessed,
    program_of,
)

SEEN_SOON = {"risk_category": "malignant_low_risk", "urgency": "doctor_weeks"}


@pytest.fixture
def dr_silva(db):
    return UserFactory(display_name="dr_silva", role="doctor", is_staff=True)


@pytest.fixture
def record(alice):
    return assessed(owner=alice)


@pytest.fixture
def read(client, alice):
    """read(record): the headings of the verdicts that alice reads."""

    def page(record) -> list[str]:
        client.force_login(alice)
        response = client.get(reverse("diagnosis:record_detail", args=[record.pk]))
        return [str(verdict.heading) for _review, verdict in response.context["verdicts"]]

    return page


@pytest.fixture
def asked(record, dr_chen, dr_okafor) -> MoleRecord:
    """dr_chen has called it benign and asked dr_okafor."""
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, question="Atypical?", **BENIGN)
    return record


def test_the_person_sees_no_verdict_while_a_colleague_is_asked(asked, read):
    asked.refresh_from_db()
    assert read(asked) == []
    assert not asked.is_reviewed


def test_an_urgent_verdict_waits_for_nobody(record, dr_chen, dr_okafor, read):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    assert read(record) == ["See a doctor within a few days"]
    assert claims.take_next(doctor=dr_okafor) == record


def test_nor_does_the_colleague_end_it_who_may_not_know_it(alice, dr_chen, dr_okafor, client):
    mole = MoleFactory(owner=alice)
    earlier, later = (assessed(owner=alice, mole=mole) for _ in range(2))
    verdicts.write(record=earlier, doctor=dr_chen, ask=dr_okafor, **DAYS)
    program, address = program_of(dr_okafor), f"/api/v1/queue/{later.pk}/reviews/"
    refused = program.post(address, BENIGN | {"confidence": "high"}, "json")
    assert refused.status_code == 400
    assert "your own opinion on an earlier picture" in refused.content.decode()
    client.force_login(dr_okafor)
    page = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
    refused = client.post(page, BENIGN | {"confidence": "high", "known": 0})
    assert "your own opinion on an earlier picture" in refused.content.decode()
    assert program_of(alice).get(f"/api/v1/records/{later.pk}/").json()["asked_before"]
    verdicts.write(record=earlier, doctor=dr_okafor, **BENIGN)
    assert program.post(address, BENIGN | {"confidence": "high"}, "json").status_code == 201


def test_two_who_agree_make_the_first_verdict_final(asked, dr_okafor, read):
    verdicts.write(record=asked, doctor=dr_okafor, **BENIGN)
    asked.refresh_from_db()
    assert read(asked) == ["No visit needed"]
    assert asked.is_reviewed
    assert Review.objects.filter(is_final=True).count() == 1


def test_who_differ_write_the_final_one_together(asked, dr_chen, dr_okafor, read):
    verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    assert read(asked) == []
    assert opinions.open_on(asked).differs == ["risk_category", "urgency"]
    final = verdicts.write(record=asked, doctor=dr_chen, comment="We agreed.", **SEEN_SOON)
    assert read(asked) == ["See a doctor within a few weeks"]
    assert SecondOpinion.objects.get().final == final
    assert opinions.open_on(asked) is None


def test_an_urgent_second_verdict_is_told_at_once(asked, dr_okafor, read):
    verdicts.write(record=asked, doctor=dr_okafor, **DAYS)
    assert read(asked) == ["See a doctor within a few days"]
    assert opinions.open_on(asked).differs


def test_a_verdict_that_is_corrected_to_urgent_waits_no_more(asked, dr_chen, read, mailoutbox):
    verdicts.correct(review=asked.reviews.get(), by=dr_chen, **DAYS)
    assert read(asked) == ["See a doctor within a few days"]
    asked.refresh_from_db()
    assert asked.is_reviewed
    assert [mail.to for mail in mailoutbox].count([asked.owner.email]) == 1
    assert opinions.open_on(asked)  # the colleague's opinion is still wanted


def test_a_correction_that_ends_the_difference_is_the_final_word(asked, dr_chen, dr_okafor, read):
    verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    verdicts.correct(review=asked.reviews.get(doctor=dr_chen), by=dr_chen, comment="Hm.")
    assert read(asked) == []
    verdicts.correct(review=asked.reviews.get(doctor=dr_chen), by=dr_chen, **SEEN_SOON)
    assert read(asked) == ["See a doctor within a few weeks"]
    assert opinions.open_on(asked) is None


@pytest.mark.parametrize("corrected", ["first", "second"])
def test_a_verdict_that_is_urgent_no_more_waits_for_the_other_doctor_again(
    record, alice, dr_chen, dr_okafor, read, mailoutbox, corrected
):
    said = DAYS if corrected == "first" else SEEN_SOON
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **said)
    if corrected == "second":
        verdicts.write(record=record, doctor=dr_okafor, **DAYS)
    assert read(record) == ["See a doctor within a few days"]
    mailoutbox.clear()
    doctor = dr_chen if corrected == "first" else dr_okafor
    verdicts.correct(review=record.reviews.get(doctor=doctor), by=doctor, **BENIGN)
    assert read(record) == []
    assert not mailoutbox  # there is nothing to read until both say the same
    record.refresh_from_db()
    assert not record.is_reviewed
    other = {dr_chen: dr_okafor, dr_okafor: dr_chen}[doctor]
    assert claims.take_next(doctor=other) == record
    verdicts.write(record=record, doctor=other, **BENIGN)
    assert read(record) == ["No visit needed"]


def test_an_urgent_verdict_that_still_wants_a_visit_stays(record, dr_chen, dr_okafor, read):
    """Without it, the person would read what the program says: here, no warning sign."""
    first = verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    verdicts.correct(review=first, by=dr_chen, **SEEN_SOON)
    [heading] = read(record)
    assert "doctor" in heading
    assert heading != "See a doctor within a few days"


def test_systems_hear_of_an_urgent_verdict_that_waits_again(record, alice, dr_chen, dr_okafor):
    first = verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    api = program_of(alice)
    address = f"/api/v1/fhir/DiagnosticReport/{record.pk}"
    before = api.get(address).json()
    webhook = Webhook.objects.create(
        owner=alice, url="https://hooks.example.org/", events=["record.reviewed"]
    )
    verdicts.correct(review=first, by=dr_chen, **BENIGN)
    after = api.get(address).json()
    assert (before["status"], after["status"]) == ("final", "preliminary")
    assert before["meta"]["lastUpdated"] < after["meta"]["lastUpdated"]
    assert [told.event for told in webhook.deliveries.all()] == ["record.reviewed"]


@pytest.mark.parametrize("changes", [{"comment": "Typed wrongly."}, {"private_comment": "Hm."}])
def test_an_urgent_verdict_that_was_overruled_does_not_come_back_by_its_words(
    record, dr_chen, dr_okafor, read, mailoutbox, changes
):
    urgent = verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    verdicts.write(record=record, doctor=dr_okafor, **SEEN_SOON)
    verdicts.write(record=record, doctor=dr_chen, **SEEN_SOON)
    mailoutbox.clear()
    verdicts.correct(review=urgent, by=dr_chen, **changes)
    assert read(record) == ["See a doctor within a few weeks"]
    assert not mailoutbox


def test_an_overruled_verdict_that_is_corrected_stays_between_doctors_unless_it_is_urgent(
    asked, alice, dr_okafor, read, mailoutbox
):
    second = verdicts.write(record=asked, doctor=dr_okafor, **BENIGN)
    verdicts.correct(review=second, by=dr_okafor, **SEEN_SOON)
    assert read(asked) == ["No visit needed"]
    mailoutbox.clear()
    verdicts.correct(review=second, by=dr_okafor, **DAYS)
    assert read(asked) == ["See a doctor within a few days", "No visit needed"]
    assert [mail.to for mail in mailoutbox] == [[alice.email]]


def test_nobody_is_told_twice_of_one_verdict(record, alice, dr_chen, dr_okafor, mailoutbox):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    verdicts.write(record=record, doctor=dr_okafor, **DAYS)
    assert [mail.to for mail in mailoutbox].count([alice.email]) == 1
    assert SecondOpinion.objects.get().state == "settled"


def test_a_correction_that_agrees_with_what_was_told_tells_nothing(
    record, alice, dr_chen, dr_okafor, mailoutbox
):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    second = verdicts.write(record=record, doctor=dr_okafor, **SEEN_SOON)
    verdicts.correct(review=second, by=dr_okafor, **DAYS)
    assert [mail.to for mail in mailoutbox].count([alice.email]) == 1
    assert opinions.open_on(record) is None


def test_a_consensus_takes_the_place_of_an_urgent_verdict(record, dr_chen, dr_okafor, read):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    verdicts.write(record=record, doctor=dr_okafor, **BENIGN)
    verdicts.write(record=record, doctor=dr_chen, **BENIGN)
    assert read(record) == ["No visit needed"]


def test_nobody_gives_the_second_opinion_on_the_own_verdict(record, dr_chen):
    with pytest.raises(ValidationError, match="not yourself"):
        verdicts.write(record=record, doctor=dr_chen, ask=dr_chen, **BENIGN)
    assert not Review.objects.exists()


def test_only_doctors_are_asked(client, record, dr_chen, dr_okafor, admin_user, bob):
    assert list(opinions.colleagues(dr_chen)) == [dr_okafor]


def test_the_colleague_comes_first_and_others_not_at_all(alice, asked, dr_okafor, dr_silva):
    more_dangerous = assessed("malignant_high_risk", owner=alice)
    assert claims.take_next(doctor=dr_okafor) == asked
    assert claims.take_next(doctor=dr_silva) == more_dangerous
    assert claims.take_next(doctor=dr_silva, skip=[more_dangerous.pk]) is None


def test_who_gave_the_second_opinion_goes_on_to_the_next_record(
    client, alice, asked, dr_chen, dr_okafor, monkeypatch
):
    waits = assessed(owner=alice)
    client.force_login(dr_okafor)
    page = reverse("admin:diagnosis_molerecord_change", args=[asked.pk])
    verdict = SEEN_SOON | {"confidence": "low", "known": 1, "do": "next"}
    answer = client.post(page, verdict)
    assert answer.url == reverse("admin:diagnosis_molerecord_change", args=[waits.pk])
    claims.release(record_ids=[waits.pk], doctor=dr_okafor)
    assert claims.take_next(doctor=dr_chen) == asked
    claims.release(record_ids=[asked.pk], doctor=dr_chen)
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    assert claims.take_next(doctor=dr_okafor) == asked


def test_a_colleague_on_holiday_keeps_nobody_waiting(asked, dr_silva, settings, monkeypatch):
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    assert claims.take_next(doctor=dr_silva) == asked
    verdicts.write(record=asked, doctor=dr_silva, **SEEN_SOON)
    asked.refresh_from_db()
    assert asked.is_reviewed
    assert opinions.open_on(asked) is None


@pytest.mark.parametrize("how", ["not a doctor", "not staff", "gone"])
@pytest.mark.parametrize("who", ["asked", "first"])
def test_who_is_not_a_doctor_any_more_keeps_nobody_waiting(
    asked, dr_chen, dr_okafor, dr_silva, how, who
):
    """Who was asked, or where the two differ, the first doctor, whose turn it is then."""
    if who == "first":
        verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    program = program_of(dr_silva)
    following = reverse("api-queue-next")
    assert program.post(following).status_code == 204
    doctor = dr_okafor if who == "asked" else dr_chen
    if how == "not a doctor":
        doctor.groups.clear()
    else:
        doctor.is_staff, doctor.is_active = how == "gone", how == "not staff"
        doctor.save()
    assert program.post(following).json()["id"] == str(asked.pk)
    verdicts.write(record=asked, doctor=dr_silva, **SEEN_SOON)
    asked.refresh_from_db()
    assert asked.is_reviewed


def test_who_is_not_a_doctor_any_more_keeps_the_name_among_doctors(
    client, asked, dr_chen, dr_okafor, dr_silva
):
    """The pseudonym stands on the own moles, and would say whose these are."""
    page = reverse("admin:diagnosis_molerecord_change", args=[asked.pk])
    verdict = reverse("admin:diagnosis_review_change", args=[asked.reviews.get().pk])
    lists = [reverse(f"admin:diagnosis_{name}_changelist") for name in ("molerecord", "review")]
    record = reverse("api-queue-detail", args=[asked.pk])

    def leave(doctor):
        doctor.groups.clear()
        doctor.is_staff = False
        doctor.save()

    def check(reader, *addresses, names):
        client.force_login(reader)
        for address in addresses:
            shown = client.get(address).content.decode()
            for doctor in names:
                assert (doctor.display_name in shown, doctor.pseudonym in shown) == (True, False)

    claims.take(record_ids=[asked.pk], doctor=dr_chen)
    leave(dr_chen)
    check(dr_okafor, page, lists[0], record, reverse("api-opinion-list"), names=[dr_chen])
    leave(dr_okafor)
    check(dr_silva, page, record, names=[dr_chen, dr_okafor])
    check(dr_silva, verdict, *lists, names=[dr_chen])
    ReviewFactory(record=asked, doctor=dr_silva)  # of two doctors, a filter names each
    check(dr_silva, lists[1], names=[dr_chen])


@pytest.mark.parametrize("urgent", [False, True])
@pytest.mark.parametrize("why", ["on holiday", "gone"])
def test_another_colleague_is_asked_in_place_of_one_who_can_not_answer(
    client, record, dr_chen, dr_okafor, dr_silva, read, monkeypatch, why, urgent
):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **(DAYS if urgent else BENIGN))
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    client.force_login(dr_chen)
    assert "ask" not in client.get(page).context["form"].fields
    if why == "gone":
        dr_okafor.is_active = False
        dr_okafor.save()
    else:
        monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    sent = SEEN_SOON | {"confidence": "low", "known": "1", "ask": dr_silva.pk, "do": "stay"}
    assert client.post(page, sent).status_code == 302
    # Until there is a final one, the person reads what was urgent, and nothing else.
    assert read(record) == (["See a doctor within a few days"] if urgent else [])
    assert opinions.open_on(record).asked == dr_silva
    assert claims.take_next(doctor=dr_silva) == record
    verdicts.write(record=record, doctor=dr_silva, **SEEN_SOON)
    assert opinions.open_on(record) is None
    assert read(record)[0] == "See a doctor within a few weeks"


def test_who_is_asked_answers_and_asks_nobody_else(client, asked, dr_okafor, dr_silva, monkeypatch):
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    client.force_login(dr_okafor)
    page = reverse("admin:diagnosis_molerecord_change", args=[asked.pk])
    assert "ask" not in client.get(page).context["form"].fields
    with pytest.raises(ValidationError):
        verdicts.write(record=asked, doctor=dr_okafor, ask=dr_silva, **BENIGN)
    assert asked.reviews.count() == 1


def test_the_word_of_a_superuser_is_waited_for(record, admin_user, dr_okafor, dr_silva):
    verdicts.write(record=record, doctor=admin_user, ask=dr_okafor, **BENIGN)
    verdicts.write(record=record, doctor=dr_okafor, **SEEN_SOON)
    assert claims.take_next(doctor=dr_silva) is None
    assert claims.take_next(doctor=admin_user) == record


@pytest.fixture
def blurred(asked) -> MoleRecord:
    """The asked one, of which a newer version of the program says that it can't be used."""
    newer = asked.assessments.create(**answer(None, model_version="newer"))
    MoleRecord.objects.filter(pk=asked.pk).update(state="unusable", current_assessment=newer)
    return MoleRecord.objects.get(pk=asked.pk)


def test_a_picture_that_can_not_be_used_any_more_still_waits_for_the_colleague(
    alice, blurred, dr_okafor, read
):
    assessed("malignant_high_risk", owner=alice)
    assert claims.take_next(doctor=dr_okafor) == blurred
    program = program_of(dr_okafor)
    verdict = BENIGN | {"confidence": "low"}
    address = reverse("api-queue-reviews", args=[blurred.pk])
    assert program.post(address, verdict, format="json").status_code == 201
    assert read(blurred) == ["No visit needed"]


@pytest.mark.parametrize("state", [{"failed": True}, {}])
def test_a_question_about_a_picture_without_an_answer_comes_to_the_colleague(
    client, alice, dr_chen, dr_okafor, state
):
    record = RecordFactory(owner=alice, **state)
    assessed("malignant_high_risk", owner=alice)
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **BENIGN)
    assert claims.take_next(doctor=dr_okafor) == record
    client.force_login(dr_okafor)
    queue = reverse("admin:diagnosis_molerecord_changelist")
    shown = client.get(queue, {"review": "asked"}).context["cl"].result_list
    assert list(shown) == [record]


def test_nor_is_it_lost_while_the_colleague_is_on_holiday(client, blurred, dr_silva, monkeypatch):
    assert claims.take_next(doctor=dr_silva) is None
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    assert claims.take_next(doctor=dr_silva) == blurred
    client.force_login(dr_silva)
    listed = client.get(reverse("admin:diagnosis_molerecord_changelist")).content.decode()
    assert str(blurred.pk) in listed


def test_nor_is_a_doubt_about_a_verdict_that_the_person_has_read(
    record, dr_chen, dr_okafor, dr_silva, monkeypatch
):
    verdicts.write(record=record, doctor=dr_chen, **BENIGN)
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **SEEN_SOON)
    assert claims.take_next(doctor=dr_silva) is None
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    assert claims.take_next(doctor=dr_silva) == record


def test_an_urgent_verdict_does_not_come_back_to_everybody(
    record, alice, dr_chen, dr_okafor, dr_silva, monkeypatch
):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    monkeypatch.setattr(opinions, "WAITS_AT_MOST", opinions.WAITS_AT_MOST * 0)
    waits = assessed("malignant_high_risk", owner=alice)
    assert claims.take_next(doctor=dr_silva) == waits
    assert claims.take_next(doctor=dr_chen) is None
    assert claims.take_next(doctor=dr_okafor) == record


def test_an_agreement_that_is_sent_twice_is_one(client, asked, dr_okafor):
    client.force_login(dr_okafor)
    page = reverse("admin:diagnosis_molerecord_change", args=[asked.pk])
    form = client.get(page).context["form"]
    sent = BENIGN | {"confidence": "high"}
    sent |= {name: form[name].value() for name in ("known", "shown")}
    assert [client.post(page, sent).status_code for _ in range(2)] == [302, 302]
    assert asked.reviews.count() == 2


def test_a_second_opinion_that_is_sent_twice_overrules_nobody(asked, dr_okafor, read):
    program = program_of(dr_okafor)
    address, verdict = reverse("api-queue-reviews", args=[asked.pk]), DAYS | {"confidence": "low"}
    verdict |= {"urgency": "doctor_weeks"}
    first, again = (program.post(address, verdict, format="json") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert read(asked) == []
    settled = program.post(address, verdict | {"known": 2}, format="json")
    assert settled.json()["is_final"]


def test_the_colleague_reads_the_question_and_not_the_verdict(client, asked, dr_okafor, dr_chen):
    page = reverse("admin:diagnosis_molerecord_change", args=[asked.pk])
    client.force_login(dr_okafor)
    html = client.get(page).content.decode()
    assert "Atypical?" in html
    assert "Verdicts written so far" not in html
    verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    for doctor in (dr_okafor, dr_chen):
        client.force_login(doctor)
        html = client.get(page).content.decode()
        assert "The two verdicts differ:" in html
        assert html.count('<article class="verdict">') == 2


def test_the_colleague_reads_the_first_verdict_by_no_other_door(client, alice, dr_chen, dr_okafor):
    mole = MoleFactory(owner=alice)
    record, other = (assessed(owner=alice, mole=mole) for _ in range(2))
    first = verdicts.write(
        record=record,
        doctor=dr_chen,
        ask=dr_okafor,
        other_diagnosis="Spitz naevus",
        private_comment="Breslow?",
        **BENIGN,
    )
    client.force_login(dr_okafor)
    pages = [
        reverse("admin:diagnosis_review_changelist"),
        reverse("admin:diagnosis_review_change", args=[first.pk]),
        reverse("admin:diagnosis_molerecord_changelist") + "?review=all",
        reverse("admin:diagnosis_molerecord_change", args=[other.pk]),
    ]
    words = ("Spitz naevus", "Breslow?")

    def found() -> list[bool]:
        shown = [client.get(page, follow=True).content.decode() for page in pages]
        return [any(word in html for word in words) for html in shown]

    assert found() == [False] * 4
    verdicts.write(record=record, doctor=dr_okafor, **SEEN_SOON)
    assert found() == [True] * 4


def test_what_is_not_final_is_called_so_beside_other_pictures_of_the_mole(
    client, alice, dr_chen, dr_okafor
):
    """A colleague's calm word stood above the urgent one that holds, and looked as valid."""
    mole = MoleFactory(owner=alice)
    record, other = (assessed(owner=alice, mole=mole) for _ in range(2))
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    verdicts.write(record=record, doctor=dr_okafor, **BENIGN)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[other.pk]))
    assert "<p>benign (not the final one)</p><p>malignant, high risk</p>" in page.content.decode()
    listed = client.get(reverse("admin:diagnosis_molerecord_changelist")).content.decode()
    assert "benign, no visit needed (not the final one), " in listed
    assert "malignant, high risk, see a doctor within a few days, " in listed


def test_a_doctor_reads_of_the_own_mole_what_any_person_reads(client, dr_chen, dr_okafor, dr_silva):
    mole = MoleFactory(owner=dr_chen)
    record, other = (assessed(owner=dr_chen, mole=mole) for _ in range(2))
    first = verdicts.write(
        record=record,
        doctor=dr_okafor,
        ask=dr_silva,
        question="Tell dr_chen?",
        other_diagnosis="Spitz naevus",
        private_comment="Breslow?",
        **BENIGN,
    )
    client.force_login(dr_chen)
    pages = [
        reverse("admin:diagnosis_review_changelist"),
        reverse("admin:diagnosis_review_change", args=[first.pk]),
        reverse("admin:diagnosis_molerecord_changelist") + "?review=all",
        *(reverse("admin:diagnosis_molerecord_change", args=[one.pk]) for one in (record, other)),
        reverse("api-queue-detail", args=[record.pk]),
        reverse("api-queue-list"),
    ]
    for agreed in (False, True):
        for page in pages:
            shown = client.get(page, follow=True)
            assert shown.status_code == 200
            for words in ("Tell dr_chen?", "Spitz naevus", "Breslow?"):
                assert words not in shown.content.decode()
        if not agreed:
            verdicts.write(record=record, doctor=dr_silva, **BENIGN)
    assert client.get(reverse("api-queue-detail", args=[record.pk])).json()["known"] == 2
    html = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "Spitz naevus" in html
    assert "Breslow?" not in html


def test_asked_through_the_page(client, record, dr_chen, dr_okafor, mailoutbox):
    client.force_login(dr_chen)
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    sent = BENIGN | {"confidence": "low", "known": "0", "ask": dr_okafor.pk, "question": "Hm?"}
    assert client.post(page, sent).status_code == 302
    opinion = SecondOpinion.objects.get()
    assert (opinion.asked, opinion.question) == (dr_okafor, "Hm?")


def test_mails_name_neither_person_nor_verdict(asked, alice, dr_chen, dr_okafor, mailoutbox):
    verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    first, second = mailoutbox
    assert (first.to, second.to) == ([dr_okafor.email], [dr_chen.email])
    for mail in (first, second):
        assert str(asked.pk) in mail.body
        assert alice.email not in mail.body
        assert "malignant" not in mail.body


@pytest.mark.parametrize("how", ["not a doctor", "gone"])
def test_who_is_not_a_doctor_any_more_gets_no_address_of_a_record(
    client, asked, dr_chen, dr_okafor, mailoutbox, how
):
    mailoutbox.clear()
    if how == "gone":
        dr_chen.is_active = False
        dr_chen.save()
    else:
        dr_chen.groups.clear()
    program = program_of(dr_okafor)
    verdict = SEEN_SOON | {"confidence": "high"}
    address = reverse("api-queue-reviews", args=[asked.pk])
    assert program.post(address, verdict, format="json").status_code == 201
    assert opinions.open_on(asked).state == "differs"
    assert not mailoutbox


def test_the_front_page_says_who_waits(client, asked, dr_okafor):
    client.force_login(dr_okafor)
    front = client.get(reverse("admin:index")).content.decode()
    assert "1 record waits for your opinion" in front
    assert "Since the oldest was sent" in front
    listed = client.get(reverse("admin:diagnosis_molerecord_changelist"), {"review": "asked"})
    assert str(asked.pk) in listed.content.decode()


def test_where_nothing_else_waits_the_front_page_has_no_oldest(client, record, dr_chen, dr_okafor):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    client.force_login(dr_okafor)
    front = client.get(reverse("admin:index")).content.decode()
    assert "1 record waits for your opinion" in front
    assert "Since the oldest was sent" not in front


def test_it_is_logged_without_its_question(asked, dr_chen):
    entry = LogEntry.objects.get_for_model(SecondOpinion).get()
    assert set(entry.changes) >= {"first", "asked"}
    assert "Atypical" not in str(entry.changes)


def test_the_agreement_counts_final_verdicts_and_the_doctors_among_themselves(
    asked, dr_chen, dr_okafor
):
    assert agreement.measure(model_version="test").reviewed == 0
    verdicts.write(record=asked, doctor=dr_okafor, **SEEN_SOON)
    verdicts.write(record=asked, doctor=dr_chen, **SEEN_SOON)
    found = agreement.measure(model_version="test")
    assert found.confusion[1][0] == 1
    assert agreement.second_opinions() == agreement.Share(hits=0, n=1)


@pytest.mark.parametrize("who", ["first", "second"])
def test_who_agrees_once_they_have_read_each_other_is_not_counted_as_agreement(
    asked, dr_chen, dr_okafor, who
):
    second = verdicts.write(record=asked, doctor=dr_okafor, **DAYS)
    review = {"first": asked.reviews.get(doctor=dr_chen), "second": second}[who]
    verdicts.correct(review=review, by=review.doctor, **(DAYS if who == "first" else BENIGN))
    assert SecondOpinion.objects.get().state == "settled"
    assert agreement.second_opinions() == agreement.Share(hits=0, n=1)


def test_a_program_hears_whether_its_verdict_is_the_final_one(record, dr_chen, dr_okafor):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    api = program_of(dr_okafor)
    other = {**DAYS, "risk_category": "malignant_low_risk", "confidence": "high"}
    written = api.post(f"/api/v1/queue/{record.pk}/reviews/", other, format="json").json()
    assert written["is_final"] is True
    own = f"/api/v1/reviews/{written['id']}/"
    corrected = api.patch(own, DAYS, format="json").json()  # as the first one says
    assert corrected["is_final"] is api.get(own).json()["is_final"] is False


def test_a_program_hears_that_its_agreement_is_not_the_final_one(record, dr_chen, dr_okafor):
    verdicts.write(record=record, doctor=dr_chen, ask=dr_okafor, **DAYS)
    api = program_of(dr_okafor)
    same = DAYS | {"confidence": "high"}
    written = api.post(f"/api/v1/queue/{record.pk}/reviews/", same, format="json").json()
    assert written["is_final"] is False


def test_programs_of_the_person_see_the_final_one_only(client, asked, alice, dr_okafor):
    client.force_login(alice)
    address = reverse("api-record-detail", args=[asked.pk])
    assert client.get(address).json()["reviews"] == []
    verdicts.write(record=asked, doctor=dr_okafor, **BENIGN)
    assert len(client.get(address).json()["reviews"]) == 1
