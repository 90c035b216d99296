"""A data set as a few files that travel: small pictures in tar shards, a manifest, a split.

``manifest.jsonl.gz`` has a line a picture; ``split.csv`` its fold; ``shard-000.tar`` and so on hold
``<number>.webp`` and, where there is a lesion mask, ``<number>.png``. Test pictures stay at home:
whoever trains needs none.
"""

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ml import images, whole
from ml.datasets import splits
from ml.datasets.arrays import SIDE, square_mask
from ml.datasets.manifest import DatasetError, Manifest, Row

MANIFEST, SPLIT, UNPACKED = "manifest.jsonl.gz", "split.csv", "unpacked"
# Of WebP. At 80 the released network ranks dermoscopy by 0.006 worse (docs/experiments.md).
QUALITY, EFFORT = 98, 5
HERE_ONLY = ("path", "mask", "source")  # what a row says of this machine
SHARD_BYTES = 56 * 2**20
AHEAD = 256  # pictures that are made before they are written


def write(rows: Sequence[Row], folds: Sequence[str], out: Path) -> list[Path]:
    """Pack the training and validation rows into ``out``, which is made; → its files.

    Raises DatasetError naming the row whose picture does not decode, and for a folder that holds
    something already.
    """
    check_place(out)
    out.mkdir(parents=True, exist_ok=True)
    kept = [(row, fold) for row, fold in zip(rows, folds, strict=True) if fold != "test"]
    lines, number, size = [], 0, 0
    made = _made([row for row, _ in kept])
    with ExitStack() as stack:
        shard = stack.enter_context(tarfile.open(_shard(out, number), "w"))
        for index, files in enumerate(tqdm(made, "pack", len(kept), unit="picture")):
            weight = sum(512 + -(-len(content) // 512) * 512 for content in files.values())
            if size + weight > SHARD_BYTES - tarfile.RECORDSIZE:
                number, size = number + 1, 0
                stack.close()
                shard = stack.enter_context(tarfile.open(_shard(out, number), "w"))
            for suffix, content in files.items():
                entry = tarfile.TarInfo(f"{index:06}{suffix}")
                entry.size = len(content)
                shard.addfile(entry, io.BytesIO(content))
            size += weight
            own = {"number": index, "shard": number, "mask": len(files) > 1}
            row = {k: v for k, v in asdict(kept[index][0]).items() if k not in HERE_ONLY}
            lines.append(json.dumps(own | row))
    with gzip.open(out / MANIFEST, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    # Whole, so that what was made of the pack can be measured at home.
    (out / SPLIT).write_text(splits.as_csv(rows, folds), encoding="utf-8")
    return sorted(out.iterdir())


def check_place(out: Path) -> None:
    """Raises DatasetError for a folder that holds something already."""
    if out.exists() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty; choose another folder")


def find(folder: Path) -> Path | None:
    """The folder's manifest, if it is a set of this kind."""
    return folder / MANIFEST if (folder / MANIFEST).is_file() else None


def read(folder: Path) -> Manifest:
    """Unpack the shards that are new or others than before, and read the manifest.

    Raises DatasetError for a damaged file, and naming the shards whose pictures are not here.
    """
    unpacked = folder / UNPACKED
    try:
        for shard in sorted(folder.glob("shard-*.tar")):
            done = unpacked / f"{shard.name}.done"
            stat = shard.stat()
            known = f"{stat.st_size} {stat.st_mtime_ns}"
            if not done.exists() or done.read_text() != known:
                done.unlink(missing_ok=True)
                with tarfile.open(shard) as archive:
                    archive.extractall(unpacked, filter="data")
                whole.write_text(done, known)
        with gzip.open(folder / MANIFEST, "rt", encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        shards = {_shard(folder, record["shard"]).name for record in records}
        rows = [_row(record, unpacked) for record in records]
    except (
        OSError,
        EOFError,
        tarfile.TarError,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,  # fields that another version of this program wrote
    ) as error:
        raise DatasetError(f"{folder}: not a whole packed set: {error!r}") from error
    if missing := [name for name in sorted(shards) if not (unpacked / f"{name}.done").exists()]:
        raise DatasetError(f"{folder}: {', '.join(missing)} did not come")
    return Manifest(rows, split=folder / SPLIT)


def _shard(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:03}.tar"


def _row(record: dict, unpacked: Path) -> Row:
    number, masked = record.pop("number"), record.pop("mask")
    shard = _shard(unpacked, record.pop("shard")).name
    row = Row(path=unpacked / f"{number:06}.webp", mask=None, **record)
    return replace(
        row,
        mask=unpacked / f"{number:06}.png" if masked else None,
        allowed=tuple(row.allowed),
        concepts=tuple(row.concepts),
        source=f"{shard}: {number:06}.webp",
    )


def _made(rows: list[Row]) -> Iterator[dict[str, bytes]]:
    """Each row's files by suffix, made a few ahead."""
    waiting = iter(rows)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(waiting, AHEAD)):
            yield from pool.map(_files, batch)


def _files(row: Row) -> dict[str, bytes]:
    square = images.to_input(row.decode(), SIDE)
    files = {".webp": _encoded(square, "WEBP", quality=QUALITY, method=EFFORT)}
    if row.mask:
        files[".png"] = _encoded(square_mask(row), "PNG")
    return files


def _encoded(pixels: np.ndarray, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
