"""Readers for every format that we know → one manifest."""

from collections.abc import Iterable
from pathlib import Path

from ml.datasets import clinic, folders, metadata
from ml.datasets.manifest import DatasetError, Dropped, Manifest, Row

__all__ = ["DatasetError", "Dropped", "Manifest", "Row", "read"]


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
        sets = [found for p in inner if (found := _read_one(p, modality))]
        if not sets:
            raise DatasetError(
                f"{directory}: no data set here: neither a metadata CSV with images/, nor "
                "CLIN_DIA.xlsx, nor a folder per class"
            )
        for found in sets:
            manifest.extend(found)
    return manifest


def _read_one(folder: Path, modality: str) -> Manifest | None:
    if metadata.find(folder):
        return metadata.read(folder, modality)
    if clinic.find(folder):
        return clinic.read(folder, modality)
    if folders.class_folders(folder):
        return folders.read(folder, modality)
    return None
