"""Sets with images/ and a metadata CSV."""

import os
import re
import shutil
import unicodedata

import pytest

from ml import datasets
from ml.__main__ import main
from ml.datasets import DatasetError


def test_a_row_carries_all_that_the_csv_tells(make_set):
    folder = make_set(
        "PAD",
        [
            {
                "image_id": "p1",
                "lesion_id": "l1",
                "patient_id": "alice",
                "modality": "photo",
                "dx": "SCC",
                "sex": "female",
                "age": "61",
                "localization": "forearm",
                "skin_type": "3.0",
            }
        ],
    )
    (row,) = datasets.read([folder]).rows
    assert row.path == folder / "images" / "p1.jpg"
    assert (row.dataset, row.lesion, row.group) == ("PAD", "PAD/l1", "PAD/alice")
    assert (row.modality, row.dx, row.allowed) == ("photo", "scc", ("akiec",))
    assert (row.sex, row.age, row.body_site, row.skin_type) == ("female", 61, "upper_limb", 3)
    assert row.source.endswith("metadata.csv: row 2")


def test_the_lesion_is_the_group_where_no_patient_is_known(make_set):
    folder = make_set("HAM", [{"image_id": "a", "lesion_id": "l9", "dx": "nv"}])
    assert datasets.read([folder]).rows[0].group == "HAM/l9"


def test_the_patient_of_a_lesion_is_that_of_all_its_pictures(make_set):
    """Else a lesion's pictures were those of two persons, wherever persons are counted."""
    patients = ["", "alice", "NA", ""]
    records = [
        {"image_id": f"i{n}", "lesion_id": "L1" if n < 3 else "", "patient_id": name, "dx": "nv"}
        for n, name in enumerate(patients)
    ]
    rows = datasets.read([make_set("mine", records)]).rows
    assert [row.group for row in rows] == ["mine/alice"] * 3 + ["mine/i3"]


def test_where_each_patient_has_a_lesion_1_nobody_is_given_another_s(make_set):
    records = [
        {"image_id": f"i{n}", "lesion_id": "1", "patient_id": name, "dx": "nv"}
        for n, name in enumerate(["", "alice", "bob"])
    ]
    rows = datasets.read([make_set("mine", records)]).rows
    assert [row.group for row in rows] == ["mine/i0", "mine/alice", "mine/bob"]
    assert [row.lesion for row in rows] == ["mine/i0", "mine/alice/1", "mine/bob/1"]


def test_what_one_patient_s_lesion_1_is_elsewhere_another_s_is_not(make_set):
    records = [
        {"image_id": f"i{n}", "lesion_id": "1", "patient_id": name, "dx": "nv"}
        for n, name in enumerate(["alice", "alice", "bob"])
    ]
    records[0]["same_lesion_as"] = "other/l9"
    rows = datasets.read([make_set("mine", records)]).rows
    assert [row.lesion for row in rows] == ["other/l9", "other/l9", "mine/bob/1"]


@pytest.mark.parametrize("word", ["NA", "unknown", "-", "nan"])
def test_a_word_for_nothing_is_no_patient_or_lesion(make_set, word):
    """Else all rows of unknown patients would be one patient, on one side of the split."""
    ids = {"patient_id": word, "lesion_id": word, "same_lesion_as": word}
    records = [{"image_id": name, "dx": "nv", **ids} for name in ("a", "b")]
    rows = datasets.read([make_set("mine", records)]).rows
    assert [(row.lesion, row.group) for row in rows] == [("mine/a",) * 2, ("mine/b",) * 2]


def test_unknown_sex_age_and_site_are_none(make_set):
    folder = make_set(
        "HAM",
        [{"image_id": "a", "dx": "nv", "sex": "unknown", "age": "", "localization": "unknown"}],
    )
    (row,) = datasets.read([folder]).rows
    assert (row.sex, row.age, row.body_site, row.skin_type) == (None, None, None, None)


def test_words_for_sex_and_site_that_are_not_known_are_counted_and_said(make_set, capsys):
    """A clinic's own words were dropped without one of ours: its second stage learnt nothing."""
    sites = ["Rücken", "rücken", "Arm", "unknown", "", "mucosa", "lower_leg", "trunk"]
    records = [
        {"image_id": f"p{n}", "dx": "nv", "sex": "w" if n < 3 else "M", "localization": site}
        for n, site in enumerate(sites)
    ]
    folder = make_set("mine", records)
    assert main(["summarise", "--data", str(folder), "--report", str(folder.parent / "out")]) == 0
    said = capsys.readouterr().err
    assert "3 rows read without sex, whose word is not known: “w” × 3; known are female, f" in said
    assert "2 rows read without localization, whose word is not known: “rücken” × 2;" in said
    rows = datasets.read([folder]).rows
    assert [row.sex for row in rows] == [None] * 3 + ["male"] * 5
    assert [row.body_site for row in rows] == [
        *(None, None, "upper_limb", None, None, None, "lower_limb", "trunk")
    ]


def test_masks_are_found_beside_the_pictures(make_set):
    folder = make_set("HAM", [{"image_id": "a", "dx": "nv"}], masks=True)
    assert datasets.read([folder]).rows[0].mask == folder / "masks" / "a.png"


def test_kaggle_folders_of_ham10000(make_set):
    records = [{"image_id": f"ISIC_{n}", "dx": "mel"} for n in range(2)]
    folder = make_set("kaggle", records, sheet="HAM10000_metadata.csv")
    for part, name in ((1, "ISIC_0.jpg"), (2, "ISIC_1.jpg")):
        inner = folder / f"HAM10000_images_part_{part}"
        inner.mkdir()
        shutil.move(folder / "images" / name, inner / name)
    assert [row.path.parent.name for row in datasets.read([folder]).rows] == [
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
    ]


def test_a_folder_of_several_sets(make_set):
    folder = make_set("A", [{"image_id": "a", "dx": "nv"}])
    make_set("B", [{"image_id": "b", "dx": "benign"}])
    assert [row.dataset for row in datasets.read([folder.parent]).rows] == ["A", "B"]


def test_a_label_left_out_of_training_is_no_error(make_set):
    folder = make_set("D7", [{"image_id": "a", "dx": "other"}])
    assert datasets.read([folder]).rows[0].allowed == ()


def test_the_modality_given_holds_where_the_set_has_none(make_set):
    folder = make_set("mine", [{"image_id": "a", "dx": "nv"}])
    assert datasets.read([folder], "photo").rows[0].modality == "photo"


def test_a_repeated_picture_is_dropped_and_named(make_set):
    folder = make_set("SIIM", [{"image_id": "a", "dx": "mel"}, {"image_id": "a", "dx": "mel"}])
    manifest = datasets.read([folder])
    assert len(manifest.rows) == 1
    (dropped,) = manifest.dropped
    assert dropped.image_id == "a"
    assert dropped.source.endswith("row 3")


def test_a_picture_without_a_row_is_dropped_and_named(make_set):
    folder = make_set("HAM", [{"image_id": "a", "dx": "nv"}])
    shutil.copy(folder / "images" / "a.jpg", folder / "images" / "stray.jpg")
    (dropped,) = datasets.read([folder]).dropped
    assert (dropped.image_id, dropped.reason) == ("stray", "no metadata row")


BAD = [
    ([{"image_id": "b", "dx": "wart"}], "row 3: unknown diagnosis “wart” .*known are nv", 1),
    ([{"image_id": "b", "dx": ""}], "row 3: no diagnosis", 1),
    ([{"image_id": "", "dx": "nv", "drawn": False}], "row 3: no image_id", 1),
    ([{"image_id": "b", "dx": "nv", "modality": "x-ray"}], "row 3.*“x-ray”", 1),
    ([{"image_id": "b", "dx": "nv", "age": "old"}], "row 3.*age “old”", 2),
    ([{"image_id": "b", "dx": "nv", "age": "999"}], "row 3: age 999 can't be right", 2),
    ([{"image_id": "b", "dx": "nv", "drawn": False}], "row 3: no picture for b", 1),
    ([{"image_id": "b", "dx": "nv"}, {"image_id": "b", "dx": "mel"}], "row 4.*before it was", 1),
    (
        [{"image_id": "b", "dx": "nv"}, {"image_id": "B", "dx": "mel", "drawn": False}],
        "row 4: B again, as “mel”",
        1,
    ),
    (
        [{"image_id": "b", "lesion_id": of, "dx": "nv"} for of in ("L1", "L2")],
        "row 4: b again, of another lesion or patient than before: left out",
        1,
    ),
    (
        [{"image_id": "b", "dx": "nv", "modality": of} for of in ("photo", "dermoscopy")],
        "row 4: b again, as dermoscopy; before it was photo: left out",
        1,
    ),
]


@pytest.mark.parametrize(("records", "message", "left"), BAD)
def test_a_bad_row_is_named_and_the_others_are_read(make_set, records, message, left):
    folder = make_set("bad", [{"image_id": "a", "dx": "nv"}, *records])
    manifest = datasets.read([folder])
    (fault,) = manifest.faults
    assert re.search(f"metadata.csv: {message}", fault)
    assert len(manifest.rows) == left


def test_where_nothing_is_left_all_faults_are_said(make_set):
    folder = make_set("bad", [{"image_id": "a", "dx": "wart"}])
    with pytest.raises(DatasetError, match=r"metadata.csv: row 2: unknown diagnosis “wart”"):
        datasets.read([folder])


def test_a_table_without_labels_or_ids_is_an_error(make_set):
    for record, column in (({"image_id": "a"}, "dx"), ({"image_id": "a", "dx": "nv"}, "image_id")):
        folder = make_set(f"bad {column}", [record])
        sheet = folder / "metadata.csv"
        sheet.write_text(
            sheet.read_text().replace("image_id", "number" if column != "dx" else "image_id")
        )
        with pytest.raises(DatasetError, match=f"metadata.csv: row 1: no column {column}"):
            datasets.read([folder])


def test_a_sheet_that_is_no_text_names_the_file(make_set):
    folder = make_set("bad", [{"image_id": "a", "dx": "nv"}])
    (folder / "metadata.csv").write_bytes(b"PK\x03\x04\0\0\0image_id")
    with pytest.raises(DatasetError, match=r"metadata.csv: not a readable CSV file"):
        datasets.read([folder])


@pytest.mark.parametrize("written", ["", '"image_id,dx\na,nv\n'])
def test_a_sheet_without_a_header_names_the_file(make_set, written):
    folder = make_set("bad", [{"image_id": "a", "dx": "nv"}])
    (folder / "metadata.csv").write_text(written)
    with pytest.raises(DatasetError, match=r"metadata.csv: row 1: "):
        datasets.read([folder])


def test_a_quotation_mark_that_is_never_closed_swallows_no_rows(make_set):
    """All after it would be one row's comment: kind and lesion of these pictures were lost."""
    folder = make_set("bad", [{"image_id": name, "dx": "nv"} for name in "abc"])
    sheet = folder / "metadata.csv"
    sheet.write_text('image_id,dx,comment\na,nv,"two\nlines"\nb,nv,"large\nc,nv,')
    with pytest.raises(DatasetError, match=r"metadata.csv: row 4: a quotation mark is opened"):
        datasets.read([folder])
    sheet.write_text('image_id,dx,comment\na,nv,"two\nlines"\nb,nv,4" large\nc,nv,"said ""no"""')
    assert len(datasets.read([folder]).rows) == 3


def test_a_folder_without_data_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no data set here"):
        datasets.read([tmp_path])


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        datasets.read([tmp_path / "nowhere"])


def test_a_picture_under_two_names_with_two_diagnoses_is_left_out_and_named(make_set):
    """Else a network learns that it is a mole, and that it is a melanoma."""
    labels = {"a": "nv", "b": "mel", "c": "malignant", "d": "bcc", "e": "nv", "f": "other"}
    folder = make_set("mine", [{"image_id": name, "dx": dx} for name, dx in labels.items()])
    images = folder / "images"
    shutil.copy(images / "a.jpg", images / "b.jpg")
    shutil.copy(images / "c.jpg", images / "d.jpg")  # which says more of it
    shutil.copy(images / "e.jpg", images / "f.jpg")  # which says nothing of it
    manifest = datasets.read([folder])
    assert [row.image_id for row in manifest.rows] == ["c", "d", "e", "f"]
    (fault,) = manifest.faults
    table = folder / "metadata.csv"
    assert fault == (
        "the same picture with diagnoses that contradict each other: "
        f"{table}: row 2 (nv), {table}: row 3 (mel): left out"
    )


def test_a_picture_with_another_diagnosis_in_another_set_is_left_out_of_both(make_set):
    theirs = make_set("theirs", [{"image_id": "x", "dx": "nv"}, {"image_id": "y", "dx": "nv"}])
    ours = make_set("ours", [{"image_id": "z", "dx": "mel"}, {"image_id": "w", "dx": "bcc"}])
    shutil.copy(theirs / "images/x.jpg", ours / "images/z.jpg")
    manifest = datasets.read([theirs, ours])
    assert [row.image_id for row in manifest.rows] == ["y", "w"]
    assert len(manifest.faults) == 1
    shutil.copy(theirs / "images/y.jpg", ours / "images/w.jpg")
    with pytest.raises(DatasetError, match="row 3"):
        datasets.read([theirs, ours])


@pytest.mark.timeout(60)
def test_a_named_pipe_among_the_pictures_is_named_and_not_waited_for(make_set):
    folder = make_set("mine", [{"image_id": name, "dx": "nv"} for name in "abc"])
    for name in "ab":
        (folder / f"images/{name}.jpg").unlink()
        os.mkfifo(folder / f"images/{name}.jpg")
    manifest = datasets.read([folder], decode=True)
    assert [row.image_id for row in manifest.rows] == ["c"]
    assert len(manifest.faults) == 2
    assert manifest.faults[0].endswith(
        "a.jpg: This is a pipe. Name the file of a picture.: left out"
    )


@pytest.mark.parametrize(("file", "table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_join_whether_they_are_signs_of_their_own_or_not(make_set, file, table):
    """macOS writes names, and Excel tables, in forms that look alike."""
    name = unicodedata.normalize(file, "Müller-1")
    folder = make_set("mine", [{"image_id": name, "dx": "mel", "lesion_id": "1"}], masks=True)
    sheet = folder / "metadata.csv"
    sheet.write_text(unicodedata.normalize(table, sheet.read_text("utf-8")), "utf-8")
    manifest = datasets.read([folder])
    assert not manifest.faults + manifest.dropped
    assert [row.mask.stem for row in manifest.rows] == [name]
