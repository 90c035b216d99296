"""What the released model answers to pictures that should fool it (``fooling.py``)."""

import fooling
import numpy as np
import pytest

from ml import classifier, taxonomy

NO_LESION = ("coin", "button", "drawn_circle", "nipple", "screenshot_with_text")
# What is said of each of these, as a reason to refuse or as a warning; one of them is enough.
SPOILT = {
    "behind_glare": {"glare", "covered", "unfamiliar"},
    "glare_on_a_part": {"glare", "covered"},
    "two": {"several_lesions"},
    "blurred": {"blurred", "no_lesion"},
}


@pytest.fixture(params=taxonomy.MODALITIES)
def answer(request, model):
    """answer(name): the assessment of one of the pictures, as both modalities."""

    def assess(name: str) -> classifier.Assessment:
        picture = np.asarray(fooling.PICTURES[name]())
        return model.assess([picture], request.param)[0]

    return assess


@pytest.mark.parametrize("name", NO_LESION)
def test_what_is_no_lesion_is_not_judged(answer, name):
    assert not answer(name).usable


@pytest.mark.parametrize("name", SPOILT)
def test_what_spoils_a_picture_is_said(answer, name):
    said = answer(name)
    assert SPOILT[name] & {*said.reasons, *said.warnings}


@pytest.mark.parametrize("name", ["half", "blot", "hairy"])
def test_a_part_of_a_lesion_is_never_called_harmless(answer, name):
    assert answer(name).advice != "watch"


def test_a_pen_circle_around_a_mole_is_no_reason_to_refuse(answer):
    circled = answer("pen_circle")
    assert circled.usable
    assert circled.outline is not None
