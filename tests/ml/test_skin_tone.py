"""The individual typology angle of the skin around a lesion."""

import numpy as np
import pytest

from ml.skin_tone import tone_of, typology_angle


def skin(colour):
    return np.full((120, 120, 3), colour, np.uint8)


@pytest.mark.parametrize(
    ("colour", "tone"),
    [((240, 215, 195), "very_light"), ((175, 125, 88), "tan"), ((80, 50, 35), "dark")],
)
def test_lighter_skin_has_a_larger_angle(colour, tone):
    assert tone_of(typology_angle(skin(colour))) == tone


def test_the_lesion_itself_does_not_count():
    image = skin((240, 215, 195))
    image[30:90, 30:90] = (60, 35, 25)
    assert typology_angle(image) == typology_angle(skin((240, 215, 195)))


def test_a_mask_says_what_is_lesion():
    image, mask = skin((60, 35, 25)), np.ones((120, 120), bool)
    image[:, :30], mask[:, :30] = (240, 215, 195), False
    assert tone_of(typology_angle(image, mask)) == "very_light"


def test_a_dermoscope_s_black_frame_is_no_skin():
    image = skin((240, 215, 195))
    image[:10] = image[-10:] = 0
    assert tone_of(typology_angle(image)) == "very_light"


def test_no_skin_gives_no_tone():
    assert tone_of(typology_angle(skin((0, 0, 0)))) is None
