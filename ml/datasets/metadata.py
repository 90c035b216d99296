"""Sets with a metadata CSV: the ISIC archive's way, and Kaggle's copy of HAM10000."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ml.datasets.manifest import (
    REGION_OF,
    DatasetError,
    Dropped,
    Manifest,
    Row,
    allowed_diagnoses,
    pictures_in,
)
from ml.taxonomy import CONCEPTS, MODALITIES

NAMES = ("metadata.csv", "HAM10000_metadata.csv", "HAM10000_metadata")
REQUIRED = ("lesion_id", "image_id", "dx")
OLDEST = 200


def find(folder: Path) -> Path | None:
    """The folder's metadata file, if it is a set of this kind."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read(folder: Path, modality: str) -> Manifest:
    """Read ``images/`` (or ``HAM10000_images_part_1/2``), ``masks/`` and the metadata CSV.

    ``modality`` holds where the file has no such column. Raises DatasetError naming file and
    row: a missing column, an unknown label or modality, a row without a picture.
    """
    sheet = find(folder)
    pictures = _files(folder, ("images", "_images_part_"))
    if not pictures:
        raise DatasetError(f"{sheet}: no pictures in images/ beside it")
    # HAM10000's masks are published with this suffix.
    masks = {
        stem.removesuffix("_segmentation"): path
        for stem, path in _files(folder, ("masks", "_segmentations_")).items()
    }
    manifest, seen, without_picture = Manifest(), {}, []
    for source, record in _records(sheet):
        image_id = record["image_id"]
        if not image_id:
            raise DatasetError(f"{source}: no image_id")
        row = _row(record, folder.name, modality, source, pictures, masks)
        if image_id in seen:
            if row.dx != seen[image_id]:
                raise DatasetError(
                    f"{source}: {image_id} again, as “{row.dx}”; before it was “{seen[image_id]}”"
                )
            manifest.dropped.append(Dropped(source, image_id, "the same picture again"))
            continue
        seen[image_id] = row.dx
        if image_id in pictures:
            manifest.rows.append(row)
        else:
            without_picture.append(f"{source}: no picture for {image_id}")
    if without_picture:
        raise DatasetError("\n".join(without_picture))
    if not manifest.rows:
        raise DatasetError(f"{sheet}: no rows")
    # Kaggle's and the archive's folders may hold more than the CSV names: not an error.
    manifest.dropped += [
        Dropped(str(pictures[image_id]), image_id, "no metadata row")
        for image_id in sorted(pictures.keys() - seen.keys())
    ]
    return manifest


def _row(
    record: dict[str, str],
    dataset: str,
    modality: str,
    source: str,
    pictures: dict[str, Path],
    masks: dict[str, Path],
) -> Row:
    image_id, dx = record["image_id"], record["dx"].lower()
    modality = record.get("modality") or modality
    if modality not in MODALITIES:
        raise DatasetError(f"{source}: unknown modality “{modality}”; known are {MODALITIES}")
    lesion = record["lesion_id"] or image_id
    return Row(
        path=pictures.get(image_id, Path()),
        mask=masks.get(image_id),
        dataset=dataset,
        image_id=image_id,
        lesion=f"{dataset}/{lesion}",
        # A lesion that another set also has is that set's group, so that both are on one side.
        group=record.get("same_lesion_as") or f"{dataset}/{record.get('patient_id') or lesion}",
        modality=modality,
        dx=dx,
        allowed=allowed_diagnoses(dx, source),
        sex=record.get("sex") if record.get("sex") in ("female", "male") else None,
        age=_number(record, "age", source),
        body_site=REGION_OF.get(record.get("localization", "").lower()),
        skin_type=_whole(record, "skin_type", source),
        skin_tone=_whole(record, "skin_tone", source),
        concepts=_concepts(record, source),
        source=source,
    )


def _whole(record: dict[str, str], column: str, source: str) -> int | None:
    number = _number(record, column, source)
    return None if number is None else int(number)


def _concepts(record: dict[str, str], source: str) -> tuple[float | None, ...]:
    if not any(record.get(name) for name in CONCEPTS):
        return ()
    return tuple(_number(record, name, source) for name in CONCEPTS)


def _number(record: dict[str, str], column: str, source: str) -> float | None:
    # PAD-UFES-20 writes Fitzpatrick's types as "2.0" and as "fitz_2".
    text = record.get(column, "").removeprefix("fitz_")
    if text.lower() in ("", "unknown", "nan"):
        return None
    try:
        number = float(text)
    except ValueError:
        raise DatasetError(f"{source}: {column} “{text}” is no number") from None
    if not 0 <= number < OLDEST:
        raise DatasetError(f"{source}: {column} {text} can't be right")
    return number


def _records(sheet: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(source, record) of each row, without surrounding blanks."""
    try:
        with sheet.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{sheet}: row 1: no column {', '.join(missing)}")
            for record in reader:
                record = {k: (v or "").strip() for k, v in record.items() if k}
                yield f"{sheet}: row {reader.line_num}", record
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{sheet}: not a readable CSV file: {error}") from error


def _files(folder: Path, names: tuple[str, str]) -> dict[str, Path]:
    """Pictures by name from the folder called the first name, or with the second in its own."""
    exact, part = names
    return {
        picture.stem: picture
        for inner in sorted(folder.iterdir())
        if inner.is_dir() and (inner.name == exact or part in inner.name.lower())
        for picture in pictures_in(inner)
    }
