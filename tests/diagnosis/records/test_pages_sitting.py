"""Several pictures of one mole, as pages and programs send and show them."""

import io
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from pydicom import dcmread
from pypdf import PdfReader

from diagnosis.models import FurtherPicture, MoleRecord, Share
from diagnosis.sharing import links, report
from tests.factories import (
    PASSWORD,
    FurtherPictureFactory,
    MoleFactory,
    RecordFactory,
    assessed,
    picture,
    sitting,
)

URL = "/api/v1/records/"


def image(width: int = 300, name: str = "mole.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture((width, 240)), "image/jpeg")


def page(name: str, record: MoleRecord, *more: uuid.UUID) -> str:
    return reverse(f"diagnosis:{name}", args=[record.pk, *more])


# --- programs ------------------------------------------------------------------------------------


def test_a_program_sends_several_with_the_kind_of_each(api):
    sent = {"image": [image(300), image(310)], "modality": ["photo", "dermoscopy"]}
    response = api.post(URL, sent, format="multipart")
    assert response.status_code == 201
    record = MoleRecord.objects.get()
    assert [one.modality for one in record.pictures] == ["photo", "dermoscopy"]
    shown = response.json()["pictures"]
    assert [one["id"] for one in shown] == [str(one.pk) for one in record.pictures]
    for one in shown:
        assert api.get(one["thumbnail"]).status_code == 200
        assert api.get(one["image"])["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("sent", "field", "sentence"),
    [
        ({"image": [300, 310, 320], "modality": ["photo", "dermoscopy"]}, "modality", "once"),
        ({"image": [300, 310], "modality": ["photo", "x-ray"]}, "modality", "x-ray"),
        ({"image": [300, 301, 302, 303, 304, 305]}, "image", "at most 5"),
        ({"image": [300, 300]}, "image", "twice"),
        ({"image": []}, "image", "No file"),
    ],
)
def test_what_is_wrong_with_several_is_said_and_nothing_is_kept(api, sent, field, sentence):
    data = sent | {"image": [image(width) for width in sent["image"]]}
    response = api.post(URL, data, format="multipart")
    assert response.status_code == 400
    assert sentence in " ".join(response.json()["errors"][field])
    assert not MoleRecord.objects.exists()


def test_a_program_adds_a_picture_and_deletes_one(api, alice):
    record = assessed(owner=alice)
    added = api.post(f"{URL}{record.pk}/pictures/", {"image": image(310)}, format="multipart")
    assert added.status_code == 201
    assert len(added.json()["pictures"]) == 2
    further = FurtherPicture.objects.get()
    assert api.delete(f"{URL}{record.pk}/pictures/{further.pk}/").status_code == 204
    assert api.delete(f"{URL}{record.pk}/pictures/{further.pk}/").status_code == 404
    last = api.delete(f"{URL}{record.pk}/pictures/{record.pk}/")
    assert last.status_code == 400
    assert "only picture" in last.json()["detail"]


def test_deleting_the_first_again_leaves_the_next_to_programs_that_name_it(api, alice):
    record = sitting("benign", "benign", "benign", together="benign", owner=alice)
    address = f"{URL}{record.pk}/pictures/{record.pk}/"
    seen = {"If-Match": api.get(f"{address}image/")["ETag"]}
    assert api.delete(address, headers=seen).status_code == 204
    refused = api.delete(address, headers=seen)  # the answer was lost, and it is sent again
    assert refused.status_code == 412
    assert "another picture" in refused.json()["detail"]
    assert FurtherPicture.objects.count() == 1
    assert api.delete(address, headers={"If-Match": "*"}).status_code == 204


def test_a_full_sitting_says_so_to_programs(api, alice):
    record = assessed(owner=alice)
    FurtherPictureFactory.create_batch(4, record=record)
    refused = api.post(f"{URL}{record.pk}/pictures/", {"image": image(310)}, format="multipart")
    assert refused.status_code == 400
    assert "enough" in refused.json()["detail"]


def test_pictures_of_other_peoples_records_are_not_there(api, bob):
    record = assessed(owner=bob)
    further = FurtherPictureFactory(record=record)
    for address in (f"{URL}{record.pk}/pictures/{further.pk}/image/",):
        assert api.get(address).status_code == 404
    own = assessed(owner=api.handler._force_user)
    assert api.get(f"{URL}{own.pk}/pictures/{further.pk}/image/").status_code == 404


def test_systems_find_each_picture(api, alice):
    record = sitting("benign", "benign", "benign", together="benign", owner=alice)
    further, another = record.further.all()
    shown = api.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()
    named = [each["link"]["reference"] for each in shown["media"]]
    assert named == [f"Media/{one.pk}" for one in (record, further, another)]
    assert api.get(f"/api/v1/fhir/Media/{further.pk}").json()["id"] == str(further.pk)
    assert api.get(f"/api/v1/fhir/Binary/{further.pk}").status_code == 200
    FurtherPicture.objects.filter(pk=further.pk).update(modality="dermoscopy")
    objects = [
        dcmread(io.BytesIO(api.get(f"/api/v1/dicom/{one}/picture/").content))
        for one in (record.pk, further.pk, another.pk)
    ]
    assert len({one.SOPInstanceUID for one in objects}) == 3
    assert len({one.StudyInstanceUID for one in objects}) == 1
    own, lens, same = (one.SeriesInstanceUID for one in objects)
    assert own == same != lens  # a series is of one modality
    assert [one.InstanceNumber for one in objects] == [1, 2, 3]
    assert api.get(f"/api/v1/dicom/{record.pk}/report/").status_code == 200
    assert api.get(f"/api/v1/dicom/{uuid.uuid4()}/picture/").status_code == 404


# --- pages ---------------------------------------------------------------------------------------


def test_the_result_shows_the_one_answer_and_each_part(signed_in, alice):
    record = sitting("benign", None, "malignant_high_risk", together="benign", owner=alice)
    shown = signed_in.get(page("record_detail", record)).content.decode()
    assert "3 pictures of this mole" in shown
    assert "No warning sign found" in shown
    assert "Left out of the answer" in shown
    assert "out of focus" in shown
    assert shown.count("/thumbnail/") >= 3


def test_several_pictures_that_can_t_be_judged_are_not_called_one(signed_in, alice):
    record = sitting(None, None, together=None, owner=alice)
    shown = signed_in.get(page("record_detail", record)).content.decode()
    assert "These pictures can’t be judged" in shown
    assert "This picture can’t be judged" not in shown


def test_a_milder_answer_than_one_picture_alone_explains_itself(signed_in, alice):
    record = sitting("benign", "malignant_high_risk", together="benign", owner=alice)
    shown = signed_in.get(page("record_detail", record)).content.decode()
    assert "By itself, one of these pictures would be sent to a doctor." in shown


def test_a_milder_answer_counts_the_pictures_that_would_be_sent_to_a_doctor(signed_in, alice):
    parts = ("benign", None, "malignant_low_risk", "malignant_high_risk")
    record = sitting(*parts, together="benign", owner=alice)
    shown = signed_in.get(page("record_detail", record)).content.decode()
    assert "By themselves, 2 of these pictures would be sent to a doctor." in shown


def test_parts_are_without_words_while_they_are_looked_at_anew(signed_in, alice):
    record = sitting("benign", "malignant_high_risk", together="benign", owner=alice)
    MoleRecord.objects.update(stale_since=timezone.now())
    shown = signed_in.get(page("record_detail", record)).content.decode()
    assert "looking at the pictures again" in shown
    assert "By itself, each of them gives" not in shown


def test_a_person_adds_a_picture(signed_in, alice):
    record = assessed(owner=alice)
    asks = page("picture_new", record)
    assert asks in signed_in.get(page("record_detail", record)).content.decode()
    assert signed_in.get(asks).status_code == 200
    empty = signed_in.post(asks)
    assert empty.status_code == 400
    assert "Choose a picture" in empty.content.decode()
    broken = signed_in.post(asks, {"image": SimpleUploadedFile("x.jpg", b"no picture")})
    assert broken.status_code == 400
    done = signed_in.post(asks, {"image": image(310), "dermoscopy": "on"}, follow=True)
    assert "judged together now" in done.content.decode()
    assert FurtherPicture.objects.get().modality == "dermoscopy"


def test_a_sitting_that_is_over_offers_nothing(signed_in, alice):
    record = assessed(owner=alice)
    FurtherPictureFactory.create_batch(4, record=record)
    asks = page("picture_new", record)
    assert asks not in signed_in.get(page("record_detail", record)).content.decode()
    sent = {"image": image(310)}
    for told in (signed_in.get(asks, follow=True), signed_in.post(asks, sent, follow=True)):
        assert told.redirect_chain == [(page("record_detail", record), 302)]
        assert "which is enough" in told.content.decode()


def test_a_person_deletes_one_of_several(signed_in, alice):
    record = sitting("benign", "benign", together="benign", owner=alice)
    further = record.further.get()
    asks = page("picture_delete", record, further.pk)
    assert "other pictures stay" in signed_in.get(asks).content.decode()
    signed_in.post(asks)
    assert not FurtherPicture.objects.exists()
    assert signed_in.get(asks).status_code == 302  # of one picture, the record is deleted


@pytest.mark.parametrize("number", [0, 1])
def test_a_double_click_deletes_one_of_several_once(signed_in, alice, number):
    record = sitting("benign", "benign", "benign", together="benign", owner=alice)
    asks = page("picture_delete", record, record.pictures[number].pk)
    seen = signed_in.get(asks).context["seen"]
    for left in (2, 2, 2):
        told = signed_in.post(asks, {"seen": seen}, follow=True)
        assert "The picture is deleted." in told.content.decode()
        assert len(MoleRecord.objects.get().pictures) == left


def test_the_only_picture_left_is_not_deleted_by_a_page_from_before(signed_in, alice):
    record = sitting("benign", "benign", together="benign", owner=alice)
    pages = [page("picture_delete", record, one.pk) for one in record.pictures]
    seen = [signed_in.get(asks).context["seen"] for asks in pages]
    signed_in.post(pages[1], {"seen": seen[1]})
    told = signed_in.post(pages[0], {"seen": seen[0]}, follow=True)
    assert "This is the only picture. Delete the record instead." in told.content.decode()
    assert MoleRecord.objects.exists()


@pytest.mark.parametrize(
    ("name", "one", "several"),
    [
        ("record_delete", "Delete this picture?", "Delete these 3 pictures?"),
        ("record_delete", "The picture of ", "All 3 pictures of "),
        ("record_share", "this picture with its result", "these 3 pictures with their result"),
    ],
)
def test_all_pictures_are_named_where_all_go_or_are_shared(signed_in, alice, name, one, several):
    alone, together = (
        assessed(owner=alice),
        sitting(*["benign"] * 3, together="benign", owner=alice),
    )
    for record, said in ((alone, one), (together, several)):
        assert said in signed_in.get(page(name, record)).content.decode()


def test_a_deleted_record_of_several_tells_that_its_pictures_are_deleted(signed_in, alice):
    record = sitting("benign", "benign", together="benign", owner=alice)
    signed_in.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    told = signed_in.post(page("record_delete", record), follow=True).content.decode()
    assert "The pictures and their result are deleted." in told


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("failed", "Your pictures are kept."),
        ("running", "The program is looking at them now."),
    ],
)
def test_what_waits_or_failed_with_several_pictures_names_them_all(signed_in, alice, state, said):
    record = RecordFactory(owner=alice, **{state: True})
    FurtherPictureFactory(record=record)
    assert said in signed_in.get(page("record_detail", record)).content.decode()


def test_lists_have_one_row_for_all_pictures(signed_in, alice):
    mole = MoleFactory(owner=alice)
    sitting("benign", "benign", "benign", together="benign", owner=alice, mole=mole)
    for address in (reverse("diagnosis:history"), reverse("diagnosis:mole_detail", args=[mole.pk])):
        shown = signed_in.get(address).content.decode()
        assert shown.count("3 pictures together") == 1


def test_history_asks_the_database_as_often_with_many(
    signed_in, alice, django_assert_max_num_queries
):
    address = reverse("diagnosis:history")
    sitting("benign", "benign", together="benign", owner=alice)
    signed_in.get(address)
    for _record in range(4):
        sitting("benign", "benign", together="benign", owner=alice)
    with django_assert_max_num_queries(20):
        signed_in.get(address)


def test_doctors_see_all_pictures_and_not_the_answer_when_blind(client, alice, dr_chen):
    record = sitting("benign", "malignant_high_risk", together="benign", owner=alice)
    further = record.further.get()
    client.force_login(dr_chen)
    shown = client.get(f"/admin/diagnosis/molerecord/{record.pk}/change/").content.decode()
    address = f"/admin/diagnosis/molerecord/{record.pk}/pictures/{further.pk}/image/"
    assert address in shown
    assert client.get(address).status_code == 200
    assert "By itself, each of them gives" in shown
    dr_chen.doctor_profile = type(dr_chen).doctor_profile.related.related_model(
        user=dr_chen, blind_review=True
    )
    dr_chen.doctor_profile.save()
    blind = client.get(f"/admin/diagnosis/molerecord/{record.pk}/change/").content.decode()
    assert address in blind
    client.session.flush()


def test_nobody_says_that_pictures_judged_together_were_judged_one_by_one(signed_in, alice):
    mole = MoleFactory(owner=alice)
    record = sitting("benign", "benign", together="benign", owner=alice, mole=mole)
    share = links.create(owner=alice, days=7, record=record)
    pdf = signed_in.get(page("record_report", record)).content
    for shown in (
        signed_in.get(reverse("diagnosis:mole_detail", args=[mole.pk])).content.decode(),
        signed_in.get(reverse("diagnosis:shared"), {"key": links.key(share)}).content.decode(),
        PdfReader(io.BytesIO(pdf)).pages[0].extract_text(),
    ):
        assert "by itself, or together where they were taken together" in " ".join(shown.split())


def test_a_link_opens_all_pictures_of_its_record_only(client, alice):
    record = sitting("benign", "benign", "benign", together="benign", owner=alice)
    other = FurtherPictureFactory(record=assessed(owner=alice))
    share = links.create(owner=alice, days=7, record=record)
    key = links.key(share)
    assert Share.objects.count() == 1
    shown = client.get(reverse("diagnosis:shared"), {"key": key}).content.decode()
    assert "judged with it" in shown
    for one in record.pictures:
        address = reverse("diagnosis:shared_image", args=[one.pk])
        assert client.get(address, {"key": key}).status_code == 200
    foreign = reverse("diagnosis:shared_image", args=[other.pk])
    assert client.get(foreign, {"key": key}).status_code == 404


def test_the_report_holds_all_pictures(alice):
    several = sitting("benign", None, together="benign", owner=alice)
    alone = assessed(owner=alice)
    sizes = [len(report.write(person=alice, records=[one])) for one in (several, alone)]
    assert sizes[0] > sizes[1]
