"""What a program does with records over REST."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from diagnosis.models import MoleRecord
from diagnosis.records.serializers import RecordSerializer, ReviewSerializer
from ml.images import decode
from tests.factories import MoleFactory, RecordFactory, ReviewFactory, answer, assessed, picture

URL = "/api/v1/records/"


@pytest.fixture
def api(alice):
    client = APIClient()
    client.force_authenticate(alice, token=object())
    return client


def upload(api, data=None, headers=None, **fields):
    image = SimpleUploadedFile("mole.jpg", data or picture(), "image/jpeg")
    return api.post(URL, {"image": image} | fields, format="multipart", headers=headers)


def test_an_upload_answers_with_the_queued_record(api, alice):
    mole = MoleFactory(owner=alice)
    response = upload(
        api, modality="dermoscopy", mole=str(mole.pk), note="hm", signs=["growing", "itching"]
    )
    assert response.status_code == 201
    record = MoleRecord.objects.get()
    body = response.json()
    assert (body["id"], body["state"]) == (str(record.pk), "queued")
    assert body["assessment"] is None
    assert body["reviews"] == []
    assert (record.owner, record.mole, record.modality) == (alice, mole, "dermoscopy")
    assert (record.note, record.signs) == ("hm", ["growing", "itching"])


def test_a_record_shows_the_assessment_object_and_the_reviews(api, alice, dr_chen):
    record = assessed("malignant_high_risk", owner=alice)
    ReviewFactory(record=record, doctor=dr_chen, comment="Come soon.", private_comment="Hm!")
    body = api.get(f"{URL}{record.pk}/").json()
    assert body["state"] == "done"
    assert body["assessment"] == answer("malignant_high_risk")
    [review] = body["reviews"]
    assert (review["doctor"], review["comment"]) == ("dr_chen", "Come soon.")
    assert "Hm!" not in str(body)
    # Written by hand for speed, described by the fields.
    assert list(body) == list(RecordSerializer().fields)
    assert list(review) == list(ReviewSerializer().fields)
    assert api.get(body["image"]).status_code == api.get(body["thumbnail"]).status_code == 200


def test_the_history_pages_by_cursor_newest_first(api, alice):
    newest_first = [str(RecordFactory(owner=alice).pk) for _upload in range(5)][::-1]
    page = api.get(URL, {"page_size": 3}).json()
    assert set(page) == {"next", "previous", "results"}
    assert page["previous"] is None
    rest = api.get(page["next"]).json()
    assert rest["next"] is None
    assert [record["id"] for record in page["results"] + rest["results"]] == newest_first


@pytest.mark.parametrize("count", [2, 20])
def test_the_history_takes_a_constant_number_of_queries(
    api, alice, dr_chen, count, django_assert_num_queries
):
    for _record in range(count):
        ReviewFactory(record=assessed(owner=alice), doctor=dr_chen)
    with django_assert_num_queries(3):
        assert len(api.get(URL).json()["results"]) == count


def test_the_picture_is_sent_to_its_owner_whatever_they_accept(api, alice):
    record = RecordFactory(owner=alice)
    for accept in ("*/*", "image/jpeg", "image/png"):
        response = api.get(f"{URL}{record.pk}/image/", HTTP_ACCEPT=accept)
        assert response["Content-Type"] == "image/jpeg"
        assert "private" in response["Cache-Control"]
    assert decode(response.content).shape == (240, 300, 3)


def test_deleting_removes_row_and_file_on_commit(
    api, alice, stored_files, django_capture_on_commit_callbacks
):
    record = assessed(owner=alice)
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"{URL}{record.pk}/").status_code == 204
        assert stored_files()
    assert not stored_files()
    assert not MoleRecord.objects.exists()


def test_a_failed_record_can_be_tried_again(api, alice):
    record = RecordFactory(owner=alice, failed=True)
    assert api.post(f"{URL}{record.pk}/retry/").json()["state"] == "queued"
    record.refresh_from_db()
    assert (record.attempts, record.failure_reason) == (1, "")


def test_a_record_that_has_not_failed_can_not_be_tried_again(api, alice):
    response = api.post(f"{URL}{assessed(owner=alice).pk}/retry/")
    assert response.status_code == 409
    assert response.json()["detail"] == "Only a failed record can be tried again."


def test_the_same_request_sent_again_makes_no_second_record(api):
    api.credentials(HTTP_IDEMPOTENCY_KEY="7f0c")
    assert upload(api).json()["id"] == upload(api).json()["id"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("get", "image/"), ("delete", ""), ("post", "retry/")],
)
def test_bob_finds_nothing_of_alices(api, bob, alice, dr_chen, method, path):
    record = RecordFactory(owner=alice, failed=True)
    for stranger in (bob, dr_chen):
        api.force_authenticate(stranger, token=object())
        assert getattr(api, method)(f"{URL}{record.pk}/{path}").status_code == 404
    assert api.get(URL).json()["results"] == []
    assert MoleRecord.objects.get().state == "failed"


def test_bobs_mole_does_not_exist_for_alice(api, bob):
    response = upload(api, mole=str(MoleFactory(owner=bob).pk))
    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["mole"]


@pytest.mark.parametrize("path", ["", f"{uuid.UUID(int=1)}/", f"{uuid.UUID(int=1)}/image/"])
def test_nobody_gets_in_without_logging_in(db, path):
    response = APIClient().get(URL + path)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"


def test_a_browser_session_works_with_a_csrf_token_only(alice):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.get(URL).status_code == 200
    assert upload(client).status_code == 403


def test_a_page_of_one_person_sends_nothing_as_another(alice, bob):
    client = APIClient()
    client.force_login(bob)
    answers = [upload(client, headers={"X-Page-Of": of.pseudonym}) for of in (alice, bob)]
    assert [answer.status_code for answer in answers] == [401, 201]
    assert MoleRecord.objects.get().owner == bob


def test_the_mole_is_named_as_on_the_page(api, alice):
    for _twice in range(2):
        response = upload(api, mole_name="left shoulder", body_site="shoulder")
        assert response.status_code == 201
    [mole] = alice.moles.all()
    assert (mole.name, mole.body_site, mole.records.count()) == ("left shoulder", "shoulder", 2)


def test_the_name_of_ones_own_mole_is_enough(api, alice):
    mole = MoleFactory(owner=alice, name="left shoulder", body_site="shoulder")
    assert upload(api, mole_name="Left shoulder").status_code == 201
    assert MoleRecord.objects.get().mole == mole
    # Without a place it is that one, though another has the name, too.
    other = MoleFactory(owner=alice, name="left shoulder", body_site="")
    assert upload(api, picture((301, 240)), mole_name="left shoulder").status_code == 201
    assert (mole.records.count(), other.records.count()) == (1, 1)
    assert alice.moles.count() == 2


def test_a_name_that_shows_as_another_is_refused_by_its_field(api, alice, stored_files):
    name = "left\u202etfel"
    sent = upload(api, mole_name=name)
    assert not stored_files()
    record = RecordFactory(owner=alice)
    said = api.patch(f"/api/v1/records/{record.pk}/", {"mole_name": name}, format="json")
    for response in (sent, said):
        assert response.status_code == 400
        assert [*response.json()["errors"]] == ["mole_name"]


def test_a_name_that_several_moles_have_is_refused(api, alice, stored_files):
    for site in ("back", "face"):
        MoleFactory(owner=alice, name="the dark one", body_site=site)
    response = upload(api, mole_name="the dark one")
    assert response.status_code == 400
    assert response.json()["errors"]["mole_name"][0].startswith("Several of your moles")
    assert not stored_files()
    assert upload(api, mole_name="the dark one", body_site="face").status_code == 201
    assert MoleRecord.objects.get().mole.body_site == "face"
    assert alice.moles.count() == 2


def test_a_mole_is_not_chosen_at_another_place(api, alice):
    mole = MoleFactory(owner=alice, body_site="back")
    response = upload(api, mole=mole.pk, body_site="face")
    assert response.status_code == 400
    assert "not at this place" in response.json()["errors"]["body_site"][0]
    assert not MoleRecord.objects.exists()
    assert upload(api, mole=mole.pk, body_site="back").status_code == 201


def test_a_mole_that_is_new_takes_no_other_ones_name(api, alice):
    MoleFactory(owner=alice, name="Left shoulder", body_site="shoulder")
    new = {"mole_name": "left shoulder", "body_site": "shoulder", "mole_is_new": True}
    record = upload(api, **new).json()["id"]
    assert MoleRecord.objects.get().mole.name == "left shoulder 2"
    said = api.patch(f"{URL}{record}/", new, format="json").json()
    assert alice.moles.get(pk=said["mole"]).name == "left shoulder 3"


def test_a_mole_is_chosen_or_named_not_both(api, alice):
    response = upload(api, mole=MoleFactory(owner=alice).pk, mole_name="another")
    assert response.status_code == 400
    assert "not both" in response.json()["errors"]["mole_name"][0]
    assert not MoleRecord.objects.exists()


def test_what_a_form_leaves_empty_is_not_said(api, alice):
    empty = dict.fromkeys(("mole", "mole_name", "body_site", "size_mm", "note"), "")
    assert upload(api, **empty).status_code == 201
    record = MoleRecord.objects.get()
    assert (record.mole, record.size_mm, record.note) == (None, None, "")


@pytest.mark.parametrize(
    ("fields", "origin"),
    [({}, "upload"), ({"phone_advice": ""}, "camera"), ({"phone_advice": "watch"}, "camera")],
)
def test_a_picture_is_the_cameras_also_where_that_had_said_nothing_yet(api, fields, origin):
    upload(api, **fields)
    assert MoleRecord.objects.get().origin == origin


def test_signs_that_are_denied_by_name_are_not_taken_for_noticed(api, alice):
    record = RecordFactory(owner=alice)
    said = api.patch(f"{URL}{record.pk}/", {"signs": {"bleeding": False}}, format="json")
    assert (said.status_code, [*said.json()["errors"]]) == (400, ["signs"])
    record.refresh_from_db()
    assert record.signs == []


@pytest.mark.parametrize("typed", ["0", "-2", "301", "1234", "4.55", "small", "NaN"])
def test_a_size_that_can_not_be_is_refused_as_on_the_page(api, typed):
    response = upload(api, size_mm=typed)
    assert response.status_code == 400
    assert response.json()["errors"]["size_mm"][0].startswith("Enter the size")
