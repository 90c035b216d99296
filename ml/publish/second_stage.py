"""Fitting the second stage, which adds what the person knows, on validation lesions."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from ml.datasets import Row
from ml.person import TERMS, Person, Term
from ml.taxonomy import LOW_RISK_DIAGNOSES

# Ridge on the coefficients, in pictures: few photographs must not give large ones.
RIDGE = 5.0
PARTS = 5  # of the cross-validation


def fit(rows: Sequence[Row], probability: np.ndarray) -> dict:
    """The second stage of one modality for model.json: ``terms``, empty where it does not help,
    and ``log_loss`` without and with it, cross-validated over patients, else lesions.

    ``probability`` (n,) is the calibrated one of a low-risk cancer by the picture alone. It helps
    where the log loss of whom something is known of falls by more than the standard error of that
    difference.
    """
    values = np.array([_values(row) for row in rows]).reshape(-1, len(TERMS))
    low_risk = [{diagnosis in LOW_RISK_DIAGNOSES for diagnosis in row.allowed} for row in rows]
    truth = np.array([answers == {True} for answers in low_risk], bool)
    # A label such as “malignant” leaves it open.
    known = ~np.isnan(values).all(axis=1) & np.array([len(a) == 1 for a in low_risk], bool)
    unused = {"terms": {}, "lesions": int(known.sum()), "log_loss": None}
    groups = np.array([row.group for row in rows])[known]
    datasets = np.array([row.dataset for row in rows])[known]
    values, odds, truth = values[known], _odds(probability[known]), truth[known]
    if len(np.unique(groups)) < 2 * PARTS or truth.all() or not truth.any():
        return unused
    part = np.random.default_rng(0).permutation(len(np.unique(groups))) % PARTS
    part = part[np.unique(groups, return_inverse=True)[1]]
    moved = odds.copy()
    for held_out in range(PARTS):
        learnt = part != held_out
        centre, coefficients = _fitted(
            values[learnt], odds[learnt], truth[learnt], datasets[learnt]
        )
        moved[~learnt] += np.nan_to_num(values[~learnt] - centre) @ coefficients
    without, with_it = (_log_loss(scores, truth) for scores in (odds, moved))
    gain = without - with_it
    log_loss = {"without": float(without.mean()), "with": float(with_it.mean())}
    if gain.mean() <= gain.std() / np.sqrt(len(gain)):
        return unused | {"log_loss": log_loss}
    centre, coefficients = _fitted(values, odds, truth, datasets)
    terms = {
        name: Term(centre=round(float(c), 4), coefficient=round(float(b), 4), reason=TERMS[name][1])
        for name, c, b, of in zip(TERMS, centre, coefficients, values.T, strict=True)
        if not np.isnan(of).all()
    }
    return unused | {"terms": terms, "log_loss": log_loss}


def _values(row: Row) -> list[float]:
    known = Person.of(row).values()
    return [known.get(term, np.nan) for term in TERMS]


def _odds(probability: np.ndarray) -> np.ndarray:
    return logit(np.clip(probability, 1e-6, 1 - 1e-6))


def _log_loss(odds: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, np.where(truth, -odds, odds))


def _fitted(
    values: np.ndarray, odds: np.ndarray, truth: np.ndarray, datasets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each term's centre and coefficient, by logistic regression with the odds as offset.

    Every data set has an intercept of its own while fitting, so that an old clinic's share of
    cancers is not taken for the age of its patients.
    """
    centre = _mean(values)
    x = np.nan_to_num(values - centre)
    sets = (datasets[:, None] == np.unique(datasets)).astype(float)
    both = np.hstack([x, sets])
    ridge = np.repeat([RIDGE, 1e-3], [x.shape[1], sets.shape[1]])

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        at = odds + both @ b
        value = _log_loss(at, truth).sum() + float(ridge @ b**2)
        return value, both.T @ (expit(at) - truth) + 2 * ridge * b

    found = minimize(loss, np.zeros(both.shape[1]), jac=True, method="L-BFGS-B").x
    return centre, found[: len(TERMS)]


def _mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
