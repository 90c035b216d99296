"""A clinic's folder becomes records of one account."""

import csv
import io
import os
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from auditlog.models import LogEntry
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from diagnosis import media
from diagnosis.models import MoleRecord
from diagnosis.moles import edits
from diagnosis.records import uploads
from diagnosis.reviews import verdicts
from diagnosis.tasks import assess_record, sweep_reminders
from tests.factories import BENIGN, DAYS, UserFactory, assessed, picture, program_of


@pytest.fixture
def clinic(db):
    return UserFactory(display_name="clinic")


@pytest.fixture
def fill(tmp_path):
    """fill("a/b.jpg", …) writes different pictures."""

    def write(*names: str) -> Path:
        for number, name in enumerate(names):
            path = tmp_path / "clinic" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            kind = "BMP" if path.suffix.lower() == ".bmp" else "JPEG"
            path.write_bytes(picture((300 + number, 240), kind))
        return tmp_path / "clinic"

    return write


def run(folder, owner, **options):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_records", folder, owner=owner.email, stdout=out, stderr=err, **options)
        refused = None
    except CommandError as error:
        refused = str(error)
    return out.getvalue(), err.getvalue(), refused


def test_a_plain_folder(clinic, fill):
    out, _, refused = run(fill("a.jpg", "deeper/b.jpg"), clinic, modality="photo")
    assert "2 files: 2 new records, 0 stored before, 0 refused" in out
    assert refused is None
    stored = MoleRecord.objects.order_by("note")
    assert [(r.owner, r.note, r.modality, r.state, r.origin) for r in stored] == [
        (clinic, "a.jpg", "photo", "queued", "import"),
        (clinic, "deeper/b.jpg", "photo", "queued", "import"),
    ]
    created = LogEntry.objects.get_for_objects(stored).values_list("actor_email", flat=True)
    assert set(created) == {clinic.pseudonym}


@pytest.mark.timeout(60)
def test_a_named_pipe_is_refused_and_not_waited_for(clinic, fill):
    folder = fill("a.jpg")
    os.mkfifo(folder / "b.jpg")
    out, err, _ = run(folder, clinic, modality="photo")
    assert "2 files: 1 new record" in out
    assert "1 refused" in out
    assert "b.jpg: This is a pipe" in err


def test_the_clinic_s_own_format_with_and_without_a_category(clinic, fill):
    folder = fill("SET_D/D1.BMP", "SET_D/D2.BMP", "SET_E/E1.BMP")
    book = openpyxl.Workbook()
    book.active.append(("klin. Diagn.", "id", "kat.Diagnose"))
    for image_id, category in (("d1", 1), ("D2", 3), ("E1", "?")):
        book.active.append(("Naevus", image_id, category))
    book.save(folder / "CLIN_DIA.xlsx")
    out, _, refused = run(folder, clinic, modality="dermoscopy")
    assert "3 files: 3 new records" in out
    assert refused is None
    assert set(MoleRecord.objects.values_list("modality", flat=True)) == {"dermoscopy"}


def test_pictures_of_one_lesion_belong_to_one_mole(clinic, fill):
    folder = fill("images/i1.jpg", "images/i2.jpg", "images/i3.jpg", "masks/i1.jpg")
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image_id", "lesion_id", "dx", "modality"))
        writer.writerows(
            [("i1", "L1", "nv", "photo"), ("i2", "L1", "mel", ""), ("i3", "L3", "nv", "")]
        )
    out, _, _ = run(folder, clinic, modality="dermoscopy")
    assert "3 files: 3 new records" in out
    first, second, third = MoleRecord.objects.order_by("note")
    assert first.mole == second.mole
    assert first.mole.name.endswith("/L1")
    assert third.mole is None
    assert (first.modality, second.modality) == ("photo", "dermoscopy")
    # Later, when somebody has said where it is, its further pictures still belong to it.
    clinic.moles.update(body_site="back")
    fill("images/i1.jpg", "images/i2.jpg", "images/i3.jpg", "images/i4.jpg")
    with (folder / "metadata.csv").open("a", newline="") as file:
        csv.writer(file).writerow(("i4", "L1", "nv", ""))
    run(folder, clinic, modality="dermoscopy")
    assert MoleRecord.objects.get(note="images/i4.jpg").mole == first.mole


def test_a_clinic_is_not_reminded_of_its_patients_moles_unless_it_wants_that(
    clinic, fill, mailoutbox
):
    folder = fill("i1.jpg", "i2.jpg")
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image_id", "lesion_id"), ("i1", "L1"), ("i2", "L1")])
    run(folder, clinic, modality="dermoscopy")
    MoleRecord.objects.update(created_at=timezone.now() - timedelta(days=40))
    sweep_reminders()
    assert not mailoutbox
    edits.change(mole=clinic.moles.get(), by=clinic, remind_after_days=30)
    run(folder, clinic, modality="dermoscopy")
    sweep_reminders()
    assert len(mailoutbox) == 1


def test_lesions_of_two_patients_that_have_one_number_are_two_moles(clinic, fill):
    """Their changes and verdicts would be read as those of one."""
    folder = fill(*(f"i{number}.jpg" for number in range(1, 7)))
    rows = ["i1,1,P1,nv", "i2,1,P1,nv", "i3,1,P2,mel", "i4,1,P2,mel", "i5,1,P3,nv", "i6,1,,nv"]
    table = "\n".join(["image_id,lesion_id,patient_id,dx", *rows])
    (folder / "metadata.csv").write_text(table)
    for _time in range(2):
        run(folder, clinic)
        first, again, other, its, alone, unknown = (
            record.mole for record in MoleRecord.objects.order_by("note")
        )
        assert first == again != other == its
        assert first.name.endswith("/P1/1")
        assert (alone, unknown) == (None, None)


def test_the_lesion_of_another_patient_in_a_later_folder_of_the_same_name_is_another_mole(
    clinic, fill, tmp_path
):
    head = "image_id,lesion_id,patient_id,dx"
    for number, patient in enumerate(("P1", "P2", "P1"), start=1):
        names = [f"{number}a", f"{number}b"]
        folder = fill(*(f"{name}.jpg" for name in names))
        rows = [f"{name},1,{patient},nv" for name in names]
        (folder / "metadata.csv").write_text("\n".join([head, *rows]))
        run(folder, clinic)
        folder.rename(tmp_path / f"week {number}")
    moles = MoleRecord.objects.order_by("note").values_list("mole__name", flat=True)
    of_one, of_other = "clinic/P1/1", "clinic/P2/1"
    assert [*moles] == [of_one, of_one, of_other, of_other, of_one, of_one]


def test_patients_whose_pseudonyms_differ_by_capitals_alone_are_two(clinic, fill, dr_chen):
    """As base64 makes them. A verdict on one's picture would hold for the other's, or end it."""
    folder = fill("a1.jpg", "b1.jpg", "a2.jpg", "b2.jpg", "a3.jpg")
    names = ("a1", "a2", "a3", "b1", "b2")
    rows = [f"{name},1,{'qZ7' if name[0] == 'a' else 'Qz7'},nv" for name in names]
    (folder / "metadata.csv").write_text("\n".join(["image_id,lesion_id,patient_id,dx", *rows]))
    for _time in range(2):
        run(folder, clinic)
    records = {record.note: record for record in MoleRecord.objects.all()}
    assert [records[f"{name}.jpg"].mole.name for name in names] == [
        *["clinic/qZ7/1"] * 3,
        *["clinic/Qz7/1"] * 2,
    ]
    asked = MoleRecord.objects.with_asked_before()
    verdicts.write(record=records["a1.jpg"], doctor=dr_chen, **DAYS)
    assert asked.get(note="b2.jpg").asked_before == ""
    verdicts.write(record=records["b2.jpg"], doctor=dr_chen, **BENIGN)
    assert asked.get(note="a3.jpg").asked_before == "doctor_days"


def test_what_a_grown_folder_says_now_is_said_of_the_stored_pictures(clinic, fill):
    """Not stored again: doctors would review each picture twice, and nothing be compared."""
    folder = fill("i1.jpg")
    table = folder / "metadata.csv"
    table.write_text("image_id,lesion_id,dx\ni1,L1,nv\n")
    run(folder, clinic)
    fill("i1.jpg", "i2.jpg")
    table.write_text("image_id,lesion_id,dx\ni1,L1,nv\ni2,L1,nv\n")
    for new, before in ((1, 1), (0, 2)):
        out, _, refused = run(folder, clinic)
        assert f"2 files: {new} new records, {before} stored before, 0 refused" in out
        assert refused is None
    assert {*MoleRecord.objects.values_list("mole__name", flat=True)} == {"clinic/L1"}
    # By a second patient, the lesion of the first one is called by both.
    fill("i1.jpg", "i2.jpg", "i3.jpg")
    rows = "i1,L1,nv,P1\ni2,L1,nv,P1\ni3,L1,nv,P2\n"
    table.write_text(f"image_id,lesion_id,dx,patient_id\n{rows}")
    run(folder, clinic)
    moles = MoleRecord.objects.order_by("note").values_list("mole__name", flat=True)
    assert [*moles] == ["clinic/P1/L1", "clinic/P1/L1", None]


def test_a_corrected_table_takes_a_picture_out_of_another_s_mole(clinic, fill):
    """Else a lesion would be compared with another one's earlier picture, and get its verdict."""
    folder = fill("i1.jpg", "i2.jpg", "i3.jpg")
    for lesion, mole in (("L1", "clinic/L1"), ("L3", None), ("L1", "clinic/L1"), ("", "clinic/L1")):
        (folder / "metadata.csv").write_text(f"image_id,lesion_id\ni1,L1\ni2,L1\ni3,{lesion}\n")
        out, _, refused = run(folder, clinic)
        assert MoleRecord.objects.get(note="i3.jpg").mole_id == (
            clinic.moles.get(name=mole).pk if mole else None
        )
        assert refused is None
    assert "0 new records, 3 stored before" in out
    assert clinic.moles.count() == 1


def test_a_later_picture_belongs_to_the_mole_that_is_there(clinic, fill, tmp_path):
    """It is of one visit, and alone in its folder; the change since the last one is to be seen."""
    folder = fill("i1.jpg", "i2.jpg")
    (folder / "metadata.csv").write_text("image_id,lesion_id\ni1,L1\ni2,L1\n")
    run(folder, clinic)
    folder.rename(tmp_path / "March")
    folder = fill("i3.jpg", "i4.jpg")
    (folder / "metadata.csv").write_text("image_id,lesion_id\ni3,L1\ni4,L9\n")
    for new in (2, 0):
        assert f"2 files: {new} new records, {2 - new} stored before" in run(folder, clinic)[0]
        moles = MoleRecord.objects.order_by("note").values_list("mole__name", flat=True)
        assert [*moles] == [*["clinic/L1"] * 3, None]


def test_a_clinic_has_as_many_moles_as_its_folder_names(clinic, fill, settings):
    settings.MAX_RECORDS = 1  # bounds what a person sends, neither pictures nor moles of an import
    folder = fill("i1.jpg", "i2.jpg", "i3.jpg", "i4.jpg")
    table, lesions = folder / "metadata.csv", ("L1", "L1", "L2", "L2")
    for head, of, place in (("", "", "clinic"), (",patient_id", ",P1", "clinic/P1")):
        rows = [f"i{number},{lesion},nv{of}" for number, lesion in enumerate(lesions, start=1)]
        table.write_text("\n".join([f"image_id,lesion_id,dx{head}", *rows]))
        assert run(folder, clinic)[2] is None
        names = {*MoleRecord.objects.values_list("mole__name", flat=True)}
        assert names == {f"{place}/L1", f"{place}/L2"}


def test_a_forgotten_modality_is_made_good_and_judged_anew(clinic, fill):
    folder = fill("a.jpg")
    run(folder, clinic, modality="photo")
    assess_record(MoleRecord.objects.get().pk)
    out, _, _ = run(folder, clinic, modality="dermoscopy")
    assert "0 new records, 1 stored before" in out
    record = MoleRecord.objects.get()
    assert (record.modality, record.is_stale) == ("dermoscopy", True)


def test_how_many_were_taken_for_photographs_is_said(clinic, fill):
    """As of a sheet of merged cells, which says the kind in the first row of each."""
    folder = fill("a.jpg", "b.jpg", "c.jpg")
    table = "image_id,lesion_id,modality\na,L1,dermoscopy\nb,,\nc,L2,photo\n"
    (folder / "metadata.csv").write_text(table)
    out, _, _ = run(folder, clinic)
    assert "warning: 1 are taken as photo, which nothing here says" in out
    out, _, _ = run(folder, clinic, modality="dermoscopy")
    assert "warning" not in out
    out, _, _ = run(folder, clinic)
    assert "warning" not in out
    kinds = MoleRecord.objects.order_by("note").values_list("modality", flat=True)
    assert [*kinds] == ["dermoscopy", "dermoscopy", "photo"]


@pytest.mark.parametrize("table", ["", "image_id,lesion_id\na,L1\n"])
def test_an_import_that_says_no_kind_leaves_what_was_said(clinic, fill, table):
    """A dermoscopic melanoma may be called harmless by the thresholds of photographs."""
    folder = fill("a.jpg")
    if table:
        (folder / "metadata.csv").write_text(table)
    run(folder, clinic, modality="dermoscopy")
    assess_record(MoleRecord.objects.get().pk)
    for _time in range(2):
        out, _, _ = run(folder, clinic)
        assert "0 new records, 1 stored before" in out
        record = MoleRecord.objects.get()
        assert (record.modality, record.is_stale) == ("dermoscopy", False)
    (folder / "metadata.csv").write_text("image_id,modality\na,photo\n")
    run(folder, clinic)
    assert MoleRecord.objects.get().modality == "photo"


def test_a_mole_that_was_named_by_hand_stays_the_one_of_its_pictures(clinic, fill):
    folder = fill("i1.jpg", "i2.jpg")
    (folder / "metadata.csv").write_text("image_id,lesion_id,dx\ni1,L1,nv\ni2,L1,nv\n")
    run(folder, clinic, modality="photo")
    clinic.moles.update(name="Left shoulder")
    run(folder, clinic, modality="dermoscopy")
    stored = MoleRecord.objects.values_list("mole__name", "modality")
    assert [*stored] == [("Left shoulder", "dermoscopy")] * 2


def test_who_is_named_in_some_rows_of_a_lesion_alone_is_one_patient(clinic, fill):
    folder = fill("i1.jpg", "i2.jpg")
    table = "image_id,lesion_id,patient_id,dx\ni1,1,P1,nv\ni2,1,,nv\n"
    (folder / "metadata.csv").write_text(table)
    run(folder, clinic)
    first, second = MoleRecord.objects.order_by("note")
    assert first.mole == second.mole is not None


def test_it_goes_on_where_it_was_stopped(clinic, fill, monkeypatch):
    folder = fill("a.jpg", "b.jpg", "c.jpg")
    submit, calls = uploads.submit, []

    def stopped(**fields):
        calls.append(fields)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return submit(**fields)

    monkeypatch.setattr(uploads, "submit", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(folder, clinic)
    out, _, _ = run(folder, clinic)
    assert "3 files: 2 new records, 1 stored before" in out
    out, _, _ = run(folder, clinic)
    assert "3 files: 0 new records, 3 stored before" in out
    assert MoleRecord.objects.count() == 3


def test_a_disk_that_is_full_stops_it_with_a_sentence_and_it_goes_on_later(
    clinic, fill, monkeypatch
):
    folder = fill("a.jpg", "b.jpg", "c.jpg")
    with monkeypatch.context() as disk:
        trouble = iter(("", "full"))
        disk.setattr(media, "trouble", lambda: next(trouble))
        out, _, refused = run(folder, clinic)
    assert "3 files: 1 new records, 0 stored before, 0 refused, 2 not tried" in out
    assert refused.startswith("There is no room for new pictures.")
    out, _, refused = run(folder, clinic)
    assert "3 files: 2 new records, 1 stored before, 0 refused\n" in out
    assert refused is None


def test_every_refused_file_is_named_and_the_status_says_so(clinic, fill):
    folder = fill("good.jpg", "small.jpg")
    (folder / "letter.docx").write_bytes(b"Dear colleague")
    (folder / "small.jpg").write_bytes(picture()[:200])
    (folder / ".hidden").write_bytes(b"")
    out, err, refused = run(folder, clinic)
    assert "3 files: 1 new records, 0 stored before, 2 refused" in out
    assert "refused: letter.docx: " in err
    assert "refused: small.jpg: " in err
    assert refused == "2 files were refused; they are named above."


def test_a_damaged_table_stops_before_anything_is_stored(clinic, fill):
    folder = fill("images/i1.jpg")
    (folder / "metadata.csv").write_text("image_id,lesion_id,dx\ni9,L1,nv\n")
    _, _, refused = run(folder, clinic)
    assert "metadata.csv: row 2: no picture for i9" in refused
    assert not MoleRecord.objects.exists()


def test_an_unknown_account_and_an_unknown_folder(clinic, fill, tmp_path):
    clinic.email = "nobody@example.org"
    assert "No account" in run(fill("a.jpg"), clinic)[2]
    assert "is not a folder" in run(tmp_path / "nowhere", clinic)[2]


def test_an_account_that_has_not_consented(clinic, fill):
    clinic.consent_version, clinic.consented_at = "", None
    clinic.save()
    assert "has not agreed" in run(fill("a.jpg"), clinic)[2]
    assert not MoleRecord.objects.exists()


def test_a_bad_row_is_named_and_the_others_are_imported(clinic, fill):
    folder = fill("images/i1.jpg", "images/i2.jpg")
    table = "image_id;lesion_id;dx;age\ni1;L1;nevus;85+\ni2;L2;wart;?\ni3;L3;nv;40\n"
    (folder / "metadata.csv").write_bytes(table.encode("utf-16"))
    out, err, refused = run(folder, clinic, strict=True)
    assert "--strict" in refused
    assert not MoleRecord.objects.exists()
    out, err, refused = run(folder, clinic)
    assert "2 files: 2 new records" in out
    assert "row 3: unknown diagnosis “wart”" in err
    assert "row 4: no picture for i3" in err
    assert refused == "2 rows or tables could not be read; they are named above."


@pytest.mark.parametrize("sheet", ["metadata.csv", "list.csv"])
@pytest.mark.parametrize("diagnoses", ["dx,nv,wart,", ",,,"])
def test_a_table_tells_kind_and_mole_of_what_has_no_diagnosis_yet(clinic, fill, sheet, diagnoses):
    """Judged by the thresholds of photographs, a dermoscopic melanoma may be called harmless."""
    folder = fill(*(f"images/i{number}.jpg" for number in range(1, 4)))
    head, *words = diagnoses.split(",")
    lines = [f"image_id,lesion_id,modality,{head}"]
    lines += [f"i{number},L1,dermoscopic,{word}" for number, word in enumerate(words, start=1)]
    (folder / sheet).write_text("\n".join(lines))
    out, err, _ = run(folder, clinic)
    assert "3 files: 3 new records" in out
    assert ("unknown diagnosis “wart”" in err) == ("row 3" in err) == bool(head)
    assert "left out" not in err
    stored = MoleRecord.objects.values_list("modality", "mole__name")
    assert {*stored} == {("dermoscopy", "clinic/L1")}


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("list.csv", "Bild;Läsion;Art\n{};L1;dermoscopy", "its first line names no pictures"),
        ("list.csv", "Export\n\nimage_id,modality\n{},dermoscopy", "its first line names no"),
        ("deep/er/list.csv", "image_id,modality\n{},dermoscopy", "in those directly in it"),
    ],
)
def test_a_table_that_is_passed_over_is_named(clinic, fill, name, lines, said):
    """Else its dermoscopy would be judged as photographs, and nobody told."""
    folder = fill("i1.jpg", "deep/er/i2.jpg")
    (folder / name).write_text(lines.format("i1" if "/" not in name else "i2"))
    _, err, refused = run(folder, clinic, strict=True)
    assert "--strict" in refused
    assert not MoleRecord.objects.exists()
    out, err, refused = run(folder, clinic)
    assert "2 files: 2 new records" in out
    assert f"error: {name}: not read: " in err
    assert said in err
    assert refused == "1 rows or tables could not be read; they are named above."


def test_a_table_below_one_that_is_read_is_named(clinic, fill):
    folder = fill("i1.jpg", "more/i2.jpg")
    for table, image_id in (("list.csv", "i1"), ("more/list.csv", "i2")):
        (folder / table).write_text(f"image_id,modality\n{image_id},dermoscopy")
    _, err, _ = run(folder, clinic)
    assert err == (
        "error: more/list.csv: not read: tables count in the folder itself, or, where it has none, "
        "in those directly in it\n"
    )


@pytest.mark.parametrize(
    ("again", "said", "mole"),
    [
        ("i1,L2,P1,photo", "i1 again, of another lesion or patient than before", None),
        ("i1,L1,P2,photo", "i1 again, of another lesion or patient than before", None),
        ("i1,L1,P1,photo", "", "clinic/P1/L1"),
    ],
)
def test_a_picture_that_two_rows_give_to_two_moles_belongs_to_none(clinic, fill, again, said, mole):
    """The first one was taken, whichever stands first, and its changes were measured."""
    folder = fill("i1.jpg", "i2.jpg", "i3.jpg")
    rows = ["i1,L1,P1,photo", again, "i2,L1,P1,photo", "i3,L1,P1,photo"]
    table = "\n".join(["image_id,lesion_id,patient_id,modality", *rows])
    (folder / "metadata.csv").write_text(table)
    out, err, _ = run(folder, clinic, modality="dermoscopy")
    assert "3 files: 3 new records" in out
    assert said in err
    first, *others = MoleRecord.objects.order_by("note")
    assert {(of.mole.name, of.modality) for of in others} == {("clinic/P1/L1", "photo")}
    assert ((first.mole and first.mole.name), first.modality) == (mole, "photo")


def test_a_picture_of_two_kinds_is_not_imported(clinic, fill):
    folder = fill("i1.jpg", "i2.jpg")
    table = "image_id,modality\ni1,photo\ni2,photo\ni1,dermoscopy\n"
    (folder / "metadata.csv").write_text(table)
    out, err, refused = run(folder, clinic)
    assert "1 files: 1 new records" in out
    assert "row 4: i1 again, as dermoscopy; before it was photo: left out" in err
    assert refused == "1 rows or tables could not be read; they are named above."
    assert MoleRecord.objects.get().note == "i2.jpg"


def test_a_kind_of_picture_that_is_not_known_is_not_imported(clinic, fill):
    folder = fill("images/i1.jpg", "images/i2.jpg")
    table = "image_id,dx,modality\ni1,nv,photo\ni2,nv,confocal\n"
    (folder / "metadata.csv").write_text(table)
    out, err, refused = run(folder, clinic)
    assert "1 files: 1 new records" in out
    assert "row 3: unknown modality “confocal”" in err
    assert refused == "1 rows or tables could not be read; they are named above."
    assert MoleRecord.objects.get().note == "images/i1.jpg"


def test_names_that_are_not_utf_8_and_what_systems_add_do_not_end_an_import(clinic, fill):
    folder = fill("plain.jpg", "._plain.jpg", "Thumbs.db", "__MACOSX/plain.jpg", "IM000001")
    (folder / "plain.jpg").rename(folder / os.fsdecode(b"M\xfctter.jpg"))
    out, err, refused = run(folder, clinic)
    assert "2 files: 2 new records" in out
    assert not err
    assert refused is None
    assert sorted(MoleRecord.objects.values_list("note", flat=True)) == ["IM000001", "M�tter.jpg"]


def test_moles_of_a_folder_whose_name_is_not_utf_8_are_named_all_the_same(clinic, fill, tmp_path):
    fill("i1.jpg", "i2.jpg")
    folder = (tmp_path / "clinic").rename(tmp_path / os.fsdecode(b"d\xe9monstration"))
    (folder / "metadata.csv").write_text("image_id,lesion_id,dx\ni1,L1,nv\ni2,L1,nv\n")
    assert run(folder, clinic)[2] is None
    assert {*MoleRecord.objects.values_list("mole__name", flat=True)} == {"d\ufffdmonstration/L1"}


def test_a_folder_that_may_not_be_read_stops_nothing_or_everything_with_a_sentence(
    clinic, fill, monkeypatch
):
    folder = fill("a.jpg", "deeper/b.jpg", "deeper/locked/c.jpg")
    locked, within = {folder / "deeper/locked"}, Path.iterdir

    def refused(path):
        if path in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return within(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    out, err, failed = run(folder, clinic)
    assert "3 files: 2 new records" in out
    assert "refused: deeper/locked: " in err
    assert failed == "1 files were refused; they are named above."
    # Where it may hold the table, nothing is known of what the pictures are.
    locked.add(folder / "deeper")
    assert f"Permission denied: '{folder}/deeper'" in run(folder, clinic)[2]


def test_what_is_imported_is_never_said_to_be_left_out(clinic, fill):
    names = (
        "mel/1.jpg",
        "mel/nv/2.jpg",
        "warts/3.jpg",
        "loose.jpg",
        "SET_A/D1.BMP",
        "SET_B/D1.BMP",
    )
    folder = fill(*names)
    (folder / "nv").mkdir()
    (folder / "nv/1.jpg").write_bytes((folder / "mel/1.jpg").read_bytes())
    book = openpyxl.Workbook()
    book.active.append(("id", "kat.Diagnose"))
    book.active.append(("d1", 1))
    book.save(folder / "CLIN_DIA.xlsx")
    for _sheet in range(2):
        out, err, refused = run(folder, clinic, modality="dermoscopy")
        assert "7 files: " in out
        assert "error" not in err
        assert refused is None
        (folder / "CLIN_DIA.xlsx").unlink(missing_ok=True)
    assert {*MoleRecord.objects.values_list("modality", flat=True)} == {"dermoscopy"}


def test_a_row_with_several_diagnoses_tells_kind_and_mole_all_the_same(clinic, fill):
    folder = fill("i1.jpg", "i2.jpg")
    table = (
        "image_id,lesion_id,modality,mel,nv,bcc\ni1,L1,dermoscopy,1,1,0\ni2,L1,dermoscopy,0,1,0\n"
    )
    (folder / "metadata.csv").write_text(table)
    _, err, _ = run(folder, clinic)
    assert "several diagnoses: mel, nv: read without it" in err
    stored = MoleRecord.objects.values_list("modality", "mole__name")
    assert {*stored} == {("dermoscopy", "clinic/L1")}


def test_who_types_the_name_of_an_imported_mole_means_that_one(alice):
    """Others may differ from it by capitals."""
    names = ("clinic/pat1a/1", "clinic/pat1A/1")
    moles = [edits.named(owner=alice, name=name, imported=True) for name in names]
    for mole, name in zip(moles, names, strict=True):
        address = reverse("api-record-detail", args=[assessed(owner=alice).pk])
        said = program_of(alice).patch(address, {"mole_name": name}, "json").json()
        assert said["mole"] == str(mole.pk)
