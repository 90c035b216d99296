"""Pictures decoded once: arrays on disk that trainings and measurements map into memory."""

import fcntl
import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ml import images
from ml.datasets.manifest import Row

CACHE = Path("var/arrays")
SIDE, MASK_SIDE = 256, 64
BATCH = 256  # decoded ahead of the disk
KEPT = 20 * 1024**3  # bytes of earlier ones: four times all the pictures there are


@dataclass(frozen=True, slots=True)
class Arrays:
    """``pictures`` (n, 256, 256, 3) uint8; ``masks`` (n, 64, 64, 1) uint8, 0–255; ``has_mask``."""

    pictures: np.ndarray
    masks: np.ndarray
    has_mask: np.ndarray


def load(rows: list[Row], cache: Path = CACHE) -> Arrays:
    """The central squares of the rows' pictures, from the cache where it has them.

    Of two processes that begin at once, the later one waits for what the first one decodes.
    Raises DatasetError naming the row whose picture does not decode.
    """
    digest = hashlib.sha256()
    for row in rows:
        stats = [file.stat() for file in (row.path, row.mask) if file]
        told = "".join(f"|{stat.st_size}|{stat.st_mtime_ns}" for stat in stats)
        told = f"{row.path}|{row.mask}{told}\n"
        digest.update(told.encode("utf-8", "surrogateescape"))
    folder = cache / digest.hexdigest()[:16]
    has_mask = np.array([row.mask is not None for row in rows], bool)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # while another process fills it; let go by its end, too
        if (folder / "complete").exists():
            os.utime(folder)
        else:
            _make_room(cache)
            _fill(folder, rows)
    return Arrays(
        np.load(folder / "pictures.npy", mmap_mode="r"),
        np.load(folder / "masks.npy", mmap_mode="r"),
        has_mask,
    )


def _make_room(cache: Path) -> None:
    """Remove what was used longest ago, beyond KEPT. What is mapped stays until it is let go."""
    kept = 0
    folders = cache.iterdir() if cache.is_dir() else ()
    for folder in sorted(folders, key=lambda one: one.stat().st_mtime, reverse=True):
        kept += sum(file.stat().st_size for file in folder.iterdir())
        if kept > KEPT:
            shutil.rmtree(folder)


def _fill(folder: Path, rows: list[Row]) -> None:
    # Written, not mapped: a full disk is then an error with a message.
    with (
        (folder / "pictures.npy").open("wb") as pictures,
        (folder / "masks.npy").open("wb") as masks,
        ThreadPoolExecutor() as pool,
        tqdm(total=len(rows), desc="decode", unit="picture") as bar,
    ):
        for file, shape in ((pictures, (SIDE, SIDE, 3)), (masks, (MASK_SIDE, MASK_SIDE, 1))):
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(rows), *shape)}
            np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), BATCH):
            for picture, mask in pool.map(_decode, rows[start : start + BATCH]):
                pictures.write(picture.tobytes())
                masks.write(mask.tobytes())
                bar.update()
    (folder / "complete").touch()


def _decode(row: Row) -> tuple[np.ndarray, np.ndarray]:
    return images.to_input(row.decode(), SIDE), square_mask(row)


def square_mask(row: Row) -> np.ndarray:
    """The central square of a lesion mask, (MASK_SIDE, MASK_SIDE) uint8, 0–255 by covered share;
    all 0 without one. Raises DatasetError, naming the row, for one that does not decode."""
    side = (MASK_SIDE, MASK_SIDE)
    if not row.mask:
        return np.zeros(side, np.uint8)
    mask = row.decode_mask()
    top, left, extent = images.central_square(mask.height, mask.width)
    box = (left, top, left + extent, top + extent)
    return np.asarray(mask.resize(side, Image.Resampling.BOX, box=box))
