"""The clinic's format: BMP sets and CLIN_DIA.xlsx, with its odd values."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from ml import datasets
from ml.datasets import DatasetError


def test_ids_join_in_any_letter_case_and_categories_become_labels(make_clinic):
    folder = make_clinic(
        [("d1", 1), ("E2", "2"), ("f3 ", 3.0), ("h\u00e44", 1)],
        ["SET_D/D1.BMP", "SET_E/E2.BMP", "SET_F/f3.bmp", "SET_H/Ha\u03084.bmp"],
    )
    rows = datasets.read([folder]).rows
    assert [(row.image_id, row.dx) for row in rows] == [
        ("D1", "benign"),
        ("E2", "malignant_low_risk"),
        ("f3", "malignant_high_risk"),
        ("Ha\u03084", "benign"),
    ]
    assert rows[0].allowed == ("nv", "bkl", "df", "vasc")
    assert rows[1].allowed == ("bcc", "akiec")
    assert rows[2].allowed == ("mel",)


@pytest.mark.parametrize("odd", [0, "?", None, "3?", 4, 1.5, "nan"])
def test_odd_categories_are_dropped_and_named(make_clinic, odd):
    folder = make_clinic([("D1", 1), ("D2", odd)], ["SET_D/D1.BMP", "SET_D/D2.BMP"])
    manifest = datasets.read([folder])
    assert [row.image_id for row in manifest.rows] == ["D1"]
    (dropped,) = manifest.dropped
    assert dropped.image_id == "D2"
    assert dropped.source.endswith("CLIN_DIA.xlsx: row 3")
    assert "is not 1, 2 or 3" in dropped.reason


def test_missing_files_are_faults(make_clinic):
    """Half a copied folder ended with status 0, also with --strict."""
    manifest = datasets.read([make_clinic([("D1", 1), ("D2", 3)], ["SET_D/D1.BMP"])])
    [fault] = manifest.faults
    assert fault.endswith("CLIN_DIA.xlsx: row 3: no picture for D2: left out")
    assert [row.image_id for row in manifest.rows] == ["D1"]


def test_files_without_a_row_are_dropped_and_named(make_clinic):
    manifest = datasets.read([make_clinic([("D1", 1)], ["SET_D/D1.BMP", "SET_D/D9.BMP"])])
    assert [(d.image_id, d.reason) for d in manifest.dropped] == [("D9", "no row in the sheet")]


def test_rows_that_contradict_each_other_are_all_left_out(make_clinic):
    folder = make_clinic([("D1", 1), ("d1", 3), ("D2", 1)], ["SET_D/D1.BMP", "SET_D/D2.BMP"])
    manifest = datasets.read([folder])
    assert [row.image_id for row in manifest.rows] == ["D2"]
    first, second = manifest.faults
    assert "row 2: several rows of D1 with different categories: left out" in first
    assert "row 3: several rows of d1" in second


def test_a_repeated_row_is_kept_once(make_clinic):
    manifest = datasets.read([make_clinic([("D1", 1), ("D1", 1)], ["SET_D/D1.BMP"])])
    assert len(manifest.rows) == 1
    assert [d.reason for d in manifest.dropped] == ["the same picture again"]


def test_column_names_in_any_letter_case(make_clinic):
    folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"], columns=("ID", "Kat.diagnose "))
    assert len(datasets.read([folder]).rows) == 1


def test_it_warns_that_category_2_need_not_be_bcc_and_akiec(make_clinic):
    warnings = datasets.read([make_clinic([("D1", 2)], ["SET_D/D1.BMP"])]).warnings
    (warning,) = (one for one in warnings if "taken as" not in one)
    assert "category 2" in warning
    assert "ask" in warning


def test_a_missing_column_names_file_and_row(make_clinic):
    folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"], columns=("id", "Kategorie"))
    with pytest.raises(DatasetError, match=r"CLIN_DIA.xlsx: row 1: no column kat.diagnose"):
        datasets.read([folder])


def test_a_sheet_that_is_no_xlsx_names_the_file(make_clinic):
    folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"])
    (folder / "CLIN_DIA.xlsx").write_text("not a workbook")
    with pytest.raises(DatasetError, match=r"CLIN_DIA.xlsx: not a readable .xlsx"):
        datasets.read([folder])


def test_a_sheet_without_any_usable_row_is_an_error(make_clinic):
    with pytest.raises(DatasetError, match="no row has a category"):
        datasets.read([make_clinic([("D1", 0)], ["SET_D/D1.BMP"])])


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml"])
def test_a_sheet_that_breaks_off_names_the_file(make_clinic, part):
    folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"])
    rewrite(folder / "CLIN_DIA.xlsx", part, lambda text: text[: len(text) // 2])
    with pytest.raises(DatasetError, match=r"CLIN_DIA.xlsx: not a readable .xlsx"):
        datasets.read([folder])


@pytest.mark.parametrize("dimension", [b"", b'<dimension ref="A1"/>'])
def test_a_sheet_without_its_size_and_with_short_rows(make_clinic, dimension):
    folder = make_clinic([("D1", 1)], ["SET_D/D1.BMP"])
    book = openpyxl.load_workbook(folder / "CLIN_DIA.xlsx")
    book.active.append(("D2",))
    book.save(folder / "CLIN_DIA.xlsx")
    rewrite(
        folder / "CLIN_DIA.xlsx",
        "xl/worksheets/sheet1.xml",
        lambda text: re.sub(rb"<dimension [^>]*>", dimension, text),
    )
    manifest = datasets.read([folder])
    assert [row.image_id for row in manifest.rows] == ["D1"]
    assert [(d.image_id, d.reason) for d in manifest.dropped] == [
        ("D2", "category “” is not 1, 2 or 3")
    ]


def rewrite(book: Path, part: str, change: Callable[[bytes], bytes]) -> None:
    """Change one part of an .xlsx file, which is a ZIP."""
    with zipfile.ZipFile(book) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(book, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_two_pictures_of_one_name_are_named_and_one_in_a_deeper_folder_is_read(make_clinic):
    files = ["SET_D/c1.bmp", "SET_E/c1.bmp", "SET_E/more/c2.bmp"]
    manifest = datasets.read([make_clinic([("c1.bmp", 1), ("C2", 3)], files)])
    assert [row.image_id for row in manifest.rows] == ["c2"]
    [fault] = manifest.faults
    assert "row 2: no single picture for c1: SET_D/c1.bmp, SET_E/c1.bmp: left out" in fault
    assert not manifest.dropped
