"""One operating point for the rule as it is served."""

import numpy as np
import pytest

from ml.publish import operating_point
from ml.taxonomy import Thresholds, is_sent, is_uncertain


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores of malignancy and melanoma, and which are malignant and melanomas."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, n, p=(0.7, 0.15, 0.15))  # benign, low risk, melanoma
    low, mel = rng.normal((-3, 1, -2), 1.3, (n, 3))[np.arange(n), kind], 0
    mel = rng.normal(np.choose(kind, (-3, -3, 0.5)), 1.3)
    odds = np.exp(np.stack([low, mel]))
    p_low, p_mel = odds / (1 + odds.sum(0))
    return p_low + p_mel, p_mel, kind > 0, kind == 2


def served(scores, found) -> tuple[np.ndarray, np.ndarray]:
    """Who is sent to a doctor, and who is uncertain, by the rule itself."""
    at = Thresholds(cost_ratio=3.0, **found)
    said = [{"nv": 1 - m, "bcc": m - q, "mel": q} for m, q in zip(*scores, strict=True)]
    return tuple(np.array([rule(of, at) for of in said]) for rule in (is_sent, is_uncertain))


def test_the_served_rule_reaches_the_sensitivity_for_both_and_no_more():
    malignancy, melanoma, is_malignant, is_melanoma = drawn(6000)
    found = operating_point.choose([(malignancy, melanoma)], is_malignant, is_melanoma)
    sent, uncertain = served((malignancy, melanoma), found)
    reached = sent[is_malignant].mean(), sent[is_melanoma].mean()
    assert min(reached) == pytest.approx(0.95, abs=0.012)
    assert min(reached) >= 0.945
    assert uncertain.mean() == pytest.approx(operating_point.UNCERTAIN_SHARE, abs=0.003)


def test_it_is_better_than_setting_each_condition_alone():
    malignancy, melanoma, is_malignant, is_melanoma = drawn(6000)
    found = operating_point.choose([(malignancy, melanoma)], is_malignant, is_melanoma)
    sent, _ = served((malignancy, melanoma), found)
    alone = (malignancy >= np.quantile(malignancy[is_malignant], 0.05)) | (
        melanoma >= np.quantile(melanoma[is_melanoma], 0.05)
    )
    assert (~sent[~is_malignant]).mean() > (~alone[~is_malignant]).mean() + 0.02


def test_few_lesions_make_it_more_careful():
    """On other pictures of the same kind, thresholds from few lesions still reach it, nearly."""
    malignancy, melanoma, _is_malignant, is_melanoma = drawn(6000, seed=9)
    reached = []
    for seed in range(12):
        *scores, sick, mel = drawn(150, seed=100 + seed)
        found = operating_point.choose([tuple(scores)], sick, mel)
        sent, _ = served((malignancy, melanoma), found)
        reached.append(sent[is_melanoma].mean())
    assert np.mean(reached) > 0.945


def test_it_holds_with_and_without_what_is_known_of_the_person():
    malignancy, melanoma, is_malignant, is_melanoma = drawn(4000)
    lower = malignancy * 0.6, melanoma * 0.6
    found = operating_point.choose([(malignancy, melanoma), lower], is_malignant, is_melanoma)
    for scores in ((malignancy, melanoma), lower):
        sent, _ = served(scores, found)
        assert min(sent[is_malignant].mean(), sent[is_melanoma].mean()) >= 0.94


def test_without_a_kind_of_lesion_there_is_none():
    malignancy, melanoma, is_malignant, is_melanoma = drawn(100)
    for sick, mel in ((is_malignant, is_malignant & False), (~is_malignant | True, is_melanoma)):
        with pytest.raises(ValueError, match="are needed"):
            operating_point.choose([(malignancy, melanoma)], sick, mel)


def test_few_melanomas_that_lie_far_apart_have_an_operating_point_too():
    """As a clinic's: many other cancers, alike in their scores, and a handful of melanomas."""
    rng = np.random.default_rng(7)
    is_melanoma = np.arange(60) < 4
    is_malignant = np.arange(60) < 24
    odds = np.where(is_malignant, rng.normal(2, 0.2, 60), rng.normal(-2, 1.5, 60))
    odds[:4] = (-4, -1, 2, 5)
    of_melanoma = np.where(is_melanoma, rng.normal(-1, 0.2, 60), rng.normal(-4, 1, 60))
    scores = tuple(1 / (1 + np.exp(-np.array([odds, np.minimum(odds, of_melanoma)]))))
    found = operating_point.choose([scores], is_malignant, is_melanoma)
    sent, _uncertain = served(scores, found)
    assert sent[is_malignant].all()
