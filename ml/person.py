"""The second stage: what the person knows, age, sex and body site, beside what the picture shows.

A few coefficients of ``model.json`` move the odds of the low-risk cancers, which the sun makes over
a life; melanoma, which the young have, too, is judged by the picture. What is not known, and what
does not help on validation pictures, moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from ml.taxonomy import BODY_REGION_OF, BODY_REGIONS, DIAGNOSES, LOW_RISK_DIAGNOSES, SEXES

if TYPE_CHECKING:
    from ml.datasets import Row

DECADE = 10.0
OLDEST = 200  # years: who is said to be older is not known
SITE_TERMS = ("head_neck", "upper_limb", "lower_limb", "hand_foot")
# Every term, what it belongs to, and why it is there. The trunk is what sites are compared with.
TERMS = {
    "age": ("age", "They become commoner with every decade of life."),
    "male": ("sex", "Men's and women's skin differs in what looks like one."),
    "head_neck": ("body_site", "The skin that the sun reaches most."),
    "upper_limb": ("body_site", "The sun reaches it often."),
    "lower_limb": ("body_site", "The sun reaches it less; dermatofibromas lie there."),
    "hand_foot": ("body_site", "The backs of hands have much sun, palms and soles none."),
}
LOW_RISK = np.array([d in LOW_RISK_DIAGNOSES for d in DIAGNOSES])


class Term(TypedDict):
    """One coefficient of model.json: log-odds for a unit above ``centre``, and its ``reason``."""

    centre: float
    coefficient: float
    reason: str


@dataclass(frozen=True, slots=True)
class Person:
    """Age in years, sex at birth, and body site (a word of BODY_SITES or BODY_REGIONS) of whom a
    picture shows; None for what is not known. Raises ValueError for what can't be."""

    age: float | None = None
    sex: str | None = None
    body_site: str | None = None

    def __post_init__(self) -> None:
        if self.age is not None and not 0 <= self.age < OLDEST:
            raise ValueError(f"an age of {self.age:g} can't be right")
        if self.sex is not None and self.sex not in SEXES:
            raise ValueError(f"unknown sex {self.sex!r}; known are {', '.join(SEXES)}")

    @classmethod
    def of(cls, row: "Row") -> "Person":
        """What a data set knows of whom a row shows."""
        return cls(age=row.age, sex=row.sex, body_site=row.body_site)

    def values(self) -> dict[str, float]:
        """The terms that are known; ages in decades. A site of no region says nothing."""
        known: dict[str, float] = {}
        if self.age is not None:
            known["age"] = self.age / DECADE
        if self.sex is not None:
            known["male"] = float(self.sex == "male")
        region = BODY_REGION_OF.get(self.body_site or "", self.body_site)
        if region in BODY_REGIONS:
            known |= {term: float(term == region) for term in SITE_TERMS}
        return known


NOBODY = Person()


def used(person: Person, stage: Mapping[str, Term]) -> list[str]:
    """Which of age, sex and body site enter the answer."""
    return list(dict.fromkeys(TERMS[term][0] for term in person.values() if term in stage))


def log_odds(person: Person, stage: Mapping[str, Term]) -> float:
    """By how much the log-odds of a low-risk cancer move; 0 for whom nothing is known of."""
    known = person.values()
    return sum(
        term["coefficient"] * (known[name] - term["centre"])
        for name, term in stage.items()
        if name in known
    )


def moved(probabilities: np.ndarray, by: float | np.ndarray) -> np.ndarray:
    """Probabilities (…, 7) with the log-odds of a low-risk cancer moved by ``by`` (…); all others
    keep their proportions."""
    weights = np.where(LOW_RISK, np.exp(np.asarray(by, float))[..., None], 1.0)
    raised = probabilities * weights
    return raised / raised.sum(axis=-1, keepdims=True)
