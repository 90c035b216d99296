"""One answer to several pictures of one lesion."""

from types import SimpleNamespace

import numpy as np
import pytest

from ml import classifier
from ml.classifier import Assessment, Look, answered, named
from ml.sitting import together
from ml.taxonomy import DIAGNOSES, Thresholds, categories

SINGLE = {
    "dermoscopy": Thresholds(screen=0.3, melanoma=0.2, cost_ratio=3.0, uncertain=0.1),
    "photo": Thresholds(screen=0.5, melanoma=0.4, cost_ratio=3.0, uncertain=0.2),
}


def model(**sitting):
    return SimpleNamespace(card={"sitting": sitting} if sitting else {}, thresholds=SINGLE)


def look(melanoma=0.0, modality="photo", reasons=(), warnings=(), picture=None) -> Look:
    """At a picture that shows a naevus, but for its share of melanoma."""
    probabilities = np.array([{"mel": melanoma, "nv": 1 - melanoma}.get(d, 0.0) for d in DIAGNOSES])
    assessment = Assessment(
        model_version="1",
        modality=modality,
        usable=not reasons,
        reasons=list(reasons),
        warnings=list(warnings),
        diagnoses=named(probabilities),
        categories=categories(named(probabilities)),
        **answered(probabilities, SINGLE[modality], usable=not reasons),
        used=[] if picture is None else ["age"],
        picture=None,
        pictures=[],
        heatmap={"rows": 1, "cols": 1, "values": [1.0]},
        outline=[[0.1, 0.1]],
        milliseconds=2.0,
    )
    alone = probabilities if picture is None else picture
    return Look(assessment, {}, alone, probabilities, features=None)


def test_one_picture_is_answered_as_ever():
    alone = look(0.7)
    assert together.combine(model(), [alone]) is alone.assessment


def test_the_answer_is_the_mean_and_each_part_is_there():
    answer = together.combine(model(), [look(0.2), look(0.6), look(0.7)])
    assert answer.malignancy == pytest.approx(0.5)
    assert answer.diagnoses["mel"] == pytest.approx(0.5)
    assert sum(answer.categories.values()) == pytest.approx(1)
    assert (answer.risk_category, answer.usable) == ("malignant_high_risk", True)
    assert [part["malignancy"] for part in answer.pictures] == pytest.approx([0.2, 0.6, 0.7])
    assert answer.milliseconds == 6


def test_what_is_unusable_is_left_out_with_its_reason():
    answer = together.combine(model(), [look(0.9, reasons=["blurred"]), look(0.1), look(0.3)])
    assert answer.malignancy == pytest.approx(0.2)
    assert answer.usable
    assert answer.reasons == []
    assert answer.pictures[0]["reasons"] == ["blurred"]
    assert answer.outline is None  # it would be that of a picture that nobody can judge


def test_where_none_is_usable_all_are_to_be_taken_again():
    answer = together.combine(
        model(), [look(0.9, reasons=["blurred"]), look(0.9, reasons=["too_dark", "blurred"])]
    )
    assert (answer.usable, answer.risk_category, answer.advice) == (False, None, "retake")
    assert answer.reasons == ["blurred", "too_dark"]


def test_a_mean_is_not_calm_about_what_one_picture_shows_as_high_risk():
    answer = together.combine(model(), [look(0.9), *[look(0.0)] * 4])
    assert answer.risk_category == "benign"
    assert (answer.uncertain, answer.advice) == (True, "doctor_weeks")


@pytest.mark.parametrize("pictures", [[look(0.45)] * 2, [look(0.45), look(0.35, "dermoscopy")]])
def test_pictures_that_are_sent_each_by_itself_are_not_calm_together(pictures):
    lax = {"screen": 0.6, "melanoma": 0.6, "cost_ratio": 3.0, "uncertain": 0.0}
    released = model(photo=lax, both=lax)
    refused = look(0.45, reasons=["blurred"])
    for looks in (pictures, [*pictures, refused]):
        answer = together.combine(released, looks)
        assert answer.risk_category == "benign"
        assert (answer.uncertain, answer.advice) == (True, "doctor_weeks")
    calm = together.combine(released, [*pictures, look(0.1)])
    assert (calm.uncertain, calm.advice) == (False, "watch")


def test_thresholds_of_the_card_count_for_several_only():
    own = {"screen": 0.1, "melanoma": 0.1, "cost_ratio": 3.0, "uncertain": 0.0}
    released = model(photo=own)
    assert together.combine(released, [look(0.2), look(0.2)]).risk_category == "malignant_high_risk"
    left = [look(0.2), look(0.2, reasons=["blurred"])]
    assert together.combine(released, left).risk_category == "benign"


def test_of_two_kinds_the_more_careful_thresholds_count():
    found = together.thresholds_of(model(), ["photo", "dermoscopy"])
    assert (found.screen, found.melanoma, found.uncertain) == (0.3, 0.2, 0.2)
    assert together.kind_of(["photo", "dermoscopy"]) == "both"


def test_warnings_that_a_better_picture_answers_are_not_said_of_all():
    answer = together.combine(
        model(), [look(warnings=["touches_edge", "dark_skin"]), look(warnings=[])]
    )
    assert answer.warnings == ["dark_skin"]


def test_the_released_model_answers_pictures_together():
    loaded = classifier.load()
    shots = [(np.full((260, 260, 3), shade, np.uint8), "photo") for shade in (90, 150)]
    answer = together.look(loaded, shots).assessment
    assert not answer.usable
    assert len(answer.pictures) == 2
    alone = loaded.assess([shots[0][0]], "photo")[0]
    assert together.look(loaded, shots[:1]).assessment.diagnoses == alone.diagnoses
