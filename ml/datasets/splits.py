"""Train, validation and test: by patient or lesion, never across; kept as a file."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import compress
from pathlib import Path

from ml.datasets import duplicates
from ml.datasets.manifest import DatasetError, Row

FOLDS = ("train", "validation", "test")
# The same for every training: what one holds out, none of its teachers has seen.
SEED = 1
# Shares of the groups (test, validation). Of these, further test pictures are kept elsewhere.
SHARES = {"PAD-UFES-20": (0.20, 0.12), "Derm7pt": (0.15, 0.12), "MILK10k": (0.15, 0.10)}
DEFAULT_SHARES = (0.20, 0.12)
NOT_A_LESION_SHARES = (0.50, 0.0)

Key = tuple[str, str]  # data set and picture


def split(rows: list[Row], *, seed: int = SEED, cache: Path = duplicates.CACHE) -> list[str]:
    """The fold of each row, stratified by data set and diagnosis.

    Groups (patients, else lesions) and near-duplicates across sets stay on one side. The order
    within a stratum is a hash of seed and group: the same with or without the other sets.
    """
    keys = duplicates.components(rows, cache)
    members = defaultdict(list)
    for row, key in zip(rows, keys, strict=True):
        members[key].append(row)
    frequency = Counter((row.dataset, row.dx) for row in rows)
    strata = defaultdict(list)
    for key, group in members.items():
        # A patient with several diagnoses counts for the rarest.
        rarest = min(group, key=lambda row: (frequency[row.dataset, row.dx], row.dataset, row.dx))
        strata[rarest.dataset, rarest.dx].append(key)
    fold = {}
    for (dataset, dx), stratum in strata.items():
        stratum.sort(key=lambda key: sha256(f"{seed}|{key}".encode()).digest())
        shares = SHARES.get(dataset, DEFAULT_SHARES)
        if dx == "not_a_lesion":
            shares = NOT_A_LESION_SHARES
        tests, validations = (_part(len(stratum), share) for share in shares)
        fold |= dict.fromkeys(stratum[:tests], "test")
        fold |= dict.fromkeys(stratum[tests : tests + validations], "validation")
        fold |= dict.fromkeys(stratum[tests + validations :], "train")
    return [fold[key] for key in keys]


def as_csv(rows: Sequence[Row], folds: Sequence[str]) -> str:
    """A split, to be stored beside a model: image_id, dataset, fold."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("image_id", "dataset", "fold"))
    for row, fold in zip(rows, folds, strict=True):
        writer.writerow((row.image_id, row.dataset, fold))
    return file.getvalue()


def appended(path: Path, rows: Sequence[Row], folds: Sequence[str]) -> str:
    """A stored split, and below it the rows that it does not know by their own set's name. Raises
    like ``read``."""
    stored = stored_folds(path)
    new = [(row.dataset, row.image_id) not in stored for row in rows]
    further = as_csv([*compress(rows, new)], [*compress(folds, new)]).partition("\n")[2]
    return path.read_text(encoding="utf-8") + further


def read(path: Path, rows: list[Row]) -> list[str | None]:
    """The stored fold of each row; None for a picture that the split does not know.

    A set that it knows by no name may lie in a renamed folder: the pictures' own ids count, where
    it has half of them. Fewer are another clinic's, whose camera counts from IMG_0001, too.
    Raises DatasetError when the file is not a split.
    """
    stored = stored_folds(path)
    return [key and stored.get(key) for key in _keys(stored, rows)]


def inherited(
    rows: list[Row], folds: Sequence[str | None], cache: Path = duplicates.CACHE
) -> list[str | None]:
    """These folds, and of pictures without one that of the same patient, lesion or near-duplicate,
    the most learnt one where they have several: who was learnt from is a stranger in no picture."""
    if all(folds):
        return [*folds]  # without minutes of hashing
    keys = duplicates.components(rows, cache)
    theirs: dict[str, set[str]] = defaultdict(set)
    for key, fold in zip(keys, folds, strict=True):
        theirs[key] |= {fold} if fold else set()
    return [
        fold or next((each for each in FOLDS if each in theirs[key]), None)
        for key, fold in zip(keys, folds, strict=True)
    ]


def completed(rows: list[Row], folds: Sequence[str | None]) -> list[str]:
    """These folds, and of pictures without one that of a split of their own."""
    alone = [row for row, fold in zip(rows, folds, strict=True) if not fold]
    anew = iter(split(alone) if alone else ())
    return [fold or next(anew) for fold in folds]


def missing(path: Path, rows: list[Row], folds: Sequence[str] = FOLDS) -> tuple[int, int]:
    """How many of the pictures that a stored split has in ``folds`` are not among the rows, and
    how many it has there. Raises like ``read``."""
    stored = stored_folds(path)
    asked = {key for key, fold in stored.items() if fold in folds}
    return len(asked.difference(_keys(stored, rows))), len(asked)


def stored_folds(path: Path) -> dict[Key, str]:
    """A stored split: the fold of each (data set, picture). Raises DatasetError when the file is
    not a split."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not a split ({error})") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if reader.fieldnames != ["image_id", "dataset", "fold"]:
        raise DatasetError(f"{path}: row 1: not a split; expected image_id,dataset,fold")
    stored = {}
    for number, record in enumerate(reader, start=2):
        if record["fold"] not in FOLDS:
            raise DatasetError(f"{path}: row {number}: unknown fold “{record['fold']}”")
        stored[record["dataset"], record["image_id"]] = record["fold"]
    return stored


def _keys(stored: Collection[Key], rows: list[Row]) -> list[Key | None]:
    """What a stored split calls each row."""
    of_image = {key[1]: key for key in stored}
    alike = Counter(row.dataset for row in rows if row.image_id in of_image)
    of_set = Counter(row.dataset for row in rows)
    named = {dataset for dataset, _ in stored}
    renamed = {dataset for dataset, count in alike.items() if 2 * count >= of_set[dataset]}

    def key(row: Row) -> Key | None:
        if row.dataset in named:
            return row.dataset, row.image_id
        return of_image.get(row.image_id) if row.dataset in renamed else None

    return [key(row) for row in rows]


def _part(groups: int, share: float) -> int:
    if not share or groups < len(FOLDS):
        return 0
    return max(1, round(groups * share))
