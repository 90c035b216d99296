"""One answer to several pictures of one lesion: the mean of what each of them gives."""

import functools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.classifier import Assessment, Classifier, Look, answered, named
from ml.person import NOBODY, Person
from ml.taxonomy import (
    BENIGN,
    DARK_SKIN,
    DIAGNOSES,
    REASONS,
    Thresholds,
    advice_of,
    categories,
)

FEWEST, MOST = 2, 5  # pictures of one sitting
BOTH = "both"  # kinds of picture: with a dermatoscope, and without
# Of malignancy in one picture: from there on, more likely than not, a mean is not calm.
CONTRADICTED = 0.5
# Written by ``python -m ml sitting``; the pages read it.
GAIN = Path(__file__).with_name("gain.json")
# What of each picture's own assessment stands in the one of all.
PART = (
    *("modality", "usable", "reasons", "warnings", "diagnoses", "malignancy", "risk_category"),
    *("uncertain", "advice", "heatmap", "outline"),
)

Shot = tuple[np.ndarray, str]  # a picture (h, w, 3) uint8, and its modality


def look(classifier: Classifier, shots: Sequence[Shot], of: Person = NOBODY) -> Look:
    """One assessment of pictures of one lesion of one person; of one alone it is that one's.

    What it rests on is that of the first picture that can be judged; ``features`` are only the
    first's, which stands for all. Raises like Classifier.look.
    """
    looks = [classifier.look(picture, kind, of) for picture, kind in shots]
    judged = next((one for one in looks if one.assessment.usable), looks[0])
    features = judged.features if judged is looks[0] else None
    return replace(judged, assessment=combine(classifier, looks), features=features)


def combine(classifier: Classifier, looks: Sequence[Look]) -> Assessment:
    """One assessment of the looks at the pictures of one lesion; each one's own is a part.

    Heatmap and outline are the first picture's, which stands for all.
    """
    every = [look.assessment for look in looks]
    first = every[0]
    if len(looks) == 1:
        return first
    facts: dict[str, Any] = {
        "pictures": [{name: getattr(one, name) for name in PART} for one in every],
        "milliseconds": round(sum(one.milliseconds for one in every), 2),
    }
    usable = [look for look in looks if look.assessment.usable]
    if not usable:
        reasons = [r for r in REASONS if any(r in one.reasons for one in every)]
        return replace(first, reasons=reasons, **facts)
    parts = [look.assessment for look in usable]
    thresholds = thresholds_of(classifier, [part.modality for part in parts])
    probabilities = mean([[part.diagnoses[d] for d in DIAGNOSES] for part in parts])
    used = [name for name in ("age", "sex", "body_site") if any(name in p.used for p in parts)]
    answer = answered(probabilities, thresholds)
    alone = answered(mean([look.picture for look in usable]), thresholds) if used else None
    malignancies = [part.malignancy for part in parts]
    # Frames of a burst say no more than one of them, and the thresholds for a mean are laxer.
    is_each_sent = all(part.advice != "watch" for part in parts)
    for one in filter(None, (answer, alone)):
        is_benign = one["risk_category"] == BENIGN
        if is_contradicted(one["risk_category"], malignancies) or (is_benign and is_each_sent):
            one["uncertain"] = True
            one["advice"] = advice_of(BENIGN, uncertain=True)
    return replace(
        first,
        usable=True,
        reasons=[],
        warnings=_warnings(parts),
        diagnoses=named(probabilities),
        categories=categories(named(probabilities)),
        **answer,
        used=used,
        picture=alone,
        heatmap=first.heatmap if first.usable else None,
        outline=first.outline if first.usable else None,
        **facts,
    )


def gain(version: str) -> dict:
    """What several pictures gain, as measured with this version of the model; empty where it was
    measured with another."""
    measured = _measured()
    return measured if measured.get("model_version") == version else {}


@functools.cache
def _measured() -> dict:
    try:
        return json.loads(GAIN.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def mean(probabilities: Sequence | np.ndarray) -> np.ndarray:
    """Of the probabilities (n, 7) of n pictures: (7,).

    Not the mean of log-odds, whose AUC is as good or a little better: it gives way sooner where
    pictures contradict each other, as when they show two moles (docs/experiments.md).
    """
    return np.asarray(probabilities, float).mean(axis=0)


def kind_of(modalities: Collection[str]) -> str:
    """The modality of all of them, or BOTH."""
    kinds = set(modalities)
    return kinds.pop() if len(kinds) == 1 else BOTH


def thresholds_of(classifier: Classifier, modalities: Collection[str]) -> Thresholds:
    """Those for the mean of pictures of these kinds: of ``sitting`` in the card, and where it has
    none, those for single pictures, of two kinds the more careful of each."""
    kind = kind_of(modalities)
    own: Mapping | None = classifier.card.get("sitting", {}).get(kind)
    if own and len(modalities) > 1:
        return Thresholds(**own)
    singles = [classifier.thresholds[modality] for modality in set(modalities)]
    return Thresholds(
        screen=min(of.screen for of in singles),
        melanoma=min(of.melanoma for of in singles),
        cost_ratio=max(of.cost_ratio for of in singles),
        uncertain=max(of.uncertain for of in singles),
    )


def is_contradicted(risk_category: str | None, malignancies: Collection[float]) -> bool:
    """Whether the mean is benign, and one of its pictures by itself rather malignant."""
    return risk_category == BENIGN and max(malignancies, default=0) >= CONTRADICTED


def _warnings(parts: Sequence[Assessment]) -> list[str]:
    """What holds for all of them; that skin is dark, where one says so."""
    said = dict.fromkeys(warning for part in parts for warning in part.warnings)
    return [w for w in said if w == DARK_SKIN or all(w in part.warnings for part in parts)]
