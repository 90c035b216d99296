"""What several pictures of a lesion gain over one, on lesions that the model has not seen."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ml import whole
from ml.classifier import Assessment, Look, load_release
from ml.datasets import DatasetError, Row, splits
from ml.measure import metrics
from ml.person import Person
from ml.publish import bands, sittings
from ml.publish.operating_point import BENIGN, SENSITIVITY
from ml.release import Release
from ml.sitting import answers, together
from ml.taxonomy import DIAGNOSES

if TYPE_CHECKING:
    from ml.classifier import Classifier, Outputs

RESAMPLES = 1000
FEWEST = 40  # lesions of a set, to say anything


def run(release: Path, engine: str, rows: Sequence[Row], out: Path) -> None:
    """Write the gain on the test lesions of a release's split. Raises DatasetError where none of
    them has several pictures."""
    folds = splits.read(release / "split.csv", list(rows))
    found = Release.read(release)
    classifier, kept = load_release(found, engine), answers.cache_of(found, engine)
    held_out = _several(rows, folds)
    if not held_out:
        raise DatasetError(f"no lesion of the test fold of {release} has several pictures")
    said = answers.collect(classifier, held_out, kept)
    result = measure(classifier, held_out, looks(classifier, held_out, said))
    whole.write_text(out, json.dumps(result, indent=1) + "\n")


def _several(rows: Sequence[Row], folds: Sequence[str | None]) -> list[Row]:
    """The test rows that are of lesions with several pictures."""
    test = [row for row, fold in zip(rows, folds, strict=True) if fold == "test"]
    found = sittings.lesions(test)
    return [test[i] for lesions in found.values() for lesion in lesions for i in lesion]


def looks(classifier: "Classifier", rows: Sequence[Row], said: Sequence[dict]) -> list[Look]:
    """The look at each row's picture by what ``answers.collect`` kept of it."""
    return [
        classifier.judge(_outputs(one), (*one["shape"], 3), row.modality, Person.of(row))
        for row, one in zip(rows, said, strict=True)
    ]


def measure(classifier: "Classifier", rows: Sequence[Row], of: Sequence[Look]) -> dict:
    """By kind of pictures and data set, one picture against all of a lesion's: ready for JSON.

    ``single`` counts each picture of these lesions by itself, by its kind; ``together`` the mean.
    What is refused is in ``refused`` and in no other figure.
    """
    by_kind = sittings.lesions(rows)
    result: dict = {"model_version": classifier.version, "kinds": {}}
    for kind, numbers in by_kind.items():
        sets: dict[str, list[list[int]]] = {}
        for lesion in numbers:
            sets.setdefault(rows[lesion[0]].dataset, []).append(lesion)
        enough = {name: some for name, some in sorted(sets.items()) if len(some) >= FEWEST}
        if not enough:
            continue
        every = [lesion for some in enough.values() for lesion in some]
        result["kinds"][kind] = {
            "all": _figures(classifier, rows, of, every),
            "datasets": {n: _figures(classifier, rows, of, some) for n, some in enough.items()},
            "bands": _bands(classifier, rows, of, every),
        }
    return result


def _figures(
    classifier: "Classifier", rows: Sequence[Row], of: Sequence[Look], lesions: list[list[int]]
) -> dict:
    first = [rows[lesion[0]] for lesion in lesions]
    means = [together.combine(classifier, [of[i] for i in lesion]) for lesion in lesions]
    kinds = sorted({rows[i].modality for lesion in lesions for i in lesion})
    singles = {
        kind: [
            (rows[i], of[i].assessment)
            for lesion in lesions
            for i in lesion
            if rows[i].modality == kind
        ]
        for kind in kinds
    }
    groups = sorted({rows[i].group for lesion in lesions for i in lesion})
    drawn = metrics.bootstrap_weights(groups, RESAMPLES)
    place = {group: number for number, group in enumerate(groups)}
    several = _Answers(list(zip(first, means, strict=True)), drawn, place)
    found: dict = {
        "lesions": len(lesions),
        "malignant": sum(row.is_malignant for row in first),
        "melanomas": sum(row.allowed == ("mel",) for row in first),
        "pictures": round(sum(map(len, lesions)) / len(lesions), 2),
        "together": several.figures(),
        "single": {},
        "gain": {},
        "by_number": _by_number(rows, of, lesions) if len(kinds) == 1 else {},
    }
    for kind, answered in singles.items():
        one = _Answers(answered, drawn, place)
        found["single"][kind] = one.figures()
        found["gain"][kind] = several.against(one)
    return found


class _Answers:
    """Assessments of rows, and how often each counts in each resample of the groups."""

    def __init__(
        self, answered: list[tuple[Row, Assessment]], drawn: np.ndarray, place: dict[str, int]
    ) -> None:
        self.refused = 1 - float(np.mean([answer.usable for _row, answer in answered]))
        kept = [(row, answer) for row, answer in answered if answer.usable]
        self.malignancy = np.array([answer.malignancy for _row, answer in kept])
        self.malignant = np.array([row.is_malignant for row, _answer in kept], bool)
        sent = [answer.uncertain or answer.advice != "watch" for _row, answer in kept]
        self.sent = np.array(sent, bool)
        self.melanoma = np.array([row.allowed == ("mel",) for row, _answer in kept], bool)
        self.groups = np.array([place[row.group] for row, _answer in kept], int)
        self.weights = drawn[:, self.groups]
        self.shares = {  # of whom, among whom
            "sensitivity": (self.sent, self.malignant),
            "melanoma_sensitivity": (self.sent, self.melanoma),
            "specificity": (~self.sent, ~self.malignant),
        }

    def statistics(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {
            "auc": partial(metrics.auc, self.malignant, self.malignancy),
            "specificity_at_95_sensitivity": partial(
                metrics.specificity_at, SENSITIVITY, self.malignant, self.malignancy
            ),
            **{name: partial(metrics.share_among, *of) for name, of in self.shares.items()},
        }

    def figures(self) -> dict:
        found: dict = {"n": len(self.malignancy), "refused": round(self.refused, 5)}
        for name, statistic in self.statistics().items():
            found[name] = metrics.point(statistic, len(self.malignancy))
            found[f"{name}_ci95"] = (
                metrics.share_interval(*self.shares[name], self.weights, self.groups)
                if name in self.shares
                else metrics.interval(statistic, self.weights)
            )
        return found

    def against(self, other: "_Answers") -> dict:
        """The differences, the same groups being drawn for both."""
        found: dict = {}
        theirs = other.statistics()
        for name, statistic in self.statistics().items():
            ours = metrics.point(statistic, len(self.malignancy))
            before = metrics.point(theirs[name], len(other.malignancy))
            found[name] = None if ours is None or before is None else ours - before
            apart = statistic(self.weights) - theirs[name](other.weights)
            found[f"{name}_ci95"] = metrics.spread(apart)
        return found


def _by_number(rows: Sequence[Row], of: Sequence[Look], lesions: list[list[int]]) -> dict:
    """The AUC of the mean of the first one, two and three pictures, of lesions with three."""
    three = [lesion for lesion in lesions if len(lesion) >= 3]
    if len(three) < FEWEST:
        return {}
    malignant = np.array([rows[lesion[0]].is_malignant for lesion in three])
    found: dict = {"lesions": len(three)}
    for number in (1, 2, 3):
        means = [together.mean([_probabilities(of[i]) for i in some[:number]]) for some in three]
        malignancy = 1 - np.array(means)[:, BENIGN].sum(axis=1)
        found[str(number)] = metrics.point(
            partial(metrics.auc, malignant, malignancy), len(malignancy)
        )
    return found


def _bands(
    classifier: "Classifier", rows: Sequence[Row], of: Sequence[Look], lesions: list[list[int]]
) -> list[bands.Band]:
    """The share of cancers by bands of the mean's malignancy, as ``bands`` of the card."""
    means = [
        (rows[some[0]], together.combine(classifier, [of[i] for i in some])) for some in lesions
    ]
    usable = [(row, answer) for row, answer in means if answer.usable]
    return bands.observed(
        np.array([answer.malignancy for _row, answer in usable]),
        np.array([row.is_malignant for row, _answer in usable]),
        [row.lesion for row, _answer in usable],
    )


def _probabilities(look: Look) -> np.ndarray:
    return np.array([look.assessment.diagnoses[d] for d in DIAGNOSES])


def _outputs(said: dict) -> "Outputs":
    """As the graph gives them; maps and masks are not among the figures."""
    cells = np.zeros((2, 2, len(DIAGNOSES)))
    numbers = {"logits": said["logits"], "one_pass": said["logits"], "quality": said["quality"]}
    return numbers | {"cam": cells, "mask": cells[..., :1]}
