"""Fitting the second stage, which adds what the person knows.

How the odds of a low-risk cancer go with age, sex and site is learnt from the training lesions, of
which there are thousands, whatever their pictures show. A picture says much of that already, so
that one number for each kind of picture, the strength, is fitted on validation lesions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from ml.datasets import Row
from ml.person import TERMS, Person, Term, log_odds
from ml.taxonomy import LOW_RISK_DIAGNOSES

# Ridge on the coefficients, in pictures: few lesions must not give large ones.
RIDGE = 5.0
PARTS = 5  # of the cross-validation
# Odds ratios beside a picture that says nothing of age are larger than without one (Gail et al.,
# Biometrika 71, 1984); a few lesions that age tells apart would ask for any number.
STRONGEST = 2.0


def learnt(rows: Sequence[Row]) -> dict[str, Term]:
    """The terms of training lesions of one modality, as if nothing were seen of them; empty where
    nothing is known of who has them, or all are of one kind."""
    values, truth, datasets, _ = _known(rows)
    if not len(truth) or truth.all() or not truth.any():
        return {}
    mean = _mean(values)
    x = np.nan_to_num(values - mean)
    coefficients = _fitted(x, np.zeros(len(x)), truth, datasets, RIDGE)
    return {
        name: Term(centre=round(float(c), 4), coefficient=round(float(b), 4), reason=TERMS[name][1])
        for name, c, b, of in zip(TERMS, mean, coefficients, values.T, strict=True)
        if not np.isnan(of).all()
    }


def fit(rows: Sequence[Row], probability: np.ndarray, terms: Mapping[str, Term]) -> dict:
    """The second stage of one modality for model.json: ``terms`` times their strength, empty where
    they do not help, as they were ``learnt``, and ``log_loss`` without and with it, cross-validated
    over patients, else lesions, of validation.

    ``probability`` (n,) is the calibrated one of a low-risk cancer by the picture alone. It helps
    where the log loss of whom something is known of falls, which for one number is what Akaike's
    criterion asks (Stone, J. R. Stat. Soc. B 39, 1977).
    """
    _, truth, datasets, known = _known(rows)
    unused = {"terms": {}, "learnt": dict(terms), "lesions": len(truth), "log_loss": None}
    of_known = [row for row, is_known in zip(rows, known, strict=True) if is_known]
    groups, group = np.unique([row.group for row in of_known], return_inverse=True)
    if not terms or len(groups) < 2 * PARTS or truth.all() or not truth.any():
        return unused
    odds = logit(np.clip(probability[known], 1e-6, 1 - 1e-6))
    by = np.array([log_odds(Person.of(row), terms) for row in of_known])
    part = (np.random.default_rng(0).permutation(len(groups)) % PARTS)[group]
    moved = odds.copy()
    for held_out in range(PARTS):
        on = part != held_out
        moved[~on] += _strength(by[on], odds[on], truth[on], datasets[on]) * by[~on]
    without, with_it = (float(_log_loss(scores, truth).mean()) for scores in (odds, moved))
    log_loss = {"without": without, "with": with_it}
    strength = _strength(by, odds, truth, datasets)
    if with_it >= without or not strength:
        return unused | {"log_loss": log_loss}
    weakened = {
        name: Term(**term | {"coefficient": round(strength * term["coefficient"], 4)})
        for name, term in terms.items()
    }
    return unused | {"terms": weakened, "log_loss": log_loss}


def _known(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The terms' values, whether it is a low-risk cancer, and the data set, of those rows of whom
    something is known; and which rows these are."""
    values = np.array([_values(row) for row in rows]).reshape(-1, len(TERMS))
    low_risk = [{diagnosis in LOW_RISK_DIAGNOSES for diagnosis in row.allowed} for row in rows]
    truth = np.array([answers == {True} for answers in low_risk], bool)
    # A label such as “malignant” leaves it open.
    known = ~np.isnan(values).all(axis=1) & np.array([len(a) == 1 for a in low_risk], bool)
    return values[known], truth[known], np.array([row.dataset for row in rows])[known], known


def _values(row: Row) -> list[float]:
    known = Person.of(row).values()
    return [known.get(term, np.nan) for term in TERMS]


def _log_loss(odds: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, np.where(truth, -odds, odds))


def _strength(by: np.ndarray, odds: np.ndarray, truth: np.ndarray, datasets: np.ndarray) -> float:
    return float(np.clip(_fitted(by[:, None], odds, truth, datasets, 0)[0], 0, STRONGEST))


def _fitted(
    x: np.ndarray, odds: np.ndarray, truth: np.ndarray, datasets: np.ndarray, ridge: float
) -> np.ndarray:
    """The coefficient of each column of ``x``, by logistic regression with the odds as offset.

    Every data set has an intercept of its own while fitting, so that an old clinic's share of
    cancers is not taken for the age of its patients.
    """
    sets = (datasets[:, None] == np.unique(datasets)).astype(float)
    both = np.hstack([x, sets])
    penalty = np.repeat([ridge, 1e-3], [x.shape[1], sets.shape[1]])

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        at = odds + both @ b
        value = _log_loss(at, truth).sum() + float(penalty @ b**2)
        return value, both.T @ (expit(at) - truth) + 2 * penalty * b

    found = minimize(loss, np.zeros(both.shape[1]), jac=True, method="L-BFGS-B").x
    return found[: x.shape[1]]


def _mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
