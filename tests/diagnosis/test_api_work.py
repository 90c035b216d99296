"""A day's work by the API: moles over time, links and reports, a doctor's queue."""

import pytest
from auditlog.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from diagnosis.language import frequencies
from diagnosis.models import DoctorProfile, MoleRecord, Review
from diagnosis.records import sittings
from diagnosis.reviews import claims, verdicts
from diagnosis.reviews.serializers import PatientRecordSerializer
from ml.images import decode
from ml.sitting import together
from tests.factories import (
    FurtherPictureFactory,
    MoleFactory,
    RecordFactory,
    ReviewFactory,
    UserFactory,
    assessed,
    in_state,
    program_of,
)

API = "/api/v1/"
VERDICT = {"risk_category": "benign", "urgency": "none", "confidence": "high", "comment": "Fine."}


@pytest.fixture
def doctor(dr_chen):
    return program_of(dr_chen)


# --- moles and records ---------------------------------------------------------------------------


def test_a_mole_is_named_changed_and_followed(program, alice):
    made = program.post(f"{API}moles/", {"body_site": "back"}, format="json")
    assert (made.status_code, made.json()["name"]) == (201, "Back")
    address = f"{API}moles/{made.json()['id']}/"
    changes = {"name": "left", "remind_after_days": 0}
    assert program.patch(address, changes, format="json").json().items() >= changes.items()
    mole = alice.moles.get()
    first, second = (assessed(owner=alice, mole=mole) for _ in range(2))
    timeline = program.get(f"{address}timeline/").json()["results"]
    assert [one["id"] for one in timeline] == [str(first.pk), str(second.pk)]
    shown = program.get(address).json()
    assert (shown["pictures"], shown["newest_record"]) == (2, str(second.pk))
    assert program.delete(address).status_code == 204
    assert not MoleRecord.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"body_site": "moon"}, "body_site"),
        ({"name": "a", "remind_after_days": 7}, "remind_after_days"),
    ],
)
def test_a_mole_that_can_not_be_is_refused(program, alice, body, field):
    answer = program.post(f"{API}moles/", body, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not alice.moles.exists()


def test_a_record_is_moved_to_another_mole_of_the_person(program, alice, bob):
    record, mole = RecordFactory(owner=alice), MoleFactory(owner=alice)
    address = f"{API}records/{record.pk}/"
    moved = program.patch(address, {"mole": str(mole.pk)}, format="json")
    assert moved.json()["mole"] == str(mole.pk)
    others = {"mole": str(MoleFactory(owner=bob).pk)}
    assert program.patch(address, others, format="json").status_code == 400
    assert program.patch(address, {"mole": None}, format="json").json()["mole"] is None


def test_what_is_said_later_replaces_only_what_is_named(program, alice):
    record = RecordFactory(owner=alice, note="since May", signs=["growing"])
    address = f"{API}records/{record.pk}/"
    said = program.patch(address, {"mole_name": "left", "size_mm": 4.5}, format="json").json()
    assert said["mole"] == str(alice.moles.get().pk)
    assert (said["note"], said["signs"], said["size_mm"]) == ("since May", ["growing"], 4.5)
    program.patch(address, {"signs": ["bleeding", "bleeding"], "note": ""}, format="json")
    said = program.patch(address, {"size_mm": None}, format="json").json()
    assert (said["note"], said["signs"], said["size_mm"]) == ("", ["bleeding"], None)
    assert said["mole"] == str(alice.moles.get().pk)
    assert program.patch(address, {}, format="json").json() == said


def test_what_names_no_mole_or_another_place_is_refused_later_too(program, alice):
    for site in ("back", "face"):
        mole = MoleFactory(owner=alice, name="the dark one", body_site=site)
    address = f"{API}records/{RecordFactory(owner=alice).pk}/"
    for body, field in (
        ({"mole_name": "the dark one"}, "mole_name"),
        ({"mole": str(mole.pk), "body_site": "back"}, "body_site"),
    ):
        answer = program.patch(address, body, format="json")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    answer = program.post(f"{API}moles/", {"name": "the dark one"}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["name"])
    assert not MoleRecord.objects.get().mole


def test_a_sign_that_is_said_later_raises_the_advice(program, alice):
    address = f"{API}records/{assessed(owner=alice).pk}/"
    said = program.patch(address, {"signs": ["bleeding"]}, format="json").json()
    assert said["assessment"]["advice"] == "doctor_weeks"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "x" * 2001}, "note"),
        ({"note": "\0"}, "note"),
        ({"note": ["x"]}, "note"),
        ({"signs": "bleeding"}, "signs"),
        ({"signs": ["singing"]}, "signs"),
        ({"signs": [{}]}, "signs"),
        ({"size_mm": 1e300}, "size_mm"),
        ({"size_mm": "NaN"}, "size_mm"),
        ({"size_mm": 0}, "size_mm"),
        ({"mole": "me"}, "mole"),
        ({"mole": {}}, "mole"),
        ({"mole_name": "x" * 101}, "mole_name"),
        ({"body_site": "moon"}, "body_site"),
    ],
)
def test_what_can_not_be_said_is_refused_and_nothing_changes(program, alice, body, field):
    record = RecordFactory(owner=alice, note="as it was")
    address = f"{API}records/{record.pk}/"
    before = program.get(address).json()
    answer = program.patch(address, body | {"phone_advice": "watch"}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert program.get(address).json() == before
    assert not alice.moles.exists()


def test_a_record_has_a_small_picture_and_one_with_the_heatmap(program, alice):
    record = assessed(owner=alice)
    address = f"{API}records/{record.pk}/"
    small = decode(program.get(f"{address}thumbnail/").content)
    heat = decode(program.get(f"{address}heatmap/").content)
    assert small.shape == heat.shape == (240, 300, 3)
    # Little counted at the upper left, most at the lower right: from blue to yellow.
    tint = heat.astype(int) - small.astype(int)
    assert tint[5, 5, 0] < tint[5, 5, 2]
    assert tint[-5, -5, 0] > tint[-5, -5, 2]
    waiting = RecordFactory(owner=alice)
    assert program.get(f"{API}records/{waiting.pk}/heatmap/").status_code == 404


def test_a_newer_answer_is_asked_for(program, alice, monkeypatch):
    record = assessed(owner=alice)
    address = f"{API}records/{record.pk}/reassess/"
    monkeypatch.setattr("diagnosis.queue.send_again", lambda _: True)
    assert program.post(address).status_code == 202
    monkeypatch.setattr("diagnosis.queue.send_again", lambda _: False)
    answer = program.post(address)
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


# --- links and reports ---------------------------------------------------------------------------


def test_a_link_is_made_opened_listed_and_revoked(program, alice, client):
    mole = assessed(owner=alice, mole=MoleFactory(owner=alice)).mole
    made = program.post(f"{API}shares/", {"mole": str(mole.pk), "days": 1}, format="json").json()
    path = made["address"].removeprefix("http://testserver")
    assert client.get(path).status_code == 200
    [listed] = program.get(f"{API}shares/").json()["results"]
    assert (listed["id"], len(listed["opened_at"])) == (made["id"], 1)
    assert program.delete(f"{API}shares/{made['id']}/").status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("days", [0, 2, -1, 10**30, "x"])
def test_a_link_works_for_a_day_a_week_or_a_month(program, alice, days):
    body = {"mole": str(MoleFactory(owner=alice).pk), "days": days}
    answer = program.post(f"{API}shares/", body, format="json")
    assert list(answer.json()["errors"]) == ["days"]


def test_a_link_shows_a_mole_or_a_record_of_ones_own(program, alice, bob):
    mole, record = MoleFactory(owner=alice), RecordFactory(owner=alice)
    both = {"mole": str(mole.pk), "record": str(record.pk)}
    for body in ({}, both, {"mole": str(MoleFactory(owner=bob).pk)}):
        assert program.post(f"{API}shares/", body, format="json").status_code == 400


def test_reports_are_pdf_and_kept_by_no_cache(program, alice):
    record = assessed(owner=alice, mole=MoleFactory(owner=alice))
    for address in (f"records/{record.pk}/report/", f"moles/{record.mole_id}/report/"):
        answer = program.get(API + address)
        assert answer.content.startswith(b"%PDF")
        assert answer["Content-Type"] == "application/pdf"
        assert "no-store" in answer["Cache-Control"]


# --- doctors -------------------------------------------------------------------------------------


def test_the_queue_is_most_dangerous_first_and_pages_through(doctor, alice):
    calm = [assessed(owner=alice) for _ in range(3)]
    worst = assessed("malignant_high_risk", owner=alice, note="private to doctors")
    page = doctor.get(f"{API}queue/", {"page_size": 2}).json()
    rest = doctor.get(page["next"]).json()
    ids = [one["id"] for one in page["results"] + rest["results"]]
    assert ids == [str(record.pk) for record in (worst, *calm)]
    first = page["results"][0]
    assert first["person"] == alice.pseudonym
    assert "alice" not in str(first)
    # Written by hand for speed, described by the fields.
    assert list(first) == list(PatientRecordSerializer().fields)
    assert {doctor.get(first[name]).status_code for name in ("image", "thumbnail")} == {200}
    assert LogEntry.objects.filter(additional_data__action="list").count() == 2


def test_the_next_one_is_claimed_and_reviewed_and_the_person_reads_it(doctor, program, alice):
    record = assessed(owner=alice)
    claimed = doctor.post(f"{API}queue/next/").json()
    assert claimed["id"] == str(record.pk)
    assert claimed["claimed_by"]
    address = f"{API}queue/{record.pk}/reviews/"
    written = doctor.post(address, VERDICT | {"known": 0, "private_comment": "hush"}, format="json")
    assert written.status_code == 201
    assert doctor.post(f"{API}queue/next/").status_code == 204
    read = program.get(f"{API}records/{record.pk}/").json()["reviews"]
    assert [review["comment"] for review in read] == ["Fine."]
    assert "hush" not in str(read)
    own = f"{API}reviews/{written.json()['id']}/"
    corrected = doctor.patch(own, {"comment": "Fine indeed."}, format="json")
    assert corrected.json()["comment"] == "Fine indeed."
    assert corrected.json()["urgency"] == "none"


@pytest.mark.parametrize("kind", ["queued", "failed", "unusable"])
def test_a_verdict_is_taken_in_every_state_as_on_the_page(doctor, alice, kind):
    record = in_state(kind, owner=alice)
    written = doctor.post(f"{API}queue/{record.pk}/reviews/", VERDICT, format="json")
    assert written.status_code == 201
    assert Review.objects.get().record == record


def test_a_verdict_by_a_program_is_on_the_pictures_that_it_showed(doctor, alice):
    record = assessed(owner=alice)
    FurtherPictureFactory(record=record)
    shown = doctor.get(f"{API}queue/{record.pk}/").json()["shown"]
    sittings.remove(record=record, picture=record, by=alice)
    address = f"{API}queue/{record.pk}/reviews/"
    further = FurtherPictureFactory(record=record)
    refused = doctor.post(address, VERDICT | {"shown": shown}, format="json")
    assert (refused.status_code, "has changed" in refused.json()["detail"]) == (409, True)
    further.delete()
    assert doctor.post(address, VERDICT | {"shown": []}, format="json").status_code == 400
    assert doctor.post(address, VERDICT | {"shown": shown}, format="json").status_code == 201


def test_what_another_doctor_has_is_a_conflict(doctor, dr_okafor, alice):
    record = assessed(owner=alice)
    claims.take(record_ids=[record.pk], doctor=dr_okafor)
    address = f"{API}queue/{record.pk}/"
    assert doctor.post(f"{address}claim/").status_code == 409
    assert doctor.post(f"{address}reviews/", VERDICT, format="json").status_code == 409
    assert doctor.get(f"{API}queue/", {"claim": "others"}).json()["results"]
    assert not doctor.get(f"{API}queue/", {"claim": "free"}).json()["results"]
    assert program_of(dr_okafor).delete(f"{address}claim/").status_code == 204
    assert doctor.post(f"{address}claim/").json()["claimed_by"]
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"urgency": "soon"}, "urgency"),
        ({"diagnosis": "mel"}, "__all__"),
        ({"code": "nonsense"}, "code"),
        ({"comment": "x" * 2001}, "comment"),
        ({"confidence": None}, "confidence"),
    ],
)
def test_a_verdict_that_can_not_be_is_refused_by_its_field(doctor, alice, change, field):
    record = assessed(owner=alice)
    answer = doctor.post(f"{API}queue/{record.pk}/reviews/", VERDICT | change, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Review.objects.exists()


def test_another_doctors_verdict_is_not_changed(doctor, alice):
    review = ReviewFactory(record=assessed(owner=alice))
    assert doctor.get(f"{API}reviews/{review.pk}/").status_code == 404
    answer = doctor.patch(f"{API}reviews/{review.pk}/", {"comment": "x"}, format="json")
    assert answer.status_code == 404


def test_who_reviews_blind_reads_the_answer_after_the_verdict(doctor, dr_chen, alice):
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    record = assessed("malignant_high_risk", owner=alice, phone_advice="doctor_weeks")
    address = f"{API}queue/{record.pk}/"
    shown = doctor.get(address).json()
    assert (shown["assessment"], shown["danger"], shown["phone_advice"]) == (None, None, "")
    assert doctor.get(f"{API}queue/", {"danger": 4}).status_code == 400
    assert doctor.post(f"{address}reviews/", VERDICT, format="json").json()["blind"] is True
    shown = doctor.get(address).json()
    assert shown["assessment"]
    assert shown["phone_advice"] == "doctor_weeks"


def test_who_saw_the_answer_before_does_not_review_blind(doctor, dr_chen, alice):
    record = assessed(owner=alice)
    address = f"{API}queue/{record.pk}/"
    assert doctor.get(address).json()["assessment"]
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    assert doctor.post(f"{address}reviews/", VERDICT, format="json").json()["blind"] is False


def test_each_look_at_a_record_or_its_picture_is_logged(doctor, dr_chen, alice):
    record = assessed(owner=alice)
    for part in ("", "image/", "thumbnail/"):
        assert doctor.get(f"{API}queue/{record.pk}/{part}").status_code == 200
    looks = LogEntry.objects.get_for_object(record).filter(action=LogEntry.Action.ACCESS)
    assert [look.actor for look in looks] == [dr_chen] * 3


def test_each_look_at_a_verdict_is_logged(doctor, dr_chen, alice):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen, private_comment="Hm.")
    of_verdicts = LogEntry.objects.filter(
        content_type__model="review", action=LogEntry.Action.ACCESS, actor=dr_chen
    ).order_by("id")
    assert doctor.get(f"{API}reviews/").json()["results"][0]["private_comment"] == "Hm."
    assert of_verdicts.get().additional_data == {"action": "list", "shown": [str(review.pk)]}
    assert doctor.get(f"{API}reviews/{review.pk}/").status_code == 200
    assert of_verdicts.last().object_pk == str(review.pk)
    assert of_verdicts.count() == 2


def test_a_doctors_browser_needs_both_steps(dr_chen, client):
    client.force_login(dr_chen)
    assert client.get(f"{API}queue/").status_code == 200
    session = client.session
    session["account_authentication_methods"] = [{"method": "password", "at": 4e9}]
    session.save()
    assert client.get(f"{API}queue/").status_code == 403


def test_demo_and_waiting_records_are_not_in_the_queue(doctor, alice):
    assessed(owner=alice, origin="demo")
    RecordFactory(owner=alice)
    assert doctor.get(f"{API}queue/").json()["results"] == []


def test_a_sign_on_a_picture_that_can_not_be_used_is_answered_by_a_program(doctor, alice):
    record = assessed(None, owner=alice, signs=["bleeding"])
    claimed = doctor.post(f"{API}queue/next/").json()
    assert (claimed["id"], claimed["danger"]) == (str(record.pk), 2)
    address = f"{API}queue/{record.pk}/reviews/"
    assert doctor.post(address, VERDICT, format="json").status_code == 201
    assert doctor.get(f"{API}queue/").json()["results"] == []


def test_no_doctor_reviews_a_drawn_picture(doctor, alice):
    address = f"{API}queue/{assessed(owner=alice, origin='demo').pk}/"
    assert doctor.get(address).status_code == 404
    assert doctor.post(f"{address}reviews/", VERDICT, format="json").status_code == 404


def test_a_doctors_own_record_is_for_other_doctors(doctor, dr_chen, dr_okafor, alice):
    own, other = assessed("malignant_high_risk", owner=dr_chen), assessed(owner=alice)
    assert doctor.post(f"{API}queue/next/").json()["id"] == str(other.pk)
    address = f"{API}queue/{own.pk}/"
    assert doctor.post(f"{address}claim/").status_code == 403
    assert doctor.post(f"{address}reviews/", VERDICT, format="json").status_code == 403
    ask = VERDICT | {"ask": str(dr_chen.pk)}
    address = f"{API}queue/{own.pk}/reviews/"
    refused = program_of(dr_okafor).post(address, ask, format="json")
    assert list(refused.json()["errors"]) == ["ask"]
    assert not Review.objects.exists()


def test_a_record_that_is_deleted_as_it_is_given_out_gives_way_to_the_next(
    doctor, alice, monkeypatch
):
    assessed("malignant_high_risk", owner=alice)
    other, take_next = assessed(owner=alice), claims.take_next

    def take_and_delete(**asked):
        record = take_next(**asked)
        if record and record != other:
            MoleRecord.objects.get(pk=record.pk).delete()
        return record

    monkeypatch.setattr(claims, "take_next", take_and_delete)
    assert doctor.post(f"{API}queue/next/").json()["id"] == str(other.pk)


# --- a second doctor ---


def test_a_colleague_is_asked_judges_alone_and_both_come_to_one_verdict(
    doctor, program, dr_okafor, alice
):
    record = assessed(owner=alice)
    colleague = program_of(dr_okafor)
    [who] = doctor.get(f"{API}opinions/colleagues/").json()["results"]
    assert who == {"id": str(dr_okafor.pk), "name": "dr_okafor"}
    address = f"{API}queue/{record.pk}/reviews/"
    ask = VERDICT | {"known": 0, "ask": who["id"], "question": "Atypical?"}
    assert doctor.post(address, ask, format="json").json()["is_final"] is False
    [mine] = colleague.get(f"{API}opinions/", {"waits_for": "me"}).json()["results"]
    assert (mine["record"], mine["asked_by"]) == (str(record.pk), "dr_chen")
    assert (mine["state"], mine["question"], mine["first"]) == ("waiting", "Atypical?", None)
    shown = colleague.post(f"{API}queue/next/").json()
    assert (shown["id"], shown["reviews"], shown["known"]) == (str(record.pk), [], 1)
    assert shown["opinion"] == mine
    other = VERDICT | {"risk_category": "malignant_low_risk", "urgency": "doctor_weeks"}
    answer = colleague.post(address, other | {"known": shown["known"]}, format="json")
    assert answer.status_code == 201
    assert not colleague.get(f"{API}opinions/", {"waits_for": "me"}).json()["results"]
    assert colleague.get(f"{API}opinions/", {"waits_for": "others"}).json()["results"]
    assert doctor.get(f"{API}opinions/", {"waits_for": "someone"}).status_code == 400
    both = doctor.get(f"{API}opinions/{mine['id']}/").json()
    assert (both["state"], both["differs"]) == ("differs", ["risk_category", "urgency"])
    assert both["second"]["urgency"] == "doctor_weeks"
    assert program.get(f"{API}records/{record.pk}/").json()["reviews"] == []
    assert doctor.post(address, other | {"known": 2}, format="json").status_code == 201
    settled = colleague.get(f"{API}opinions/", {"waits_for": "nobody"}).json()["results"]
    assert [(one["id"], one["state"]) for one in settled] == [(mine["id"], "settled")]
    [final] = program.get(f"{API}records/{record.pk}/").json()["reviews"]
    assert final["urgency"] == "doctor_weeks"


@pytest.mark.parametrize("whom", ["dr_chen", "alice", "nobody", 7, ["x"]])
def test_only_a_colleague_is_asked(doctor, dr_chen, alice, whom):
    record = assessed(owner=alice)
    asked = {"dr_chen": str(dr_chen.pk), "alice": str(alice.pk)}.get(str(whom), whom)
    answer = doctor.post(
        f"{API}queue/{record.pk}/reviews/", VERDICT | {"ask": asked}, format="json"
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["ask"])
    assert not Review.objects.exists()


def test_a_second_question_about_a_record_is_refused(doctor, dr_okafor, alice):
    record = assessed(owner=alice)
    third = UserFactory(display_name="dr_silva", role="doctor", is_staff=True)
    address = f"{API}queue/{record.pk}/reviews/"
    body = VERDICT | {"ask": str(dr_okafor.pk)}
    assert doctor.post(address, body, format="json").status_code == 201
    answer = program_of(dr_okafor).post(
        address, VERDICT | {"urgency": "doctor_weeks", "ask": str(third.pk)}, format="json"
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["ask"])
    assert Review.objects.count() == 1


def test_nor_may_a_third_doctor_ask_while_a_colleague_is_asked(doctor, program, dr_okafor, alice):
    record = assessed(owner=alice)
    third = UserFactory(display_name="dr_silva", role="doctor", is_staff=True)
    address = f"{API}queue/{record.pk}/reviews/"
    body = VERDICT | {"ask": str(dr_okafor.pk)}
    assert doctor.post(address, body, format="json").status_code == 201
    answer = program_of(third).post(address, body, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["ask"])
    assert program.get(f"{API}records/{record.pk}/").json()["reviews"] == []
    assert Review.objects.count() == 1


def test_questions_between_others_are_not_found(doctor, dr_okafor, alice):
    record = assessed(owner=alice)
    body = VERDICT | {"ask": str(dr_okafor.pk)}
    doctor.post(f"{API}queue/{record.pk}/reviews/", body, format="json")
    [asked] = doctor.get(f"{API}opinions/").json()["results"]
    third = program_of(UserFactory(display_name="dr_silva", role="doctor", is_staff=True))
    assert third.get(f"{API}opinions/").json()["results"] == []
    assert third.get(f"{API}opinions/{asked['id']}/").status_code == 404


def test_the_queue_takes_as_many_queries_however_many_are_asked(doctor, dr_chen, dr_okafor, alice):
    def ask(number):
        for _ in range(number):
            verdicts.write(
                record=assessed(owner=alice),
                doctor=dr_chen,
                risk_category="benign",
                urgency="none",
                ask=dr_okafor,
            )

    def queries():
        with CaptureQueriesContext(connection) as found:
            assert doctor.get(f"{API}queue/").status_code == 200
            assert doctor.get(f"{API}opinions/").status_code == 200
        return len(found)

    ask(1)
    few = queries()
    ask(4)
    assert queries() == few


# --- figures -------------------------------------------------------------------------------------


def test_the_limits_are_the_models_own_figures(client, db):
    said = client.get(f"{API}limits/").json()
    everything = [row for row in said["tested"] if row["group"] == "all"]
    assert {row["modality"] for row in everything} == {"dermoscopy", "photo"}
    for row in everything:
        assert row["sensitivity"]["low"] <= row["sensitivity"]["share"] <= 1


def test_what_several_pictures_gain_is_as_it_was_measured(client, db):
    """And as the page of limits shows it, which is about the released model alone."""
    measured = together.gain(frequencies.release()["version"])
    said = client.get(f"{API}limits/").json()["several"]
    page = client.get("/limits/").content.decode()
    assert [part["kind"] for part in said] == list(measured["kinds"])
    for part in said:
        figures = measured["kinds"][part["kind"]]["all"]
        assert part["lesions"] == figures["lesions"]
        assert f"{part['lesions']} moles of {', '.join(part['datasets'])}" in page
        judged = {of["by"]: of for of in part["judged"]}
        assert judged.keys() == {*figures["single"], "together"}
        assert judged["together"]["auc"] == figures["together"]["auc"]
        for of in judged.values():
            assert 0 <= of["specificity"]["low"] <= of["specificity"]["share"] <= 1


def test_what_was_measured_with_another_model_is_not_said_of_this_one(client, db, monkeypatch):
    monkeypatch.setattr(together, "_measured", lambda: {"model_version": "2020.01.1", "kinds": {}})
    assert client.get(f"{API}limits/").json()["several"] == []


def test_health_is_as_the_machines_page_says_it(client, db):
    assert client.get(f"{API}health/").json() == client.get("/health/ready").json()
