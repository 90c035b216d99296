"""What a batch of training pictures and its targets go through."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from ml.network.kernels import warp
from ml.training import augmentation
from ml.training.augmentation import Bank

SIDE = 64
numbers = keras.ops.convert_to_numpy


@pytest.fixture
def mixed():
    """Targets after mixup of (known, known, not known, known) with the same in reverse: the two
    in the middle are mixed with each other."""
    known = np.array([1.0, 1.0, 0.0, 1.0], np.float32)
    targets = {
        "allowed": np.eye(4, 7, dtype=np.float32),
        "mask": (np.ones((4, 2, 2, 1), np.float32), known),
        "lesion": np.ones((4, 1), np.float32),
        "covered": (np.full((4, 1), 0.3, np.float32), known[:, None]),
        "concepts": (np.full((4, 7), 0.6, np.float32), np.tile(known[:, None], 7)),
    }
    rng = np.random.default_rng(1)
    shares = [augmentation.chance(rng, 4)["share"] for _ in range(12)]
    assert 0 < sum(bool((share < 1).any()) for share in shares) < len(shares)
    pictures = np.zeros((4, 8, 8, 3), np.float32)
    return [augmentation.mixup(pictures, targets, share)[1] for share in shares]


def test_a_mixture_with_an_unknown_mask_teaches_no_mask(mixed):
    for batch in mixed:
        expected = [1, float(batch["share"][1] == 1), 0, 1]
        for name in ("mask", "covered", "concepts"):
            known = numbers(batch[name][1]).reshape(4, -1)[:, 0]
            np.testing.assert_array_equal(known, expected)


def test_what_is_known_of_both_is_blended(mixed):
    for batch in mixed:
        np.testing.assert_allclose(batch["mask"][0], 1)
        np.testing.assert_allclose(batch["covered"][0], 0.3, rtol=1e-5)
        np.testing.assert_allclose(batch["concepts"][0], 0.6, rtol=1e-5)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(3)
    small = rng.integers(60, 200, (8, 6, 6, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(p).resize((256, 256))) for p in small])


def test_the_same_seed_makes_the_same_batch(pictures):
    masks = np.full((8, 64, 64, 1), 255, np.uint8)
    bank = Bank.make(1, SIDE)

    def made(seed: int) -> list[np.ndarray]:
        chance = augmentation.chance(np.random.default_rng(seed), len(pictures))
        return [*map(numbers, augmentation.augment(pictures, masks, SIDE, bank, chance))]

    first, again, other = made(1), made(1), made(2)
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert np.abs(first[0] - other[0]).mean() > 5
    x, mask, covered = first
    assert x.shape == (8, SIDE, SIDE, 3)
    assert x.min() >= 0
    assert x.max() <= 255
    # The border is a mirror, so that a mask of everything stays one.
    np.testing.assert_allclose(mask, 1, rtol=1e-5)
    assert ((covered >= 0) & (covered <= 1)).all()


def test_nothing_is_moved_by_the_map_that_moves_nothing(pictures):
    still = np.tile(np.array([1, 0, 0, 0, 1, 0], np.float32), (len(pictures), 1))
    np.testing.assert_allclose(numbers(warp(pictures, still, 256)), pictures, atol=1e-3)


def test_a_lower_quality_of_jpeg_loses_what_pillows_encoder_loses(pictures):
    picture = numbers(warp(pictures[:1], np.array([[4, 0, 0, 0, 4, 0]], np.float32), SIDE))
    for quality in (20, 80):
        ours = numbers(augmentation._compress(picture, {"quality": np.array([quality], "f")}))
        file = io.BytesIO()
        whole = Image.fromarray(picture[0].round().astype(np.uint8))
        whole.save(file, "JPEG", quality=quality, subsampling=0)
        theirs = np.asarray(Image.open(file), np.float32)
        assert np.abs(ours[0] - theirs).mean() < 1.5
        assert np.abs(ours[0] - picture[0]).mean() == pytest.approx(
            np.abs(theirs - picture[0]).mean(), rel=0.4
        )


def test_a_restyled_picture_keeps_its_phases_and_takes_amplitudes_of_another(pictures):
    x = pictures[:, ::4, ::4].astype(np.float32) / 255 * 0.4 + 0.3  # so that nothing is cut off
    share = np.array([0.2, 0.5, 0.5], np.float32)
    drawn = {"style_of": np.array([5, 6, 2], np.int32), "style": share}
    restyled = numbers(augmentation._restyle(x[:3], x, drawn))

    def spectrum(of):
        return np.fft.fft2(of, axes=(1, 2))

    own, other, found = spectrum(x[:3]), spectrum(x[[5, 6, 2]]), spectrum(restyled)
    part = share[:, None, None, None]
    np.testing.assert_allclose(
        np.abs(found), (1 - part) * np.abs(own) + part * np.abs(other), atol=0.02
    )
    np.testing.assert_allclose(found / np.abs(found), own / np.abs(own), atol=0.1)
    np.testing.assert_allclose(restyled[2], x[2], atol=1e-4)  # by its own style
    assert (np.abs(restyled[:2] - x[:2]).mean((1, 2, 3)) > 0.005).all()
