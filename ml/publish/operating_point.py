"""One operating point for the rule as it is served: its thresholds are set together."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, logit, ndtr

from ml.taxonomy import BENIGN_DIAGNOSES, DIAGNOSES

SENSITIVITY = 0.95
# A missed melanoma is weighed as three missed low-risk cancers.
COST_RATIO = 3.0
BENIGN = [DIAGNOSES.index(d) for d in BENIGN_DIAGNOSES]
MELANOMA = DIAGNOSES.index("mel")
# Share of the validation pictures that may count as close to the thresholds.
UNCERTAIN_SHARE = 0.03
CANDIDATES = 150  # of each threshold
REACH = 3.0  # bandwidths below the lesions to be found, down to which they lie

Scores = tuple[np.ndarray, np.ndarray]


def thresholds(
    asked: Sequence[np.ndarray],
    malignant: np.ndarray,
    melanoma: np.ndarray,
    sensitivity: float = SENSITIVITY,
) -> dict[str, float]:
    """All of Thresholds, as ``choose`` sets them on probabilities (n, 7), once for each way of
    asking. Raises like it."""
    scores = [(1 - p[:, BENIGN].sum(1), p[:, MELANOMA]) for p in asked]
    return {**choose(scores, malignant, melanoma, sensitivity), "cost_ratio": COST_RATIO}


def choose(
    answers: Sequence[Scores],
    malignant: np.ndarray,
    melanoma: np.ndarray,
    sensitivity: float = SENSITIVITY,
) -> dict[str, float]:
    """The ``screen``, ``melanoma`` and ``uncertain`` of Thresholds with the highest specificity,
    but for chance, that reach the ``sensitivity`` for malignant lesions and for melanomas.

    ``answers`` are the probabilities of malignancy and of melanoma, (n,) each, for the same
    pictures: once for each way of asking (the picture alone, with what the person knows), and the
    sensitivity is reached in each. It is read from a smoothed curve: the one melanoma of twenty
    that lies at the fifth percentile says little about the next clinic's, so the fewer there are,
    the wider is the smoothing and the lower are the thresholds. Of the settings whose specificity
    is within a standard error of the highest (the rule of Breiman et al., 1984), the one with the
    lowest ``screen`` is taken: cameras that were never seen lower the scores of melanomas, and it
    loses fewest (docs/experiments.md). What is more likely malignant than not is sent whatever the
    pictures say. Raises ValueError where a kind of lesion is missing.
    """
    if not (malignant.any() and melanoma.any() and (~malignant).any()):
        raise ValueError("malignant lesions, melanomas and benign ones are needed")
    odds = [tuple(logit(np.clip(p, 1e-6, 1 - 1e-6)) for p in scores) for scores in answers]
    reach = REACH
    while max(settings := _settings(odds, malignant, melanoma, sensitivity, reach))[0] < 0:
        reach *= 2  # a few melanomas that lie far apart are smoothed more widely than all cancers
    best, *_ = max(settings)
    chance = np.sqrt(best * (1 - best) / (~malignant).sum())
    _, screen, from_melanoma = next(one for one in settings if one[0] >= best - chance)
    # The thresholds lie in the middle of the band that counts as close; sent is all of it.
    malignancy, of_melanoma = odds[0]
    margin = np.maximum(malignancy - screen, of_melanoma - from_melanoma)
    closest = np.sort(margin[margin >= 0])[: max(1, round(UNCERTAIN_SHARE * len(margin)))]
    band = float(closest[-1]) / 2
    return {
        "screen": float(expit(screen + band)),
        "melanoma": float(expit(from_melanoma + band)),
        "uncertain": band,
    }


def _settings(
    odds: Sequence[Scores],
    malignant: np.ndarray,
    melanoma: np.ndarray,
    sensitivity: float,
    reach: float,
) -> list[tuple[float, float, float]]:
    """(specificity, screen, melanoma) by each candidate of ``screen``, with the best of
    ``melanoma``, in log-odds; the specificity is −1 where none reaches the sensitivity."""
    screens = _candidates([of_all for of_all, _ in odds], malignant, reach)
    screens = np.minimum(screens, 0)  # even odds
    of_melanomas = _candidates([of for _, of in odds], melanoma, reach)
    melanomas = np.append(of_melanomas, np.inf)  # or never by it
    settings = []
    for screen in screens:
        allowed, specificity = np.ones(len(melanomas), bool), np.zeros(len(melanomas))
        for malignancy, of_melanoma in odds:
            # How far each picture lies above the point from which it is sent to a doctor.
            margin = np.maximum((malignancy - screen)[:, None], of_melanoma[:, None] - melanomas)
            for among in (malignant, melanoma):
                width = _bandwidth(malignancy[among])
                allowed &= ndtr(margin[among] / width).mean(axis=0) >= sensitivity
            specificity += (margin[~malignant] < 0).mean(axis=0) / len(odds)
        specificity[~allowed] = -1
        at = int(specificity.argmax())
        settings.append((float(specificity[at]), float(screen), float(melanomas[at])))
    return settings


def _candidates(scores: Sequence[np.ndarray], among: np.ndarray, reach: float) -> np.ndarray:
    """Log-odds from ``reach`` bandwidths below all lesions to be found, or from the highest of the
    others where these lie lower still, up to their median."""
    found = np.concatenate([of[among] for of in scores])
    others = max(of[~among].max() for of in scores)
    lowest = min(found.min() - reach * _bandwidth(found), others)
    return np.linspace(lowest, np.median(found), CANDIDATES)


def _bandwidth(odds: np.ndarray) -> float:
    """Of a smoothed distribution function: σ n^(−1/3) (Azzalini, Biometrika 68, 1981), σ by the
    quartiles."""
    low, high = np.quantile(odds, (0.25, 0.75))
    return float((high - low) / 1.349 * len(odds) ** (-1 / 3)) or 1e-3
