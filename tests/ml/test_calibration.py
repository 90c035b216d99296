"""What calibration sets on validation pictures, on answers whose truth is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.classifier import calibrated
from ml.datasets import Row
from ml.network import QUALITY
from ml.publish import calibration
from ml.quality import broken
from ml.taxonomy import DIAGNOSES, MALIGNANT_DIAGNOSES, Thresholds, is_sent

MALIGNANT = [DIAGNOSES.index(d) for d in MALIGNANT_DIAGNOSES]


def row(number: int, dx: str) -> Row:
    return Row(
        path=Path(f"{number}.jpg"),
        mask=None,
        dataset="set",
        image_id=str(number),
        lesion=str(number),
        group=str(number),
        modality="dermoscopy",
        dx=dx,
        allowed=(dx,),
    )


@pytest.fixture
def learnt():
    """Rows and answers of a network that learnt malignant lesions three times, and vascular ones
    twenty times, as often as they are: ``(rows, answers)``."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (4000, len(DIAGNOSES)))
    logits[:, DIAGNOSES.index("vasc")] -= 3
    odds = np.exp(logits)
    truth = [rng.choice(len(DIAGNOSES), p=row / row.sum()) for row in odds]
    logits[:, MALIGNANT] += np.log(3)
    logits[:, DIAGNOSES.index("vasc")] += np.log(20)
    rows = [row(n, DIAGNOSES[kind]) for n, kind in enumerate(truth)]
    quality = np.full((4000, len(QUALITY)), 0.5)
    one_pass = {"one_pass": 2 * logits, "one_pass_quality": quality / 2}
    return rows, {"logits": logits, "quality": quality, **one_pass}


def test_the_phone_s_one_pass_is_set_by_itself(learnt):
    """Twice as sure of the same, it is cooled twice as much; what it measures has other limits."""
    rows, answers = learnt
    card = calibration.calibrate(rows, answers, {})
    served, live = (of["calibration"]["dermoscopy"]["temperature"] for of in (card, card["live"]))
    assert live == pytest.approx(2 * served, rel=0.02)
    served, live = (of["thresholds"]["dermoscopy"] for of in (card, card["live"]))
    assert live == pytest.approx(served, rel=0.1)
    served, live = (
        {limit["number"]: limit for limit in of["limits"]["dermoscopy"]}["lesion"]["min"]
        for of in (card, card["live"])
    )
    assert live == pytest.approx(served / 2)


def test_more_hair_than_lesions_have_covers_one_through_a_dermoscope(learnt):
    """By camera, skin itself is as fine. Where hair and what is seen of it both say so, once."""
    rows, answers = learnt
    fine = QUALITY.index("sharpness")
    quality = np.full((len(rows), len(QUALITY)), 0.05)
    quality[:, fine] = np.linspace(0.01, 0.2, len(rows))
    cards = [
        calibration.calibrate(
            [replace(row, modality=kind) for row in rows], answers | {"quality": quality}, {}
        )
        for kind in ("dermoscopy", "photo")
    ]
    numbers = dict(zip(QUALITY, [0.05] * len(QUALITY), strict=True)) | {"colour": 9.0}
    for detail, covered in ((0.19, 0.05), (0.21, 0.05), (0.21, 0.9)):
        seen = numbers | {"sharpness": detail, "covered": covered}
        by_dermoscope, by_camera = (
            broken(seen, card["limits"][kind], "reason")
            for card, kind in zip(cards, ("dermoscopy", "photo"), strict=True)
        )
        assert by_dermoscope == (["covered"] if detail > 0.2 else [])
        assert by_camera == (["covered"] if covered > 0.1 else [])
    few = np.full((len(rows), len(QUALITY)), 0.01)
    limits = calibration.limits(few, "dermoscopy")
    assert "covered" not in broken(numbers | {"sharpness": 0.12, "covered": 0.0}, limits, "reason")


def test_what_is_reported_is_calibrated(learnt):
    rows, answers = learnt
    card = calibration.calibrate(rows, answers, {})
    p = calibrated(answers["logits"], card["calibration"]["dermoscopy"])[:, MALIGNANT].sum(1)
    malignant = np.array([row.dx in MALIGNANT_DIAGNOSES for row in rows])
    raw = calibrated(answers["logits"], {"temperature": 1.0, "bias": 0.0})[:, MALIGNANT].sum(1)
    assert abs(raw.mean() - malignant.mean()) > 0.05
    assert p.mean() == pytest.approx(malignant.mean(), abs=0.01)
    sure = p > np.median(p)
    assert p[sure].mean() == pytest.approx(malignant[sure].mean(), abs=0.02)


def test_a_rare_diagnosis_keeps_its_place_in_its_category(learnt):
    rows, answers = learnt
    fitted = calibration.calibrate(rows, answers, {})["calibration"]["dermoscopy"]
    bias = dict(zip(DIAGNOSES, fitted["bias"], strict=True))
    assert bias["nv"] == bias["vasc"] > bias["bcc"] == bias["akiec"]


@pytest.mark.parametrize("kinds", [("mel",), MALIGNANT_DIAGNOSES, ("nv", "bkl", "df", "vasc")])
def test_many_pictures_of_one_lesion_are_one(learnt, kinds):
    rows, answers = learnt
    few = [replace(row, lesion="one") if row.dx in kinds else row for row in rows]
    with pytest.raises(ValueError, match="too few lesions of modality dermoscopy"):
        calibration.calibrate(few, answers, {})


def test_a_kind_with_too_few_lesions_is_left_out_where_another_has_enough(learnt, capsys):
    rows, answers = learnt
    few = [replace(row, modality="photo") if n < 9 else row for n, row in enumerate(rows)]
    few = [replace(row, dx="nv", allowed=("nv",)) if n < 9 else row for n, row in enumerate(few)]
    card = calibration.calibrate(few, answers, {})
    parts = ("calibration", "person", "thresholds", "limits")
    assert {kind for part in parts for kind in card[part]} == {"dermoscopy"}
    assert "too few lesions of modality photo" in capsys.readouterr().err


@pytest.mark.parametrize("counts", [(10, 2, 2), (30, 3, 3), (30, 10, 5), (100, 20, 20)])
def test_a_few_lesions_that_are_all_told_apart_make_nothing_certain(counts):
    """By a temperature near 0 each score of a cancer was 1, and so was the threshold: the next
    melanoma, of 0.999, was called harmless."""
    kinds = np.repeat(["nv", "mel", "bcc"], counts)
    logits = np.random.default_rng(0).normal(0, 0.3, (len(kinds), len(DIAGNOSES)))
    logits[np.arange(len(kinds)), [DIAGNOSES.index(kind) for kind in kinds]] += 3
    quality = np.full((len(kinds), len(QUALITY)), 0.5)
    one_pass = {"one_pass": logits, "one_pass_quality": quality}
    answers = {"logits": logits, "quality": quality, **one_pass}
    card = calibration.calibrate([row(n, kind) for n, kind in enumerate(kinds)], answers, {})
    at = Thresholds(**card["thresholds"]["dermoscopy"])
    assert at.screen < 0.9
    for seen, unlike in ((1.0, 0.5), (1.5, 1.5), (3.0, 0.0)):
        logits = np.zeros(len(DIAGNOSES))
        logits[[DIAGNOSES.index("mel"), DIAGNOSES.index("nv")]] = seen, unlike
        p = calibrated(logits, card["calibration"]["dermoscopy"])
        assert is_sent(dict(zip(DIAGNOSES, p.tolist(), strict=True)), at)
    assert p.max() < 0.9999
