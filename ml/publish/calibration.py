"""Temperature, bias, second stage, thresholds and limits, per modality, set on validation; but for
how the second stage's terms go with each other, which training lesions say.

Computed on the answers of the shipped LiteRT files, as they are served, so that what ships is what
was measured. The phone's one pass has a calibration, thresholds and limits of its own.
"""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from ml import person
from ml.classifier import calibrated
from ml.datasets import Row
from ml.network import QUALITY
from ml.person import Person
from ml.publish import operating_point, second_stage, sittings
from ml.quality import Limit
from ml.taxonomy import (
    CATEGORY_OF,
    DARK_SKIN,
    DIAGNOSES,
    MODALITIES,
    RISK_CATEGORIES,
)

FEWEST = 2  # melanomas, cancers and benign lesions, to set anything on
TOO_FEW = "validation has too few lesions of modality {} to calibrate"
# Ridge on the bias and on the temperature's logarithm, in pictures: a photo set of a hundred must
# not shift a rare class far, and a few lesions that all are told apart must not make it certain.
RIDGE = 5.0
# Share of validation lesions that each limit may refuse; ten limits stay under 3 % together.
TAIL = 0.002
# A calm answer to no lesion means nothing, so that this limit may refuse more of the real ones.
NO_LESION_TAIL = 0.01
# A blown-out share (eight times that of the lesion), a share of the frame's cells on the lesion,
# and a share of the lesion under hair or ink that are never refused.
MIN_GLARE, MIN_CUT, MIN_COVERED = 0.05, 0.6, 0.08
# Through a dermoscope nothing of skin is as fine as hair, under much of which a melanoma looks calm
# (docs/experiments.md); by camera skin itself is. Detail up to MIN_HAIR is never refused.
HAIRY, HAIR_TAIL, MIN_HAIR = "dermoscopy", 0.005, 0.14
# Of the real lesions of MILK10k, HAM10000 and PAD-UFES-20, none has less colour than this; grey and
# tinted pictures have hardly any.
MIN_COLOUR = 1.2
# Below this share of the mask's middle, there are two lesions and the middle lies between them.
MIN_CENTRE, SEVERAL_REFUSED = 0.1, 0.01
# Individual typology angle below which skin counts as brown or dark; the sets hold hardly any.
DARK_BELOW = 10.0
IN_CATEGORY = np.array([[CATEGORY_OF[d] == c for c in RISK_CATEGORIES] for d in DIAGNOSES], float)


def calibrate(
    rows: Sequence[Row],
    answers: dict[str, np.ndarray],
    terms: Mapping[str, Mapping[str, person.Term]],
) -> dict:
    """The parts of model.json that are set on data.

    ``answers`` for the rows: ``logits`` (n, 7) and ``quality`` (n, len(QUALITY)) as served, and the
    phone's, ``one_pass`` and ``one_pass_quality``. ``terms`` of the second stage by modality, as
    training lesions gave them.
    A modality of which there is not ``enough`` is left out, with a warning where there is any: the
    model then refuses to judge such pictures. Raises ValueError, naming what there is, where
    nothing is left.
    """
    kinds = {row.modality for row in rows if row.allowed}
    if few := [kind for kind in MODALITIES if kind in kinds and not enough(rows, kind)]:
        lack = TOO_FEW.format(" and ".join(few))
        if kinds == {*few}:
            raise ValueError(lack)
        print(f"warning: {lack}", file=sys.stderr)
    card: dict = {"calibration": {}, "person": {}, "thresholds": {}, "limits": {}}
    live: dict = {"calibration": {}, "thresholds": {}, "limits": {}}
    judged: list[int] = []
    judgements: list[np.ndarray] = []  # (2, n, 7): by the picture alone, and with the person
    for modality in MODALITIES:
        if not enough(rows, modality):
            continue
        chosen = np.array([i for i, r in enumerate(rows) if r.allowed and r.modality == modality])
        known = [rows[i] for i in chosen]
        malignant = np.array([row.is_malignant for row in known])
        melanoma = np.array([row.allowed == ("mel",) for row in known])
        logits = answers["logits"][chosen]
        allowed = np.array([[d in r.allowed for d in DIAGNOSES] for r in known])
        fitted = fit(logits, allowed)
        alone = calibrated(logits, fitted)
        low_risk = alone[:, person.LOW_RISK].sum(1)
        stage = second_stage.fit(known, low_risk, terms.get(modality, {}))
        by = np.array([person.log_odds(Person.of(row), stage["terms"]) for row in known])
        asked = [alone, person.moved(alone, by)] if stage["terms"] else [alone]
        card["calibration"][modality] = fitted
        card["person"][modality] = stage
        card["thresholds"][modality] = operating_point.thresholds(asked, malignant, melanoma)
        one_pass = answers["one_pass"][chosen]
        live["calibration"][modality] = fit(one_pass, allowed)
        seen = calibrated(one_pass, live["calibration"][modality])
        live["thresholds"][modality] = operating_point.thresholds([seen], malignant, melanoma)
        card["limits"][modality] = limits(answers["quality"][chosen], modality)
        live["limits"][modality] = limits(answers["one_pass_quality"][chosen], modality)
        judged += chosen.tolist()
        judgements.append(np.stack([alone, asked[-1]]))
    if judged:
        several = list(np.concatenate(judgements, axis=1))
        card["sitting"] = sittings.thresholds([rows[i] for i in judged], several)
    return card | {"live": live}


def enough(rows: Sequence[Row], modality: str) -> bool:
    """Whether the rows show FEWEST melanomas, cancers and benign lesions of a modality."""
    known = [row for row in rows if row.allowed and row.modality == modality]
    cancers = [row for row in known if row.is_malignant]
    benign = [row for row in known if not row.is_malignant]
    melanomas = [row for row in cancers if row.allowed == ("mel",)]
    return all(len({row.lesion for row in of}) >= FEWEST for of in (cancers, benign, melanomas))


def fit(logits: np.ndarray, allowed: np.ndarray) -> dict:
    """Temperature and bias that minimise the partial-label loss of the risk categories on (n, 7)
    logits; ``allowed`` (n, 7) bool.

    The bias undoes what balanced sampling did to the categories' frequencies. Inside a category
    the balance stays, so that a rare diagnosis isn't hidden by a frequent one.
    """
    categories = allowed @ IN_CATEGORY > 0

    def unpacked(parameters: np.ndarray) -> dict:
        return {"temperature": np.exp(parameters[0]), "bias": IN_CATEGORY @ parameters[1:]}

    def loss(parameters: np.ndarray) -> float:
        p = calibrated(logits, unpacked(parameters)) @ IN_CATEGORY
        likelihood = np.log((p * categories).sum(1) + 1e-12).sum()
        return -likelihood + RIDGE * float(parameters @ parameters)

    best = minimize(loss, np.zeros(1 + len(RISK_CATEGORIES)), method="L-BFGS-B").x
    fitted = unpacked(best)
    return {
        "temperature": float(fitted["temperature"]),
        "bias": [round(float(b), 5) for b in fitted["bias"]],
    }


def limits(quality: np.ndarray, modality: str) -> list[Limit]:
    """Limits that nearly all real lesions keep; ``quality`` (n, len(QUALITY)) of validation."""
    of = dict(zip(QUALITY, quality.T, strict=True))
    fine = max(_most(of["sharpness"], HAIR_TAIL), MIN_HAIR)
    hair: Limit = {"reason": "covered", "number": "sharpness", "max": fine}
    # The mask learnt on dermoscopy only: where it is often wrong, it warns and does not refuse.
    several = "reason" if (of["mask_centre"] < MIN_CENTRE).mean() <= SEVERAL_REFUSED else "warning"
    return [
        {"reason": "no_colour", "number": "colour", "min": min(MIN_COLOUR, _least(of["colour"]))},
        {"reason": "no_lesion", "number": "lesion", "min": _least(of["lesion"], NO_LESION_TAIL)},
        {"reason": "unfamiliar", "number": "unfamiliarity", "max": _high(of["unfamiliarity"])},
        {several: "several_lesions", "number": "mask_centre", "min": MIN_CENTRE},
        {"reason": "covered", "number": "covered", "max": max(_high(of["covered"]), MIN_COVERED)},
        *([hair] if modality == HAIRY else []),
        {"reason": "blurred", "number": "sharpness", "min": _low(of["sharpness"])},
        {"reason": "too_dark", "number": "brightness", "min": _low(of["brightness"])},
        {"reason": "glare", "number": "glare", "max": max(_high(of["glare"]), MIN_GLARE)},
        {"reason": "too_small", "number": "mask_area", "min": _low(of["mask_area"])},
        {"reason": "cut_off", "number": "mask_edge", "max": max(_most(of["mask_edge"]), MIN_CUT)},
        {"warning": "touches_edge", "number": "mask_edge", "max": 0.02},
        {"warning": DARK_SKIN, "number": "skin_tone", "min": DARK_BELOW},
    ]


def _high(values: np.ndarray) -> float:
    """The upper end of a number's real range: the quantile at 1 − TAIL, or, where the pictures
    may be too few to show it, the median and 2.2 times its distance to the quantile at 0.95 (3.6 σ
    of a normal tail), if that is more; for a share that can be more than 1."""
    middle, most = np.quantile(values, [0.5, 0.95])
    return float(max(_most(values), middle + 2.2 * (most - middle)))


def _low(values: np.ndarray) -> float:
    """The lower end, as ``_high`` on a logarithmic scale, since these numbers are shares and
    brightnesses from 0 up; 0, which refuses nothing, where real lesions have 0."""
    far = np.exp(-_high(-np.log(np.maximum(values, 1e-3))))
    return float(min(far, _least(values)))


def _most(values: np.ndarray, share: float = TAIL) -> float:
    return float(np.quantile(values, 1 - share, method="higher"))


def _least(values: np.ndarray, share: float = TAIL) -> float:
    return float(np.quantile(values, share, method="lower"))
