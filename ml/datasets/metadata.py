"""Sets with a metadata CSV: the ISIC archive's way, and Kaggle's copy of HAM10000."""

import csv
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
from ml.taxonomy import MODALITIES

NAMES = ("metadata.csv", "HAM10000_metadata.csv", "HAM10000_metadata")
REQUIRED = ("lesion_id", "image_id", "dx")


def find(folder: Path) -> Path | None:
    """The folder's metadata file, if it is a set of this kind."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read(folder: Path, modality: str) -> Manifest:
    """Read ``images/`` (or ``HAM10000_images_part_1/2``), ``masks/`` and the metadata CSV.

    ``modality`` holds where the file has no such column. Raises DatasetError naming file and
    row: a missing column, an unknown label or modality, a row without a picture.
    """
    sheet = find(folder)
    pictures = _pictures(folder)
    masks = {p.stem: p for p in pictures_in(folder / "masks")} if _has(folder, "masks") else {}
    # The segmentation challenge's suffix, as HAM10000's masks are published with it.
    masks = {stem.removesuffix("_segmentation"): path for stem, path in masks.items()}
    manifest, seen, without_picture = Manifest(), {}, []
    with sheet.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise DatasetError(f"{sheet}: row 1: no column {', '.join(missing)}")
        for number, record in enumerate(reader, start=2):
            source = f"{sheet}: row {number}"
            record = {k: (v or "").strip() for k, v in record.items() if k}
            image_id = record["image_id"]
            if not image_id:
                raise DatasetError(f"{source}: no image_id")
            if image_id in seen:
                if record["dx"].lower() != seen[image_id]:
                    raise DatasetError(
                        f"{source}: {image_id} again, as “{record['dx']}”; before it was "
                        f"“{seen[image_id]}”"
                    )
                manifest.dropped.append(Dropped(source, image_id, "the same picture again"))
                continue
            row = _row(record, folder.name, modality, source, pictures, masks)
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
        group=f"{dataset}/{record.get('patient_id') or lesion}",
        modality=modality,
        dx=dx,
        allowed=allowed_diagnoses(dx, source),
        sex=record.get("sex") if record.get("sex") in ("female", "male") else None,
        age=_number(record, "age", source),
        body_site=REGION_OF.get(record.get("localization", "").lower()),
        skin_type=int(skin) if (skin := _number(record, "skin_type", source)) else None,
        source=source,
    )


def _number(record: dict[str, str], column: str, source: str) -> float | None:
    text = record.get(column, "")
    if text.lower() in ("", "unknown", "nan"):
        return None
    try:
        return float(text)
    except ValueError:
        raise DatasetError(f"{source}: {column} “{text}” is no number") from None


def _pictures(folder: Path) -> dict[str, Path]:
    parts = [p for p in sorted(folder.iterdir()) if p.is_dir() and p.name.lower() != "masks"]
    named = [p for p in parts if p.name == "images" or "_images_part_" in p.name]
    if not named:
        raise DatasetError(f"{folder}: no folder images/ beside the metadata")
    return {picture.stem: picture for part in named for picture in pictures_in(part)}


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_dir()
