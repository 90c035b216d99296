"""Several pictures of one mole: sent together, added, taken out, and answered as one."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from diagnosis import queue
from diagnosis.models import (
    Assessment,
    FurtherPicture,
    MoleRecord,
    Review,
    Webhook,
    WebhookDelivery,
)
from diagnosis.records import assessments, claims, demos, pictures, sittings, uploads
from diagnosis.reviews import claims as review_claims
from diagnosis.reviews import verdicts
from diagnosis.sharing import links
from diagnosis.tasks import assess_record, reassess_record, sweep_records
from skincare_site import web_worker
from tests.factories import (
    FurtherPictureFactory,
    RecordFactory,
    ReviewFactory,
    answer,
    assessed,
    picture,
    sitting,
)


def file(width: int = 300) -> ContentFile:
    return ContentFile(picture((width, 240)), "mole.jpg")


def submit(owner, *widths: int, **fields) -> MoleRecord:
    further = [(file(width), "photo") for width in widths[1:]]
    return uploads.submit(owner=owner, file=file(widths[0]), further=further, **fields)


@pytest.fixture
def asked(monkeypatch):
    """What the workers are asked to do; nobody does it."""
    messages = []
    monkeypatch.setattr(queue, "_send", lambda task, _pk: messages.append(task) or True)
    return messages


def test_pictures_sent_together_are_one_record_and_one_answer(
    alice, asked, stored_files, django_capture_on_commit_callbacks
):
    webhook = Webhook.objects.create(
        owner=alice, url="https://example.org/", events=["record.assessed"]
    )
    with django_capture_on_commit_callbacks(execute=True):
        record = submit(alice, 300, 310, 320)
    assert asked == [queue.Task.ASSESS_RECORD]
    assert len(stored_files()) == 3
    assess_record(record.pk)
    assess_record(record.pk)  # a doubled message
    record = MoleRecord.objects.get()
    assert record.state in MoleRecord.ASSESSED
    answered = record.current_assessment.pictures
    assert [part["id"] for part in answered] == [str(one.pk) for one in record.pictures]
    assert WebhookDelivery.objects.filter(webhook=webhook).count() == 1


def test_too_many_or_twice_the_same_leave_nothing(alice, stored_files):
    with pytest.raises(ValidationError, match="at most 5"):
        submit(alice, 300, 301, 302, 303, 304, 305)
    with pytest.raises(ValidationError, match="twice"):
        submit(alice, 300, 310, 300)
    with pytest.raises(ValidationError, match=r"Picture 2: .*"):
        uploads.submit(owner=alice, file=file(), further=[(ContentFile(b"no", "x"), "photo")])
    with pytest.raises(ValidationError):
        uploads.submit(owner=alice, file=file(), further=[(file(310), "x-ray")])
    assert not stored_files()
    assert not MoleRecord.objects.exists()


def test_together_they_may_not_be_too_large(alice, monkeypatch, stored_files):
    monkeypatch.setattr(pictures, "MAX_TOGETHER", 2 * len(picture()))
    with pytest.raises(ValidationError) as refused:
        submit(alice, 300, 310, 320)
    assert refused.value.code == "too_large"
    assert not stored_files()


def test_the_same_request_again_is_the_same_record(alice):
    first = submit(alice, 300, 310, idempotency_key="k")
    assert submit(alice, 300, 310, idempotency_key="k") == first
    assert submit(alice, 300, 320, idempotency_key="k") != first
    assert FurtherPicture.objects.count() == 2


def test_a_further_picture_is_known_again(alice):
    earlier = submit(alice, 300, 310)
    with pytest.raises(uploads.SentBefore) as same:
        submit(alice, 310, only_new=True)
    assert same.value.record == earlier


def test_an_added_picture_is_answered_with_the_others(
    alice, asked, django_capture_on_commit_callbacks
):
    record = submit(alice, 300)
    assess_record(record.pk)
    before = Assessment.objects.get()
    record.refresh_from_db()
    with django_capture_on_commit_callbacks(execute=True):
        added = sittings.add(record=record, by=alice, file=file(310), modality="dermoscopy")
    assert queue.Task.REASSESS_RECORD in asked
    record.refresh_from_db()
    assert record.current_assessment == before  # the answer stands until there is another
    assert record.stale_since
    reassess_record(record.pk)
    record = MoleRecord.objects.get()
    parts = record.current_assessment.pictures
    assert [part["id"] for part in parts] == [str(record.pk), str(added.pk)]
    assert [part["modality"] for part in parts] == ["photo", "dermoscopy"]
    assert record.stale_since is None


def judged(owner, *names: str) -> MoleRecord:
    """A waiting record of drawn pictures that the program can judge."""
    first, *others = [ContentFile(demos.picture(name), "mole.jpg") for name in names]
    further = [(one, "dermoscopy") for one in others]
    return uploads.submit(owner=owner, file=first, further=further, modality="dermoscopy")


def damage(picture) -> None:
    Path(picture.image.path).write_bytes(b"no picture")


def lose(picture) -> None:
    Path(picture.image.path).unlink()


@pytest.mark.parametrize("harm", [damage, lose])
@pytest.mark.parametrize(
    ("names", "number"),
    [(("even_mole", "crusty_patch", "irregular_mole"), 1), (("even_mole", "irregular_mole"), 0)],
)
def test_a_picture_that_can_not_be_read_is_left_out_and_named(client, alice, names, number, harm):
    record = judged(alice, *names)
    harm(record.pictures[number])
    assess_record(record.pk)
    record = MoleRecord.objects.get()
    assert record.state == "done"
    readable = [str(one.pk) for one in record.pictures if one != record.pictures[number]]
    answered = record.current_assessment
    assert [part["id"] for part in answered.pictures] == readable
    # What lies on the record's own picture is of no other one.
    laid_on = (answered.outline, answered.heatmap, answered.features)
    assert [each is None for each in laid_on] == [number == 0] * 3
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    parts = page[page.index('class="parts"') :].split("<li>")[1 : 1 + len(names)]
    assert ["Left out of the answer" in part for part in parts] == [
        one == record.pictures[number] for one in record.pictures
    ]
    assert "The stored picture can&#x27;t be read." in parts[number]
    key = links.key(links.create(owner=alice, days=1, record=record))
    report = client.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()["conclusion"]
    link = client.get(reverse("diagnosis:shared"), {"key": key}).content.decode()
    for door in (link, report):
        assert f"Picture {number + 1}: Left out of the answer." in door


def test_where_no_picture_can_be_read_the_check_fails(alice):
    record = submit(alice, 300, 310)
    for one in record.pictures:
        damage(one)
    assess_record(record.pk)
    record.refresh_from_db()
    assert (record.state, record.failure_reason) == ("failed", "unreadable")


@pytest.mark.parametrize("is_counted", [True, False])
def test_an_answer_gives_way_to_none_that_lacks_one_of_its_pictures(alice, is_counted):
    record = judged(alice, "even_mole", "irregular_mole")
    if is_counted:
        assess_record(record.pk)
    damage(record.pictures[1])
    assess_record(record.pk)
    MoleRecord.objects.update(stale_since=timezone.now())
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.is_stale == is_counted
    assert len(record.current_assessment.pictures) == (2 if is_counted else 1)


def test_a_lost_message_costs_one_sweep(alice, asked):
    record = assessed(owner=alice)
    sittings.add(record=record, by=alice, file=file(310))
    asked.clear()
    sweep_records()
    assert asked == [queue.Task.REASSESS_RECORD]


@pytest.mark.parametrize("door", ["page", "api"])
@pytest.mark.parametrize("how", ["add", "remove"])
def test_other_pictures_of_a_failed_check_are_checked(client, alice, asked, how, door):
    """As where the one that can't be read is taken out: the page says that they are judged."""
    record = RecordFactory(owner=alice, failed=True)
    further = FurtherPictureFactory(record=record)
    client.force_login(alice)
    names = {
        "page": ("diagnosis:picture_new", "diagnosis:picture_delete"),
        "api": ("api-record-pictures", "api-record-picture"),
    }
    add, remove = names[door]
    if how == "add":
        client.post(reverse(add, args=[record.pk]), {"image": file(310)})
    else:
        address = reverse(remove, args=[record.pk, further.pk])
        client.post(address) if door == "page" else client.delete(address)
    record = MoleRecord.objects.get()
    assert (record.state, record.failure_reason) == ("queued", "")
    assess_record(record.pk)
    record.refresh_from_db()
    assert record.state in MoleRecord.ASSESSED


def test_a_picture_added_while_the_others_are_assessed_is_counted_once(alice, asked):
    record = submit(alice, 300)
    held = claims.claim(record.pk)
    late = Assessment(**answer())
    sittings.add(record=held, by=alice, file=file(310))
    assert not claims.finish(held, late)  # it had not seen the new one
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("queued", 0)
    assess_record(record.pk)
    assert len(Assessment.objects.get().pictures) == 2


def test_the_same_picture_again_changes_nothing(alice, asked, stored_files):
    record = submit(alice, 300)
    added = sittings.add(record=record, by=alice, file=file(310))
    record = MoleRecord.objects.get()
    assert sittings.add(record=record, by=alice, file=file(310)) == added
    assert sittings.add(record=record, by=alice, file=file(300)) == record
    assert len(stored_files()) == 2


@pytest.mark.parametrize("width", [300, 310])
def test_the_same_picture_again_taken_otherwise_is_judged_as_it_was_taken(
    client, alice, asked, stored_files, width
):
    record = submit(alice, 300)
    sittings.add(record=record, by=alice, file=file(310))
    assess_record(record.pk)
    client.force_login(alice)
    page = reverse("diagnosis:picture_new", args=[record.pk])
    for tick, said in (
        ({}, "Nothing changed"),
        ({"dermoscopy": "on"}, "judged anew"),
        ({"dermoscopy": "on"}, "Nothing changed"),
    ):
        answer = client.post(page, {"image": file(width)} | tick, follow=True)
        assert said in answer.content.decode()
    record = MoleRecord.objects.get()
    kinds = {300: "photo", 310: "photo"} | {width: "dermoscopy"}
    assert [one.modality for one in record.pictures] == [kinds[300], kinds[310]]
    reassess_record(record.pk)
    assert [part["modality"] for part in MoleRecord.objects.get().current_assessment.pictures] == [
        kinds[300],
        kinds[310],
    ]
    assert len(stored_files()) == 2


@pytest.mark.parametrize(
    ("why", "code"),
    [("full", "full"), ("old", "over"), ("claimed", "seen"), ("reviewed", "seen")],
)
def test_a_sitting_that_is_over_takes_no_more(alice, dr_chen, stored_files, why, code):
    record = assessed(owner=alice)
    match why:
        case "full":
            FurtherPictureFactory.create_batch(4, record=record)
        case "old":
            MoleRecord.objects.update(created_at=timezone.now() - timedelta(hours=2))
        case "claimed":
            review_claims.take(record_ids=[record.pk], doctor=dr_chen)
        case "reviewed":
            ReviewFactory(record=record, doctor=dr_chen, is_final=False)
    record = MoleRecord.objects.get()
    before = len(stored_files())
    with pytest.raises(sittings.Closed) as closed:
        sittings.add(record=record, by=alice, file=file(333))
    assert closed.value.code == code
    assert not sittings.is_open(record)
    assert len(stored_files()) == before


def test_the_kind_of_one_of_five_pictures_is_corrected_until_a_doctor_saw_it(alice, dr_chen):
    record = submit(alice, 300, 310, 320, 330, 340)
    assert sittings.add(record=record, by=alice, file=file(310), modality="dermoscopy")
    assert record.further.get(modality="dermoscopy") == record.further.first()
    ReviewFactory(record=record, doctor=dr_chen, is_final=False)
    with pytest.raises(sittings.Closed) as closed:
        sittings.add(record=record, by=alice, file=file(320), modality="dermoscopy")
    assert closed.value.code == "seen"


def test_a_verdict_is_not_on_a_picture_that_the_doctor_did_not_see(alice, dr_chen):
    record = assessed(owner=alice)
    FurtherPictureFactory(record=record)
    said = {"risk_category": "benign", "urgency": "none"}
    with pytest.raises(verdicts.ShownBefore):
        verdicts.write(record=record, doctor=dr_chen, seen=1, **said)
    assert verdicts.write(record=record, doctor=dr_chen, seen=2, **said)


@pytest.mark.parametrize("which", [0, 1])
def test_a_verdict_is_not_on_a_picture_in_place_of_one_that_was_seen(alice, dr_chen, client, which):
    record = assessed(owner=alice)
    FurtherPictureFactory(record=record)
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    page = client.get(address)
    verdict = {"risk_category": "benign", "urgency": "none", "confidence": "high"}
    verdict |= {name: page.context["form"][name].value() for name in ("known", "shown")}
    sittings.remove(record=record, picture=record.pictures[which], by=alice)
    sittings.add(record=record, by=alice, file=file(310))
    refused = client.post(address, verdict)
    assert "Something has changed meanwhile" in refused.content.decode()
    assert not Review.objects.exists()
    again = verdict | {"shown": refused.context["form"]["shown"].value()}
    sittings.remove(record=record, picture=record.pictures[0], by=alice)
    assert client.post(address, again).status_code == 302
    assert Review.objects.get().is_final


def test_another_persons_sitting_is_not_touched(alice, bob, stored_files):
    record = assessed(owner=alice)
    further = FurtherPictureFactory(record=record)
    with pytest.raises(PermissionDenied):
        sittings.add(record=record, by=bob, file=file(310))
    with pytest.raises(PermissionDenied):
        sittings.remove(record=record, picture=further, by=bob)
    assert FurtherPicture.objects.exists()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_picture_taken_out_leaves_the_others_together(
    alice, asked, stored_files, django_capture_on_commit_callbacks, which
):
    record = submit(alice, 300, 310, 320)
    assess_record(record.pk)
    record = MoleRecord.objects.get()
    names, sent_at = [one.image.name for one in record.pictures], record.created_at
    with django_capture_on_commit_callbacks(execute=True):
        sittings.remove(record=record, picture=record.pictures[which], by=alice)
    left = names[:which] + names[which + 1 :]
    record = MoleRecord.objects.get()
    assert {one.image.name for one in record.pictures} == set(left)
    assert record.created_at == sent_at
    assert len(stored_files()) == 2
    reassess_record(record.pk)
    record = MoleRecord.objects.get()
    assert [p["id"] for p in record.current_assessment.pictures] == [
        str(one.pk) for one in record.pictures
    ]


@pytest.fixture
def take_out(client, alice, asked):
    """take_out(record, number): alice's program deletes one of the pictures."""
    client.force_login(alice)

    def do(record: MoleRecord, number: int) -> dict:
        one = record.pictures[number]
        client.delete(reverse("api-record-picture", args=[record.pk, one.pk]))
        return client.get(reverse("api-record-detail", args=[record.pk])).json()

    return do


@pytest.mark.parametrize(("number", "left"), [(0, [0.9, 0.0]), (1, [0.1, 0.0]), (2, [0.1, 0.9])])
def test_what_was_said_of_a_picture_goes_with_it(alice, take_out, client, number, left):
    record = sitting("benign", "malignant_high_risk", None, together="benign", owner=alice)
    record.current_assessment.pictures[2]["malignancy"] = 0.0
    record.current_assessment.features = b"of the first"
    record.current_assessment.save()
    said = take_out(record, number)
    answer = said["assessment"]
    assert [part["id"] for part in answer["pictures"]] == [one["id"] for one in said["pictures"]]
    assert [part["malignancy"] for part in answer["pictures"]] == pytest.approx(left)
    assert said["is_stale"]
    is_of_the_first = number == 0
    for name in ("heatmap", "outline"):
        assert (answer[name] is None) == is_of_the_first
    seen = client.get(reverse("api-record-heatmap", args=[record.pk]))
    assert seen.status_code == (404 if is_of_the_first else 200)
    assert (Assessment.objects.get().features is None) == is_of_the_first
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert ("<mole-picture>" in page) == (not is_of_the_first)
    reassess_record(record.pk)
    assert not client.get(reverse("api-record-detail", args=[record.pk])).json()["is_stale"]


def test_an_answer_to_a_picture_that_is_gone_can_be_uncertain(alice, take_out, client):
    record = sitting("benign", None, together="benign", owner=alice)
    Assessment.objects.update(uncertain=True, advice="doctor_weeks")
    take_out(record, 0)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk]))
    assert "The program is not sure about these pictures." in page.content.decode()


def test_the_last_picture_goes_with_its_record_only(alice):
    record = submit(alice, 300)
    with pytest.raises(ValidationError):
        sittings.remove(record=record, picture=record, by=alice)


def test_back_to_one_picture_is_a_plain_record(alice, asked):
    record = submit(alice, 300, 310)
    assess_record(record.pk)
    record = MoleRecord.objects.get()
    sittings.remove(record=record, picture=record.further.get(), by=alice)
    reassess_record(record.pk)
    assert Assessment.objects.get().pictures == []


def test_all_pictures_go_with_the_record(alice, stored_files, django_capture_on_commit_callbacks):
    record = submit(alice, 300, 310)
    with django_capture_on_commit_callbacks(execute=True):
        uploads.delete(record=record, by=alice)
    assert not stored_files()
    assert not FurtherPicture.objects.exists()


def test_orphans_are_known_by_both_tables(alice, stored_files):
    submit(alice, 300, 310)
    assert pictures.remove_orphans(older_than_seconds=-1) == 0
    assert len(stored_files()) == 2


def test_an_older_release_that_is_back_looks_at_the_pictures_of_now(alice, asked, monkeypatch):
    record = submit(alice, 300)
    assess_record(record.pk)
    record.refresh_from_db()
    version = record.current_assessment.model_version
    newer = Assessment.objects.create(record=record, **answer() | {"model_version": "newer"})
    MoleRecord.objects.update(current_assessment=newer, state="done")
    FurtherPictureFactory(record=record)
    record = MoleRecord.objects.get()
    found = assessments.reassess(record=record)
    assert found.model_version == version
    assert len(found.pictures) == 2


@pytest.mark.django_db(transaction=True)
def test_two_at_once_fill_the_last_place_once(alice, asked):
    record = RecordFactory(owner=alice, picture_digest="first")
    FurtherPictureFactory.create_batch(3, record=record)
    told, both = [], threading.Barrier(2)

    def add(width: int) -> None:
        both.wait()
        try:
            sittings.add(record=MoleRecord.objects.get(), by=alice, file=file(width))
            told.append("added")
        except sittings.Closed as closed:
            told.append(closed.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=[width]) for width in (301, 302)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["added", "full"]
    assert len(MoleRecord.objects.get().pictures) == 5


def test_signs_never_lower_what_the_pictures_show(alice):
    record = sitting("benign", "malignant_high_risk", together="malignant_high_risk", owner=alice)
    assert record.current_assessment.advice == "doctor_days"


def test_the_web_server_keeps_the_files_of_a_sitting(settings):
    assert pictures.MAX_TOGETHER < web_worker.KEPT < settings.MAX_REQUEST_BYTES
    assert pictures.MAX_BYTES < pictures.MAX_TOGETHER
