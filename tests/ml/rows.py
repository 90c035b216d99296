"""Rows of a data set and what a model said of them, for tests of the measures."""

from pathlib import Path

import numpy as np

from ml.datasets import Row
from ml.measure.evaluation import Predictions
from ml.taxonomy import ALLOWED, DIAGNOSES, Thresholds

THRESHOLDS = {
    "dermoscopy": Thresholds(screen=0.3, melanoma=0.2, cost_ratio=2),
    "photo": Thresholds(screen=0.6, melanoma=0.5, cost_ratio=2),
}


def row(number, dx, **known):
    return Row(
        **{
            "path": Path(f"{number}.jpg"),
            "mask": None,
            "dataset": "HAM",
            "image_id": str(number),
            "lesion": f"HAM/{number}",
            "group": f"HAM/{number}",
            "modality": "dermoscopy",
            "dx": dx,
            "allowed": ALLOWED[dx],
            **known,
        }
    )


def predictions(rows, probabilities, usable=None, uncertain=None):
    filled = [[p.get(d, 0.0) for d in DIAGNOSES] for p in probabilities]
    return Predictions(
        rows=rows,
        **dict.fromkeys(
            ("probabilities", "picture", "one_pass"), np.array(filled).reshape(-1, len(DIAGNOSES))
        ),
        usable=np.array(usable or [True] * len(rows)),
        uncertain=np.array(uncertain or [False] * len(rows)),
        skin_tones=["light"] * len(rows),
        thresholds=THRESHOLDS,
        live=THRESHOLDS,
    )
