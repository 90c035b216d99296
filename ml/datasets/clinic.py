"""The clinic's format: BMP files in SET_… folders, and the sheet CLIN_DIA.xlsx."""

import zlib
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from zipfile import BadZipFile

from ml.datasets import files, tables
from ml.datasets.manifest import (
    DatasetError,
    Dropped,
    Manifest,
    Row,
    allowed_diagnoses,
    assumed,
)

SHEET = "clin_dia.xlsx"
CATEGORY = "kat.diagnose"
DX_OF_CATEGORY = {1: "benign", 2: "malignant_low_risk", 3: "malignant_high_risk"}


def find(folder: Path) -> Path | None:
    """The folder's sheet, in any letter case, if it is a set of this kind."""
    return next((p for p in sorted(folder.iterdir()) if p.name.lower() == SHEET), None)


def read(folder: Path, modality: str) -> Manifest:
    """Join the sheet's rows to the pictures by ``id``, whatever its letter case.

    Rows with another category than 1, 2 or 3 are dropped and named; those without a single picture,
    or that contradict each other, are left out and named in ``faults``. Raises DatasetError for a
    sheet that can't be read or lacks a column.
    """
    sheet = find(folder)
    manifest, found = Manifest(), defaultdict(list)
    pictures: dict[str, list[Path]] = defaultdict(list)
    for part in files.folders_in(folder):
        if not part.name.upper().startswith("SET_"):
            continue
        for picture in filter(files.is_picture, files.below(part)):
            pictures[files.key(picture.stem)].append(picture)
    mentioned = set()
    for source, image_id, category in _records(sheet):
        mentioned.add(files.key(image_id))
        if (number := _category(category)) is None:
            reason = f"category “{'' if category is None else category}” is not 1, 2 or 3"
            manifest.dropped.append(Dropped(source, image_id, reason))
        elif files.key(image_id) not in pictures:
            manifest.faults.append(f"{source}: no picture for {image_id}: left out")
        elif len(named := pictures[files.key(image_id)]) > 1:
            several = ", ".join(str(picture.relative_to(folder)) for picture in named)
            manifest.faults.append(
                f"{source}: no single picture for {image_id}: {several}: left out"
            )
        else:
            found[files.key(image_id)].append((source, image_id, number))
    for key, entries in found.items():
        if len({number for *_, number in entries}) > 1:
            manifest.faults += [
                f"{source}: several rows of {image_id} with different categories: left out"
                for source, image_id, _ in entries
            ]
            continue
        dataset = files.readable(folder.name)
        source, _, number = entries[0]
        manifest.rows.append(_row(dataset, pictures[key][0], modality, source, number))
        manifest.dropped += [
            Dropped(source, image_id, "the same picture again")
            for source, image_id, _ in entries[1:]
        ]
    manifest.dropped += [
        Dropped(str(picture), picture.stem, "no row in the sheet")
        for key in sorted(pictures.keys() - mentioned)
        for picture in pictures[key]
    ]
    if not manifest.rows:
        raise DatasetError(f"{sheet}: no row has a category of 1, 2 or 3 and a picture")
    manifest.warnings.append(assumed(sheet, modality))
    manifest.warnings.append(
        f"{sheet}: category 2 is read as “malignant, low risk”, which is bcc or akiec here. "
        "The clinic need not have meant the same: ask it which diagnoses category 2 holds."
    )
    return manifest


def _row(dataset: str, picture: Path, modality: str, source: str, number: int) -> Row:
    dx, name = DX_OF_CATEGORY[number], files.readable(picture.stem)
    return Row(
        path=picture,
        mask=None,
        dataset=dataset,
        image_id=name,
        lesion=f"{dataset}/{name}",
        group=f"{dataset}/{name}",
        modality=modality,
        dx=dx,
        allowed=allowed_diagnoses(dx, source),
        source=source,
    )


def _records(sheet: Path) -> list[tuple[str, str, object]]:
    """(source, id, category) of every row that is not empty."""
    import openpyxl

    try:
        with closing(openpyxl.load_workbook(sheet, read_only=True, data_only=True)) as book:
            first = book.worksheets[0]
            first.reset_dimensions()  # some programs write wrong ones
            lines = list(first.iter_rows(values_only=True))
    except (
        BadZipFile,
        EOFError,
        LookupError,
        OSError,
        SyntaxError,
        ValueError,
        zlib.error,
    ) as error:
        raise DatasetError(f"{sheet}: not a readable .xlsx file: {error}") from error
    header = [str(cell or "").strip().lower() for cell in lines[0]] if lines else []
    missing = [name for name in ("id", CATEGORY) if name not in header]
    if missing:
        raise DatasetError(f"{sheet}: row 1: no column {', '.join(missing)}")
    id_column, category_column = header.index("id"), header.index(CATEGORY)
    records = []
    for number, line in enumerate(lines[1:], start=2):
        if all(cell is None for cell in line):
            continue
        line += (None,) * (len(header) - len(line))
        image_id = str(line[id_column] or "").strip()
        # Some sheets give the file's name as id.
        image_id = tables.without_ending(image_id).rpartition("/")[2]
        records.append((f"{sheet}: row {number}", image_id, line[category_column]))
    return records


def _category(value: object) -> int | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return int(number) if number in DX_OF_CATEGORY else None
