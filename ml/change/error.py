"""How much two pictures of an unchanged lesion seem to differ: the method's own error.

Of lesions with several pictures of one modality. No data set says when these were taken, so that
what really changed counts as error, too.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from ml.change.comparison import Shot, differences, is_cut_off, scaled
from ml.change.limits import MEASURES
from ml.change.measures import measure
from ml.change.registration import register
from ml.classifier import outline
from ml.datasets import Row
from ml.taxonomy import MODALITIES

if TYPE_CHECKING:
    from ml.classifier import Classifier

FALSE_ALARMS = 0.05  # of unchanged lesions, said to have changed in one measure or another
STRANGERS = 300  # pairs of different lesions, at most, that must not be brought onto each other
FEW = 100  # lesions; an error measured on fewer is not taken for smaller than the other modality's

Outlines = Callable[[Row, np.ndarray], list[list[float]] | None]


def measure_error(rows: Iterable[Row], classifier: "Classifier") -> dict:
    """The error with a classifier's outlines, and which classifier that is. Raises ValueError
    without lesions of several pictures."""

    def outline_of(row: Row, picture: np.ndarray) -> list[list[float]] | None:
        out = classifier.outputs(picture, row.modality)
        return outline(out["mask"][..., 0], picture.shape)

    return {"model_version": classifier.version, "modalities": by_modality(rows, outline_of)}


def by_modality(rows: Iterable[Row], outline_of: Outlines) -> dict[str, dict]:
    """By modality: the differences between the first two pictures of each lesion, ready for JSON.

    ``typical`` is the median, ``interval`` holds 95 of 100, and ``limit`` is what a difference
    must exceed to be said, so that of unchanged lesions 95 of 100 have none beyond any of them.
    Of 5 measures at 95 % each, one in six would. A modality without such lesions takes the error
    of the other. Raises ValueError where neither has any.
    """
    # Two sets may show one lesion by the same picture.
    lesions: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        lesions[row.modality, row.dataset, row.lesion].append(row)
    found = {}
    for modality in MODALITIES:
        several = [
            pictures for (of, *_), pictures in lesions.items() if of == modality and pictures[1:]
        ]
        found[modality] = _of_modality(several, outline_of, modality)
    most = max(found.values(), key=itemgetter("lesions"))
    if not most["lesions"]:
        raise ValueError("no lesion with two pictures of one modality that can be compared")
    for part in found.values():
        if not part["lesions"]:
            part |= {kind: dict(most[kind]) for kind in ("typical", "interval", "limit")}
    _be_careful(found)
    return found


def _of_modality(several: list[list[Row]], outline_of: Outlines, modality: str) -> dict:
    strangers = several[: STRANGERS + 1]
    wrong = sum(
        register(one[0].decode(), other[0].decode()) is not None
        for one, other in tqdm(list(itertools.pairwise(strangers)), f"{modality}, strangers")
    )
    changed, tried, registered = [], 0, 0
    for first, second, *_ in tqdm(several, f"{modality}, lesions"):
        one, two = (_shot(row, outline_of) for row in (first, second))
        tried += 1
        how = register(one.picture, two.picture)
        registered += how is not None
        if how is None or one.lesion is None or two.lesion is None:
            continue
        if is_cut_off(one) or is_cut_off(two):
            continue
        try:
            before = measure(one.picture, one.lesion)
            after = scaled(measure(two.picture, two.lesion), how.scale)
        except ValueError:  # an outline that encloses nothing
            continue
        changed.append(list(differences(before, after).values()))
    part = {
        "lesions": len(changed),
        "tried": tried,
        "registered": round(registered / tried, 4) if tried else 0.0,
        "strangers": max(0, len(strangers) - 1),
        "strangers_registered": wrong,
    }
    return part | (_limits(np.abs(changed)) if changed else {})


def _limits(sizes: np.ndarray) -> dict[str, dict[str, float]]:
    """Of absolute differences (n, 5)."""
    interval = np.maximum(np.quantile(sizes, 0.95, axis=0), 1e-6)
    factor = max(1.0, float(np.quantile((sizes / interval).max(axis=1), 1 - FALSE_ALARMS)))
    return {
        "typical": _named(np.median(sizes, axis=0)),
        "interval": _named(interval),
        "limit": _named(factor * interval),
    }


def _be_careful(found: dict[str, dict]) -> None:
    """What few lesions measured is at least as large as what many of the other modality did."""
    for part in found.values():
        if part["lesions"] >= FEW:
            continue
        for other in found.values():
            if other["lesions"] > part["lesions"]:
                for kind in ("interval", "limit"):
                    part[kind] = {n: max(v, other[kind][n]) for n, v in part[kind].items()}


def _named(values: np.ndarray) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(MEASURES, values, strict=True)}


def _shot(row: Row, outline_of: Outlines) -> Shot:
    picture = row.decode()
    return Shot(picture, outline_of(row, picture))
