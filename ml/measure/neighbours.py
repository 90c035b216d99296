"""What the distance between pictures says: of the diagnosis, and within one person's lesions."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from ml import features
from ml.datasets import Row
from ml.release import ReleaseError
from ml.taxonomy import BENIGN, CATEGORY_OF, MODALITIES

if TYPE_CHECKING:
    from ml.classifier import Classifier

NEAREST = 5
LESIONS = 3  # of a person at least: of two, each is as far from the other

Seen = Callable[[Row], tuple[np.ndarray, float]]


def measure(rows: list[Row], classifier: "Classifier") -> dict:
    """Both below for a classifier on held-out rows, and which classifier that is. Raises
    ReleaseError for one whose graph gives no features, ValueError without rows to measure on."""

    def seen(row: Row) -> tuple[np.ndarray, float]:
        look = classifier.look(row.decode(), row.modality)
        if look.features is None:
            raise ReleaseError(f"model {classifier.version} gives no features; release it anew")
        # As it is stored.
        (found,) = features.unpack([features.pack(look.features)])
        return found, look.assessment.malignancy

    return {"model_version": classifier.version, **measure_by(rows, seen)}


def measure_by(rows: Iterable[Row], seen: Seen) -> dict:
    """``modalities`` and ``persons``, ready for JSON; ``seen`` gives features and malignancy."""
    # A label that allows several diagnoses agrees with no other.
    named = [row for row in rows if len(row.allowed) == 1]
    of = [seen(row) for row in tqdm(named, "features")]
    if not of:
        raise ValueError("no picture whose label names one diagnosis")
    found, malignancy = np.stack([f for f, _ in of]), np.array([m for _, m in of])
    return {
        "nearest": NEAREST,
        "modalities": {
            modality: agreement
            for modality in MODALITIES
            if (chosen := [i for i, r in enumerate(named) if r.modality == modality])
            and (agreement := _agreement([named[i] for i in chosen], found[chosen]))
        },
        "persons": _within_persons(named, found, malignancy),
    }


def _agreement(rows: list[Row], found: np.ndarray) -> dict:
    """How many of the nearest pictures of other people share the diagnosis, and by chance.

    ``chance`` draws from all other people's pictures, ``chance_in_sets`` from those of the data
    sets that the nearest ones are of: pictures of one source look alike, whatever they show. A
    picture counts where other people have NEAREST at least; empty where none does.
    """
    diagnosis = np.array([row.allowed[0] for row in rows])
    dataset, group = np.array([row.dataset for row in rows]), np.array([row.group for row in rows])
    malignant = np.array([CATEGORY_OF[name] != BENIGN for name in diagnosis])
    asked = np.array([(group != of).sum() >= NEAREST for of in group])
    if not asked.any():
        return {}
    shares = []
    for i in np.flatnonzero(asked):
        one, other = found[i], group != group[i]
        same = other & (diagnosis == diagnosis[i])
        away = np.where(other, features.distances(one, found), np.inf)
        nearest = np.argsort(away, kind="stable")[:NEAREST]
        in_sets = [same[at].sum() / other[at].sum() for at in dataset == dataset[nearest, None]]
        as_malignant = (malignant[nearest] == malignant[i]).mean()
        shares.append((same[nearest].mean(), same.sum() / other.sum(), np.mean(in_sets),
                       as_malignant))  # fmt: skip
    by, of = np.array(shares), diagnosis[asked]

    def told(chosen: np.ndarray) -> dict:
        means = dict(zip(("same", "chance", "chance_in_sets", "same_malignancy"),
                         np.round(by[chosen].mean(0), 3).tolist(), strict=True))  # fmt: skip
        return {"pictures": int(chosen.sum()), **means}

    return told(np.ones(len(by), bool)) | {
        "diagnoses": {str(name): told(of == name) for name in np.unique(of)}
    }


def _within_persons(rows: list[Row], found: np.ndarray, malignancy: np.ndarray) -> dict:
    """How often a person's malignant lesion stands before a benign one of the same person.

    By the program's malignancy, by the mean distance from the person's other lesions (the “ugly
    duckling”, Grob & Bonerandi, Arch. Dermatol. 134, 1998), and by the mean of both ranks. Persons
    with at least LESIONS lesions, one picture each; null where there is nobody.
    """
    persons: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for i, row in enumerate(rows):
        persons[row.group, row.modality].setdefault(row.lesion, i)
    scores = []
    for lesions in persons.values():
        chosen = list(lesions.values())
        malignant = np.array([CATEGORY_OF[rows[i].allowed[0]] != BENIGN for i in chosen])
        if len(chosen) < LESIONS or malignant.all() or not malignant.any():
            continue
        of = found[chosen]
        away = np.array([features.distances(one, of).sum() for one in of])
        ranks = _ranks(malignancy[chosen]) + _ranks(away)
        scores.append([_before(by, malignant) for by in (malignancy[chosen], away, ranks)])
    means = np.mean(scores, axis=0) if scores else [None] * 3
    names = ("malignancy", "distance", "both")
    rounded = (None if mean is None else round(float(mean), 3) for mean in means)
    return {"persons": len(scores), **dict(zip(names, rounded, strict=True))}


def _ranks(values: np.ndarray) -> np.ndarray:
    return values.argsort().argsort()


def _before(scores: np.ndarray, malignant: np.ndarray) -> float:
    """The AUC within a person: of pairs, the share in which the malignant lesion scores higher."""
    gap = scores[malignant][:, None] - scores[~malignant]
    return float(((gap > 0) + (gap == 0) / 2).mean())
