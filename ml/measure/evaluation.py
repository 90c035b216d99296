"""A classifier on a data set: figures with intervals, for all pictures and by subgroup."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from ml.datasets import Row
from ml.measure import metrics
from ml.person import Person
from ml.skin_tone import NO_SKIN, tone_of
from ml.taxonomy import (
    BENIGN,
    CATEGORY_OF,
    DIAGNOSES,
    MALIGNANT_DIAGNOSES,
    RISK_CATEGORIES,
    Thresholds,
    decide,
    is_sent,
    is_uncertain,
)

if TYPE_CHECKING:
    from ml.classifier import Classifier

RESAMPLES, SUBGROUP_RESAMPLES = 1000, 200
BATCH = 32
AGE_BANDS = ((30, "0-29"), (50, "30-49"), (70, "50-69"), (200, "70+"))
BENIGN_OUTPUTS = np.array([CATEGORY_OF[d] == BENIGN for d in DIAGNOSES])
MELANOMA = DIAGNOSES.index("mel")


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a classifier answered to labelled pictures, the gate ignored, and the gate's verdict.

    ``probabilities`` is (n, 7) in the order of DIAGNOSES, as served, with what is known of the
    person; ``picture`` (n, 7) by the picture alone, ``one_pass`` (n, 7) by one pass of it, the
    phone's. ``thresholds`` by modality; ``live`` are the phone's. What is not usable is not called
    uncertain either.
    """

    rows: list[Row]
    probabilities: np.ndarray
    picture: np.ndarray
    one_pass: np.ndarray
    usable: np.ndarray
    uncertain: np.ndarray
    skin_tones: list[str | None]
    thresholds: Mapping[str, Thresholds]
    live: Mapping[str, Thresholds]

    @property
    def malignancy(self) -> np.ndarray:
        return 1 - self.probabilities[:, BENIGN_OUTPUTS].sum(axis=1)

    @property
    def melanoma(self) -> np.ndarray:
        return self.probabilities[:, MELANOMA]

    def select(self, keep: np.ndarray) -> "Predictions":
        """Those of a mask."""
        chosen = np.flatnonzero(keep)
        return Predictions(
            rows=[self.rows[i] for i in chosen],
            probabilities=self.probabilities[chosen],
            picture=self.picture[chosen],
            one_pass=self.one_pass[chosen],
            usable=self.usable[chosen],
            uncertain=self.uncertain[chosen],
            skin_tones=[self.skin_tones[i] for i in chosen],
            thresholds=self.thresholds,
            live=self.live,
        )

    def asked_by(self, probabilities: np.ndarray) -> "Predictions":
        """The same pictures judged by other probabilities: ``picture``."""
        uncertain = self._by_rule(is_uncertain, probabilities)
        return replace(self, probabilities=probabilities, uncertain=self.usable & uncertain)

    def on_the_phone(self) -> "Predictions":
        """The same pictures judged as the phone's live view does."""
        return replace(self, thresholds=self.live).asked_by(self.one_pass)

    def decisions(self) -> np.ndarray:
        """Index into RISK_CATEGORIES by the shipped thresholds, uncertainty aside."""
        return decisions(self.probabilities, [self.thresholds[r.modality] for r in self.rows])

    def sent(self) -> np.ndarray:
        """Whether the rule sends each to a doctor, as flagged or as uncertain."""
        return self._by_rule(is_sent, self.probabilities)

    def _by_rule(
        self, rule: Callable[[Mapping[str, float], Thresholds], bool], probabilities: np.ndarray
    ) -> np.ndarray:
        answers = [
            rule(dict(zip(DIAGNOSES, p, strict=True)), self.thresholds[row.modality])
            for row, p in zip(self.rows, probabilities.tolist(), strict=True)
        ]
        return np.array(answers, bool)

    def malignant(self) -> np.ndarray:
        """1, 0, or −1 where the label leaves it open."""
        return _truth(self.rows, MALIGNANT_DIAGNOSES)

    def is_melanoma(self) -> np.ndarray:
        """1, 0, or −1 where the label leaves it open."""
        return _truth(self.rows, ("mel",))

    def is_melanoma_not_naevus(self) -> np.ndarray:
        """1 for a melanoma, 0 for a naevus, −1 for everything else."""
        return _only([set(row.allowed) for row in self.rows], ("nv", "mel"))

    def category(self) -> np.ndarray:
        """Index into RISK_CATEGORIES, or −1 where the label allows several."""
        return _only([{CATEGORY_OF[d] for d in r.allowed} for r in self.rows], RISK_CATEGORIES)

    def diagnosis(self) -> np.ndarray:
        """Index into DIAGNOSES, or −1 where the label allows several."""
        return _only([set(row.allowed) for row in self.rows], DIAGNOSES)


def decisions(probabilities: np.ndarray, thresholds: list[Thresholds]) -> np.ndarray:
    """Index into RISK_CATEGORIES by the rule, for (n, 7) and each row's thresholds."""
    chosen = [
        decide(dict(zip(DIAGNOSES, p, strict=True)), of_row, uncertain=False)[0]
        for p, of_row in zip(probabilities.tolist(), thresholds, strict=True)
    ]
    return np.array([RISK_CATEGORIES.index(category) for category in chosen], int)


def _only(values: list[set[str]], names: tuple[str, ...]) -> np.ndarray:
    return np.array(
        [names.index(min(v)) if len(v) == 1 and min(v) in names else -1 for v in values], int
    )


def _truth(rows: list[Row], positive: tuple[str, ...]) -> np.ndarray:
    answers = [{diagnosis in positive for diagnosis in row.allowed} for row in rows]
    return np.array([int(min(a)) if len(a) == 1 else -1 for a in answers], int)


def collect(classifier: "Classifier", rows: list[Row]) -> Predictions:
    """Assess every picture, in the order of the rows, whatever the model. Raises DatasetError,
    naming the row, for one that does not decode.

    What is not a lesion is shown as whatever the model knows, since it has to be refused as that.
    """
    known = next(iter(classifier.thresholds))
    rows = [
        replace(row, modality=known)
        if row.dx == "not_a_lesion" and row.modality not in classifier.thresholds
        else row
        for row in rows
    ]
    looks = []
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(rows), desc="Assessing", unit="picture") as bar,
    ):
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            looks += [
                classifier.look(image, row.modality, Person.of(row))
                for row, image in zip(batch, pool.map(Row.decode, batch), strict=True)
            ]
            bar.update(len(batch))
    assessments = [look.assessment for look in looks]
    return Predictions(
        rows=rows,
        probabilities=np.array([[a.diagnoses[d] for d in DIAGNOSES] for a in assessments]),
        picture=np.array([look.picture for look in looks]),
        one_pass=np.array([look.one_pass for look in looks]),
        usable=np.array([a.usable for a in assessments], bool),
        uncertain=np.array([a.uncertain for a in assessments], bool),
        # The first releases did not measure it.
        skin_tones=[tone_of(look.quality.get("skin_tone", NO_SKIN)) for look in looks],
        thresholds=classifier.thresholds,
        live=classifier.live,
    )


def evaluate(predictions: Predictions) -> dict:
    """Every figure of the evaluation, ready for JSON.

    All figures are on all pictures, with the gate ignored; ``answered`` is after refusal. Rows
    of ``not_a_lesion`` count only in ``refused_share``; those labelled ``other`` nowhere else
    than in ``unlabelled``. ``picture_only`` are each modality's figures without what is known of
    the person, ``one_pass`` those of the phone's live view.
    """
    foreign = np.array([row.dx == "not_a_lesion" for row in predictions.rows], bool)
    labelled = np.array([bool(row.allowed) for row in predictions.rows], bool)
    lesions = predictions.select(labelled)
    answered = lesions.select(lesions.usable)
    return {
        **figures(lesions, RESAMPLES),
        "unlabelled": int(np.sum(~labelled & ~foreign)),
        "refused_share": float(np.mean(~predictions.usable[foreign])) if foreign.any() else None,
        "answered": {
            "share": float(np.mean(lesions.usable)) if len(lesions.rows) else None,
            **figures(answered, SUBGROUP_RESAMPLES),
        },
        "picture_only": {
            modality: figures(of.asked_by(of.picture), SUBGROUP_RESAMPLES)
            for modality, of in by_modality(lesions).items()
        },
        "one_pass": {modality: one_pass(of) for modality, of in by_modality(lesions).items()},
        "subgroups": subgroups(lesions),
    }


def by_modality(predictions: Predictions) -> dict[str, Predictions]:
    """The pictures of each modality that there is."""
    modality = np.array([row.modality for row in predictions.rows])
    return {str(name): predictions.select(modality == name) for name in np.unique(modality)}


def one_pass(predictions: Predictions) -> dict:
    """What one pass, the phone's live view, reaches, and how often the saved picture is answered
    otherwise: in another risk category, or to send or not to send."""
    live, saved = predictions.on_the_phone(), predictions.asked_by(predictions.picture)
    usable = predictions.usable
    return {
        "another_category": _share((live.decisions() != saved.decisions())[usable]),
        "sent_otherwise": _share((live.sent() != saved.sent())[usable]),
        **figures(live, SUBGROUP_RESAMPLES),
    }


def _share(hit: np.ndarray) -> float | None:
    return float(np.mean(hit)) if len(hit) else None


def subgroups(predictions: Predictions) -> dict[str, dict[str, dict]]:
    """The same figures for each value of what is known about the pictures."""
    rows = predictions.rows
    values = {
        "modality": [row.modality for row in rows],
        "dataset": [row.dataset for row in rows],
        "dataset_and_modality": [f"{row.dataset} {row.modality}" for row in rows],
        "sex": [row.sex for row in rows],
        "age": [_age_band(row.age) for row in rows],
        "body_site": [row.body_site for row in rows],
        "skin_tone": predictions.skin_tones,
        # As who collected the pictures saw it, from 0, the darkest, to 5.
        "skin_tone_in_set": [_text(row.skin_tone) for row in rows],
        "skin_type": [_text(row.skin_type) for row in rows],
    }
    return {
        name: {
            value: figures(
                predictions.select(np.array([v == value for v in of_rows])), SUBGROUP_RESAMPLES
            )
            for value in sorted({v for v in of_rows if v is not None})
        }
        for name, of_rows in values.items()
    }


def figures(predictions: Predictions, resamples: int) -> dict:
    """One block of figures; None where the pictures can't tell."""
    n = len(predictions.rows)
    groups = [row.group for row in predictions.rows]
    weights = metrics.bootstrap_weights(groups, resamples) if n else np.ones((1, 0), np.float32)
    drawn = (weights, np.array(groups))
    malignant = _Question(predictions.malignant(), predictions.malignancy, *drawn)
    melanoma = _Question(predictions.is_melanoma(), predictions.melanoma, *drawn)
    naevus = _Question(predictions.is_melanoma_not_naevus(), predictions.melanoma, *drawn)
    diagnosis = predictions.diagnosis()
    single = diagnosis >= 0
    balanced = partial(
        metrics.balanced_accuracy,
        diagnosis[single],
        predictions.probabilities[single].argmax(axis=1),
        len(DIAGNOSES),
    )
    truth, scores = malignant.truth, malignant.scores
    return {
        "n": n,
        "groups": len(set(groups)),
        "malignant": int(truth.sum()),
        "melanomas": int(melanoma.truth.sum()),
        **malignant.figure("auc_malignant", partial(metrics.auc, truth, scores)),
        **melanoma.figure("auc_melanoma", partial(metrics.auc, melanoma.truth, melanoma.scores)),
        **naevus.figure("auc_melanoma_naevus", partial(metrics.auc, naevus.truth, naevus.scores)),
        **malignant.figure(
            "specificity_at_95_sensitivity", partial(metrics.specificity_at, 0.95, truth, scores)
        ),
        "balanced_accuracy_7": metrics.point(balanced, int(single.sum())),
        "balanced_accuracy_7_ci95": metrics.interval(balanced, weights[:, single]),
        "ece": metrics.calibration_error(truth, scores) if len(truth) else None,
        **malignant.figure("brier", partial(metrics.mean, (scores - truth) ** 2)),
        "calibration_slope": metrics.calibration_slope(truth, scores),
        **malignant.figure("mean_minus_prevalence", partial(metrics.mean, scores - truth)),
        "thresholds": _at_thresholds(predictions, malignant, melanoma),
        "refused": _share(~predictions.usable),
        "uncertain": _share(predictions.uncertain),
    }


class _Question:
    """One yes-or-no question, on the rows whose label answers it."""

    def __init__(
        self, truth: np.ndarray, scores: np.ndarray, weights: np.ndarray, groups: np.ndarray
    ) -> None:
        self.known = truth >= 0
        self.truth = truth[self.known] == 1
        self.scores = scores[self.known]
        self.weights, self.groups = weights[:, self.known], groups[self.known]

    def figure(self, name: str, statistic: metrics.Statistic) -> dict:
        return {
            name: metrics.point(statistic, len(self.truth)),
            f"{name}_ci95": metrics.interval(statistic, self.weights),
        }

    def reached(self, positive: np.ndarray) -> dict:
        """Sensitivity and specificity of a yes or no for every row."""
        return {
            **self.share("sensitivity", positive, self.truth),
            **self.share("specificity", ~positive, ~self.truth),
        }

    def share(self, name: str, hit: np.ndarray, among: np.ndarray) -> dict:
        """Of a yes or no for every row, among some of those that are known."""
        hit = hit[self.known]
        return {
            name: metrics.point(partial(metrics.share_among, hit, among), len(among)),
            f"{name}_ci95": metrics.share_interval(hit, among, self.weights, self.groups),
        }


def _at_thresholds(
    predictions: Predictions, malignant: _Question, melanoma: _Question
) -> dict[str, object]:
    """What the shipped thresholds reach: the rule; with those sent to a doctor as uncertain;
    melanoma by t_mel alone, by the rule, and called high risk."""
    decisions = predictions.decisions()
    flagged, sent = decisions != RISK_CATEGORIES.index(BENIGN), predictions.sent()
    t_mel = np.array([predictions.thresholds[row.modality].melanoma for row in predictions.rows])
    high_risk = decisions == RISK_CATEGORIES.index("malignant_high_risk")
    return {
        **malignant.reached(flagged),
        "sent_to_doctor": {
            **malignant.reached(sent),
            **melanoma.share("melanoma_sensitivity", sent, melanoma.truth),
        },
        "melanoma": {
            **melanoma.reached(predictions.melanoma >= t_mel),
            **melanoma.share("flagged", flagged, melanoma.truth),
            **melanoma.share("called_high_risk", high_risk, melanoma.truth),
        },
    }


def _text(value: float | None) -> str | None:
    return None if value is None else str(value)


def _age_band(age: float | None) -> str | None:
    if age is None:
        return None
    return next(name for end, name in AGE_BANDS if age < end)
