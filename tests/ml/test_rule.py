"""The rule from probabilities to a category and advice."""

import pytest

from ml.taxonomy import Thresholds, advice_with_signs, decide, is_sent, is_uncertain

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


@pytest.mark.parametrize(
    ("parts", "sent", "uncertain"),
    [
        ({"bcc": 0.10}, False, False),
        ({"bcc": 0.19}, True, True),
        ({"bcc": 0.21}, True, True),
        ({"bcc": 0.30}, True, False),
        ({"mel": 0.095}, True, True),
        ({"mel": 0.095, "bcc": 0.4}, True, False),  # the other score flags it clearly
    ],
)
def test_uncertain_is_what_lies_close_to_being_flagged(parts, sent, uncertain):
    close = Thresholds(screen=0.2, melanoma=0.1, cost_ratio=3.0, uncertain=0.25)
    assert is_sent(probabilities(**parts), close) == sent
    assert is_uncertain(probabilities(**parts), close) == uncertain
