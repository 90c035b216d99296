"""Readers for every format that we know → one manifest."""

import sys
from collections.abc import Iterable
from pathlib import Path

from ml.datasets import clinic, folders, metadata, packed
from ml.datasets.manifest import PICTURE_SUFFIXES, DatasetError, Dropped, Manifest, Row
from ml.taxonomy import ALLOWED

__all__ = ["DatasetError", "Dropped", "Manifest", "Row", "read", "warn"]

NO_SET = (
    "no data set here: neither a metadata CSV with images/, nor CLIN_DIA.xlsx, nor a packed set, "
    "nor a folder per "
    f"class (known are {', '.join(ALLOWED)})"
)


def read(dirs: Iterable[str | Path], modality: str = "dermoscopy") -> Manifest:
    """Read data sets; each directory is one, or holds several.

    ``modality`` holds for sets that don't say. Raises DatasetError, naming file and row, for
    what can't be read.
    """
    manifest = Manifest()
    for directory in dirs:
        folder = Path(directory).resolve()
        if not folder.is_dir():
            raise DatasetError(f"{directory}: no such folder")
        if found := _read_one(folder, modality):
            manifest.extend(found)
            continue
        inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
        before = len(manifest.rows)
        for part in inner:
            if found := _read_one(part, modality):
                manifest.extend(found)
            elif _holds_data(part):
                raise DatasetError(f"{part}: {NO_SET}")
        if len(manifest.rows) == before:
            raise DatasetError(f"{directory}: {NO_SET}")
    return manifest


def warn(manifest: Manifest) -> None:
    """Say on stderr how many rows were dropped, and every warning."""
    for reason, count in manifest.dropped_by_reason():
        print(f"dropped: {count:,} × {reason} (`summarise` names them)", file=sys.stderr)
    for warning in manifest.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _holds_data(folder: Path) -> bool:
    """Whether somebody meant a folder that is no set as one, or as a class."""
    inside = [*folder.iterdir(), *folder.glob("images/*")]
    return any(p.suffix.lower() in {*PICTURE_SUFFIXES, ".csv", ".xlsx"} for p in inside)


def _read_one(folder: Path, modality: str) -> Manifest | None:
    if packed.find(folder):
        return packed.read(folder)
    if metadata.find(folder):
        return metadata.read(folder, modality)
    if clinic.find(folder):
        return clinic.read(folder, modality)
    if folders.class_folders(folder):
        return folders.read(folder, modality)
    return None
