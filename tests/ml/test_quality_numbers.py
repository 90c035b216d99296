"""What the graph measures of a picture besides the diagnosis."""

import numpy as np
import pytest
import tensorflow as tf

from ml import network
from ml.skin_tone import tone_of

SIDE, CELLS = 224, 28


def skin(colour=(240, 215, 195)):
    return np.full((SIDE, SIDE, 3), colour, np.float32)


def mask(*boxes):
    """Cells (top, bottom, left, right) on the lesion."""
    cells = np.zeros((CELLS, CELLS, 1), np.float32)
    for top, bottom, left, right in boxes:
        cells[top:bottom, left:right] = 1
    return cells


def measure(picture, lesion_mask):
    ones = tf.ones((1, 1))
    layer = network.Quality()
    inputs = [tf.constant(picture[None]), tf.constant(lesion_mask[None]), ones, ones, ones]
    return dict(zip(network.QUALITY, layer(inputs).numpy()[0].tolist(), strict=True))


def tone(picture, lesion_mask):
    return tone_of(measure(picture, lesion_mask)["skin_tone"])


@pytest.mark.parametrize(
    ("colour", "name"),
    [((240, 215, 195), "very_light"), ((175, 125, 88), "tan"), ((80, 50, 35), "dark")],
)
def test_lighter_skin_has_a_larger_angle(colour, name):
    assert tone(skin(colour), mask()) == name


def test_the_angle_is_that_of_the_published_formula():
    # L* 69.27 and b* 23.20 in scikit-image's CIELAB under D65.
    angle = measure(skin((210, 158, 128)), mask())["skin_tone"]
    assert angle == pytest.approx(np.degrees(np.arctan2(69.27 - 50, 23.20)), abs=0.1)


def test_the_lesion_itself_is_no_skin():
    picture = skin()
    picture[56:168, 56:168] = (60, 35, 25)
    assert tone(picture, mask((7, 21, 7, 21))) == "very_light"


def test_a_dermoscope_s_black_frame_is_no_skin():
    picture = skin()
    picture[:16] = picture[-16:] = 0
    assert tone(picture, mask()) == "very_light"


def test_no_skin_gives_no_tone():
    assert tone(skin((0, 0, 0)), mask()) is None
    assert tone(skin(), mask((0, 28, 0, 28))) is None


def test_the_middle_of_one_lesion_is_lesion_and_of_two_is_not():
    one = mask((6, 20, 8, 20))
    two = mask((10, 18, 2, 10), (10, 18, 18, 26))
    assert measure(skin(), one)["mask_centre"] > 0.95
    assert measure(skin(), two)["mask_centre"] < 0.1
    assert measure(skin(), mask())["mask_centre"] == 1


def test_glare_on_the_lesion_counts_by_the_lesion():
    picture, lesion = skin(), mask((10, 18, 10, 18))
    assert measure(picture, lesion)["glare"] == 0
    picture[80:144, 80:112] = 255
    assert measure(picture, lesion)["glare"] == pytest.approx(0.5, abs=0.08)


def test_features_outside_the_familiar_ones_are_unfamiliar():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(100, 1280))
    known = rng.normal(size=(400, 100)) @ basis
    familiar = network.Familiar(known)
    layer = network.Unfamiliarity()
    layer.build((None, 1280))
    layer.set_weights([familiar.mean, familiar.components])
    near, far = rng.normal(size=(5, 100)) @ basis, rng.normal(size=(5, 1280))
    assert layer(tf.constant(near, tf.float32)).numpy().max() < 0.1
    assert layer(tf.constant(far, tf.float32)).numpy().min() > 0.8
