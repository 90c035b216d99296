"""The measures of trust: what they count, on answers and pictures that are known."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ml import classifier, datasets, images
from ml.datasets import Row
from ml.measure import trust
from ml.synthetic import foreign, phantoms


def test_a_heatmap_on_the_lesion_has_more_than_chance_and_one_beside_it_less():
    mask = np.zeros((70, 70), bool)
    mask[:20, :20] = True
    values = np.zeros((7, 7))
    values[:2, :2] = 1
    on = {"rows": 7, "cols": 7, "values": values.ravel().tolist()}
    beside = {"rows": 7, "cols": 7, "values": values[::-1].ravel().tolist()}
    even = {"rows": 7, "cols": 7, "values": [1.0] * 49}
    assert trust.mass_ratio(on, mask) == pytest.approx(1 / mask.mean())
    assert trust.mass_ratio(even, mask) == pytest.approx(1)
    assert trust.mass_ratio(beside, mask) == 0


def test_the_overlap_of_a_mask_with_itself_is_whole():
    truth = np.zeros((224, 224), bool)
    truth[64:160, 64:160] = True
    assert trust.iou(truth[4::8, 4::8].astype(float), truth) > 0.95
    assert trust.iou(np.zeros((28, 28)), truth) == 0


def test_plain_skin_keeps_away_from_the_lesion():
    picture = np.full((200, 300, 3), 200, np.uint8)
    mask = np.zeros((200, 300), bool)
    mask[60:140, 40:120] = True
    picture[mask] = 0
    window = foreign.plain_skin(picture, mask)
    assert window.shape == (foreign.SIDE, foreign.SIDE, 3)
    assert (window == 200).all()
    assert foreign.plain_skin(picture, np.ones((200, 300), bool)) is None


def test_plain_skin_is_found_in_a_picture_that_is_read_at_a_fraction_of_its_size(tmp_path):
    """Its mask is not: the window is looked for where the picture has it."""
    side = 2 * images.DRAFT_SIDE
    picture = Image.new("RGB", (side, side), (200, 200, 200))
    mask = Image.new("L", (side, side))
    for image, ink in ((picture, (0, 0, 0)), (mask, 255)):
        ImageDraw.Draw(image).ellipse((side * 0.1, side * 0.1, side * 0.5, side * 0.5), fill=ink)
    picture.save(tmp_path / "a.jpg")
    mask.save(tmp_path / "mask.png")
    row = Row(tmp_path / "a.jpg", tmp_path / "mask.png", "s", "a", "a", "a", "photo", "nv", ("nv",))
    decoded = row.decode()
    assert decoded.shape[0] < side
    window = foreign.plain_skin(decoded, trust._mask(row, decoded))
    assert window.shape == (foreign.SIDE, foreign.SIDE, 3)
    assert window.min() > 190


def test_the_drawn_pictures_are_the_same_each_time():
    first, second = ([*foreign.made(2)] for _ in range(2))
    assert {kind for kind, _ in first} == set(foreign.KINDS)
    for (_, one), (_, other) in zip(first, second, strict=True):
        assert one.shape == (foreign.SIDE, foreign.SIDE, 3)
        assert np.array_equal(one, other)


def test_every_measure_is_taken(model, make_set, monkeypatch):
    for name in ("MADE", "SKIN"):
        monkeypatch.setattr(trust, name, 2)
    records = [{"image_id": f"i{n}", "dx": ("nv", "mel")[n % 2]} for n in range(4)]
    rows = datasets.read([make_set("HAM", records, masks=True)], "dermoscopy").rows
    result = trust.measure(model, rows)
    assert result["refused"]["lesions"]["dermoscopy"]["n"] == 4
    assert result["refused"]["phantoms"]["photo"]["n"] == 3
    assert {"samples", *foreign.KINDS} <= set(result["refused"]["foreign"])
    assert 0 <= result["outline"]["mean_iou"] <= 1


def darker_than_skin(picture: np.ndarray) -> np.ndarray:
    """A phantom's lesion: what is clearly darker than the picture's border."""
    grey = picture.mean(axis=2)
    return grey < np.median(np.r_[grey[:8].ravel(), grey[-8:].ravel()]) - 25


def test_the_heatmap_of_random_weights_means_nothing(model):
    """The same measure on the released network and on one that has learnt nothing."""
    import keras

    from ml import network

    keras.utils.set_random_seed(3)
    untrained = network.build()
    ratios: dict[str, list[float]] = {"trained": [], "untrained": []}
    for name in ("even_mole", "irregular_mole"):
        picture = np.asarray(phantoms.render(name, network.SIDE))
        [answer] = model.assess([picture], "dermoscopy")
        cam = untrained(picture[None].astype(np.float32), training=False)["cam"].numpy()[0]
        strongest = int(cam.mean(axis=(0, 1)).argmax())
        guess = classifier.heatmap(cam, strongest, picture.shape)
        lesion = darker_than_skin(picture)
        ratios["trained"].append(trust.mass_ratio(answer.heatmap, lesion))
        ratios["untrained"].append(trust.mass_ratio(guess, lesion))
    assert min(ratios["trained"]) >= trust.MASS_RATIO
    assert max(ratios["untrained"]) < trust.MASS_RATIO
