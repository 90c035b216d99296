"""The rule from probabilities to a category and advice."""

import pytest

from ml.taxonomy import Thresholds, advice_with_signs, decide

AT = Thresholds(screen=0.2, melanoma=0.1, cost_ratio=3.0)


def probabilities(**parts: float) -> dict[str, float]:
    rest = 1 - sum(parts.values())
    return dict.fromkeys(("bkl", "df", "vasc", "bcc", "akiec", "mel"), 0.0) | {"nv": rest} | parts


@pytest.mark.parametrize(
    ("parts", "category", "advice"),
    [
        ({"mel": 0.05, "bcc": 0.05}, "benign", "watch"),
        ({"mel": 0.11}, "malignant_high_risk", "doctor_days"),  # by melanoma alone
        ({"bcc": 0.25}, "malignant_low_risk", "doctor_weeks"),
        ({"bcc": 0.30, "mel": 0.09}, "malignant_low_risk", "doctor_weeks"),
        ({"bcc": 0.30, "mel": 0.12}, "malignant_high_risk", "doctor_days"),  # three times 0.12
    ],
)
def test_the_rule(parts, category, advice):
    assert decide(probabilities(**parts), AT, uncertain=False) == (category, advice)


def test_uncertain_never_gives_watch():
    assert decide(probabilities(mel=0.05), AT, uncertain=True) == ("benign", "doctor_weeks")


def test_signs_never_give_less_than_a_doctor():
    assert advice_with_signs("watch", ["bleeding"]) == "doctor_weeks"
    assert advice_with_signs("retake", ["growing"]) == "doctor_weeks"
    assert advice_with_signs("doctor_days", ["growing"]) == "doctor_days"
    assert advice_with_signs("watch", ["itching"]) == "watch"
