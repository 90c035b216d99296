"""What the graph measures of a picture besides the diagnosis."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ml.network import graph
from ml.publish.calibration import MIN_COLOUR
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
    layer = graph.Quality()
    inputs = [tf.constant(picture[None]), tf.constant(lesion_mask[None]), ones, ones, ones]
    return dict(zip(graph.QUALITY, layer(inputs).numpy()[0].tolist(), strict=True))


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


def test_glare_counts_by_the_lesion_it_lies_on_and_eight_times():
    picture, lesion = skin(), mask((10, 18, 10, 18))
    assert measure(picture, lesion)["glare"] == 0
    picture[80:144, 80:112] = 255
    assert measure(picture, lesion)["glare"] == pytest.approx(8 * 0.5, abs=8 * 0.08)


def test_glare_beside_the_lesion_counts_by_the_picture():
    picture = skin()
    picture[:56] = 255
    assert measure(picture, mask((10, 18, 10, 18)))["glare"] == pytest.approx(0.25, abs=0.01)


def test_features_outside_the_familiar_ones_are_unfamiliar():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(100, 1280))
    known = rng.normal(size=(400, 100)) @ basis
    familiar = graph.Familiar(known)
    layer = graph.Unfamiliarity()
    layer.build((None, 1280))
    layer.set_weights([familiar.mean, familiar.components])
    near, far = rng.normal(size=(5, 100)) @ basis, rng.normal(size=(5, 1280))
    unfamiliarity, coordinates = layer(tf.constant(near, tf.float32))
    assert unfamiliarity.numpy().max() < 0.1
    assert layer(tf.constant(far, tf.float32))[0].numpy().min() > 0.8
    # Where they lie inside tells them apart as well as all 1,280 numbers do.
    apart = np.linalg.norm(near[:, None] - near, axis=-1)
    inside = coordinates.numpy()
    assert np.linalg.norm(inside[:, None] - inside, axis=-1) == pytest.approx(apart, rel=0.01)


def blot(lesion=(110, 70, 50), seed=0):
    """A lesion with another tint at its rim, on skin that is redder on one side."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    inside = np.clip((0.3 - np.hypot(x, y)) / 0.05, 0, 1)[..., None]
    around = np.array((225, 180, 155)) + np.array((12, -6, -6)) * (2 * x[..., None])
    rim = np.exp(-(((np.hypot(x, y) - 0.25) / 0.04) ** 2))[..., None] * np.array((25, 0, 5))
    picture = around * (1 - inside) + np.array(lesion) * inside + rim
    return (picture + rng.normal(0, 3, (SIDE, SIDE, 3))).clip(0, 255).astype(np.uint8)


def saved(picture, quality=75):
    stream = io.BytesIO()
    Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream).convert("RGB"))


def colour(picture):
    return measure(np.asarray(picture, np.float32), mask())["colour"]


LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize(
    "tint",
    [
        lambda grey: grey * (1, 1, 1),
        lambda grey: np.where(grey > 150, 255, 0) * np.ones(3),  # one bit
        lambda grey: grey * (1, 0.94, 0.78),  # sepia
        lambda grey: grey * (0.75, 0.82, 1),
        lambda grey: grey * 0.8 + (40, 15, 0),
        lambda grey: (70, 35, 25) + grey / 255 * np.array((165, 155, 145)),  # two inks
        lambda grey: 255 * (grey / 255) ** (0.9, 1, 1.2),
    ],
)
def test_grey_and_tinted_pictures_have_no_colour_of_their_own(tint):
    for picture in (blot(), blot((40, 30, 60), 1), np.full((SIDE, SIDE, 3), 128)):
        flat = tint((picture @ LUMA)[..., None])
        assert colour(flat) < MIN_COLOUR
        assert colour(saved(flat)) < MIN_COLOUR


def test_real_colours_count_in_dark_pale_and_compressed_pictures():
    picture = blot()
    for version in (picture, saved(picture, 40), picture * 0.5, picture * 0.5 + 120):
        assert colour(version) > 1.5 * MIN_COLOUR


def test_colour_is_what_least_squares_leaves():
    cells = blot().reshape(14, 16, 14, 16, 3).astype(float).mean((1, 3)).reshape(-1, 3)
    light = cells @ LUMA
    known = np.vander(light / 255, 3)
    left = 0.0
    for of in (cells[:, 0] - cells[:, 1], cells[:, :2].mean(1) - cells[:, 2]):
        left += ((of - known @ np.linalg.lstsq(known, of, rcond=None)[0]) ** 2).mean()
    assert colour(blot()) == pytest.approx(np.sqrt(left), rel=1e-3)
