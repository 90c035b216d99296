"""What a person says once the picture is sent counts for the answer, whenever it is said."""

import re
from pathlib import Path

import pytest
from django.core.cache import cache
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from diagnosis import queue
from diagnosis.models import Assessment, Mole, MoleRecord, Webhook, WebhookDelivery
from diagnosis.moles import edits
from diagnosis.records import answers, assessments, claims, uploads
from diagnosis.tasks import assess_record, reassess_record, sweep_records
from tests.factories import MoleFactory, RecordFactory, assessed, picture


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The tasks that workers are asked for."""
    sent = []
    monkeypatch.setattr(queue, "_send", lambda task, row_id: sent.append(task) or True)
    return sent


@pytest.fixture
def say(client, alice):
    """say(record, **fields): alice sends the form with her answers."""
    client.force_login(alice)

    def post(record, **fields):
        return client.post(reverse("diagnosis:record_answers", args=[record.pk]), fields)

    return post


def seen_by_worker(alice, body_site: str = "") -> MoleRecord:
    """A record with the released model's own answer, of the kind for which it uses the place."""
    mole = MoleFactory(owner=alice, body_site=body_site) if body_site else None
    data = picture((600, 600))
    record = RecordFactory(owner=alice, mole=mole, modality="dermoscopy", image__data=data)
    assessments.run(record.pk)
    record.refresh_from_db()
    return record


def test_what_is_said_while_it_waits_is_taken_along(say, alice):
    record = RecordFactory(owner=alice, image__data=picture((600, 600)))
    response = say(record, signs=["bleeding"], note="since May", size_mm="4.5", name="Left knee")
    assert response.url == reverse("diagnosis:record_detail", args=[record.pk])
    assessments.run(record.pk)
    record.refresh_from_db()
    assert (record.note, float(record.size_mm), record.mole.name) == ("since May", 4.5, "Left knee")
    assert record.current_assessment.advice in ("doctor_weeks", "doctor_days")


def test_a_worker_that_read_the_old_words_loses_the_record(
    say, alice, asked, django_capture_on_commit_callbacks
):
    record = RecordFactory(owner=alice)
    held = claims.claim(record.pk)
    late = Assessment(**assessed(owner=alice).current_assessment.as_dict())
    with django_capture_on_commit_callbacks(execute=True):
        say(record, signs=["growing"])
    record.refresh_from_db()
    assert (record.state, record.attempts, record.claim_token) == ("queued", 0, None)
    assert not claims.finish(held, late)
    assert asked == [queue.Task.ASSESS_RECORD]


@pytest.mark.parametrize(
    ("category", "raised"),
    [("benign", "doctor_weeks"), ("malignant_high_risk", "doctor_days"), (None, "doctor_weeks")],
)
def test_signs_count_at_once_and_never_lower_a_risk(say, alice, category, raised):
    record = assessed(category, owner=alice)
    say(record, signs=["bleeding"])
    record.refresh_from_db()
    assert record.current_assessment.advice == raised


def test_a_sign_that_was_ticked_by_mistake_is_taken_back(say, alice):
    record = assessed(owner=alice, signs=["bleeding"])
    assert record.current_assessment.advice == "doctor_weeks"
    say(record)
    record.refresh_from_db()
    assert (record.signs, record.current_assessment.advice) == ([], "watch")


def test_programs_hear_that_a_sign_changed_the_advice(say, alice):
    Webhook.objects.create(owner=alice, url="https://example.org/", events=["record.assessed"])
    record = assessed(owner=alice)
    say(RecordFactory(owner=alice), signs=["bleeding"])  # it has no answer yet
    told = WebhookDelivery.objects.values_list("record_id", flat=True)
    for signs, times in (([], 0), (["itching"], 0), (["bleeding"], 1), ([], 2)):
        say(record, signs=signs)
        assert list(told.all()) == [record.pk] * times


def test_doctors_see_the_raised_danger(say, alice):
    record = assessed(owner=alice)
    say(record, signs=["bleeding"])
    record.refresh_from_db()
    assert record.danger == MoleRecord.Danger.TO_BE_SEEN


def test_another_place_is_answered_again_and_the_old_answer_stands_until_then(say, alice, asked):
    record = seen_by_worker(alice)
    assert "body_site" not in record.current_assessment.used
    say(record, body_site="face")
    record.refresh_from_db()
    assert record.current_assessment
    assert record.stale_since
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.stale_since is None
    assert "body_site" in record.current_assessment.used
    assert record.assessments.count() == 1


def test_a_lost_message_costs_one_sweep(say, alice, asked):
    record = seen_by_worker(alice)
    say(record, body_site="face")
    asked.clear()
    sweep_records()
    assert asked == [queue.Task.REASSESS_RECORD]
    reassess_record(record.pk)
    asked.clear()
    sweep_records()
    assert not asked


@pytest.mark.parametrize("how", ["assigned", "edited"])
def test_the_place_counts_however_it_changes(alice, asked, how):
    record = seen_by_worker(alice, body_site="back")
    if how == "assigned":
        face = MoleFactory(owner=alice, name="face", body_site="face")
        answers.give(record=record, mole=face, by=alice)
    else:
        edits.change(mole=record.mole, by=alice, body_site="face")
    record.refresh_from_db()
    assert record.stale_since


def test_a_calm_answer_to_what_was_changed_since_looks_calm_in_no_list(client, say, alice, asked):
    record = assessed(owner=alice)
    assert record.current_assessment.advice == "watch"
    history = reverse("diagnosis:history")
    client.force_login(alice)
    assert 'data-tone="calm"' in client.get(history).content.decode()
    say(record, body_site="face")
    client.get(history)  # says once that it is saved
    page = client.get(history).content.decode()
    assert 'data-tone="calm"' not in page
    assert "No warning sign in the picture so far" in page


def test_what_was_changed_before_a_new_try_is_counted_by_it(alice, asked):
    mole = MoleFactory(owner=alice, body_site="back")
    data = picture((600, 600))
    record = RecordFactory(
        owner=alice,
        mole=mole,
        modality="dermoscopy",
        image__data=data,
        state="failed",
        failure_reason="unreadable",
        finished_at=timezone.now(),
    )
    edits.change(mole=record.mole, by=alice, body_site="face")
    record.refresh_from_db()
    uploads.retry(record=record, by=alice)
    assess_record(record.pk)
    record.refresh_from_db()
    assert record.state in MoleRecord.ASSESSED
    assert record.stale_since is None


def test_a_mole_that_is_deleted_meanwhile_is_not_found(say, alice, monkeypatch):
    record, mole = assessed(owner=alice), MoleFactory(owner=alice)
    check = answers.check_owner

    def deleted_meanwhile(of, by):
        check(of, by)
        Mole.objects.filter(pk=mole.pk).delete()

    monkeypatch.setattr(answers, "check_owner", deleted_meanwhile)
    with pytest.raises(Http404):
        answers.give(record=record, by=alice, mole=mole)
    record.refresh_from_db()
    assert record.mole is None


def test_a_new_name_at_the_same_place_changes_nothing(alice, asked):
    record = seen_by_worker(alice, body_site="back")
    edits.change(mole=record.mole, by=alice, name="other", body_site="back")
    record.refresh_from_db()
    assert record.stale_since is None


def test_a_sign_said_while_it_is_answered_again_is_not_overwritten(say, alice, asked, monkeypatch):
    record = seen_by_worker(alice)
    say(record, body_site="face")
    record.refresh_from_db()
    monkeypatch.setattr(assessments, "_answer", lambda old, *_: _meanwhile(say, old))
    assert assessments.reassess(record=record) is None
    record.refresh_from_db()
    assert record.current_assessment.advice in ("doctor_weeks", "doctor_days")
    assert record.stale_since  # the next sweep asks again


def _meanwhile(say, record: MoleRecord) -> Assessment:
    answer = Assessment(**record.current_assessment.as_dict())
    say(record, signs=["bleeding"], mole=record.mole_id)
    return answer


@pytest.fixture
def without_its_picture(say, alice, asked):
    """A record that is owed a new answer, whose file is gone, and its file elsewhere."""
    record = seen_by_worker(alice)
    say(record, body_site="face")
    file = Path(record.image.path)
    elsewhere = file.rename(file.with_suffix(".away"))
    reassess_record(record.pk)
    asked.clear()
    return record, elsewhere


def test_a_picture_that_is_missing_for_a_while_is_looked_at_once_it_is_back(without_its_picture):
    record, elsewhere = without_its_picture
    record.refresh_from_db()
    assert record.stale_since
    elsewhere.rename(record.image.path)
    reassess_record(record.pk)
    record.refresh_from_db()
    assert record.stale_since is None
    assert "body_site" in record.current_assessment.used


def test_a_picture_that_is_gone_for_long_is_asked_for_less_often_and_its_person_is_told(
    without_its_picture, client, asked
):
    record, _elsewhere = without_its_picture
    address = reverse("diagnosis:record_detail", args=[record.pk])
    late = "The program has not been able to look again yet"
    for _ in range(2):
        sweep_records()
    assert asked == [queue.Task.REASSESS_RECORD] * 2
    assert late not in client.get(address).content.decode()
    MoleRecord.objects.update(stale_since=timezone.now() - assessments.OVERDUE)
    cache.clear()
    asked.clear()
    for _ in range(2):
        sweep_records()
    assert asked == [queue.Task.REASSESS_RECORD]
    assert late in client.get(address).content.decode()


def test_what_is_wrong_is_said_and_nothing_is_stored(say, alice, bob):
    record = assessed(owner=alice)
    theirs = MoleFactory(owner=bob)
    for wrong in ({"size_mm": "0"}, {"signs": ["glowing"]}, {"mole": theirs.pk}):
        response = say(record, note="kept?", **wrong)
        assert response.status_code == 400
    record.refresh_from_db()
    assert (record.note, record.signs, record.mole) == ("", [], None)


def test_the_form_shows_what_was_said(client, alice):
    record = assessed(owner=alice, signs=["itching"], note="since May", size_mm="4.5")
    client.force_login(alice)
    page = client.get(reverse("diagnosis:record_answers", args=[record.pk])).content.decode()
    assert "since May" in page
    assert 'value="itching"' in page
    assert page.count("checked") == 1


@pytest.fixture
def second_tab(client, alice):
    """second_tab(page, record): the form of alice that stays open, as what it says is sent."""
    client.force_login(alice)

    def open_tab(page, record):
        html = client.get(reverse(f"diagnosis:{page}", args=[record.pk])).content.decode()
        return {"seen": re.search(r'name="seen" value="([^"]+)"', html)[1]}

    return open_tab


@pytest.mark.parametrize("page", ["record_answers", "record_detail"])
def test_a_form_that_was_open_meanwhile_takes_nothing_back(say, alice, second_tab, page):
    mole = MoleFactory(owner=alice)
    record = RecordFactory(owner=alice)
    stale = second_tab(page, record)
    say(record, signs=["bleeding"], mole=mole.pk, size_mm="4.5")
    response = say(record, signs=["itching"], note="on my back", **stale)
    assert response.status_code == 409
    assert "Nothing of this form is saved" in response.content.decode()
    record.refresh_from_db()
    said = (record.signs, record.mole, float(record.size_mm), record.note)
    assert said == (["bleeding"], mole, 4.5, "")


@pytest.mark.parametrize("name", ["", "Back", "my back"])
def test_a_form_that_is_sent_twice_is_saved_once(say, alice, second_tab, name):
    record = assessed(owner=alice)
    form = second_tab("record_answers", record)
    form |= {"name": name, "body_site": "back", "signs": ["bleeding"], "note": "since May"}
    if name == "Back":
        form["suggested"] = name
    assert [say(record, **form).status_code for _ in range(2)] == [302, 302]
    assert [mole.records.get() for mole in alice.moles.all()] == [record]
    form["note"] = "since June"
    assert say(record, **form).status_code == 409


def test_so_is_one_that_chooses_a_mole_with_its_place(say, alice, second_tab):
    """As the body map sends it, with the place of the mole that is chosen."""
    mole = MoleFactory(owner=alice, body_site="back")
    record = assessed(owner=alice)
    form = second_tab("record_answers", record)
    form |= {"mole": mole.pk, "body_site": "back", "signs": ["bleeding"]}
    assert [say(record, **form).status_code for _ in range(2)] == [302, 302]


def test_that_form_comes_back_with_what_is_saved_and_what_was_typed(say, alice, second_tab):
    mole = MoleFactory(owner=alice, name="collar")
    record = assessed(owner=alice)
    stale = second_tab("record_answers", record)
    say(record, signs=["bleeding"], mole=mole.pk, size_mm="4.5", note="since May")
    response = say(record, signs=["itching"], note="on my back", **stale)
    form = response.context["form"]
    shown = {name: form[name].value() for name in ("mole", "size_mm", "note")}
    assert shown == {"mole": str(mole.pk), "size_mm": "4.5", "note": "on my back"}
    assert set(form["signs"].value()) == {"bleeding", "itching"}
    page = response.content.decode()
    for saved in ("It bleeds", "collar", "4.5 mm", "since May"):
        assert saved in page.partition("What is saved now")[2].partition("<form")[0]
    again = re.search(r'name="seen" value="([^"]+)"', page)[1]
    sent = {"signs": form["signs"].value(), "seen": again} | shown
    assert say(record, **sent).status_code == 302
    record.refresh_from_db()
    assert (record.signs, record.note) == (["bleeding", "itching"], "on my back")


def test_a_name_typed_there_is_not_put_beside_the_mole_chosen_meanwhile(say, alice, second_tab):
    record = assessed(owner=alice)
    stale = second_tab("record_answers", record)
    say(record, mole=MoleFactory(owner=alice).pk)
    form = say(record, name="collar", **stale).context["form"]
    assert (form["name"].value(), form["mole"].value()) == ("collar", None)


def test_a_mistake_in_that_form_does_not_hide_what_was_saved(say, alice, second_tab):
    record = assessed(owner=alice)
    stale = second_tab("record_answers", record)
    say(record, signs=["bleeding"])
    page = say(record, size_mm="0", **stale).content.decode()
    assert re.search(r'name="seen" value="([^"]+)"', page)[1] == stale["seen"]


def test_a_name_that_the_map_suggested_is_of_a_new_mole(say, alice):
    other = MoleFactory(owner=alice, name="Back", body_site="back")
    record = assessed(owner=alice)
    say(record, name="Back", suggested="Back", body_site="back")
    record.refresh_from_db()
    assert (record.mole.name, record.mole.body_site) == ("Back 2", "back")
    say(record, name="back", suggested="Back 3", body_site="back")  # typed
    record.refresh_from_db()
    assert record.mole == other


def test_the_waiting_page_asks_and_the_calm_answer_asks_for_signs(client, alice):
    client.force_login(alice)
    waiting, calm, said = (
        RecordFactory(owner=alice),
        assessed(owner=alice),
        assessed(owner=alice, signs=["itching"]),
    )
    pages = [
        client.get(reverse("diagnosis:record_detail", args=[record.pk])).content.decode()
        for record in (waiting, calm, said)
    ]
    asks = "Does it bleed, grow or change"
    assert "Meanwhile, say what you know" in pages[0]
    assert [asks in page for page in pages] == [False, True, False]
