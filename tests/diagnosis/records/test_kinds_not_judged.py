"""A release that judges pictures of one kind only, as of a clinic's own dermoscopy."""

import io
import json
import shutil

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

import ml.release
from diagnosis import metrics, queue
from diagnosis.models import MoleRecord
from diagnosis.records import assessments, reassessments
from tests.factories import FurtherPictureFactory, RecordFactory, assessed, picture

pytestmark = pytest.mark.django_db

SENTENCE = "Taken with a phone or a camera: pictures of this kind are not judged here."


@pytest.fixture
def dermoscopy_only(tmp_path, monkeypatch) -> None:
    judge_only("dermoscopy", tmp_path, monkeypatch)


@pytest.fixture
def photo_only(tmp_path, monkeypatch) -> None:
    judge_only("photo", tmp_path, monkeypatch)


def judge_only(kind: str, tmp_path, monkeypatch) -> None:
    folder = shutil.copytree(ml.release.RELEASE, tmp_path / "release")
    card = json.loads((folder / "model.json").read_text())
    for name in ("thresholds", "calibration", "limits"):
        card[name] = {kind: card[name][kind]}
    (folder / "model.json").write_text(json.dumps(card))
    monkeypatch.setattr(ml.release, "RELEASE", folder)


def upload() -> SimpleUploadedFile:
    return SimpleUploadedFile("mole.jpg", picture(), "image/jpeg")


@pytest.fixture
def written(monkeypatch) -> list:
    """What is counted, as alerts read it."""
    points = []
    monkeypatch.setattr(metrics, "write", lambda *given: points.extend(given))
    return points


def test_the_page_says_that_the_kind_is_not_judged_and_keeps_nothing(
    dermoscopy_only, client, alice
):
    client.force_login(alice)
    form = {"image": upload(), "key": "6a4d1f34-1c6e-4f4c-9df1-111111111111"}
    response = client.post(reverse("diagnosis:record_new"), form)
    assert response.status_code == 400
    assert SENTENCE in response.content.decode()
    assert not MoleRecord.objects.exists()
    form |= {"image": SimpleUploadedFile("mole.jpg", picture((600, 600))), "dermoscopy": "on"}
    response = client.post(reverse("diagnosis:record_new"), form)
    assert response.status_code == 302
    [record] = MoleRecord.objects.all()
    assessments.run(record.pk)
    record.refresh_from_db()
    assert record.state in record.ASSESSED


def test_programs_are_told_of_a_record_and_of_a_further_picture(dermoscopy_only, client, alice):
    client.force_login(alice)
    response = client.post(reverse("api-record-list"), {"image": upload()})
    assert (response.status_code, response.json()["errors"]) == (400, {"image": [SENTENCE]})
    record = RecordFactory(owner=alice, modality="dermoscopy")
    address = reverse("api-record-pictures", args=[record.pk])
    response = client.post(address, {"image": upload(), "modality": "photo"})
    assert (response.status_code, response.json()["errors"]) == (400, {"image": [SENTENCE]})
    record.refresh_from_db()
    assert len(record.pictures) == 1


def test_an_import_names_what_is_not_judged(dermoscopy_only, alice, tmp_path):
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic/mole.jpg").write_bytes(picture())
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 files were refused"):
        call_command(
            "import_records", tmp_path / "clinic", owner=alice.email, modality="photo", stderr=said
        )
    assert f"refused: mole.jpg: {SENTENCE}" in said.getvalue()


def test_one_that_was_sent_before_such_a_release_ends_with_that_sentence_and_no_alarm(
    dermoscopy_only, client, alice, written
):
    record = RecordFactory(owner=alice, modality="photo", image__data=picture((600, 600)))
    assessments.run(record.pk)  # raises nothing
    record.refresh_from_db()
    assert (record.state, record.attempts) == ("failed", 1)
    assert not written
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert SENTENCE in page
    assert "Something went wrong" not in page
    assert reverse("diagnosis:record_retry", args=[record.pk]) not in page


def test_an_earlier_answer_stays_as_it_is(dermoscopy_only, alice):
    record = assessed(owner=alice, modality="photo", image__data=picture((600, 600)))
    before = record.current_assessment
    assessments.run_again(record.pk)  # raises nothing
    record.refresh_from_db()
    assert record.current_assessment == before


@pytest.mark.parametrize("kinds", [("photo",), ("dermoscopy", "photo")])
def test_who_has_a_failed_one_tried_again_is_told_at_once(dermoscopy_only, client, alice, kinds):
    record = RecordFactory(owner=alice, failed=True, modality=kinds[0])
    for kind in kinds[1:]:
        FurtherPictureFactory(record=record, modality=kind)
    client.force_login(alice)
    response = client.post(reverse("api-record-retry", args=[record.pk]))
    assert (response.status_code, response.json()["detail"]) == (400, SENTENCE)
    page = client.post(reverse("diagnosis:record_retry", args=[record.pk]), follow=True)
    assert SENTENCE in page.content.decode()
    record.refresh_from_db()
    assert record.state == "failed"


def test_so_is_who_asks_for_an_answer_of_the_released_model(
    dermoscopy_only, client, alice, monkeypatch
):
    monkeypatch.setattr(queue, "send_again", lambda key: pytest.fail("nobody could answer it"))
    record = assessed(owner=alice, modality="photo")
    client.force_login(alice)
    response = client.post(reverse("api-record-reassess", args=[record.pk]))
    assert (response.status_code, response.json()["detail"]) == (400, SENTENCE)
    address = reverse("diagnosis:record_reassess", args=[record.pk])
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert address not in page
    assert SENTENCE in client.post(address, follow=True).content.decode()


def test_what_is_changed_later_waits_for_no_answer_either(dermoscopy_only, client, alice):
    record = assessed(owner=alice)
    client.force_login(alice)
    said = {"body_site": "back"}
    address = f"/api/v1/records/{record.pk}/"
    assert client.patch(address, said, content_type="application/json").status_code == 200
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert "This answer does not count what you changed." in page
    assert "looking at the picture again" not in page


def test_the_command_is_done_once_the_others_are_and_says_how_many_are_left_as_they_are(
    dermoscopy_only, alice, monkeypatch
):
    monkeypatch.setattr(queue, "send_again", lambda key: assessments.run_again(key) or True)
    monkeypatch.setattr(reassessments, "PATIENCE", 0)
    kept = assessed(owner=alice, modality="photo", image__data=picture((600, 600)))
    mixed = assessed(owner=alice, modality="dermoscopy", image__data=picture((600, 600)))
    FurtherPictureFactory.create_batch(2, record=mixed, modality="photo")
    assessed(owner=alice, modality="dermoscopy", image__data=picture((600, 600)))
    said = io.StringIO()
    call_command("reassess", stdout=said, stderr=said)
    assert "1 of 1 records assessed again" in said.getvalue()
    assert "2 records keep their earlier answer" in said.getvalue()
    kept.refresh_from_db()
    assert kept.current_assessment.model_version != ml.release.current().card["version"]


def test_the_forms_say_so_before_a_picture_is_chosen(dermoscopy_only, client, alice):
    client.force_login(alice)
    record = RecordFactory(owner=alice, modality="dermoscopy")
    for address in (
        reverse("diagnosis:record_new"),
        reverse("diagnosis:picture_new", args=[record.pk]),
    ):
        assert SENTENCE in client.get(address).content.decode()


@pytest.mark.parametrize("name", ["diagnosis:record_new", "diagnosis:history"])
def test_demo_pictures_are_offered_where_they_are_judged(client, alice, request, name):
    client.force_login(alice)
    assert 'name="demo"' in client.get(reverse(name)).content.decode()
    request.getfixturevalue("photo_only")
    page = client.get(reverse(name)).content.decode()
    assert 'name="demo"' not in page
    assert "No picture at hand" not in page


def test_a_failed_one_can_be_tried_again_once_its_kind_is_judged(client, alice):
    record = RecordFactory(owner=alice, failed=True)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
    assert reverse("diagnosis:record_retry", args=[record.pk]) in page


def test_the_camera_page_offers_the_upload_in_its_place(dermoscopy_only, client, alice):
    client.force_login(alice)
    response = client.get(reverse("diagnosis:camera"))
    assert response.status_code == 200
    assert "You can upload a picture instead." in response.content.decode()
    assert "unregister" in client.get("/camera/service-worker.js").content.decode()
