"""What a released model was made with, recognised by content, whatever its files are called.

Beside the model lie eight bytes a picture, a fingerprint by its perceptual hash (pHash: the signs
of 64 low frequencies): too few to make a picture of, and the same after another name, size or
compression.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import compress
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ml import images
from ml.datasets import splits
from ml.datasets.manifest import DatasetError, Row

FILE = "seen.npy"
HASH_SIZE, SIDE = 8, 32
# Of 64 bits. Of 900 pictures compressed anew, halved or doubled, 895 lay within; of 3,478 that the
# model had not seen, 37 would with their turns and mirror images. With the same hash asked of
# those, 11 do.
MAX_DISTANCE = 2
BLOCK = 512


def write(rows: list[Row], path: Path, before: Iterable[Path] = ()) -> None:
    """Store the hashes of the pictures that a model is made with, in the order of their bits, and
    of those that the models ``before`` it were made with, as far as their folders have the file."""
    earlier = [_stored(of / FILE) for of in before if (of / FILE).is_file()]
    own = _hashes(rows, turned=False)[:, 0]
    np.save(path, np.unique(np.concatenate([*earlier, own]), axis=0))


def recognise(rows: list[Row], release: Path) -> np.ndarray:
    """(n,) bool: whether each picture, turned or mirrored, is one that the release knows.

    All False for a release without the file. Raises DatasetError for a damaged one.
    """
    found = np.zeros(len(rows), bool)
    if not (release / FILE).is_file() or not rows:
        return found
    known = np.unpackbits(_stored(release / FILE), axis=1).astype(np.float32) * 2 - 1
    own = np.unpackbits(_hashes(rows, turned=True), axis=2).astype(np.float32) * 2 - 1
    for start in range(0, len(rows), BLOCK):
        part = own[start : start + BLOCK].reshape(-1, HASH_SIZE**2)
        nearest = (HASH_SIZE**2 - (part @ known.T).max(1).reshape(-1, own.shape[1])) / 2
        found[start : start + BLOCK] = (nearest[:, 0] <= MAX_DISTANCE) | (nearest.min(1) == 0)
    return found


def folds(rows: list[Row], release: Path) -> list[str | None]:
    """The fold of each picture in a release's split: by its name, else train where its content is
    recognised, else as ``splits.inherited`` gives it; None for a stranger of strangers."""
    found = splits.read(release / "split.csv", rows)
    unnamed = [number for number, fold in enumerate(found) if fold is None]
    same = recognise([rows[number] for number in unnamed], release)
    for number in compress(unnamed, same):
        found[number] = "train"
    return splits.inherited(rows, found)


def _stored(path: Path) -> np.ndarray:
    try:
        return np.load(path)
    except (EOFError, ValueError) as error:
        raise DatasetError(f"{path}: damaged ({error})") from error


def _hashes(rows: list[Row], *, turned: bool) -> np.ndarray:
    """(n, 8 or 1, 8) uint8."""
    with ThreadPoolExecutor() as pool:
        made = pool.map(lambda row: _hash(row, turned), rows)
        found = list(tqdm(made, "Recognising", len(rows), unit="picture"))
    return np.reshape(found, (len(rows), 8 if turned else 1, HASH_SIZE)).astype(np.uint8)


def _hash(row: Row, turned: bool) -> np.ndarray:
    import imagehash

    square = images.to_input(row.decode(), 4 * SIDE)
    grey = Image.fromarray(square).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    turns = [grey, *(map(grey.transpose, Image.Transpose) if turned else ())]
    return np.stack([np.packbits(imagehash.phash(turn, HASH_SIZE).hash) for turn in turns])
