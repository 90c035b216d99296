"""What changed between a mole's pictures: asked for, measured by a worker, said on every page."""

import html
import io
import json
import math
import re
import uuid
import zipfile
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import OutgoingMail
from diagnosis.models import Assessment, Change, MoleRecord, Webhook, WebhookDelivery
from diagnosis.moles import changes, edits
from diagnosis.own_data import archive
from diagnosis.records import answers, uploads
from diagnosis.reviews.models import DoctorProfile
from diagnosis.sharing import links
from ml import taxonomy
from ml.change import limits
from tests.factories import DAYS, PASSWORD, RecordFactory, ReviewFactory, spoil

pytestmark = pytest.mark.usefixtures("known_error")


def test_growth_is_measured_and_sends_to_a_doctor(picture_of, work, see, client):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    later.refresh_from_db()
    assert later.changes == ["grew"]
    assert later.danger == MoleRecord.Danger.TO_BE_SEEN
    shown = see()
    assert "It changed. Show it to a doctor within a few weeks." in shown
    assert "Of 100 moles that did not change, this is said of about 5." in shown
    assert 'transform="matrix(' in shown
    record_page = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "Measured since the first picture of this mole: It grew." in record_page
    assert "Should be seen by a doctor" in record_page
    assert "No warning sign found" not in record_page


@pytest.mark.parametrize(
    ("category", "radius", "said", "tone"),
    [
        (taxonomy.HIGH_RISK, 0.3, "It changed. Show it to a doctor within a few days.", "soon"),
        (taxonomy.HIGH_RISK, 0.2, "No change that the program can tell", "neutral"),
        (taxonomy.BENIGN, 0.2, "No change that the program can tell", "calm"),
    ],
)
def test_a_change_is_said_of_no_calmer_than_the_picture_is(
    picture_of, work, see, client, mole, category, radius, said, tone
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", radius, 0, category=category)
    work()
    share = links.create(owner=mole.owner, days=7, mole=mole)
    link = client.get(reverse("diagnosis:shared"), {"key": links.key(share)}).content.decode()
    asked = {"after": str(later.pk), "page": 1}
    for page in (see(), see(**asked), link):
        box = re.search(r'<div class="change" data-tone="(\w+)">(.+?)</div>', page, re.DOTALL)
        assert box[1] == tone
        assert said in box[2]
        needs_a_doctor = category != taxonomy.BENIGN and tone != "soon"
        assert ("The later picture should be seen by a doctor" in box[2]) is needs_a_doctor


@pytest.mark.parametrize(
    ("radius", "said", "besides"),
    [
        (0.3, "It changed. Show it to a doctor within a few days.", False),
        (0.2, "No change that the program can tell", True),
    ],
)
@pytest.mark.parametrize("by", ["the program", "a doctor"])
def test_nor_before_a_doctor(picture_of, work, client, dr_chen, radius, said, besides, by):
    picture_of("mole", 0.2, 60)
    category = taxonomy.HIGH_RISK if by == "the program" else taxonomy.BENIGN
    later = picture_of("turned", radius, 0, category=category)
    work()
    if by == "a doctor":
        ReviewFactory(record=later, **DAYS)
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
    page = client.get(address).content.decode()
    assert said in page
    assert ("The later picture should be seen by a doctor" in page) is besides


@pytest.mark.parametrize("radius", [0.2, 0.3])
def test_no_tick_stands_where_even_growth_could_not_be_told(picture_of, work, see, radius):
    picture_of("mole", 0.2, 60)
    picture_of("turned", radius, 0)
    work()
    change = Change.objects.get()
    change.result["on_skin"] = 4
    change.save()
    box = re.search(r'<div class="change" data-tone="(\w+)">(.+?)</div>', see(), re.DOTALL)
    is_grown = change.result["changes"] == ["grew"]  # by a marker in both pictures
    assert box[1] == ("doctor" if is_grown else "neutral")
    assert ("Hardly anything on the skin" in box[2]) is not is_grown


@pytest.mark.parametrize(
    ("sizes", "is_said"), [(("4.0", "9.0"), True), (("4.0", "5.0"), False), (("9.0", "4.0"), False)]
)
def test_growth_that_its_person_measured_is_not_called_unchanged_alone(
    picture_of, work, see, client, mole, sizes, is_said
):
    picture_of("mole", 0.2, 60, size_mm=sizes[0])
    later = picture_of("turned", 0.2, 0, size_mm=sizes[1])
    work()
    later.refresh_from_db()
    assert later.changes == []  # of a measurement by hand, no error is known
    share = links.create(owner=mole.owner, days=7, mole=mole)
    link = client.get(reverse("diagnosis:shared"), {"key": links.key(share)}).content.decode()
    for page in (see(), link):
        box = re.search(r'<div class="change" data-tone="(\w+)">(.+?)</div>', page, re.DOTALL)
        assert box[1] == ("neutral" if is_said else "calm")
        assert ("Measured by hand: 4.0 mm, and later 9.0 mm." in box[2]) is is_said


def test_what_fails_after_a_record_is_deleted_is_logged(
    picture_of, client, monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def broken(_mole_id):
        raise RuntimeError("odd")

    record = picture_of("mole", 0.2, 60)
    monkeypatch.setattr(changes, "follow", broken)
    client.force_login(record.owner)
    address = reverse("diagnosis:record_delete", args=[record.pk])
    asked = client.post(address)  # for the password
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(asked.url, {"password": PASSWORD, "next": address})
    assert answer.url == reverse("diagnosis:history")
    assert not MoleRecord.objects.filter(pk=record.pk).exists()
    assert "odd" in caplog.text


def test_a_first_picture_without_an_outline_hides_no_growth(picture_of, work, see, alice):
    """As where the first of several pictures taken together is out of focus."""
    first = picture_of("mole", 0.2, 90)
    first.assessments.update(outline=None)
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    later.refresh_from_db()
    assert later.changes == ["grew"]
    assert "It changed. Show it to a doctor within a few weeks." in see()
    # The picture that will have an outline again once it is looked at anew is the first one still.
    MoleRecord.objects.filter(pk=first.pk).update(stale_since=timezone.now())
    work()
    assert Change.objects.filter(before__record=first, after__record=later).exists()
    later.refresh_from_db()
    assert later.changes == ["grew"]


def test_nothing_is_calm_before_it_is_compared(picture_of, work, client, alice, sent):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "No warning sign in the picture so far" in page
    assert "No warning sign found" not in page
    address = f"{reverse('diagnosis:record_state', args=[later.pk])}?comparing=1"
    part = client.get(address, headers={"HX-Request": "true"})
    assert "HX-Retarget" not in part
    assert "is comparing" in part.content.decode()
    for door in (
        reverse("diagnosis:history"),
        reverse("diagnosis:moles"),
        reverse("diagnosis:mole_detail", args=[later.mole_id]),
        f"/api/v1/fhir/DiagnosticReport/{later.pk}",
        f"/api/v1/fhir/Observation/risk-category-{later.pk}",
    ):
        said = client.get(door).content.decode()
        assert "No warning sign in the picture so far" in said, door
        if str(later.pk) in door:  # the first one is compared with nothing
            assert "No warning sign found" not in said, door
    report = client.get(reverse("diagnosis:record_report", args=[later.pk])).content
    assert "so far" in "".join(each.extract_text() for each in PdfReader(io.BytesIO(report)).pages)
    rest = reverse("api-record-detail", args=[later.pk])
    assert not client.get(rest).json()["is_compared"]
    changes.run(Change.objects.get().pk)
    work()
    assert client.get(rest).json()["is_compared"]
    whole = client.get(address, headers={"HX-Request": "true"})
    assert whole["HX-Retarget"] == "#answer"
    assert "Should be seen by a doctor" in whole.content.decode()


def test_nor_for_a_doctor(picture_of, client, dr_chen, sent):
    first = picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    client.force_login(dr_chen)
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk]))
    assert page.context["advice"] == "No warning sign in the picture so far"
    for record, is_compared in ((first, True), (later, False)):
        said = client.get(reverse("api-queue-detail", args=[record.pk])).json()
        assert said["is_compared"] is is_compared


@pytest.mark.parametrize("stale", ["first", "later"])
def test_nor_while_a_picture_of_the_two_is_judged_anew(picture_of, client, alice, sent, stale):
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    record = first if stale == "first" else later
    MoleRecord.objects.filter(pk=record.pk).update(stale_since=timezone.now())
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "No warning sign in the picture so far" in page


def test_nor_while_the_earlier_picture_waits_for_its_answer(picture_of, mole, client, alice, sent):
    earlier = RecordFactory(owner=alice, mole=mole)
    MoleRecord.objects.filter(pk=earlier.pk).update(created_at=timezone.now() - timedelta(days=1))
    later = picture_of("turned", 0.3, 0)
    MoleRecord.objects.filter(pk=later.pk).update(finished_at=timezone.now())
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "No warning sign in the picture so far" in page


def test_a_picture_after_one_without_an_outline_waits_for_nothing(picture_of, client, alice, sent):
    """Else it was calm once the mole is followed, and no program heard of it."""
    picture_of("mole", 0.2, 60).assessments.update(outline=None)
    later = picture_of("turned", 0.3, 0)
    changes.follow_later(later.mole_id)
    client.force_login(alice)
    assert client.get(reverse("api-record-detail", args=[later.pk])).json()["is_compared"]


def test_systems_hear_that_a_picture_is_compared_and_nothing_was_found(
    picture_of, client, alice, sent, django_capture_on_commit_callbacks
):
    """They may have read “so far” by then."""
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.2, 0)
    changes.follow(later.mole_id)
    client.force_login(alice)
    address = f"/api/v1/fhir/DiagnosticReport/{later.pk}"
    Assessment.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    before = client.get(address).json()["meta"]["lastUpdated"]
    with django_capture_on_commit_callbacks(execute=True):
        changes.run(Change.objects.get().pk)
    assert MoleRecord.objects.get(pk=later.pk).changes == []
    assert client.get(address).json()["meta"]["lastUpdated"] > before


def test_a_sign_of_another_picture_goes_before_what_is_not_compared(
    picture_of, mole, client, alice, sent
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    changes.follow(later.mole_id)
    RecordFactory(owner=alice, mole=mole, signs=["bleeding"])
    client.force_login(alice)
    [tag] = re.findall(
        r'class="tag"[^>]*>([^<]*)<', client.get(reverse("diagnosis:moles")).content.decode()
    )
    assert tag.startswith("Should be seen by a doctor")


def test_what_compares_nothing_waits_for_nothing(picture_of, work, client, alice, sent):
    client.force_login(alice)
    first = picture_of("mole", 0.2, 60)
    address = reverse("diagnosis:record_detail", args=[first.pk])
    assert "No warning sign found" in client.get(address).content.decode()
    later = picture_of("turned", 0.2, 0)
    changes.follow(later.mole_id)
    Change.objects.update(attempts=changes.MAX_ATTEMPTS)  # it could not be measured
    address = reverse("diagnosis:record_detail", args=[later.pk])
    assert "No warning sign found" in client.get(address).content.decode()


def test_who_read_a_calm_answer_is_told_of_what_is_found_later(picture_of, work, alice, sent):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    [mail] = OutgoingMail.objects.all()
    assert mail.about == [later.pk]
    assert mail.due_at > timezone.now()  # in a while: she may be looking at the page


def test_the_record_is_locked_before_the_e_mail_as_where_it_is_assessed_again(
    picture_of, work, alice, sent
):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    with CaptureQueriesContext(connection) as asked:
        work()
    written = [query["sql"] for query in asked]
    of_record, of_mail = (
        next(number for number, sql in enumerate(written) if sql.startswith(begin))
        for begin in ('UPDATE "diagnosis_molerecord"', 'INSERT INTO "accounts_outgoingmail"')
    )
    assert of_record < of_mail


def test_but_not_of_one_that_wants_a_doctor_anyway(picture_of, work, alice, sent):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0, category="malignant_low_risk")
    work()
    assert not OutgoingMail.objects.exists()


def test_nor_where_a_doctor_asked_to_see_the_mole_before(picture_of, work, alice, sent):
    ReviewFactory(record=picture_of("mole", 0.2, 60), urgency="doctor_weeks")
    picture_of("turned", 0.3, 0)
    work()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize("urgency", ["none", "doctor_weeks"])
@pytest.mark.parametrize("known", [[], ["colours"]], ids=["first", "further"])
@pytest.mark.parametrize("category", ["benign", "malignant_low_risk"])
def test_whom_a_doctor_calmed_is_told_of_it_whatever_the_program_says(
    picture_of, work, alice, dr_chen, sent, urgency, known, category
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0, category=category, changes=known)
    ReviewFactory(record=later, doctor=dr_chen, urgency=urgency)
    work()
    assert OutgoingMail.objects.count() == (urgency == "none")


def test_who_waits_for_a_doctor_again_is_not_told_of_a_change_as_well(
    picture_of, work, alice, dr_chen, sent
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    ReviewFactory(record=later, doctor=dr_chen)
    MoleRecord.objects.filter(pk=later.pk).update(signs=["bleeding"])
    work()
    assert not OutgoingMail.objects.exists()


def test_what_the_error_explains_is_no_change(picture_of, work, see):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.21, 0)
    work()
    later.refresh_from_db()
    assert later.changes == []
    assert later.danger == MoleRecord.Danger.BENIGN
    shown = see()
    assert "No change that the program can tell from its own error" in shown
    assert "If you see one, show it to a doctor" in shown


@pytest.mark.parametrize(("older", "newer"), [("test", "test"), ("test", "new"), ("old", "test")])
def test_how_often_it_errs_is_said_of_the_model_that_was_measured(
    picture_of, work, see, monkeypatch, older, newer
):
    errors = limits.errors() | {"model_version": "test"}
    monkeypatch.setattr(limits, "errors", lambda: errors)
    pair = (("mole", 0.2, 60), ("turned", 0.3, 0))
    for about, version in zip(pair, (older, newer), strict=True):
        Assessment.objects.filter(record=picture_of(*about)).update(model_version=version)
    work()
    shown, is_measured = see(), older == newer
    assert "What is marked lies beyond that error." in shown
    assert ("Of 100 moles that did not change, this is said of about 5." in shown) == is_measured
    assert ("was measured with another version" in shown) == (not is_measured)


def test_where_the_error_hides_nearly_all_growth_it_is_said(
    picture_of, work, see, known_error, monkeypatch
):
    part = {"lesions": 25, "limit": known_error | {"area": math.log(13), "diameter": math.log(4)}}
    monkeypatch.setattr(limits, "errors", lambda: {"modalities": {"photo": part}})
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    later.refresh_from_db()
    assert later.changes == []
    shown = see()
    assert "The program can’t tell whether it changed" in shown
    assert "look up to 13 times as large" in shown
    assert 'data-tone="calm"' not in shown.partition("compare-pictures")[0]
    assert "with your own eyes" in shown
    assert "A smaller change" not in shown


def test_a_change_never_lowers_the_pictures_own_advice(picture_of, work, client, alice):
    client.force_login(alice)
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0, category=taxonomy.HIGH_RISK)
    work()
    later.refresh_from_db()
    assert later.danger == MoleRecord.Danger.HIGH_RISK
    shown = client.get(reverse("diagnosis:record_detail", args=[later.pk])).content.decode()
    assert "Should be seen by a doctor soon" in shown


def test_pictures_that_do_not_fit_are_shown_plain_and_it_is_said(picture_of, work, see):
    picture_of("mole", 0.2, 60)
    later = picture_of("other", 0.3, 0)
    work()
    shown = see()
    assert "could not bring the two pictures onto each other" in shown
    assert shown.count("<img src=") >= 2
    assert "<image href" not in shown
    later.refresh_from_db()
    assert later.changes == []


def test_a_picture_with_and_one_without_dermatoscope_are_not_compared(picture_of, work, see):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0, modality="dermoscopy")
    work()
    assert "these are not compared" in see()
    assert not Change.objects.exists()


@pytest.mark.parametrize("which", [0, 1])
def test_a_picture_that_can_not_be_judged_is_not_called_unchanged(picture_of, see, client, which):
    categories: list[str | None] = [taxonomy.BENIGN, taxonomy.BENIGN]
    categories[which] = None
    first = picture_of("mole", 0.2, 60, category=categories[0])
    later = picture_of("turned", 0.2, 0, category=categories[1])
    see()
    for change in Change.objects.all():
        changes.run(change.pk)
    assert "No change that the program can tell" not in see()
    assert "One of them can’t be judged." in see()
    assert "no answer of the program yet" not in see()
    address = reverse("api-record-change", args=[later.pk])
    said = client.get(address, {"earlier": first.pk}).json()
    assert (said["state"], said["reason"]) == ("not_compared", "not_assessed")
    assert not Change.objects.exists()


def test_one_that_waits_has_no_answer_yet(picture_of, see, alice):
    first = picture_of("mole", 0.2, 60)
    RecordFactory(owner=alice, mole=first.mole)
    assert "One of them has no answer of the program yet." in see()


@pytest.mark.parametrize("days_ago", [90, 0])
def test_a_picture_that_can_not_be_judged_hides_no_change(picture_of, work, see, days_ago):
    picture_of("other", 0.2, days_ago, category=None)
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 30)
    work()
    assert "It changed. Show it to a doctor within a few weeks." in see()


def test_until_it_is_measured_the_page_waits_and_looks_again(picture_of, see, client, mole, sent):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    shown = see()
    assert "The two pictures are being compared" in shown
    assert "looks=1" in shown
    address = reverse("diagnosis:mole_change", args=[mole.pk])
    part = client.get(address, {"looks": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "looks=2" in part
    assert "<html" not in part
    last = client.get(address, {"looks": "30"}, headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in last
    assert "Look again" in last
    assert Change.objects.count() == 1


def test_an_answer_that_is_lost_is_asked_for_again(picture_of, see, sent):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    assert 'hx-trigger="load delay:2s, every 30s, online from:window"' in see()


@pytest.mark.parametrize("gone", ["session", "picture", "mole"])
def test_what_is_gone_meanwhile_is_said_by_the_whole_page(
    picture_of, see, client, mole, sent, gone
):
    records = [picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)]
    see()
    address = reverse("diagnosis:mole_change", args=[mole.pk])
    match gone:
        case "session":
            client.logout()
        case "picture":
            uploads.delete(record=records[1], by=mole.owner)
        case "mole":
            edits.delete(mole=mole, by=mole.owner)
    part = client.get(address, {"looks": "1"}, headers={"HX-Request": "true"})
    assert part["HX-Refresh"] == "true"


def test_another_persons_mole_is_not_found(client, bob, mole):
    client.force_login(bob)
    address = reverse("diagnosis:mole_change", args=[mole.pk])
    assert client.get(address, headers={"HX-Request": "true"}).status_code == 404


def test_a_doubled_message_measures_once(picture_of, work, sent, mocker_count):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    work()
    assert mocker_count() == 1
    work()
    assert mocker_count() == 1


@pytest.fixture
def mocker_count(monkeypatch):
    calls = []
    real = changes._measure
    monkeypatch.setattr(changes, "_measure", lambda *of: calls.append(of) or real(*of))
    return lambda: len(calls)


def test_what_waits_too_long_is_asked_again_three_times(picture_of, sent, monkeypatch, mole):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    changes.follow(mole.pk)
    assert changes.sweep() == 0  # just asked
    Change.objects.update(created_at=timezone.now() - timedelta(minutes=5))
    assert changes.sweep() == 1

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(changes, "_measure", fail)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            changes.run(Change.objects.get().pk)
    changes.run(Change.objects.get().pk)
    assert changes.sweep() == 0
    assert changes.is_given_up(Change.objects.get())


def test_what_was_tried_too_often_is_called_unreadable_at_every_door(
    picture_of, see, client, sent, mole
):
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    changes.follow(mole.pk)
    Change.objects.update(attempts=changes.MAX_ATTEMPTS)
    assert "One of the pictures can’t be read." in see()
    said = client.get(reverse("api-record-change", args=[later.pk])).json()
    assert (said["state"], said["reason"]) == ("not_compared", "unreadable")
    assert said["since"] == str(first.pk)


@pytest.mark.parametrize("lose", [lambda image: image.storage.delete(image.name), spoil])
def test_a_picture_that_is_gone_or_can_not_be_read_is_said(picture_of, work, see, lose):
    first = picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    lose(first.image)
    for _ in range(changes.MAX_ATTEMPTS):
        work()
    assert "One of the pictures can’t be read." in see()


def test_a_record_that_moves_away_loses_what_was_said_of_it(
    picture_of, work, alice, django_capture_on_commit_callbacks
):
    first = picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    later.refresh_from_db()
    assert later.changes == ["grew"]
    with django_capture_on_commit_callbacks(execute=True):
        answers.give(record=first, mole=None, by=alice)
    later.refresh_from_db()
    assert later.changes == []  # now it is the first
    assert later.danger == MoleRecord.Danger.BENIGN


def test_the_areas_stand_in_a_plot_with_their_error(picture_of, work, see):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.21, 30)
    picture_of("turned", 0.3, 0)
    work()
    shown = see()
    assert 'id="plot-area"' in shown
    assert shown.count('class="error"') == 3
    assert "Area compared with the first picture: 100%" in shown


def test_growth_is_seen_in_the_plot_however_large_the_error(
    picture_of, work, see, known_error, monkeypatch
):
    monkeypatch.setitem(known_error, "area", 2.6)  # of photographs as released
    picture_of("mole", 0.2, 60, modality="photo")
    picture_of("turned", 0.3, 0, modality="photo")
    work()
    plot = see().split('id="plot-area"')[1].split("</svg>")[0]
    before, after = (float(y) for y in re.findall(r'cy="([\d.]+)%"', plot))
    assert before - after > 8  # in hundred of the height, by an area of 2.25 times
    places = [float(y) for y in re.findall(r'y[12]?="(-?[\d.]+)%"', plot)]
    assert 0 <= min(places) < max(places) <= 100
    assert ">100%</text>" in plot


def test_the_error_is_rounded_not_cut_off(picture_of, work, see, known_error, monkeypatch):
    monkeypatch.setitem(known_error, "area", 1.0364)  # of photographs as released: 181.9 %
    monkeypatch.setitem(known_error, "border", 0.1271)
    picture_of("mole", 0.2, 60, modality="photo")
    picture_of("turned", 0.2, 0, modality="photo")
    work()
    shown = see()
    assert "can differ by up to 182% in area" in shown
    assert "0.13" in shown.split("Ragged edge")[1].split("</tr>")[0]


def test_the_api_says_what_changed(picture_of, work, client, alice, bob):
    first = picture_of("mole", 0.2, 60, size_mm="6.0")
    later = picture_of("turned", 0.3, 0)
    work()
    client.force_login(alice)
    address = reverse("api-record-change", args=[later.pk])
    said = client.get(address).json()
    assert said["since"] == str(first.pk)
    assert said["state"] == "measured"
    assert said["changes"] == ["grew"]
    assert said["differences"]["area"] > said["limit"]["area"]
    assert said["before"]["mm"] == pytest.approx(6)
    assert client.get(address, {"earlier": str(first.pk)}).json() == said
    record = client.get(reverse("api-record-detail", args=[later.pk])).json()
    assert record["changes"] == ["grew"]
    for wrong in ("nonsense", ""):
        refused = client.get(address, {"earlier": wrong})
        assert refused.status_code == 400
        assert refused.json()["errors"] == {"earlier": ["This is not the id of a record."]}
    assert client.get(address, {"earlier": str(later.pk)}).status_code == 404
    backwards = address.replace(str(later.pk), str(first.pk))
    assert client.get(backwards, {"earlier": str(later.pk)}).status_code == 404
    assert client.get(reverse("api-record-change", args=[first.pk])).status_code == 404
    client.force_login(bob)
    assert client.get(address).status_code == 404


def test_the_advice_that_holds_stands_at_every_door(picture_of, work, client, alice, dr_chen):
    calm, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    dangerous = picture_of("turned", 0.3, 0, category=taxonomy.HIGH_RISK)
    work()
    held = {calm.pk: "watch", later.pk: "doctor_weeks", dangerous.pk: "doctor_days"}
    for person, door in ((alice, "record"), (dr_chen, "queue")):
        client.force_login(person)
        rows = client.get(reverse(f"api-{door}-list")).json()["results"]
        assert {row["id"]: row["assessment"]["advice"] for row in rows} == {
            str(pk): advice for pk, advice in held.items()
        }
        one = client.get(reverse(f"api-{door}-detail", args=[later.pk])).json()
        assert (one["assessment"]["advice"], one["changes"]) == ("doctor_weeks", ["grew"])
    page = client.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk]))
    own, holds = (
        re.search(rf"<dt>{label}</dt><dd>(.*?)</dd>", page.content.decode())[1]
        for label in ("The program’s own advice", "What holds")
    )
    assert own == "No warning sign found. Keep an eye on it."
    assert holds == "<strong>Show it to a doctor within a few weeks.</strong>"
    client.force_login(alice)
    whole = zipfile.ZipFile(io.BytesIO(b"".join(archive.archive(alice))))
    for record in json.loads(whole.read("data.json"))["records"]:
        [answer] = record["assessments"]
        assert answer["advice"] == held[uuid.UUID(record["id"])]


def test_to_who_reviews_blind_the_queue_does_not_tell_of_a_change(
    picture_of, work, client, dr_chen
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    client.force_login(dr_chen)
    record = client.get(reverse("api-queue-detail", args=[later.pk])).json()
    assert (record["assessment"], record["danger"], record["changes"]) == (None, None, [])


@pytest.mark.parametrize("leaves", ["first", "later"])
def test_programs_hear_of_a_change_that_is_found_and_of_one_that_goes(
    picture_of, work, alice, leaves, django_capture_on_commit_callbacks
):
    Webhook.objects.create(owner=alice, url="https://example.org/", events=["record.assessed"])
    first, later = picture_of("mole", 0.2, 60), picture_of("turned", 0.3, 0)
    work()
    told = WebhookDelivery.objects.values_list("record_id", flat=True)
    assert list(told.all()) == [later.pk]
    work()
    assert told.count() == 1  # nothing new
    with django_capture_on_commit_callbacks(execute=True):
        record = first if leaves == "first" else later
        answers.give(record=record, mole=None, by=alice)
    later.refresh_from_db()
    assert later.changes == []
    assert list(told.all()) == [later.pk, later.pk]


def test_the_doctor_sees_both_pictures_and_the_measures(picture_of, work, client, dr_chen):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    client.force_login(dr_chen)
    shown = client.get(reverse("admin:diagnosis_molerecord_change", args=[later.pk]))
    shown = shown.content.decode()
    assert "Compared with the first picture of the mole" in shown
    assert "beyond the error" in shown
    assert reverse("admin:diagnosis_molerecord_image", args=[later.pk]) in shown


def test_who_reviews_blind_is_shown_the_comparison_with_the_answer(
    picture_of, work, client, dr_chen
):
    picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    work()
    DoctorProfile.objects.create(user=dr_chen, blind_review=True)
    client.force_login(dr_chen)
    address = reverse("admin:diagnosis_molerecord_change", args=[later.pk])
    hidden = client.get(address).content.decode()
    shown = client.get(address, {"model": 1}).content.decode()
    parts = re.search('data-reveal="(.+?)"', hidden)[1].split()
    assert "change" in parts
    for part in ("Compared with the first picture of the mole", "It grew", "compare-pictures>"):
        assert (part in hidden, part in shown) == (False, True)
    # The page's script puts each into the place of the one that is there.
    for page in (hidden, shown):
        assert [page.count(f'id="{part}"') for part in ("change", "model", "picture")] == [1, 1, 1]
        assert "css/compare" in page
        assert "js/compare-pictures" in page


def test_the_report_says_what_changed(picture_of, work, client, alice, mole):
    picture_of("mole", 0.2, 60)
    picture_of("turned", 0.3, 0)
    work()
    client.force_login(alice)
    pdf = client.get(reverse("diagnosis:mole_report", args=[mole.pk]))
    content = b"".join(pdf.streaming_content) if pdf.streaming else pdf.content
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    text = " ".join(text.split())
    assert "It changed. Show it to a doctor within a few weeks." in text
    assert "Longest diameter" in text


def test_a_link_shows_what_changed_to_whoever_has_it(picture_of, work, client, alice, mole):
    first = picture_of("mole", 0.2, 60)
    later = picture_of("turned", 0.3, 0)
    share = links.create(owner=alice, days=7, mole=mole)
    one_picture = links.create(owner=alice, days=7, record=later)

    def see(share) -> str:
        address = reverse("diagnosis:shared")
        return client.get(address, {"key": links.key(share)}).content.decode()

    assert "Compared with the first picture" not in see(share)
    assert not Change.objects.exists()  # whoever has the link asks for nothing
    work()
    shown = see(share)
    assert "It changed. Show it to a doctor within a few weeks." in shown
    assert "Area, compared with the first picture" in shown
    assert "beyond the error" in shown
    for record in (first, later):
        image = reverse("diagnosis:shared_image", args=[record.pk])
        [address] = set(re.findall(rf'<image href="({image}[^"]+)"', shown))
        assert client.get(html.unescape(address)).status_code == 200
    alone = see(one_picture)
    assert "Measured since the first picture of this mole: It grew." in alone  # why it says so
    assert "compare-pictures" not in alone
    assert "Area, compared" not in alone
    assert str(first.pk) not in alone


def test_what_the_page_costs_does_not_grow(
    picture_of, work, see, django_assert_max_num_queries, sent
):
    for days in (60, 30, 20, 10, 0):
        picture_of("mole", 0.2, days)
    work()
    with django_assert_max_num_queries(12):
        see()


def test_the_marker_is_printed_in_millimetres(client, alice):
    client.force_login(alice)
    answer = client.get(reverse("diagnosis:mole_marker"))
    assert answer["Content-Type"] == "image/svg+xml"
    drawn = answer.content.decode()
    assert 'width="90mm"' in drawn
    # The frame of the smallest dictionary is one cell wide: 20 of 36 cells, and those inside.
    assert drawn.count('width="1.6667"') > 20
