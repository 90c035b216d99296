"""What was found stands until it is measured anew, and goes with the picture it was found in."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from diagnosis.models import Assessment, Change, MoleRecord
from diagnosis.moles import changes
from diagnosis.records import assessments
from diagnosis.tasks import reassess_record
from tests.diagnosis.moles.conftest import circle
from tests.factories import PASSWORD, FurtherPictureFactory, answer

pytestmark = pytest.mark.usefixtures("known_error")


@pytest.fixture
def grown(picture_of, work, client, alice) -> list[MoleRecord]:
    """Three pictures of alice's mole, of which the last one has grown since the others."""
    client.force_login(alice)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    records = [picture_of("mole", 0.2, 60), picture_of("mole", 0.2, 30)]
    records.append(picture_of("turned", 0.3, 0))
    work()
    records[2].refresh_from_db()
    assert records[2].changes == ["grew"]
    return records


@pytest.fixture
def reassess(monkeypatch, django_capture_on_commit_callbacks):
    """Have a worker answer a record anew by this version of the model."""

    def do(record: MoleRecord, version: str = "test", category: str | None = "benign") -> None:
        says = answer(category, outline=circle(0.3), model_version=version)
        monkeypatch.setattr(assessments.classifier(), "version", version)
        monkeypatch.setattr(assessments, "_answer", lambda *_: Assessment(**says))
        with django_capture_on_commit_callbacks(execute=True):
            reassess_record(record.pk)

    return do


def address(name: str, *ids) -> str:
    return reverse(f"api-record-{name}", args=ids)


def delete_the_first(client, grown, reassess):
    client.delete(address("detail", grown[0].pk))


def correct_the_first_size(client, grown, reassess):
    client.patch(address("detail", grown[0].pk), {"size_mm": 5}, "application/json")


def correct_its_size(client, grown, reassess):
    client.patch(address("detail", grown[2].pk), {"size_mm": 5}, "application/json")


def reassess_the_first(client, grown, reassess):
    reassess(grown[0], "newer")


def reassess_it(client, grown, reassess):
    reassess(grown[2], "newer")


@pytest.mark.parametrize(
    "do",
    [
        *(delete_the_first, correct_the_first_size, correct_its_size),
        *(reassess_the_first, reassess_it),
    ],
)
def test_what_was_found_stands_until_it_is_measured_anew(
    grown, client, reassess, work, django_capture_on_commit_callbacks, do
):
    with django_capture_on_commit_callbacks(execute=True):
        do(client, grown, reassess)
    later = MoleRecord.objects.get(pk=grown[2].pk)
    assert client.get(address("change", later.pk)).json()["state"] == "waiting"
    assert later.changes == ["grew"]
    assert later.danger == MoleRecord.Danger.TO_BE_SEEN
    work()
    assert client.get(address("change", later.pk)).json()["state"] == "measured"


def test_a_picture_that_is_missing_for_a_while_takes_nothing_back(grown, client, work):
    correct_its_size(client, grown, None)
    file = Path(grown[0].image.path)
    elsewhere = file.rename(file.with_suffix(".away"))
    work()
    later = MoleRecord.objects.get(pk=grown[2].pk)
    assert later.changes == ["grew"]
    elsewhere.rename(file)
    work()
    assert client.get(address("change", later.pk)).json()["state"] == "measured"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_version_that_judges_one_of_the_pictures_no_more_takes_nothing_back(
    grown, reassess, work, number
):
    reassess(grown[number], "newer", category=None)
    work()
    later = MoleRecord.objects.get(pk=grown[2].pk)
    assert later.changes == ["grew"]
    assert later.danger == MoleRecord.Danger.TO_BE_SEEN
    assert later.state == ("unusable" if number == 2 else "done")


@pytest.mark.parametrize(
    "do",
    [
        *(correct_its_size, reassess_it),
        lambda client, grown, reassess: reassess(grown[0], "newer", category=None),
        lambda client, grown, reassess: reassess(grown[2], "newer", category=None),
    ],
    ids=["size", "newer", "first-unusable", "later-unusable"],
)
def test_the_doctor_reads_of_the_change_for_which_a_record_waits(
    grown, client, reassess, dr_chen, do
):
    do(client, grown, reassess)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[grown[2].pk]))
    assert "<strong>It grew</strong>" in page.content.decode()


def test_nor_one_that_judges_the_later_one_alone(grown, reassess, work):
    for record in grown[:2]:
        reassess(record, "newer", category=None)
    reassess(grown[2], "newer")
    work()
    assert MoleRecord.objects.get(pk=grown[2].pk).changes == ["grew"]


def test_nor_one_that_judges_the_first_one_no_more_from_what_comes_after_the_others(
    grown, picture_of, reassess, work
):
    for record in grown[:2]:
        reassess(record, "newer", category=None)
    as_large = picture_of("mole", 0.3, 0)
    for _ in range(2):
        work()
        as_large.refresh_from_db()
        assert as_large.changes == ["grew"]
    assert Change.objects.get(after__record=as_large).result["changes"] == []


@pytest.mark.parametrize("modality", ["photo", "dermoscopy"])
def test_nor_one_that_judges_the_grown_one_no_more_from_what_could_not_be_compared(
    grown, picture_of, reassess, work, modality
):
    newest = picture_of("other", 0.3, 0, modality=modality)
    work()
    reassess(grown[2], "newer", category=None)
    work()
    newest.refresh_from_db()
    assert newest.changes == ["grew"]


def test_nor_does_one_that_judges_it_no_more_take_back_what_could_not_be_compared(
    grown, picture_of, reassess, work
):
    newest = picture_of("other", 0.3, 0)
    never = picture_of("other", 0.3, 0, category=None)
    work()
    reassess(newest, "newer", category=None)
    work()
    assert [MoleRecord.objects.get(pk=each.pk).changes for each in (newest, never)] == [
        ["grew"],
        [],
    ]
    for record in grown:
        record.delete()
    work()
    assert MoleRecord.objects.get(pk=newest.pk).changes == []


def test_what_was_found_goes_with_the_first_picture_that_moves_to_another_mole(
    grown, client, reassess, work, django_capture_on_commit_callbacks
):
    reassess(grown[2], "newer", category=None)
    with django_capture_on_commit_callbacks(execute=True):
        for record in grown[:2]:
            client.patch(address("detail", record.pk), {"mole": None}, "application/json")
    work()
    assert MoleRecord.objects.get(pk=grown[2].pk).changes == []


def test_the_first_of_a_mole_has_changed_since_nothing(
    grown, client, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        for record in grown[:2]:
            client.delete(address("detail", record.pk))
    later = MoleRecord.objects.get()
    assert later.changes == []
    assert later.danger == MoleRecord.Danger.BENIGN


@pytest.mark.parametrize("number", [0, 2])
def test_nothing_is_measured_from_an_answer_to_a_picture_that_is_gone(
    grown, client, pictures, work, number
):
    record, later = grown[number], grown[2]
    FurtherPictureFactory(record=record, image__data=pictures["other"])
    client.delete(address("picture", record.pk, record.pk))
    for _ in range(2):
        work()
        assert client.get(address("change", later.pk)).json()["state"] == "waiting"
    later.refresh_from_db()
    assert later.changes == ["grew"]
    waiting = Change.objects.filter(result__isnull=True)
    assert waiting.exists()
    waiting.update(created_at=timezone.now() - timedelta(minutes=5))
    assert changes.sweep() == 0
    assert not waiting.filter(attempts__gt=0).exists()


def test_a_picture_that_is_taken_out_while_it_is_measured_leaves_nothing(
    picture_of, client, alice, pictures, work, monkeypatch
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    FurtherPictureFactory(record=later, image__data=pictures["other"])
    client.force_login(alice)
    real = changes._measure

    def take_out(*both):
        found = real(*both)
        client.delete(address("picture", later.pk, later.pk))
        return found

    monkeypatch.setattr(changes, "_measure", take_out)
    work()
    later.refresh_from_db()
    assert later.changes == []
    assert not Change.objects.filter(result__isnull=False).exists()


@pytest.mark.parametrize("measured_meanwhile", [False, True])
def test_a_comparison_goes_with_the_picture_it_measured(
    grown, client, pictures, reassess, work, measured_meanwhile
):
    later = grown[2]
    FurtherPictureFactory(record=later, image__data=pictures["other"])
    client.delete(address("picture", later.pk, later.pk))
    if measured_meanwhile:
        client.get(address("change", later.pk), {"earlier": str(grown[1].pk)})
        work()
    reassess(later)
    for asked in ({}, {"earlier": str(grown[1].pk)}):
        assert client.get(address("change", later.pk), asked).json()["state"] == "waiting"
    work()
    later.refresh_from_db()
    assert client.get(address("change", later.pk)).json()["reason"] == "not_registered"
    assert later.changes == []
