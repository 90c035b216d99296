"""Two releases on the same pictures: paired differences, and where their categories differ."""

from collections import Counter
from functools import partial

import numpy as np

from ml.measure import metrics
from ml.measure.evaluation import RESAMPLES, Predictions, by_modality
from ml.taxonomy import RISK_CATEGORIES

REFUSED = "refused"


def compare(new: Predictions, old: Predictions) -> dict:
    """New minus old, ready for JSON, with intervals over the same resampled patients or lesions.

    Pictures whose label answers nothing count only in ``pictures`` and ``changes``, which hold
    the categories that people read, refusals included. Both must be of the same rows in order.
    """
    labelled = np.array([bool(row.allowed) for row in new.rows], bool)
    answers = list(zip(_answers(old), _answers(new), strict=True))
    differ = [
        {
            "dataset": row.dataset,
            "image_id": row.image_id,
            "dx": row.dx,
            "modality": row.modality,
            "old": before,
            "new": now,
        }
        for row, (before, now) in zip(new.rows, answers, strict=True)
        if before != now
    ]
    of_old = by_modality(old.select(labelled))
    return {
        **_differences(new.select(labelled), old.select(labelled)),
        "modality": {
            name: _differences(of_new, of_old[name])
            for name, of_new in by_modality(new.select(labelled)).items()
        },
        "same_category_share": 1 - len(differ) / len(answers) if answers else None,
        "changes": dict(Counter(f"{d['old']} → {d['new']}" for d in differ).most_common()),
        "pictures": differ,
    }


def _differences(new: Predictions, old: Predictions) -> dict:
    n = len(new.rows)
    groups = [row.group for row in new.rows]
    weights = metrics.bootstrap_weights(groups, RESAMPLES) if n else np.ones((1, 0), np.float32)
    malignant, melanoma = new.malignant(), new.is_melanoma()
    flagged = [p.sent() for p in (new, old)]
    figures = {
        "auc_malignant": (partial(_auc, malignant), (new.malignancy, old.malignancy)),
        "auc_melanoma": (partial(_auc, melanoma), (new.melanoma, old.melanoma)),
        "sensitivity": (partial(_share, malignant == 1), flagged),
        "specificity": (partial(_share, malignant == 0), [~f for f in flagged]),
        "usable_share": (partial(_share, np.ones(n, bool)), (new.usable, old.usable)),
    }
    result = {"n": n, "groups": len(set(groups))}
    for name, (figure, (of_new, of_old)) in figures.items():

        def difference(w: np.ndarray, figure=figure, a=of_new, b=of_old) -> np.ndarray:
            return figure(a, w) - figure(b, w)

        result[name] = {
            "new": metrics.point(partial(figure, of_new), n),
            "old": metrics.point(partial(figure, of_old), n),
            "difference": metrics.point(difference, n),
            "difference_ci95": metrics.spread(difference(weights)),
        }
    return result


def _auc(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    known = truth >= 0
    return metrics.auc(truth[known] == 1, scores[known], weights[:, known])


def _share(among: np.ndarray, hit: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return metrics.share_among(hit, among, weights)


def _answers(predictions: Predictions) -> list[str]:
    return [
        RISK_CATEGORIES[decision] if usable else REFUSED
        for decision, usable in zip(predictions.decisions(), predictions.usable, strict=True)
    ]
