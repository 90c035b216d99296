"""The evaluation's figures: what counts where."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ml.measure.evaluation import Predictions, evaluate
from ml.taxonomy import DIAGNOSES
from tests.ml.rows import THRESHOLDS, predictions, row


@pytest.fixture
def many():
    rng = np.random.default_rng(0)
    rows = [
        row(n, DIAGNOSES[n % 7], sex=("female", "male")[n % 2], age=float(n % 90))
        for n in range(210)
    ]
    probabilities = rng.dirichlet(np.ones(7), 210) * 0.6
    for n, p in enumerate(probabilities):
        p[n % 7] += 0.4
    usable, uncertain = np.arange(210) % 3 > 0, np.zeros(210, bool)
    same = (probabilities,) * 3
    return Predictions(rows, *same, usable, uncertain, ["light"] * 210, THRESHOLDS, THRESHOLDS)


def test_the_json_has_every_figure_the_contract_names(many):
    result = evaluate(many)
    for name in (
        "auc_malignant",
        "auc_melanoma",
        "specificity_at_95_sensitivity",
        "balanced_accuracy_7",
        "ece",
        "brier",
        "calibration_slope",
        "mean_minus_prevalence",
    ):
        assert isinstance(result[name], float), name
    low, high = result["auc_malignant_ci95"]
    assert low <= result["auc_malignant"] <= high
    assert set(result["subgroups"]) >= {"sex", "age", "body_site", "dataset", "modality"}
    assert set(result["subgroups"]["sex"]) == {"female", "male"}
    assert json.loads(json.dumps(result)) == result


def test_figures_are_on_all_pictures_and_answered_is_after_refusal(many):
    result = evaluate(many)
    assert result["n"] == 210
    assert result["answered"]["n"] == 140
    assert result["answered"]["share"] == pytest.approx(2 / 3)


def test_what_is_no_lesion_counts_only_in_refused_share(many):
    foreign = [row(f"dog{n}", "not_a_lesion") for n in range(4)]
    with_dogs = Predictions(
        many.rows + foreign,
        *(np.vstack([many.probabilities, np.full((4, 7), 1 / 7)]),) * 3,
        np.append(many.usable, [False, False, False, True]),
        np.zeros(214, bool),
        [*many.skin_tones, *["light"] * 4],
        THRESHOLDS,
        THRESHOLDS,
    )
    alone, result = evaluate(many), evaluate(with_dogs)
    assert result.pop("refused_share") == 0.75
    assert alone.pop("refused_share") is None
    assert result == alone


def test_other_counts_as_unlabelled_and_nowhere_else(many):
    both = predictions([row(0, "other"), row(1, "nv")], [{"nv": 1}, {"nv": 1}])
    result = evaluate(both)
    assert (result["n"], result["unlabelled"]) == (1, 1)


def test_a_label_that_leaves_a_question_open_does_not_answer_it():
    rows = [row(0, "malignant"), row(1, "benign"), row(2, "mel"), row(3, "nv")]
    result = evaluate(
        predictions(rows, [{"bcc": 0.9, "nv": 0.1}, {"nv": 1}, {"mel": 0.8, "nv": 0.2}, {"nv": 1}])
    )
    assert result["auc_malignant"] == 1
    assert (result["malignant"], result["melanomas"]) == (2, 1)
    assert result["balanced_accuracy_7"] is None


def test_thresholds_are_those_of_each_picture_s_modality():
    rows = [row(0, "bcc"), row(1, "bcc", modality="photo"), row(2, "nv"), row(3, "nv")]
    half = {"bcc": 0.5, "nv": 0.5}
    reached = evaluate(predictions(rows, [half, half, {"nv": 1}, half]))["thresholds"]
    assert reached["sensitivity"] == 0.5  # 0.5 flags by dermoscope, not on a photo
    assert reached["specificity"] == 0.5


def test_melanoma_is_reported_alone():
    rows = [row(0, "mel"), row(1, "mel"), row(2, "nv"), row(3, "bcc")]
    reached = evaluate(
        predictions(
            rows,
            [
                {"mel": 0.25, "nv": 0.75},  # by t_mel alone
                {"bcc": 0.4, "nv": 0.6},  # flagged as another cancer
                {"nv": 1},
                {"bcc": 0.9, "nv": 0.1},
            ],
        )
    )["thresholds"]
    assert reached["melanoma"]["sensitivity"] == 0.5
    assert reached["melanoma"]["specificity"] == 1
    assert reached["melanoma"]["flagged"] == 1
    assert reached["melanoma"]["called_high_risk"] == 0.5


def test_what_is_uncertain_is_sent_to_a_doctor_too():
    both = predictions([row(0, "mel"), row(1, "nv")], [{"mel": 0.18, "nv": 0.82}, {"nv": 1}])
    close = {m: replace(of, uncertain=0.2) for m, of in THRESHOLDS.items()}
    reached = evaluate(replace(both, thresholds=close))["thresholds"]
    assert reached["sensitivity"] == 0
    assert reached["sent_to_doctor"]["sensitivity"] == 1
    assert reached["sent_to_doctor"]["melanoma_sensitivity"] == 1
    assert reached["sent_to_doctor"]["specificity"] == 1


def test_one_pass_and_the_picture_alone_are_reported_beside_what_is_served():
    rows = [row(n, ("nv", "mel")[n % 2], age=60.0) for n in range(4)]
    right = [{r.dx: 1.0} for r in rows]
    half = [{"mel": 0.5, "nv": 0.5}] * 4
    served = predictions(rows, right)
    other = predictions(rows, half).probabilities
    result = evaluate(replace(served, picture=other))
    assert result["auc_malignant"] == 1
    assert result["picture_only"]["dermoscopy"]["auc_malignant"] == 0.5
    assert result["one_pass"]["dermoscopy"]["auc_malignant"] == 1
    # Of the two naevi, one pass says benign, and the mean of eight does not.
    assert result["one_pass"]["dermoscopy"]["another_category"] == 0.5
    assert result["one_pass"]["dermoscopy"]["sent_otherwise"] == 0.5


def test_one_pass_is_judged_by_thresholds_of_its_own():
    both = predictions([row(0, "mel"), row(1, "nv")], [{"mel": 0.4, "nv": 0.6}, {"nv": 1}])
    deaf = {m: replace(of, screen=0.9, melanoma=0.9) for m, of in THRESHOLDS.items()}
    result = evaluate(replace(both, live=deaf))
    assert result["thresholds"]["sensitivity"] == 1
    assert result["one_pass"]["dermoscopy"]["thresholds"]["sensitivity"] == 0
    assert result["one_pass"]["dermoscopy"]["sent_otherwise"] == 0.5


def test_what_is_never_missed_on_a_few_lesions_is_not_said_to_be_certain():
    """Resampled, twelve melanomas that are all sent give 1 each time, as if that were sure."""
    rows = [row(n, "mel", group=f"HAM/{n // 2}") for n in range(12)]
    rows += [row(n, "nv") for n in range(12, 42)]
    found = evaluate(predictions(rows, [{"mel": 0.9}] * 12 + [{"nv": 0.9}] * 30))
    sent = found["thresholds"]["sent_to_doctor"]
    # 3 / n: of six patients, and of thirty.
    assert sent["sensitivity_ci95"] == sent["melanoma_sensitivity_ci95"] == pytest.approx([0.5, 1])
    assert sent["specificity_ci95"] == pytest.approx([0.9, 1])
    for name in ("sensitivity", "flagged", "called_high_risk"):
        assert found["thresholds"]["melanoma"][f"{name}_ci95"] == pytest.approx([0.5, 1])
    # Nothing of the kind is known of an area.
    assert (found["auc_malignant"], found["auc_malignant_ci95"]) == (1, None)


def test_melanoma_against_naevus_leaves_out_everything_else():
    rows = [row(0, "mel"), row(1, "nv"), row(2, "bcc"), row(3, "benign")]
    said = [{"mel": 0.6, "nv": 0.4}, {"nv": 1}, {"mel": 1}, {"mel": 1}]
    result = evaluate(predictions(rows, said))
    assert result["auc_melanoma_naevus"] == 1
    assert result["auc_melanoma"] < 1


def test_calibration_in_the_large():
    rows = [row(0, "mel"), row(1, "nv")]
    result = evaluate(predictions(rows, [{"mel": 0.9, "nv": 0.1}, {"mel": 0.5, "nv": 0.5}]))
    assert result["mean_minus_prevalence"] == pytest.approx(0.2)
    assert result["brier"] == pytest.approx((0.01 + 0.25) / 2)


def test_nothing_to_measure_gives_nulls_not_a_crash():
    result = evaluate(predictions([row(0, "not_a_lesion")], [{"nv": 1}], usable=[False]))
    assert (result["n"], result["refused_share"], result["auc_malignant"]) == (0, 1.0, None)
    assert result["answered"]["share"] is None
    assert result["subgroups"]["sex"] == {}
