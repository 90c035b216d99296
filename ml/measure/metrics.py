"""Measures of a classifier on weighted samples, so that a bootstrap is one array operation.

``weights`` is (resamples, n): a row of ones gives the figure itself, rows of a bootstrap's counts
give its spread. Each function returns one value a resample, NaN where it is not defined.
"""

from collections.abc import Callable

import numpy as np
from sklearn.linear_model import LogisticRegression

Statistic = Callable[[np.ndarray], np.ndarray]
BINS = 15


def bootstrap_weights(groups: list[str], resamples: int) -> np.ndarray:
    """How often each row is drawn when its groups (patients, lesions) are resampled."""
    _, index = np.unique(groups, return_inverse=True)
    count = index.max() + 1
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn.astype(np.float32)[:, index]


def interval(statistic: Statistic, weights: np.ndarray) -> list[float] | None:
    """95 % percentile interval over a bootstrap's weights; None where all resamples agree, which
    shows no chance."""
    found = spread(statistic(weights))
    return None if found and found[0] == found[1] else found


def spread(values: np.ndarray) -> list[float] | None:
    """95 % percentile interval of a figure's values, one for each resample; None where most of
    them are not defined, since those that have a class by luck say nothing."""
    known = values[np.isfinite(values)]
    if not len(known) or len(known) < len(values) / 2:
        return None
    return [float(v) for v in np.percentile(known, (2.5, 97.5))]


def point(statistic: Statistic, n: int) -> float | None:
    """The figure itself; None where it is not defined."""
    value = float(statistic(np.ones((1, n), np.float32))[0])
    return value if np.isfinite(value) else None


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean: a share, a sensitivity, a Brier score."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return weights @ values.astype(np.float64) / weights.sum(axis=1, dtype=np.float64)


def share_among(hit: np.ndarray, among: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of ``hit`` in the rows ``among``: sensitivity among the sick, and so on."""
    return mean(hit[among], weights[:, among])


def share_interval(
    hit: np.ndarray, among: np.ndarray, weights: np.ndarray, groups: np.ndarray
) -> list[float] | None:
    """95 % interval of ``share_among``. Where all resamples agree, as where no cancer of ten is
    missed, by the rule of three on their groups (Hanley and Lippman-Hand, JAMA 249, 1983)."""
    found = spread(share_among(hit, among, weights))
    if found and found[0] == found[1]:
        beyond = 3 / len(np.unique(groups[among]))
        found = [max(0.0, found[0] - beyond), min(1.0, found[1] + beyond)]
    return found


def _cumulative(
    truth: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of sick and of healthy rows at or above each distinct score, from the highest."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    weights, truth = weights[:, order].astype(np.float64), truth[order]
    sick = np.cumsum(weights * truth, axis=1)
    healthy = np.cumsum(weights * ~truth, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sick / sick[:, -1:])[:, last], (healthy / healthy[:, -1:])[:, last]


def auc(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve, by trapezoids, so that ties count half."""
    if not len(truth):
        return np.full(len(weights), np.nan)
    sensitivity, false_alarms = _cumulative(truth, scores, weights)
    zero = np.zeros((len(weights), 1))
    return np.trapezoid(np.hstack([zero, sensitivity]), np.hstack([zero, false_alarms]), axis=1)


def roc(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(false-positive rate, sensitivity), starting at the origin."""
    sensitivity, false_alarms = _cumulative(truth, scores, np.ones((1, len(truth))))
    return np.append(0, false_alarms[0]), np.append(0, sensitivity[0])


def specificity_at(
    sensitivity: float, truth: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Specificity at the highest threshold that reaches a sensitivity."""
    if not len(truth):
        return np.full(len(weights), np.nan)
    reached, false_alarms = _cumulative(truth, scores, weights)
    first = np.argmax(reached >= sensitivity - 1e-9, axis=1)
    result = 1 - false_alarms[np.arange(len(weights)), first]
    result[np.isnan(reached[:, -1])] = np.nan
    return result


def balanced_accuracy(
    truth: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray
) -> np.ndarray:
    """Mean recall over all classes; NaN where one is missing."""
    recalls = [share_among(predicted == c, truth == c, weights) for c in range(classes)]
    return np.mean(recalls, axis=0)


def calibration_error(truth: np.ndarray, scores: np.ndarray) -> float:
    """Expected calibration error with bins of equal mass (Nguyen & O'Connor, EMNLP 2015)."""
    return float(
        sum(len(p) * abs(p.mean() - y.mean()) for p, y in equal_mass_bins(truth, scores))
        / len(truth)
    )


def equal_mass_bins(truth: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """(scores, truth) of each of BINS bins; fewer rows give a bin each."""
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    return [(scores[part], truth[part]) for part in parts]


def calibration_slope(truth: np.ndarray, scores: np.ndarray) -> float | None:
    """Slope of a logistic regression of the truth on the logit of the prediction (Cox 1958):
    below 1 the predictions are too extreme. None where the two classes don't overlap."""
    separable = auc(truth, scores, np.ones((1, len(truth))))[0]
    if not 0 < separable < 1:
        return None
    clipped = np.clip(scores, 1e-6, 1 - 1e-6)
    logits = np.log(clipped / (1 - clipped))[:, None]
    model = LogisticRegression(C=np.inf, max_iter=1000).fit(logits, truth)
    return float(model.coef_[0, 0])


def net_benefit(truth: np.ndarray, flagged: np.ndarray, threshold: float) -> float:
    """Vickers & Elkin 2006: true positives minus false ones weighed by the threshold's odds."""
    odds = threshold / (1 - threshold)
    return float((np.sum(flagged & truth) - odds * np.sum(flagged & ~truth)) / len(truth))


def selective_risk(wrong: np.ndarray, confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(coverage, error share) when only the most confident are answered."""
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    return answered / len(order), np.cumsum(wrong[order]) / answered
