"""The upload page: one record for one request, and what is refused keeps what is typed."""

import uuid
from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.urls import reverse

from diagnosis import limits, media
from diagnosis.models import Mole, MoleRecord
from diagnosis.records import demos, pictures
from tests.diagnosis.records.bad_pictures import BAD
from tests.factories import MoleFactory, RecordFactory, picture

NEW = reverse("diagnosis:record_new")


@pytest.fixture
def send(client, alice):
    """send(note="…"): alice posts the form, with a good picture unless told otherwise."""
    client.force_login(alice)

    def post(data: bytes | None = None, headers: dict | None = None, **fields):
        image = SimpleUploadedFile("mole.jpg", picture() if data is None else data, "image/jpeg")
        return client.post(NEW, {"image": image, "key": uuid.uuid4()} | fields, headers=headers)

    return post


def test_a_picture_leads_to_its_result(send, alice):
    response = send(dermoscopy="on", signs=["bleeding"], note="since May")
    record = MoleRecord.objects.get()
    assert response.url == reverse("diagnosis:record_detail", args=[record.pk])
    assert (record.owner, record.modality) == (alice, "dermoscopy")
    assert (record.signs, record.note) == (["bleeding"], "since May")


def test_a_new_mole_is_added_with_its_name_and_place(send, alice):
    send(name="left shoulder", body_site="shoulder")
    mole = MoleRecord.objects.get().mole
    assert (mole.owner, mole.name, mole.body_site) == (alice, "left shoulder", "shoulder")


def test_a_place_alone_names_the_mole(send):
    send(body_site="lower_leg")
    assert MoleRecord.objects.get().mole.name == "Lower leg"


def test_another_mole_at_a_place_is_another_one(send, alice):
    MoleFactory(owner=alice, name="lower leg 2", body_site="")
    for width in (300, 301):
        send(picture((width, 240)), body_site="lower_leg")
    found = Mole.objects.filter(body_site="lower_leg").order_by("created_at")
    assert [(mole.name, mole.records.count()) for mole in found] == [
        ("Lower leg", 1),
        ("Lower leg 3", 1),
    ]


def test_the_same_name_and_place_are_the_same_mole(send):
    send(name="left shoulder", body_site="shoulder")
    send(picture((301, 240)), name="Left shoulder", body_site="shoulder")
    assert Mole.objects.get().records.count() == 2


def test_an_earlier_mole_is_chosen(send, alice):
    mole = MoleFactory(owner=alice)
    send(mole=mole.pk)
    assert MoleRecord.objects.get().mole == mole


def test_a_link_from_a_mole_chooses_it(client, alice):
    mole = MoleFactory(owner=alice)
    client.force_login(alice)
    form = client.get(NEW, {"mole": mole.pk}).context["form"]
    assert form["mole"].value() == str(mole.pk)


def test_alice_can_not_choose_the_mole_of_bob(send, bob):
    response = send(mole=MoleFactory(owner=bob).pk)
    assert response.status_code == 400
    assert "mole" in response.context["form"].errors


def test_a_mole_is_chosen_or_named_not_both(send, alice):
    response = send(mole=MoleFactory(owner=alice).pk, name="another")
    assert response.status_code == 400
    assert "not both" in response.content.decode()
    assert not MoleRecord.objects.exists()


def test_what_names_no_mole_or_another_place_is_said_beside_the_field(send, client, alice):
    for site in ("back", "face"):
        mole = MoleFactory(owner=alice, name="the dark one", body_site=site)
    answers = reverse("diagnosis:record_answers", args=[RecordFactory(owner=alice).pk])
    for fields, field in (
        ({"name": "the dark one"}, "name"),
        ({"mole": mole.pk, "body_site": "back"}, "body_site"),
    ):
        for response in (send(**fields), client.post(answers, fields)):
            assert response.status_code == 400
            assert list(response.context["form"].errors) == [field]
    assert not MoleRecord.objects.get().mole
    assert alice.moles.count() == 2


@pytest.mark.parametrize("fields", [{"name": "left shoulder"}, {"body_site": "back"}], ids=str)
def test_sent_twice_it_is_one_record_and_one_mole(send, fields):
    key = uuid.uuid4()
    assert send(key=key, **fields).url == send(key=key, **fields).url
    assert MoleRecord.objects.count() == Mole.objects.count() == 1


def test_without_a_picture_the_page_asks_for_one(client, alice):
    client.force_login(alice)
    response = client.post(NEW, {"key": uuid.uuid4()})
    assert response.status_code == 400
    assert '<a href="#id_image">Choose a picture of the mole.</a>' in response.content.decode()


@pytest.mark.parametrize(("data", "status", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_file_is_named_and_what_is_typed_stays(send, stored_files, data, status, sentence):
    response = send(data(), note="since May", signs=["itching"], name="left shoulder")
    page = response.content.decode()
    assert response.status_code == status
    assert "There is a problem" in page
    assert sentence in page
    assert "since May" in page
    assert 'value="left shoulder"' in page
    assert response.context["form"]["signs"].value() == ["itching"]
    assert not MoleRecord.objects.exists()
    assert not Mole.objects.exists()
    assert not stored_files()


@pytest.mark.parametrize("name", demos.NAMES)
def test_a_demo_picture_takes_one_click_and_says_what_it_is(client, alice, name):
    client.force_login(alice)
    key = client.get(NEW).context["demo_form"]["key"].value()
    response = client.post(NEW, {"demo": name, "key": key})
    record = MoleRecord.objects.get()
    assert response.url == reverse("diagnosis:record_detail", args=[record.pk])
    assert "drawn by the computer" in record.note
    assert record.origin == "demo"


def test_an_unknown_demo_picture_is_refused(client, alice):
    client.force_login(alice)
    assert client.post(NEW, {"demo": "nothing", "key": uuid.uuid4()}).status_code == 400
    assert client.get("/demo/nothing.jpg").status_code == 404


@pytest.mark.parametrize(
    ("why", "status", "sentence"),
    [
        ("quota", 400, "as many pictures here as one person may"),
        ("many", 429, "Too many requests"),
        ("busy", 503, "Too many requests"),
        ("full", 507, "There is no room for new pictures."),
    ],
)
def test_a_demo_picture_that_is_refused_says_why(
    client, alice, settings, monkeypatch, why, status, sentence
):
    match why:
        case "quota":
            settings.MAX_RECORDS = 0
        case "many":
            settings.LIMITS = {"uploads": (0, 3600)}
        case "busy":
            monkeypatch.setattr(pictures, "reencode", Mock(side_effect=limits.Busy(5)))
        case "full":
            monkeypatch.setattr(media, "trouble", lambda: "full")
    client.force_login(alice)
    response = client.post(NEW, {"demo": "even_mole", "key": uuid.uuid4()})
    assert response.status_code == status
    assert sentence in response.content.decode()
    assert not MoleRecord.objects.exists()


@pytest.mark.parametrize("name", ["left\u200bshoulder", "left\u202eshoulder"])
def test_a_name_with_signs_that_nobody_sees_is_refused(send, stored_files, name):
    response = send(name=name, note="since May")
    assert response.status_code == 400
    assert response.context["form"].errors["name"] == ["Use letters and signs that can be seen."]
    assert "since May" in response.content.decode()
    assert not stored_files()


@pytest.mark.parametrize(("typed", "stored"), [("", None), ("4", 4), ("4.5", Decimal("4.5"))])
def test_the_size_is_kept_in_millimetres(send, typed, stored):
    send(size_mm=typed)
    assert MoleRecord.objects.get().size_mm == stored


def test_a_size_is_typed_as_its_language_writes_it(send, client):
    client.cookies["django_language"] = "fr"
    send(size_mm="4,5")
    assert MoleRecord.objects.get().size_mm == Decimal("4.5")


@pytest.mark.parametrize("typed", ["0", "-2", "301", "4.55", "small", "NaN", "5-6", "4 mm"])
def test_a_size_that_can_not_be_is_refused(send, typed):
    response = send(size_mm=typed)
    assert response.status_code == 400
    [error] = response.context["form"].errors["size_mm"]
    assert error.startswith("Enter the size")
    assert not MoleRecord.objects.exists()


def test_a_mole_is_not_added_when_the_record_can_not_be(send, stored_files, monkeypatch):
    def full_disk(self, **kwargs):
        raise DatabaseError("disk full")

    monkeypatch.setattr(MoleRecord, "save", full_disk)
    with pytest.raises(DatabaseError):
        send(name="left shoulder")
    assert not Mole.objects.exists()
    assert not stored_files()
