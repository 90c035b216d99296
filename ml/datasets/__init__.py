"""Readers for every format that we know → one manifest."""

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from ml.datasets import clinic, files, folders, metadata, packs, tables
from ml.datasets.manifest import DatasetError, Dropped, Manifest, Row
from ml.decoding.kinds import ENDINGS
from ml.taxonomy import ALLOWED, DEFAULT_MODALITY

__all__ = ["DatasetError", "Dropped", "Manifest", "Row", "read", "warn"]

NO_SET = (
    "no data set here: neither a metadata CSV with images/, nor CLIN_DIA.xlsx, nor a packed set, "
    "nor a folder per "
    f"class (known are {', '.join(ALLOWED)})"
)


def read(
    dirs: Iterable[str | Path],
    modality: str | None = None,
    *,
    decode: bool = False,
) -> Manifest:
    """Read data sets; each directory is one, or holds several.

    ``modality`` holds for sets that don't say; without it, what is known of a published set does,
    else DEFAULT_MODALITY. What can't be used is left out and named in the manifest's ``faults``,
    as a picture is that has another diagnosis under another name or in another set; with
    ``decode``, pictures that don't decode, too. Raises DatasetError, naming file and row, where
    nothing is left.
    """
    manifest = Manifest()
    for directory in dirs:
        folder = Path(directory).resolve()
        if not folder.is_dir():
            raise DatasetError(f"{directory}: no such folder")
        if found := _read_one(folder, modality):
            manifest.extend(found)
            continue
        inner = files.folders_in(folder)
        before = len(manifest.rows)
        for part in inner:
            if found := _read_one(part, modality):
                manifest.extend(found)
            elif _holds_data(part):
                manifest.faults.append(f"{part}: left out: {NO_SET}")
        if len(manifest.rows) == before:
            raise DatasetError(f"{directory}: {NO_SET}")
    _leave_out_contradicted(manifest)
    if decode:
        _leave_out_damaged(manifest)
    return manifest


def warn(manifest: Manifest) -> None:
    """Say on stderr how many rows were dropped, every warning, and every fault."""
    for reason, count in manifest.dropped_by_reason():
        print(f"dropped: {count:,} × {reason} (`summarise` names them)", file=sys.stderr)
    for warning in manifest.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for fault in manifest.faults:
        print(f"error: {fault}", file=sys.stderr)


def _holds_data(folder: Path) -> bool:
    """Whether somebody meant a folder that is not a set as one, or as a class."""
    endings = {*ENDINGS, *tables.SUFFIXES, ".xlsx"}
    return any(p.suffix.lower() in endings for p in files.below(folder))


def _read_one(folder: Path, modality: str | None) -> Manifest | None:
    if packs.find(folder):
        return packs.read(folder)
    if metadata.find(folder):
        return metadata.read(folder, modality)
    if clinic.find(folder):
        return clinic.read(folder, modality or DEFAULT_MODALITY)
    if _is_of_classes(folder):
        return folders.read(folder, modality or DEFAULT_MODALITY)
    return None


def _is_of_classes(folder: Path) -> bool:
    """Not a folder of several sets, one of which is called as a class is."""
    classes = folders.class_folders(folder)
    others = [] if classes == [folder] else files.folders_in(folder)
    return bool(classes) and not any(map(_is_set, others))


def _is_set(folder: Path) -> bool:
    if packs.find(folder) or metadata.find(folder) or clinic.find(folder):
        return True
    return folders.class_folders(folder) not in ([], [folder])


def _leave_out_contradicted(manifest: Manifest) -> None:
    """Of one picture whose labels have no diagnosis in common, nobody can tell which is right.

    Raises DatasetError, naming all, where nothing is left.
    """
    saying = {row.path: row for row in manifest.rows if row.dx != "other"}
    left_out: set[Path] = set()
    for group in files.same_content(list(saying)):
        copies = [saying[path] for path in group]
        if not set.intersection(*({*row.allowed} or {row.dx} for row in copies)):
            named = ", ".join(f"{row.source} ({row.dx})" for row in copies)
            manifest.faults.append(
                f"the same picture with diagnoses that contradict each other: {named}: left out"
            )
            left_out.update(group)
    rows = [row for row in manifest.rows if row.path not in left_out]
    if left_out and not rows:
        raise DatasetError("\n".join(manifest.faults))
    manifest.rows = rows


def _leave_out_damaged(manifest: Manifest) -> None:
    """Decode every picture and mask. Raises DatasetError, naming all, where none can be."""

    def problem(row: Row) -> str | None:
        try:
            row.decode()
            if row.mask:
                row.decode_mask()
        except DatasetError as error:
            return f"{error}: left out"
        return None

    with ThreadPoolExecutor() as pool:
        bar = tqdm(pool.map(problem, manifest.rows), "Decoding", len(manifest.rows), unit="picture")
        problems = list(bar)
    manifest.faults += filter(None, problems)
    rows = [row for row, found in zip(manifest.rows, problems, strict=True) if not found]
    if not rows:
        raise DatasetError("\n".join(manifest.faults))
    manifest.rows = rows
