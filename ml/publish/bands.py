"""Bands of malignancy with the share of cancers that was observed in each."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from scipy.stats import binomtest
from sklearn.isotonic import IsotonicRegression

FEWEST = 40  # lesions of a band


class Band(TypedDict):
    """Test pictures from the malignancy ``low`` up to the next band's: how many, of how many
    lesions, and the share that showed a cancer, with its 95 % interval."""

    low: float
    pictures: int
    lesions: int
    malignant: int
    share: float
    share_ci95: list[float]


def observed(malignancy: np.ndarray, malignant: np.ndarray, lesions: Sequence[str]) -> list[Band]:
    """The bands of test pictures, from the lowest up: ``malignancy`` (n,) as served, ``malignant``
    (n,) bool, the lesion of each; [] where there are fewer lesions than FEWEST.

    A higher band never has a lower share: the bands are the steps of an isotonic regression
    (Zadrozny and Elkan, KDD 2002), joined with the next one up until they hold FEWEST lesions.
    Intervals are Wilson's, by the number of lesions.
    """
    names = np.asarray(lesions)
    if len(set(lesions)) < FEWEST:
        return []
    order = np.argsort(malignancy, kind="stable")
    steps = IsotonicRegression().fit_transform(malignancy[order], malignant[order].astype(float))
    parts: list[list[int]] = []
    for step in np.split(order, np.flatnonzero(np.diff(steps)) + 1):
        if parts and len(set(names[parts[-1]])) < FEWEST:
            parts[-1] += step.tolist()
        else:
            parts.append(step.tolist())
    if len(parts) > 1 and len(set(names[parts[-1]])) < FEWEST:
        last = parts.pop()
        parts[-1] += last
    return [
        _band(malignancy[part] if number else np.zeros(1), malignant[part], names[part])
        for number, part in enumerate(parts)
    ]


def _band(malignancy: np.ndarray, malignant: np.ndarray, lesions: np.ndarray) -> Band:
    share, count = float(malignant.mean()), len(set(lesions))
    interval = binomtest(round(share * count), count).proportion_ci(method="wilson")
    return {
        "low": round(float(malignancy.min()), 5),
        "pictures": len(malignant),
        "lesions": count,
        "malignant": int(malignant.sum()),
        "share": share,
        "share_ci95": [float(interval.low), float(interval.high)],
    }
