"""A folder per class: ``mel/…``, ``nv/…``; the folder's name is the label."""

from pathlib import Path

from ml.datasets.manifest import DatasetError, Manifest, Row, allowed_diagnoses, pictures_in
from ml.taxonomy import ALLOWED


def class_folders(folder: Path) -> list[Path]:
    """The classes of a set of this kind: the folder's own, or those in it; [] for other sets."""
    if folder.name.lower() in ALLOWED:
        return [folder]
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    if inner and all(p.name.lower() in ALLOWED for p in inner):
        return inner
    return []


def read(folder: Path, modality: str) -> Manifest:
    """Each picture is a lesion of its own. Raises DatasetError for a class without pictures."""
    rows = []
    for part in class_folders(folder):
        dx = part.name.lower()
        allowed = allowed_diagnoses(dx, str(part))
        inside = part / "images" if (part / "images").is_dir() else part
        pictures = pictures_in(inside)
        if not pictures:
            raise DatasetError(f"{inside}: no pictures in this class")
        rows += [
            Row(
                path=picture,
                mask=None,
                dataset=folder.name,
                image_id=f"{dx}/{picture.stem}",
                lesion=f"{folder.name}/{dx}/{picture.stem}",
                group=f"{folder.name}/{dx}/{picture.stem}",
                # What is no lesion comes from ordinary cameras.
                modality="photo" if dx == "not_a_lesion" else modality,
                dx=dx,
                allowed=allowed,
                source=str(picture),
            )
            for picture in pictures
        ]
    return Manifest(rows=rows)
