"""``python -m ml predict``: many pictures, in order, on all cores."""

import glob
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TextIO

from ml import classifier, images
from ml.datasets import DatasetError, files
from ml.person import NOBODY, Person
from ml.reencoding import kept

FEW = 16  # pictures that are done before other processes have loaded their model
AT_ONCE = 4

_model: classifier.Classifier  # of a worker process


def expand(arguments: Iterable[str], stdin: TextIO) -> tuple[list[Path], list[str]]:
    """(pictures, sentences on what is not read): files as they are, ``-`` for a list on standard
    input, a line each, folders with all below them, and patterns such as ``*.jpg``.
    """
    found, said = [], []
    for argument in arguments:
        path = Path(argument)
        if argument == "-":
            lines = (line.removeprefix("\ufeff").rstrip("\r\n") for line in stdin)
            found += [Path(line) for line in lines if line.strip()]
        elif path.is_dir():
            every = list(files.below(path))
            # Without an ending it may be one: its content says.
            found += [p for p in every if files.is_picture(p) or not p.suffix]
            others = [p for p in every if not files.is_picture(p) and p.suffix]
            said += files.not_read(others, path)
        elif not path.exists() and glob.has_magic(argument):
            matches = map(Path, sorted(glob.glob(argument, recursive=True)))
            meant = [p for p in matches if not p.is_dir() and not files.is_junk(p)]
            found += meant or [path]  # which is named as missing, as a file would be
        else:
            found.append(path)
    return found, said


def predict(
    paths: list[Path], release: Path, engine: str, modality: str, person: Person = NOBODY
) -> Iterator[tuple[Path, dict | str]]:
    """Each picture with its assessment, or with the reason why it has none, in order.

    Raises ReleaseError, and DatasetError where a process ends at a picture, as for want of memory.
    """
    one = partial(_assessment, modality=modality, person=person)
    cores = os.cpu_count() or 1
    if len(paths) < FEW or cores == 1:
        _load(release, engine)
        yield from zip(paths, map(one, paths), strict=True)
        return
    classifier.load(release, engine)  # an error is said once, and not by each process
    done = 0
    with ProcessPoolExecutor(cores, get_context("spawn"), _load, (release, engine)) as pool:
        try:
            for answer in zip(paths, pool.map(one, paths, chunksize=AT_ONCE), strict=True):
                yield answer
                done += 1
        except BrokenProcessPool:
            raise DatasetError(
                f"a process ended, as for want of memory, at {paths[done]} or soon after it; "
                f"{done:,} of {len(paths):,} pictures are answered, and fewer than {FEW} at once "
                "take one process"
            ) from None


def _load(release: Path, engine: str) -> None:
    global _model
    _model = classifier.load(release, engine=engine)


def _assessment(path: Path, modality: str, person: Person) -> dict | str:
    try:
        with files.opened(path) as file:
            image = images.open_upright(file)
            file.seek(0)  # what is far too large was refused by its header
            # As the service stores and judges it: the answers are the same to the digit.
            picture = images.decode(kept(file.read(), image))
    except (images.ImageError, OSError, ValueError) as error:  # a name with a zero byte
        return (isinstance(error, OSError) and error.strerror) or str(error)
    (assessment,) = _model.assess([picture], modality, person)
    return assessment.as_dict()
