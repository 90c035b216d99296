"""A clinic's folder of pictures as records of one account."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction

from accounts.models import User
from accounts.ownership import take_turn
from diagnosis.moles import edits
from diagnosis.moles.models import Mole
from diagnosis.records import answers, sittings, uploads
from diagnosis.records.models import MAX_TEXT, MoleRecord
from ml.datasets import Manifest, Row, clinic, files, metadata
from ml.taxonomy import DEFAULT_MODALITY

NAME_LENGTH = Mole._meta.get_field("name").max_length
ELSEWHERE = "tables count in the folder itself, or, where it has none, in those directly in it"
UNKNOWN = "its first line names no pictures, or nothing that is known of them (docs/data.md)"


@dataclass(frozen=True, slots=True)
class Picture:
    """A file to import: where it lies, and what the folder says of it."""

    path: Path
    name: str  # below the folder; the record's note, so that a doctor finds it again
    modality: str
    is_kind_said: bool  # by the folder, or by who imports it; else the modality is assumed
    mole_name: str
    is_alone: bool  # of that mole, in the folder: it goes into one that is there, and makes none


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    reason: str


def pictures(directory: Path, modality: str | None) -> tuple[list[Picture], list[str]]:
    """Every file of the folder that should be a picture, labelled or not, in the order of names;
    and sentences on what its table names and is not there, is of no known kind, or can't be read,
    and on each table that is passed over.

    Moles and modality come from the folder's own table, in any format that ``ml.datasets``
    reads; ``modality`` holds where it says nothing. Raises DatasetError for a damaged table.
    """
    directory = directory.resolve()
    manifest, unread = _manifest(directory, modality)
    known = {row.path: row for row in manifest.rows}
    left_out = {row.mask for row in known.values()} | manifest.of_no_kind
    moles = _moles(known.values())
    together = Counter(moles.values())
    found = []
    for path in files.below(directory):
        name = path.relative_to(directory)
        if path in left_out or files.is_mask(path, directory) or _is_table(name):
            continue
        row, mole = known.get(path), moles.get(path, "")
        is_said_by_row = row is not None and path not in manifest.of_assumed_kind
        found.append(
            Picture(
                path=path,
                name=files.readable(name),
                modality=row.modality if row else modality or DEFAULT_MODALITY,
                is_kind_said=modality is not None or is_said_by_row,
                mole_name="" if row and _is_of_none(row, together[mole]) else mole[-NAME_LENGTH:],
                is_alone=together[mole] == 1,
            )
        )
    return found, manifest.faults + unread


def submit(picture: Picture, *, owner: User) -> MoleRecord | Refused:
    """Make it a record of the account; the same picture again is the same record, which takes over
    what the folder says of it by now.

    Raises ConsentMissing, TryLater (also where nothing can be stored).
    """
    try:
        with files.opened(picture.path) as file:
            return uploads.submit(
                owner=owner,
                file=File(file, "picture"),
                modality=picture.modality,
                mole_name=picture.mole_name if _has_mole(picture, owner) else "",
                note=picture.name[-MAX_TEXT:],
                origin=MoleRecord.Origin.IMPORT,
                idempotency_key=f"import {picture.name}",
            )
    except uploads.ImportedBefore as before:
        return _take_over(picture, before)
    except ValidationError as error:
        return Refused(picture.name, " ".join(error.messages))
    except OSError as error:
        return Refused(picture.name, error.strerror or str(error))


def _take_over(picture: Picture, before: uploads.ImportedBefore) -> MoleRecord | Refused:
    try:
        with transaction.atomic():
            # As answers.give does, which comes after the lock here.
            take_turn(before.record.owner_id)
            record = answers.locked(before.record.pk)
            if picture.is_kind_said and record.modality != picture.modality:
                sittings.correct(record, record, picture.modality)
            if picture.mole_name and not _is_named_by_hand(record.mole, picture):
                owner, mole = record.owner, None
                if _has_mole(picture, owner):
                    mole = edits.named(owner=owner, name=picture.mole_name, imported=True)
                record = answers.give(record=record, by=owner, mole=mole)
            if record.modality == picture.modality:  # else the key is of a kind that nobody said
                record.idempotency_key = before.idempotency_key
                record.save(update_fields=["idempotency_key"])
    except ValidationError as error:
        return Refused(picture.name, " ".join(error.messages))
    return record


def _has_mole(picture: Picture, owner: User) -> bool:
    """Whether there is, or is to be, the mole that the folder names; one picture needs none."""
    name = picture.mole_name
    return not picture.is_alone or (bool(name) and owner.moles.filter(name=name).exists())


def _is_of_none(row: Row, together: int) -> bool:
    """Whether the lesion is called as its only picture, as where the table names none."""
    return together == 1 and row.lesion == f"{row.dataset}/{row.image_id}"


def _is_named_by_hand(mole: Mole | None, picture: Picture) -> bool:
    """Whether the mole has another name than imports of this folder give; then it stands."""
    folder = picture.mole_name.partition("/")[0]
    return mole is not None and not mole.name.startswith(f"{folder}/")


def _moles(rows: Collection[Row]) -> dict[Path, str]:
    """Name the mole of each picture; empty where nobody can tell whose it is.

    By its patient, too, whom a row names by another group than its lesion: some clinics number
    the lesions of each patient anew, in this folder or in the next one of the same name.
    """
    with_patient = {row.lesion for row in rows if row.group != row.lesion}
    moles = {}
    for row in rows:
        if row.group != row.lesion:
            number = row.lesion.removeprefix(f"{row.group}/").removeprefix(f"{row.dataset}/")
            moles[row.path] = f"{row.group}/{number}"
        else:
            moles[row.path] = "" if row.lesion in with_patient else row.lesion
    return moles


def _manifest(directory: Path, modality: str | None) -> tuple[Manifest, list[str]]:
    """What tables say, and a sentence on each that nothing was taken from, since the moles and
    kinds that it names would be lost unseen. Folders of classes and a clinic's sheet tell neither.
    """
    manifest, looked_at, read = Manifest(), [], set()
    for folder in [directory, *files.folders_in(directory)]:
        looked_at.append(folder)
        if found := metadata.find(folder, labelled=False):
            manifest.extend(metadata.read(folder, modality, labelled=False))
            read.update(found)
            if folder == directory:
                break  # it has read the pictures below, too
    unread = [
        f"{files.readable(path.relative_to(directory))}: not read: "
        + (UNKNOWN if path.parent in looked_at else ELSEWHERE)
        for path in files.below(directory)
        if metadata.is_table(path) and path not in read and not files.is_mask(path, directory)
    ]
    return manifest, unread


def _is_table(name: Path) -> bool:
    return metadata.is_table(name) or name.name.lower() == clinic.SHEET
