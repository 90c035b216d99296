"""A picture waits for its comparison no more: programs, which read “so far”, hear of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from accounts.models import OutgoingMail
from diagnosis.models import Assessment, Change, EndedWait, MoleRecord, Webhook, WebhookDelivery
from diagnosis.moles import changes
from diagnosis.records import assessments
from diagnosis.tasks import assess_record, measure_change, reassess_record, sweep_changes
from tests.diagnosis.moles.conftest import circle
from tests.factories import (
    PASSWORD,
    FurtherPictureFactory,
    MoleFactory,
    RecordFactory,
    answer,
    picture,
    spoil,
)

pytestmark = pytest.mark.usefixtures("known_error", "sent")
TWO_HOURS = timedelta(hours=2)


@pytest.fixture
def webhook(client, alice) -> Webhook:
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return Webhook.objects.create(
        owner=alice, url="https://example.org/", events=["record.assessed"]
    )


@pytest.fixture
def sweep_soon(monkeypatch, django_capture_on_commit_callbacks):
    """Have the sweep do what was left undone, as it does after a minute."""

    def do() -> None:
        with monkeypatch.context() as patch, django_capture_on_commit_callbacks(execute=True):
            patch.setattr(changes, "WAIT", timedelta(days=-1))
            sweep_changes()

    return do


@pytest.fixture(params=[False, True], ids=["", "the worker is killed"])
def ends(request, client, webhook, django_capture_on_commit_callbacks, sweep_soon):
    """Have the wait of a record end by what is done, and see that programs hear of it once: also
    where it is killed right after the commit."""

    def said(record: MoleRecord) -> tuple[bool, str]:
        report = client.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()
        found = client.get(reverse("api-record-detail", args=[record.pk])).json()
        return found["is_compared"], report["meta"]["lastUpdated"]

    def check(record: MoleRecord, do) -> None:
        long_ago = timezone.now() - timedelta(days=1)
        MoleRecord.objects.filter(pk=record.pk).update(finished_at=long_ago)
        Assessment.objects.update(created_at=long_ago)
        WebhookDelivery.objects.all().delete()
        before = said(record)
        assert not before[0]
        with django_capture_on_commit_callbacks(execute=not request.param):
            do()
        sweep_soon()
        after = said(record)
        assert after[0]
        assert after[1] > before[1]
        assert WebhookDelivery.objects.filter(webhook=webhook, record_id=record.pk).count() == 1

    return check


@pytest.fixture
def waiting(mole, alice) -> MoleRecord:
    """The mole's first picture, which waits for its answer."""
    record = RecordFactory(owner=alice, mole=mole)
    return moved_back(record, days=90)


def moved_back(record: MoleRecord, days: int) -> MoleRecord:
    moment = timezone.now() - timedelta(days=days)
    MoleRecord.objects.filter(pk=record.pk).update(created_at=moment)
    record.refresh_from_db()
    return record


@pytest.fixture
def pair(picture_of) -> tuple[MoleRecord, MoleRecord, Change]:
    """Two pictures of a mole, and their comparison, which waits."""
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    return first, later, Change.objects.get()


@pytest.mark.parametrize("is_killed", [False, True])
def test_what_is_to_be_compared_is_not_calm_and_its_person_is_told_once(
    mole, picture_of, pictures, client, webhook, sent, sweep_soon, monkeypatch,
    django_capture_on_commit_callbacks, is_killed,
):  # fmt: skip
    first = RecordFactory(owner=mole.owner, mole=mole, image__data=pictures["mole"])
    later = picture_of("turned", 0.3, -1)
    seen = Assessment(**answer(outline=circle(0.2)))
    monkeypatch.setattr(assessments, "_answer", lambda *_: seen)
    with django_capture_on_commit_callbacks(execute=not is_killed):
        assess_record(first.pk)
    MoleRecord.objects.update(finished_at=timezone.now() - TWO_HOURS)
    assert not client.get(api("detail", later.pk)).json()["is_compared"]
    if is_killed:
        assert not sent
        sweep_soon()
    with django_capture_on_commit_callbacks(execute=not is_killed):
        measure_change(sent[0])
    for _ in range(2):
        sweep_soon()
    later.refresh_from_db()
    assert later.changes == ["grew"]
    assert client.get(api("detail", later.pk)).json()["is_compared"]
    assert WebhookDelivery.objects.filter(record_id=later.pk).count() == 1
    assert OutgoingMail.objects.get().about == [later.pk]


def api(name: str, *ids) -> str:
    return reverse(f"api-record-{name}", args=ids)


@pytest.mark.parametrize("end", ["failed", "unusable"])
def test_an_earlier_one_comes_to_nothing(waiting, picture_of, ends, end):
    if end == "failed":
        Path(waiting.image.path).write_bytes(b"no picture")
    ends(picture_of("turned", 0.3, 0), lambda: assess_record(waiting.pk))
    assert MoleRecord.objects.get(pk=waiting.pk).state == end


@pytest.mark.parametrize("where", ["here", "in another mole"])
def test_so_it_does_for_one_that_was_compared_with_others(
    waiting, picture_of, work, ends, client, alice, where, django_capture_on_commit_callbacks
):
    if where == "in another mole":
        waiting.mole = MoleFactory(owner=alice, name="other", body_site=waiting.mole.body_site)
        waiting.save()
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.2, 0)
    work()
    assert later.current_assessment.changes_until.get().result["changes"] == []
    with django_capture_on_commit_callbacks(execute=True):
        body = {"mole": str(waiting.mole_id)}
        client.patch(api("detail", later.pk), body, "application/json")
    Path(waiting.image.path).write_bytes(b"no picture")
    ends(later, lambda: assess_record(waiting.pk))


def test_an_earlier_one_was_interrupted_too_often(waiting, picture_of, ends):
    claimed = {"state": "running", "attempts": 3, "claim_token": waiting.pk}
    MoleRecord.objects.filter(pk=waiting.pk).update(claimed_until=waiting.created_at, **claimed)
    ends(picture_of("turned", 0.3, 0), assessments.sweep)


def test_an_earlier_one_that_waits_is_deleted(waiting, picture_of, ends, client):
    ends(picture_of("turned", 0.3, 0), lambda: client.delete(api("detail", waiting.pk)))


def test_the_first_one_is_deleted(pair, ends, client):
    first, later, _change = pair
    ends(later, lambda: client.delete(api("detail", first.pk)))


def test_the_first_one_is_of_another_kind(mole, picture_of, ends, client):
    """Seen by no one yet, the same picture sent again corrects how it was taken."""
    data = picture((700, 700))

    def send(address, **fields):
        return client.post(address, {"image": SimpleUploadedFile("a.jpg", data)} | fields)

    client.force_login(mole.owner)
    first = send(api("list"), mole=mole.pk, modality="photo").json()["id"]
    page = reverse("diagnosis:picture_new", args=[first])
    ends(picture_of("turned", 0.3, 0), lambda: send(page, dermoscopy="on"))


@pytest.mark.parametrize("resized", ["first", "later"])
def test_one_of_the_two_is_moved_with_another_size(pair, ends, client, alice, resized):
    first, later, _change = pair
    other = MoleFactory(owner=alice, name="other", body_site=later.mole.body_site)
    address = api("detail", first.pk if resized == "first" else later.pk)
    body = {"mole": str(other.pk), "size_mm": 4.0}
    ends(later, lambda: client.patch(address, body, "application/json"))


@pytest.mark.parametrize("moved", ["first", "later"])
@pytest.mark.parametrize("elsewhere", [True, False], ids=["to another mole", "to none"])
def test_one_of_the_two_is_moved(pair, ends, client, alice, moved, elsewhere):
    first, later, _change = pair
    other = MoleFactory(owner=alice, name="other", body_site=later.mole.body_site)
    body = {"mole": str(other.pk) if elsewhere else None}
    address = api("detail", first.pk if moved == "first" else later.pk)
    ends(later, lambda: client.patch(address, body, "application/json"))


@pytest.mark.parametrize("why", ["a lost file", "an error"])
def test_it_was_tried_too_often(pair, ends, monkeypatch, why):
    first, later, change = pair
    Change.objects.update(attempts=changes.MAX_ATTEMPTS - 1)
    if why == "a lost file":
        Path(first.image.path).unlink()
        ends(later, lambda: measure_change(change.pk))
        return

    def fail(*_):
        raise RuntimeError

    def measure():
        with pytest.raises(RuntimeError):
            measure_change(change.pk)

    monkeypatch.setattr(changes, "_measure", fail)
    ends(later, measure)


@pytest.mark.parametrize("radius", [0.2, 0.3], ids=["unchanged", "grown"])
def test_it_was_measured(picture_of, ends, radius):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", radius, 0)
    changes.follow(later.mole_id)
    ends(later, lambda: measure_change(Change.objects.get().pk))


def test_what_is_measured_is_compared_once_it_is_said_of_the_record(
    picture_of, client, webhook, sweep_soon
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    measure_change(Change.objects.get().pk)  # and killed before anything follows the mole
    assert not client.get(api("detail", later.pk)).json()["is_compared"]
    sweep_soon()
    said = client.get(api("detail", later.pk)).json()
    assert (said["is_compared"], said["changes"]) == (True, ["grew"])


def test_what_a_program_asked_for_beside_it_was_measured(
    picture_of, ends, client, django_capture_on_commit_callbacks
):
    picture_of("mole", 0.2, 60)
    second, later = picture_of("mole", 0.2, 30), picture_of("turned", 0.2, 0)
    changes.follow(later.mole_id)
    for change in Change.objects.all():
        with django_capture_on_commit_callbacks(execute=True):
            measure_change(change.pk)
    client.get(api("change", later.pk), {"earlier": str(second.pk)})
    ends(later, lambda: measure_change(Change.objects.get(result__isnull=True).pk))


def test_the_first_one_can_not_be_judged_any_more(pair, ends, monkeypatch):
    first, later, _change = pair
    MoleRecord.objects.filter(pk=first.pk).update(stale_since=timezone.now())
    monkeypatch.setattr(assessments.classifier(), "version", "test")
    monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**answer(None)))
    ends(later, lambda: reassess_record(first.pk))


@pytest.fixture
def move(transactional_db, client, mole):
    """move(*records): to another mole at the same place."""
    other = MoleFactory(owner=mole.owner, name="other", body_site=mole.body_site)

    def do(*records: MoleRecord) -> None:
        client.force_login(mole.owner)
        for record in records:
            body = {"mole": str(other.pk)}
            client.patch(api("detail", record.pk), body, "application/json")

    return do


def test_what_is_moved_while_it_is_judged_anew_is_compared_in_its_new_mole(
    move, picture_of, sent, client, monkeypatch
):
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    move(first)

    def judge(*_):
        move(later)
        return Assessment(**answer(model_version="newer", outline=circle(0.3)))

    monkeypatch.setattr(assessments.classifier(), "version", "newer")
    monkeypatch.setattr(assessments, "_answer", judge)
    reassess_record(later.pk)
    assert not client.get(api("detail", later.pk)).json()["is_compared"]
    measure_change(sent[-1])
    assert client.get(api("detail", later.pk)).json()["changes"] == ["grew"]


def test_so_is_what_is_moved_with_the_first_one_while_it_is_measured(
    move, pair, client, monkeypatch
):
    first, later, change = pair
    measure = changes._measure
    monkeypatch.setattr(changes, "_measure", lambda *both: (move(first, later), measure(*both))[1])
    measure_change(change.pk)
    assert client.get(api("detail", later.pk)).json()["changes"] == ["grew"]


@pytest.fixture
def sweep(sent):
    """Have a worker measure what the sweep asks for."""

    def do() -> None:
        Change.objects.update(created_at=timezone.now() - TWO_HOURS)
        sent.clear()
        sweep_changes()
        for key in sent:
            measure_change(key)

    return do


@pytest.mark.parametrize("stale", ["first", "later"])
def test_one_of_the_two_is_not_judged_anew_for_an_hour(pair, ends, sweep, stale):
    """Its outline still holds: one that gets another picture has none until it is judged."""
    record, later = pair[stale == "later"], pair[1]
    MoleRecord.objects.filter(pk=record.pk).update(stale_since=timezone.now())
    sweep()
    assert not Change.objects.filter(attempts__gt=0).exists()
    MoleRecord.objects.filter(pk=record.pk).update(stale_since=timezone.now() - TWO_HOURS)
    ends(later, sweep)
    later.refresh_from_db()
    assert later.changes == ["grew"]


def test_nor_can_it_be_read(pair, ends, sweep, django_capture_on_commit_callbacks):
    first, later, _change = pair
    spoil(first.image)
    MoleRecord.objects.filter(pk=first.pk).update(stale_since=timezone.now() - TWO_HOURS)
    for _ in range(changes.MAX_ATTEMPTS - 1):
        with django_capture_on_commit_callbacks(execute=True):
            sweep()
    ends(later, sweep)


def test_a_picture_that_gets_no_outline_any_more_is_no_first_one(picture_of, work, client, alice):
    lost = picture_of("mole", 0.2, 90)
    lost.assessments.update(outline=None)
    MoleRecord.objects.filter(pk=lost.pk).update(
        stale_since=timezone.now() - TWO_HOURS, finished_at=timezone.now()
    )
    first = picture_of("mole", 0.2, 60)
    client.force_login(alice)
    assert client.get(api("detail", first.pk)).json()["is_compared"]
    later = picture_of("turned", 0.3, 0)
    work()
    later.refresh_from_db()
    assert later.changes == ["grew"]


def test_it_waits_on_while_the_first_one_has_another_picture(
    pair, client, webhook, pictures, django_capture_on_commit_callbacks
):
    first, later, _change = pair
    FurtherPictureFactory(record=first, image__data=pictures["mole"])
    MoleRecord.objects.filter(pk=later.pk).update(finished_at=first.created_at)
    with django_capture_on_commit_callbacks(execute=True):
        client.delete(api("picture", first.pk, first.pk))
    assert not client.get(api("detail", later.pk)).json()["is_compared"]


def test_one_mole_that_can_not_be_followed_leaves_the_other_no_less_compared(
    picture_of, mole, client, alice, monkeypatch, sweep_soon, django_capture_on_commit_callbacks
):
    client.force_login(alice)
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    other = MoleFactory(owner=alice, name="other", body_site=mole.body_site)
    MoleRecord.objects.filter(pk=first.pk).update(mole=other)
    follow = changes.follow

    def but_one(mole_id):
        if mole_id == mole.pk:
            raise DatabaseError
        return follow(mole_id)

    monkeypatch.setattr(changes, "follow", but_one)
    address = api("detail", later.pk)
    with django_capture_on_commit_callbacks(execute=True):
        client.patch(address, {"mole": str(other.pk)}, "application/json")
    assert Change.objects.filter(before__record=first, after__record=later).exists()
    assert EndedWait.objects.get().moles == [mole.pk]
    monkeypatch.setattr(changes, "follow", follow)
    sweep_soon()
    assert not EndedWait.objects.exists()
