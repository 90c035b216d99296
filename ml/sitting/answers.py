"""What the network says to each picture of lesions with several, kept from one run to the next."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from ml import whole
from ml.classifier import Classifier
from ml.datasets import Row
from ml.release import Release

CACHE = Path("var/sitting")
SAVED_EVERY = 100  # pictures

Kept = dict[str, np.ndarray]


def cache_of(release: Release, engine: str) -> Path:
    """Where answers are kept: by the files that give them and how close they look, since two
    candidates may share a version."""
    files = [release.card["files"][name]["sha256"] for name in release.readers(engine)]
    told = "|".join([*files, str(release.card.get("closer"))])
    return CACHE / f"{engine}-{sha256(told.encode()).hexdigest()[:16]}.npz"


def collect(classifier: Classifier, rows: Sequence[Row], file: Path) -> list[dict]:
    """The ``logits`` (7,), the ``quality`` numbers and the ``shape`` (2,) of each row's picture, as
    Classifier.judge takes them.

    They are kept in ``file``: stopped at any time, the next call goes on. Raises DatasetError for a
    picture that does not decode.
    """
    kept = _read(file)
    keys = [_key(row) for row in rows]
    missing = {key: row for key, row in zip(keys, rows, strict=True) if key not in kept}
    bar = tqdm(missing.items(), "Assessing", unit="picture")
    for number, (key, row) in enumerate(bar, start=1):
        picture = row.decode()
        out = classifier.outputs(picture, row.modality)
        kept[key] = np.concatenate([picture.shape[:2], out["logits"], out["quality"]])
        if number % SAVED_EVERY == 0 or number == len(missing):
            _write(file, kept)
    return [_named(kept[key]) for key in keys]


def _key(row: Row) -> str:
    """A picture as it is now, and of which kind it is taken to be."""
    stat = row.path.stat()
    told = f"{row.path}|{stat.st_size}|{stat.st_mtime_ns}|{row.modality}"
    return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()


def _named(numbers: np.ndarray) -> dict:
    return {
        "shape": (int(numbers[0]), int(numbers[1])),
        "logits": numbers[2:9],
        "quality": numbers[9:],
    }


def _read(file: Path) -> Kept:
    try:
        with np.load(file) as stored:
            names, numbers = stored["names"], stored["numbers"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return {}
    return {str(name): of for name, of in zip(names, numbers, strict=True)}


def _write(file: Path, kept: Kept) -> None:
    with whole.written(file) as part:
        np.savez(part, names=np.array(list(kept)), numbers=np.array(list(kept.values())))
