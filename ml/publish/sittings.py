"""Thresholds for the mean of several pictures of one lesion, from validation only."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ml.datasets import Row
from ml.publish import operating_point
from ml.sitting import together
from ml.taxonomy import MALIGNANT_DIAGNOSES

FEWEST = 20  # melanomas, and benign lesions, to set thresholds on
# Set at 0.95 on 44 melanomas, a photograph beside a dermoscopic picture lost 3 of 58 that the
# latter alone sends (docs/experiments.md); another picture must not make the answer less safe.
SENSITIVITY = 0.97


def lesions(rows: Sequence[Row]) -> dict[str, list[list[int]]]:
    """The labelled lesions with several pictures, as their rows' numbers, by kind of pictures.

    Of more pictures than a sitting may have, the first ones count. Lesions whose label leaves open
    whether they are malignant, or whose pictures are labelled otherwise, are left out.
    """
    pictures = defaultdict(list)
    for number, row in enumerate(rows):
        pictures[row.dataset, row.lesion].append(number)
    found = defaultdict(list)
    for numbers in pictures.values():
        of = [rows[number] for number in numbers[: together.MOST]]
        allowed = {row.allowed for row in of}
        if len(of) < together.FEWEST or len(allowed) > 1 or not of[0].allowed:
            continue
        if len({diagnosis in MALIGNANT_DIAGNOSES for diagnosis in of[0].allowed}) == 1:
            found[together.kind_of([row.modality for row in of])].append(numbers[: together.MOST])
    return dict(found)


def thresholds(rows: Sequence[Row], asked: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
    """By kind of pictures, by the rule for single ones, at a sensitivity of SENSITIVITY: ``asked``
    are the probabilities (n, 7) of the rows' pictures, once for each way of asking. A kind with too
    few lesions is left out: the thresholds for single pictures then count for it, too."""
    found = {}
    for kind, numbers in lesions(rows).items():
        first = [rows[of[0]] for of in numbers]
        malignant = np.array([row.is_malignant for row in first])
        melanoma = np.array([row.allowed == ("mel",) for row in first])
        if min(melanoma.sum(), (~malignant).sum()) < FEWEST:
            continue
        means = [np.array([together.mean(p[of]) for of in numbers]) for p in asked]
        found[kind] = operating_point.thresholds(means, malignant, melanoma, SENSITIVITY)
    return found
