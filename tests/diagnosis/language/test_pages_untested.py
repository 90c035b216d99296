"""A result says when nothing like its picture was tested, and why it says what it says."""

import html
import io
import re
from datetime import date, timedelta

import pydicom
import pytest
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from pypdf import PdfReader
from rest_framework.test import APIClient

from diagnosis.language import frequencies
from diagnosis.models import Assessment, MoleRecord
from diagnosis.moles import changes
from diagnosis.sharing import links
from tests.factories import (
    MoleFactory,
    ReviewFactory,
    UserFactory,
    answer,
    assessed,
    in_state,
    program_of,
    sitting,
)

SHARED = reverse_lazy("diagnosis:shared")
TOO_LITTLE = "No warning sign found, but too little tested on moles like this"
CALLOUT = "This was not tested on pictures like yours"


def page(client, record) -> str:
    client.force_login(record.owner)
    return client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()


@pytest.mark.parametrize("body_site", ["nail", "palm", "sole", "mucosa", "genital"])
def test_places_that_the_test_pictures_lack(client, alice, body_site):
    mole = MoleFactory(owner=alice, body_site=body_site)
    assert CALLOUT in page(client, assessed(owner=alice, mole=mole))


def test_children(client, db):
    born = timezone.localdate() - timedelta(days=17 * 365)
    child = UserFactory(date_of_birth=born)
    assert CALLOUT in page(client, assessed(owner=child))
    # Nobody knows of whom a clinic's pictures are.
    assert CALLOUT not in page(client, assessed(owner=child, origin="import"))


def test_dark_skin(client, alice):
    record = assessed(owner=alice)
    Assessment.objects.filter(record=record).update(warnings=["dark_skin"])
    text = page(client, record)
    assert CALLOUT in text
    assert "A better picture could give a surer answer" not in text


def on_its_page(client, record, dr_chen) -> str:
    return page(client, record)


def behind_a_link(client, record, dr_chen) -> str:
    share = links.create(owner=record.owner, days=7, record=record)
    return client.get(reverse("diagnosis:shared"), {"key": links.key(share)}).content.decode()


def in_the_report(client, record, dr_chen) -> str:
    client.force_login(record.owner)
    pdf = client.get(reverse("diagnosis:record_report", args=[record.pk]))
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)


def by_fhir(client, record, dr_chen) -> str:
    program = APIClient()
    program.force_authenticate(record.owner)
    return program.get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()["conclusion"]


def before_a_doctor(client, record, dr_chen) -> str:
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    return client.get(address, {"model": "1"}).content.decode()


def in_a_list(client, record, dr_chen) -> str:
    client.force_login(record.owner)
    return client.get(reverse("diagnosis:history")).content.decode()


def by_dicom(client, record, dr_chen) -> str:
    program = APIClient()
    program.force_authenticate(record.owner)
    file = program.get(reverse("api-dicom-report", args=[record.pk]))
    return pydicom.dcmread(io.BytesIO(file.content)).to_json()


DOORS = [on_its_page, behind_a_link, in_the_report, by_fhir]


def said_at(door, *given) -> str:
    return " ".join(html.unescape(door(*given)).split())


@pytest.mark.parametrize("door", [*DOORS, before_a_doctor])
def test_what_was_not_tested_is_said_at_every_door(client, alice, dr_chen, door):
    nail = assessed(owner=alice, mole=MoleFactory(owner=alice, body_site="nail"))
    assert "It was not tested on nails." in said_at(door, client, nail, dr_chen)
    alice.date_of_birth = timezone.localdate() - timedelta(days=17 * 365)
    alice.save()
    assert "It was tested on adults only." in said_at(door, client, nail, dr_chen)


@pytest.mark.parametrize("door", [*DOORS, before_a_doctor])
def test_so_is_dark_skin(client, alice, dr_chen, door):
    record = assessed(owner=alice)
    Assessment.objects.update(warnings=["dark_skin", "touches_edge"])
    said = said_at(door, client, record, dr_chen)
    assert "The skin looks dark." in said
    assert "Part of the mole lies outside the picture." in said


@pytest.mark.parametrize("door", DOORS)
def test_no_calm_heading_stands_without_what_was_not_tested(client, alice, dr_chen, door):
    nail = assessed(owner=alice, mole=MoleFactory(owner=alice, body_site="nail"))
    assert TOO_LITTLE in said_at(door, client, nail, dr_chen)


def test_no_calm_tag_title_or_announcement_stands_without_what_was_not_tested(client, alice):
    mole = MoleFactory(owner=alice, body_site="sole")
    record = assessed(owner=alice, mole=mole)
    assert f"<title>{TOO_LITTLE}" in page(client, record)
    state = reverse("diagnosis:record_state", args=[record.pk])
    fragment = client.get(state, headers={"hx-request": "true"}).content.decode()
    assert re.search(rf"The result is ready:\s+{TOO_LITTLE}", fragment)
    lists = [reverse("diagnosis:history"), reverse("diagnosis:moles")]
    for address in (*lists, reverse("diagnosis:mole_detail", args=[mole.pk])):
        assert TOO_LITTLE in client.get(address).content.decode()


@pytest.mark.parametrize("door", [on_its_page, behind_a_link, in_a_list])
@pytest.mark.parametrize("pictures", [1, 2])
@pytest.mark.parametrize("why", ["nail", "minor", "dark skin", ""])
def test_nothing_green_stands_where_too_little_was_tested(
    client, alice, dr_chen, door, pictures, why
):
    if why == "minor":
        alice.date_of_birth = timezone.localdate() - timedelta(days=10 * 365)
        alice.save()
    mole = MoleFactory(owner=alice, body_site="nail" if why == "nail" else "back")
    record = sitting(*["benign"] * pictures, together="benign", owner=alice, mole=mole)
    if why == "dark skin":
        for assessment in Assessment.objects.all():
            assessment.warnings = ["dark_skin"]
            for part in assessment.pictures:
                part["warnings"] = ["dark_skin"]
            assessment.save()
    assert ('data-tone="calm"' in said_at(door, client, record, dr_chen)) is (not why)


@pytest.mark.parametrize("door", [on_its_page, behind_a_link, in_the_report])
def test_no_part_is_calmer_than_the_whole_may_be(client, alice, dr_chen, door):
    mole = MoleFactory(owner=alice, body_site="nail")
    record = sitting("benign", "benign", together="benign", owner=alice, mole=mole)
    said = said_at(door, client, record, dr_chen)
    assert "No warning sign found" in said
    assert not re.search(r"No warning sign found(?!, but)", said)


@pytest.mark.parametrize("door", [on_its_page, behind_a_link, in_the_report])
def test_no_part_is_calm_before_the_comparison(client, alice, dr_chen, door):
    mole = MoleFactory(owner=alice)
    assessed(owner=alice, mole=mole)
    record = sitting("benign", "benign", together="benign", owner=alice, mole=mole)
    changes.follow_later(mole.pk)  # as with the answer, and not done yet
    said = said_at(door, client, record, dr_chen)
    assert said.count("No warning sign in the picture so far") >= 2
    assert "No warning sign found" not in said


@pytest.mark.parametrize("door", DOORS)
def test_why_it_says_so_stands_at_every_door(client, alice, dr_chen, door):
    record = assessed(owner=alice, signs=["bleeding"])
    Assessment.objects.update(uncertain=True, advice="doctor_weeks")
    said = said_at(door, client, record, dr_chen)
    assert "You told us: it bleeds." in said
    assert "The program is not sure about this picture." in said


@pytest.mark.parametrize("door", DOORS)
def test_that_one_of_several_pictures_says_more_stands_at_every_door(client, alice, dr_chen, door):
    record = sitting("benign", "malignant_high_risk", together="benign", owner=alice)
    said = said_at(door, client, record, dr_chen)
    assert "By itself, one of these pictures would be sent to a doctor." in said


@pytest.mark.parametrize("door", [*DOORS, before_a_doctor])
def test_what_a_better_picture_could_tell_is_said_at_every_door(client, alice, dr_chen, door):
    record = assessed(owner=alice)
    Assessment.objects.update(warnings=["several_lesions", "touches_edge"])
    said = said_at(door, client, record, dr_chen)
    assert "There may be more than one mole in the picture." in said
    assert "Part of the mole lies outside the picture." in said


def test_what_can_t_be_judged_has_reasons_and_no_warnings(client, alice, dr_chen):
    record = assessed(None, owner=alice)
    Assessment.objects.update(warnings=["touches_edge"])
    said = said_at(by_fhir, client, record, dr_chen)
    assert "out of focus" in said
    assert "Part of the mole" not in said


@pytest.mark.parametrize("kind", ["queued", "failed", "unusable"])
def test_whose_word_it_is_stands_there_without_an_answer_too(client, alice, dr_chen, kind):
    record = in_state(kind, owner=alice, signs=["bleeding"])
    assert "What the program says" not in page(client, record)
    ReviewFactory(record=record, doctor=dr_chen)
    words = page(client, record)
    order = ("No visit needed</span>", "What the program says", "You told us: it bleeds.")
    assert sorted(order, key=words.index) == list(order)
    key = links.key(links.create(owner=alice, days=7, record=record))
    assert "Doctor: No visit needed" not in client.get(SHARED, {"key": key}).content.decode()
    api = f"/api/v1/records/{record.pk}/"
    said = {"signs": ["bleeding", "growing"]}
    assert client.patch(api, said, content_type="application/json").status_code == 200
    assert "This record waits for a doctor again." in page(client, record)


def test_an_earlier_version_said_what_it_warned_of(client, alice):
    record = assessed(owner=alice)
    older = answer(model_version="older", warnings=["touches_edge"])
    Assessment.objects.create(record=record, **older)
    earlier = page(client, record).partition("What earlier versions said")[2]
    assert "Part of the mole lies outside the picture." in earlier


@pytest.mark.parametrize("door", [behind_a_link, in_the_report, by_fhir, before_a_doctor])
def test_that_it_is_judged_again_is_said_at_every_door(client, alice, dr_chen, door):
    record = sitting("benign", "malignant_high_risk", together="malignant_high_risk", owner=alice)
    again = "The program is judging the mole again."
    assert again not in said_at(door, client, record, dr_chen)
    MoleRecord.objects.update(stale_since=timezone.now())
    record.refresh_from_db()
    said = said_at(door, client, record, dr_chen)
    assert again in said
    assert "By itself, each of them gives" not in said


@pytest.mark.parametrize("door", [*DOORS, before_a_doctor, in_a_list, by_dicom])
@pytest.mark.parametrize("why", ["for an hour", "not judged here"])
def test_what_will_not_be_counted_is_not_called_so_far(
    client, alice, dr_chen, monkeypatch, door, why
):
    is_long = why == "for an hour"
    card = {"thresholds": {"photo" if is_long else "dermoscopy": {}}}
    monkeypatch.setattr(frequencies, "release", lambda: card)
    since = timezone.now() - timedelta(hours=1 if is_long else 0)
    record = assessed(owner=alice, stale_since=since)
    said = said_at(door, client, record, dr_chen)
    assert "No warning sign, but what was changed since is not counted" in said
    for untrue in ("so far", "is judging the mole again", "No warning sign found", "in a month"):
        assert untrue not in said
    if door not in (on_its_page, in_a_list):  # her page says it to her
        assert "The program has not been able to judge the mole again" in said


@pytest.mark.parametrize("why", ["for an hour", "not judged here", "one is not judged here"])
def test_programs_are_told_what_will_not_be_counted(alice, dr_chen, monkeypatch, why):
    card = {"thresholds": {"photo": {}, "dermoscopy": {}}}
    monkeypatch.setattr(frequencies, "release", lambda: card)
    record = sitting("benign", "benign", together="benign", owner=alice)

    def told() -> set[tuple[bool, bool]]:
        of_both = ((program_of(alice), "record"), (program_of(dr_chen), "queue"))
        said = [
            client.get(reverse(f"api-{room}-detail", args=[record.pk])).json()
            for client, room in of_both
        ] + [
            client.get(reverse(f"api-{room}-list")).json()["results"][0] for client, room in of_both
        ]
        return {(each["is_stale"], each["is_left_uncounted"]) for each in said}

    assert told() == {(False, False)}
    MoleRecord.objects.update(stale_since=timezone.now())
    assert told() == {(True, False)}
    if why == "for an hour":
        MoleRecord.objects.update(stale_since=timezone.now() - timedelta(hours=1))
    else:
        del card["thresholds"]["dermoscopy"]
        pictures = MoleRecord.objects.get().pictures
        pictures["one" in why].modality = "dermoscopy"
        pictures["one" in why].save()
    assert told() == {(True, True)}


def test_that_it_is_not_judged_again_is_news_for_systems(alice):
    long_ago = timezone.now() - timedelta(minutes=90)
    record = assessed(owner=alice, stale_since=long_ago)
    record.assessments.update(created_at=long_ago)
    MoleRecord.objects.update(created_at=long_ago, finished_at=long_ago)
    since = (timezone.now() - timedelta(minutes=45)).isoformat().replace("+00:00", "Z")
    program = APIClient()
    program.force_authenticate(alice)
    reports = "/api/v1/fhir/DiagnosticReport"
    found = program.get(reports, {"_lastUpdated": f"ge{since}"}).json()
    assert found["total"] == 1
    assert program.get(f"{reports}/{record.pk}").json()["meta"]["lastUpdated"] > since


def test_that_it_is_judged_again_is_news_for_systems_that_keep_what_it_was(alice):
    record = assessed(owner=alice)
    program = APIClient()
    program.force_authenticate(alice)
    address = f"/api/v1/fhir/DiagnosticReport/{record.pk}"
    before = program.get(address).json()["meta"]["lastUpdated"]
    MoleRecord.objects.update(stale_since=timezone.now())
    assert program.get(address).json()["meta"]["lastUpdated"] > before


def test_a_grown_up_s_back_was_tested(client, db):
    alice = UserFactory(date_of_birth=date(1980, 1, 1))
    mole = MoleFactory(owner=alice, body_site="back")
    assert CALLOUT not in page(client, assessed(owner=alice, mole=mole))
