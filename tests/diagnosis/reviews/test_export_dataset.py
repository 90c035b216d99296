"""Verdicts teach: reviewed pictures of those who allow it, as a data set that ml reads."""

import errno
import io
from datetime import date

import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command
from django.utils import timezone

from diagnosis import media
from diagnosis.records import answers, sittings
from diagnosis.reviews import teaching, verdicts
from ml import datasets
from tests.factories import (
    FurtherPictureFactory,
    MoleFactory,
    ReviewFactory,
    assessed,
    picture,
    sitting,
    spoil,
)


@pytest.fixture
def willing(alice):
    """Alice, who allows that her pictures teach."""
    alice.teaching_consented_at = timezone.now()
    alice.save()
    return alice


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "ours"


def reviewed(owner, dr_chen, verdict="benign", diagnosis="", **fields):
    record = assessed(owner=owner, **fields)
    ReviewFactory(record=record, doctor=dr_chen, risk_category=verdict, diagnosis=diagnosis)
    return record


def export(folder, **options):
    out = io.StringIO()
    call_command("export_dataset", folder, stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def exported():
    return LogEntry.objects.filter(additional_data__action="export")


def rows(folder):
    return {row.image_id: row for row in datasets.read([folder]).rows}


def test_ml_reads_what_was_reviewed(willing, dr_chen, folder):
    mole = MoleFactory(owner=willing, body_site="forearm")
    first = reviewed(willing, dr_chen, "malignant_high_risk", "mel", mole=mole, modality="photo")
    second = reviewed(
        willing, dr_chen, "malignant_low_risk", mole=mole, modality="dermoscopy",
        image__data=picture((300, 250)),
    )  # fmt: skip
    alone = reviewed(willing, dr_chen, image__data=picture((300, 260)))
    assessed(owner=willing)  # not reviewed
    reviewed(willing, dr_chen, origin="demo")
    assert "3 pictures" in export(folder)
    found = rows(folder)
    one, two, three = (
        found[teaching.pseudonym("record", record.pk)] for record in (first, second, alone)
    )
    assert (one.dx, two.dx, three.dx) == ("mel", "malignant_low_risk", "benign")
    assert (one.modality, two.modality) == ("photo", "dermoscopy")
    assert (one.body_site, one.age) == ("upper_limb", 45)
    assert one.lesion == two.lesion != three.lesion
    assert one.group == two.group == three.group  # one person
    assert one.path.read_bytes() == picture()


def test_what_a_clinic_imported_is_not_taken_for_one_patient_s(willing, dr_chen, folder):
    for _ in range(2):
        reviewed(willing, dr_chen, origin="import")
    export(folder)
    one, two = rows(folder).values()
    assert one.group != two.group
    assert one.age is None


def test_it_holds_no_one_s_name_note_or_key(willing, dr_chen, folder):
    record = reviewed(willing, dr_chen, note="on my wedding day", mole=MoleFactory(owner=willing))
    export(folder)
    names = " ".join(path.name for path in folder.rglob("*"))
    told = names + (folder / "metadata.csv").read_text()
    for secret in ("alice", "wedding", "left shoulder", str(record.pk)[:8], willing.pk.hex[:8]):
        assert secret not in told


def test_pseudonyms_stay_and_depend_on_the_secret_key(willing, settings):
    before = teaching.pseudonym("person", willing.pk)
    assert teaching.pseudonym("person", willing.pk) == before
    assert teaching.pseudonym("mole", willing.pk) != before
    settings.SECRET_KEY = "another"
    assert teaching.pseudonym("person", willing.pk) != before


def test_of_several_verdicts_the_newest_counts(willing, dr_chen, folder):
    record = reviewed(willing, dr_chen)
    first = record.reviews.get()
    ReviewFactory(
        record=record, doctor=dr_chen, risk_category="malignant_low_risk", diagnosis="bcc"
    )
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["bcc"]
    verdicts.correct(review=first, by=dr_chen, comment="After all.")
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["bcc"]
    verdicts.correct(review=first, by=dr_chen, diagnosis="nv")
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["bcc"]  # no other advice
    verdicts.correct(review=first, by=dr_chen, urgency="doctor_weeks")
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["nv"]


def test_a_verdict_that_a_sign_came_after_teaches_nothing_until_there_is_another(
    willing, dr_chen, folder
):
    record = reviewed(willing, dr_chen)
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["benign"]
    answers.give(record=record, by=willing, signs=["bleeding"])
    assert "0 pictures" in export(folder)
    assert not list(folder.glob("images/*"))
    verdicts.write(record=record, doctor=dr_chen, urgency="none", risk_category="benign")
    export(folder)
    assert [row.dx for row in rows(folder).values()] == ["benign"]


def test_only_those_who_allow_it_and_only_as_long_as_they_do(willing, bob, dr_chen, folder):
    reviewed(bob, dr_chen)
    reviewed(willing, dr_chen)
    gone = reviewed(willing, dr_chen)
    assert "2 pictures" in export(folder)
    gone.delete()
    assert "1 pictures" in export(folder)
    willing.teaching_consented_at = None
    willing.save()
    assert "0 pictures" in export(folder)
    assert not list((folder / "images").iterdir())


def test_whose_account_is_closed_teaches_nothing_and_could_not_withdraw(willing, dr_chen, folder):
    reviewed(willing, dr_chen)
    reviewed(willing, dr_chen)

    def close(todo):
        yield todo[0]
        willing.is_active = False
        willing.save()
        yield todo[1]

    assert teaching.export(folder, close) == (1, 0)
    assert "0 pictures" in export(folder)
    assert not list((folder / "images").iterdir())


def test_of_a_sitting_a_deleted_picture_gives_way_to_the_next(willing, dr_chen, folder):
    record = reviewed(willing, dr_chen)
    FurtherPictureFactory(record=record)
    assert "2 pictures" in export(folder)
    sittings.remove(record=record, picture=record, by=willing)
    assert "1 pictures" in export(folder)
    [row] = rows(folder).values()
    assert row.path.read_bytes() == picture((320, 240))
    assert list((folder / "images").iterdir()) == [row.path]
    assert len(exported()) == 3  # the copy under another name, too


def test_of_a_sitting_what_could_not_be_judged_or_read_teaches_nothing(willing, dr_chen, folder):
    record = sitting("benign", None, "benign", together="benign", owner=willing)
    judged, _blurred, damaged = record.pictures
    answered = record.current_assessment
    answered.pictures = [part for part in answered.pictures if part["id"] != str(damaged.pk)]
    answered.save()
    ReviewFactory(record=record, doctor=dr_chen)
    assert "1 pictures" in export(folder)
    assert list(rows(folder)) == [teaching.pseudonym("record", judged.pk)]


def test_who_withdraws_while_it_runs_is_left_out(willing, dr_chen, folder):
    reviewed(willing, dr_chen)

    def withdraw(todo):
        willing.teaching_consented_at = None
        willing.save()
        return todo

    assert teaching.export(folder, withdraw) == (0, 0)
    assert not list((folder / "images").iterdir())


def test_what_a_stopped_export_lacks_is_named_by_readers_and_it_goes_on(willing, dr_chen, folder):
    for _ in range(3):
        reviewed(willing, dr_chen)

    def stop(todo):
        yield todo[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teaching.export(folder, stop)
    faults = datasets.read([folder]).faults
    assert ["no picture for" in fault for fault in faults] == [True, True]
    (copied,) = (folder / "images").iterdir()
    before = copied.stat().st_mtime_ns
    assert "3 pictures" in export(folder)
    assert copied.stat().st_mtime_ns == before
    assert len(rows(folder)) == 3


@pytest.mark.parametrize("lose", [lambda image: image.storage.delete(image.name), spoil])
@pytest.mark.parametrize("is_copied", [False, True])
def test_a_picture_that_is_gone_is_left_out_aloud(willing, dr_chen, folder, is_copied, lose):
    gone, there = reviewed(willing, dr_chen), reviewed(willing, dr_chen)
    if is_copied:
        export(folder)
    lose(gone.image)
    for _ in range(2):
        said = export(folder)
        assert "1 pictures in" in said
        assert "1 reviewed pictures are left out: their files can't be read" in said
    assert set(rows(folder)) == {teaching.pseudonym("record", there.pk)}
    assert len(list((folder / "images").iterdir())) == 1
    assert len(exported().filter(object_pk=str(there.pk))) == 1


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (media.Unreachable(), "can't be reached"),
    ],
)
def test_a_full_disk_or_a_store_that_does_not_answer_ends_it_with_a_sentence(
    willing, dr_chen, folder, monkeypatch, error, sentence
):
    reviewed(willing, dr_chen)

    def fail(*_):
        raise error

    with monkeypatch.context() as trouble:
        trouble.setattr(teaching, "_copy", fail)
        with pytest.raises(CommandError, match=sentence):
            export(folder)
    assert "1 pictures" in export(folder)


def test_so_does_a_file_in_place_of_a_folder(willing, folder):
    folder.write_text("notes")
    with pytest.raises(CommandError, match="neither empty nor an earlier export"):
        export(folder)


def test_each_copy_is_in_the_audit_log_once(willing, dr_chen, folder):
    record = reviewed(willing, dr_chen)
    export(folder, by=dr_chen.email)
    export(folder)
    entry = exported().get()
    assert (entry.object_pk, entry.additional_data["to"]) == (str(record.pk), "data set")
    assert (entry.actor, entry.actor_email) == (dr_chen, dr_chen.pseudonym)


def test_who_does_it_must_be_somebody(db, folder):
    with pytest.raises(CommandError, match="No account"):
        export(folder, by="nobody@example.org")


def test_a_folder_of_something_else_is_left_alone(willing, dr_chen, folder):
    (folder / "images").mkdir(parents=True)
    holiday = folder / "images" / "holiday.jpg"
    holiday.write_bytes(b"sea")
    with pytest.raises(CommandError, match="neither empty nor an earlier export"):
        export(folder)
    assert holiday.exists()


@pytest.mark.parametrize(
    ("born", "age"), [(date(1930, 1, 1), 85), (date(198, 3, 27), None), (date(2999, 3, 27), None)]
)
def test_age_is_given_in_steps_of_five_years_and_no_birthday(willing, dr_chen, folder, born, age):
    willing.date_of_birth = born
    willing.save()
    reviewed(willing, dr_chen)
    export(folder)
    assert [row.age for row in rows(folder).values()] == [age]
