"""What can't be compared with the mole's first picture says so, and takes no growth back."""

import io

import pytest
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from diagnosis.models import Change, MoleRecord
from diagnosis.moles import changes
from diagnosis.sharing import links
from tests.factories import MoleFactory, assessed, program_of

pytestmark = pytest.mark.usefixtures("known_error")
SAID = "The program could not compare this picture with the first one of this mole"
GREW = "Measured since the first picture of this mole: It grew."


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf)).pages).split())


def not_registered(picture_of, work) -> MoleRecord:
    newest = picture_of("other", 0.2, 0)
    work()
    assert newest.current_assessment.changes_until.get().result["reason"] == "not_registered"
    return newest


def given_up(picture_of, work) -> MoleRecord:
    newest = picture_of("turned", 0.2, 0)
    changes.follow(newest.mole_id)
    Change.objects.filter(result__isnull=True).update(attempts=changes.MAX_ATTEMPTS)
    work()
    return newest


fails = pytest.mark.parametrize("fail", [not_registered, given_up])


@pytest.fixture
def words(client, alice, mole):
    """What each door says of a record."""

    def read(record: MoleRecord) -> dict[str, str]:
        client.force_login(alice)
        page = client.get(reverse("diagnosis:record_detail", args=[record.pk]))
        key = links.key(links.create(owner=alice, days=7, mole=mole))
        shared = client.get(reverse("diagnosis:shared"), {"key": key})
        report = client.get(reverse("diagnosis:record_report", args=[record.pk])).content
        fhir = program_of(alice).get(f"/api/v1/fhir/DiagnosticReport/{record.pk}").json()
        return {
            "page": page.content.decode(),
            "shared": shared.content.decode().partition('<ol class="timeline shared">')[2],
            "report": text_of(report),
            "fhir": fhir["conclusion"],
        }

    return read


@fails
def test_that_it_could_not_be_compared_is_said_at_every_door(picture_of, work, words, fail):
    first = picture_of("mole", 0.2, 60)
    measured = picture_of("turned", 0.2, 30)
    work()
    newest = fail(picture_of, work)
    for door, said in words(newest).items():
        assert said.count(SAID) == 1, door
        assert "No warning sign found" in said, door
        assert GREW not in said, door
    for record in (first, measured):
        assert SAID not in words(record)["fhir"]


@fails
def test_and_by_the_api(picture_of, work, client, alice, dr_chen, fail):
    first = picture_of("mole", 0.2, 60)
    measured = picture_of("turned", 0.2, 30)
    work()
    newest = fail(picture_of, work)
    for record, is_comparable in ((first, True), (measured, True), (newest, False)):
        for name, reader in (("api-record-detail", alice), ("api-queue-detail", dr_chen)):
            client.force_login(reader)
            said = client.get(reverse(name, args=[record.pk])).json()
            assert said["is_comparable"] is is_comparable, name


@fails
def test_growth_stands_where_a_later_picture_could_not_be_compared(
    picture_of, work, words, client, alice, mole, fail
):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 30)
    work()
    calm = MoleFactory(owner=alice)
    assessed(owner=alice, mole=calm)
    newest = fail(picture_of, work)
    for door, said in words(newest).items():
        assert GREW in said, door
        assert SAID in said, door
    assert "No warning sign found" not in words(newest)["page"]
    record = program_of(alice).get(reverse("api-record-detail", args=[newest.pk])).json()
    assert (record["changes"], record["assessment"]["advice"]) == (["grew"], "doctor_weeks")
    [place] = client.get(reverse("diagnosis:moles")).context["places"]
    said = [(entry["mole"], entry["tag"]["tone"]) for entry in place["entries"]]
    assert said == [(mole, "doctor"), (calm, "calm")]


def test_growth_stands_where_a_later_picture_is_of_another_kind(picture_of, work, words):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 30)
    work()
    newest = picture_of("mole", 0.2, 0, modality="dermoscopy")
    work()
    said = words(newest)["page"]
    assert GREW in said
    assert "No warning sign found" not in said


def test_growth_stands_also_for_what_comes_after_the_first_of_another_kind(picture_of, work, words):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 50)
    picture_of("mole", 0.2, 40, modality="dermoscopy")
    work()
    unchanged = picture_of("turned", 0.2, 30, modality="dermoscopy")
    work()
    newest = not_registered(picture_of, work)
    for record in (unchanged, newest):
        said = words(record)["page"]
        assert GREW in said
        assert "No warning sign found" not in said


@fails
def test_but_not_where_one_between_them_was_measured_and_had_not_grown(
    picture_of, work, words, fail
):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 30)
    picture_of("turned", 0.2, 15)
    work()
    newest = fail(picture_of, work)
    said = words(newest)["page"]
    assert SAID in said
    assert GREW not in said


def test_growth_that_is_measured_after_that_counts_as_well(picture_of, work, sent):
    picture_of("mole", 0.2, 60)
    newest = not_registered(picture_of, work)
    assert newest.changes == []
    picture_of("turned", 0.3, 30)
    work()
    newest.refresh_from_db()
    assert newest.changes == ["grew"]


def test_the_doctors_page_and_the_shared_one_show_a_comparison_that_was_given_up(
    picture_of, work, client, alice, dr_chen, mole
):
    picture_of("mole", 0.2, 60)
    newest = given_up(picture_of, work)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[newest.pk]))
    assert "One of the pictures can’t be read." in page.content.decode()
    key = links.key(links.create(owner=alice, days=7, mole=mole))
    for name in ("shared", "shared_report"):
        answer = client.get(reverse(f"diagnosis:{name}"), {"key": key})
        said = answer.content.decode() if name == "shared" else text_of(answer.content)
        assert "One of the pictures can’t be read." in said, name


def test_growth_stands_while_the_first_of_another_kind_is_judged_anew(picture_of, work):
    picture_of("mole", 0.2, 60)
    first = picture_of("mole", 0.2, 30, modality="dermoscopy")
    later = picture_of("turned", 0.2, 10, modality="dermoscopy")
    work()
    MoleRecord.objects.filter(pk=first.pk).update(stale_since=timezone.now())
    picture_of("turned", 0.3, 40)
    work()
    later.refresh_from_db()
    assert later.changes == ["grew"]
