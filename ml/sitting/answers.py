"""What the network says to each picture of lesions with several, kept from one run to the next."""

from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from ml import images
from ml.classifier import Classifier
from ml.datasets import DatasetError, Row

CACHE = Path("var/sitting")
SAVED_EVERY = 100  # pictures

Kept = dict[tuple[str, str], np.ndarray]


def collect(classifier: Classifier, rows: Sequence[Row], folder: Path = CACHE) -> list[dict]:
    """The ``logits`` (7,), the ``quality`` numbers and the ``shape`` (2,) of each row's picture, as
    Classifier.judge takes them.

    Stopped at any time, the next call goes on. Raises DatasetError for a picture that does not
    decode.
    """
    file = folder / f"{classifier.version}.npz"
    kept = _read(file)
    missing = [row for row in rows if _key(row) not in kept]
    for number, row in enumerate(tqdm(missing, "Assessing", unit="picture"), start=1):
        try:
            picture = images.decode(row.path.read_bytes())
        except (images.ImageError, OSError) as error:
            raise DatasetError(f"{row.source}: {row.path}: {error}") from error
        out = classifier.outputs(picture)
        kept[_key(row)] = np.concatenate([picture.shape[:2], out["logits"], out["quality"]])
        if number % SAVED_EVERY == 0 or number == len(missing):
            _write(file, kept)
    return [_named(kept[_key(row)]) for row in rows]


def _key(row: Row) -> tuple[str, str]:
    return row.dataset, row.image_id


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
    return {(dataset, image): of for (dataset, image), of in zip(names, numbers, strict=True)}


def _write(file: Path, kept: Kept) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez(part, names=np.array(list(kept)), numbers=np.array(list(kept.values())))
    part.replace(file)
