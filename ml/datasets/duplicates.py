"""Near-duplicates: one picture under two names, retouched, turned, mirrored, or in two sets."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from PIL import Image
from tqdm import tqdm

from ml import whole
from ml.datasets.manifest import Row

HASH_SIZE = 16
BITS = HASH_SIZE**2
# Of 256 bits. On 16,000 lesion pictures every pair of one picture's copies (recoloured, moved
# a little) lies within; the few strangers within are small round moles, joined without harm.
MAX_DISTANCE = 46
# The side of the grey picture that the hash is made of (imagehash: four pixels a frequency).
GREY_SIDE = 4 * HASH_SIZE
CACHE = Path("var/perceptual-hashes.npz")
BLOCK = 2000  # pictures compared with all others at once


def components(rows: list[Row], cache: Path = CACHE) -> list[str]:
    """One key a row, equal for rows that share a group or a lesion or are near-duplicates.

    Of one lesion, a row may name the patient and one of another set may not.
    Raises DatasetError for a picture that does not decode.
    """
    parent = {row.group: row.group for row in rows}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    def join(a: str, b: str) -> None:
        first, second = sorted((root(a), root(b)))
        parent[second] = first

    group_of: dict[str, str] = {}
    for row in rows:
        join(row.group, group_of.setdefault(row.lesion, row.group))
    for a, b in _close_pairs(_hashes(rows, cache)):
        join(rows[a].group, rows[b].group)
    return [root(row.group) for row in rows]


def _close_pairs(hashes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of which one picture, turned or mirrored, is close to the other; of (n, 8, BITS)."""
    # With bits as ±1, the Hamming distance is (bits − dot product) / 2: one matrix product.
    signs = hashes.astype(np.float32) * 2 - 1
    pairs = []
    for start in range(0, len(signs), BLOCK):
        upright = signs[start:, 0].T
        for turned in signs[start : start + BLOCK].swapaxes(0, 1):
            close = turned @ upright >= BITS - 2 * MAX_DISTANCE
            pairs += [(start + i, start + j) for i, j in np.argwhere(close) if i < j]
    return pairs


def _hashes(rows: list[Row], cache: Path) -> np.ndarray:
    known = {}
    # What is damaged is made anew.
    with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(cache) as stored:
        known = dict(zip(stored["keys"].tolist(), stored["hashes"], strict=True))
    keys = [_key(row.path) for row in rows]
    todo = [(key, row) for key, row in zip(keys, rows, strict=True) if key not in known]
    if todo:
        with ThreadPoolExecutor() as pool:
            made = pool.map(lambda item: _hash(item[1]), todo)
            bar = tqdm(made, total=len(todo), desc="Looking for near-duplicates", unit="picture")
            known |= {key: value for (key, _), value in zip(todo, bar, strict=True)}
        with whole.written(cache) as part:
            np.savez(part, keys=np.array(list(known)), hashes=np.stack(list(known.values())))
    return np.unpackbits(np.stack([known[key] for key in keys]), axis=2)


def _key(path: Path) -> str:
    stat = path.stat()
    return f"{path}|{stat.st_size}|{stat.st_mtime_ns}"


def _hash(row: Row) -> np.ndarray:
    """(8, BITS / 8): the hashes of the picture and of its seven turns and mirror images."""
    import imagehash

    image = Image.fromarray(row.decode())
    grey = image.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.LANCZOS)
    turns = [grey, *map(grey.transpose, Image.Transpose)]
    return np.stack([np.packbits(imagehash.phash(turn, HASH_SIZE).hash) for turn in turns])
