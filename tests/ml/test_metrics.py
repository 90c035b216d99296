"""Measures against scikit-learn and against what they must be by hand."""

import numpy as np
import pytest
from sklearn import metrics as reference

from ml.measure import metrics


@pytest.fixture
def sample():
    rng = np.random.default_rng(5)
    truth = rng.random(800) < 0.3
    scores = np.round(np.clip(rng.normal(0.3 + 0.3 * truth, 0.2), 0.01, 0.99), 2)  # with ties
    return truth, scores


def ones(n):
    return np.ones((1, n))


def test_auc_agrees_with_scikit_learn_with_ties_and_weights(sample):
    truth, scores = sample
    weights = np.random.default_rng(1).integers(0, 4, (3, len(truth))).astype(float)
    expected = [reference.roc_auc_score(truth, scores, sample_weight=w) for w in weights]
    assert metrics.auc(truth, scores, weights) == pytest.approx(expected)


def test_auc_of_one_class_alone_is_undefined():
    assert metrics.point(lambda w: metrics.auc(np.array([True]), np.array([0.5]), w), 1) is None


def test_specificity_at_a_sensitivity_is_the_roc_curve_s(sample):
    truth, scores = sample
    false_alarms, sensitivity, _ = reference.roc_curve(truth, scores, drop_intermediate=False)
    expected = 1 - false_alarms[np.argmax(sensitivity >= 0.95)]
    assert metrics.specificity_at(0.95, truth, scores, ones(800))[0] == pytest.approx(expected)


def test_balanced_accuracy_is_undefined_where_a_class_is_missing():
    truth, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    assert metrics.balanced_accuracy(truth, predicted, 3, ones(4))[0] == pytest.approx(5 / 6)
    assert np.isnan(metrics.balanced_accuracy(truth[:3], predicted[:3], 3, ones(3))[0])


def test_calibration_error_of_a_constant_is_its_distance_from_the_prevalence():
    truth = np.tile([True, False, False, False, False], 30)
    assert metrics.calibration_error(truth, np.full(150, 0.5)) == pytest.approx(0.3)


def test_calibration_slope_falls_below_one_for_extreme_predictions():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-logits))
    fair, extreme = (1 / (1 + np.exp(-k * logits)) for k in (1, 2))
    assert metrics.calibration_slope(truth, fair) == pytest.approx(1, abs=0.05)
    assert metrics.calibration_slope(truth, extreme) == pytest.approx(0.5, abs=0.03)


def test_calibration_slope_is_undefined_without_overlap():
    assert metrics.calibration_slope(np.array([False, True]), np.array([0.1, 0.9])) is None


def test_bootstrap_draws_whole_groups():
    weights = metrics.bootstrap_weights(["alice", "bob", "alice", "chen"], 50)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()


def test_interval_covers_the_figure_and_is_wider_for_few_groups(sample):
    truth, scores = sample

    def width(groups):
        weights = metrics.bootstrap_weights(groups, 300)
        low, high = metrics.interval(lambda w: metrics.auc(truth, scores, w), weights)
        assert low < reference.roc_auc_score(truth, scores) < high
        return high - low

    many = [str(i) for i in range(800)]
    assert width([str(i // 40) for i in range(800)]) > 0.8 * width(many)


def test_no_interval_where_most_resamples_lack_a_class():
    truth = np.array([True] + [False] * 3)
    groups = ["a", "b", "b", "b"]
    weights = np.zeros((10, 4))
    assert metrics.interval(lambda w: metrics.auc(truth, truth * 1.0, w), weights) is None
    assert metrics.bootstrap_weights(groups, 10).shape == (10, 4)


def test_net_benefit_of_sending_everyone_at_the_prevalence_is_nothing():
    truth = np.array([True] + [False] * 3)
    assert metrics.net_benefit(truth, np.ones(4, bool), 0.25) == pytest.approx(0)


def test_selective_risk_answers_the_most_confident_first():
    wrong, confidence = np.array([True, False, False]), np.array([0.4, 0.9, 0.8])
    coverage, risk = metrics.selective_risk(wrong, confidence)
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3])
