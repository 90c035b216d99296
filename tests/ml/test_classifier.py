"""The released model, by both engines."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ml import classifier, release, taxonomy
from ml.classifier import RELEASE, ReleaseError
from ml.synthetic import phantoms


@pytest.fixture(scope="module")
def litert():
    return classifier.load()


@pytest.fixture(scope="module")
def phantom() -> np.ndarray:
    return np.asarray(phantoms.render(next(iter(phantoms.PHANTOMS))))


def test_an_assessment_is_whole(litert, phantom):
    (answer,) = litert.assess([phantom], "dermoscopy")
    assert sum(answer.diagnoses.values()) == pytest.approx(1)
    assert answer.malignancy == pytest.approx(1 - answer.categories["benign"])
    assert answer.advice in taxonomy.ADVICE
    assert answer.usable == (not answer.reasons) == (answer.risk_category is not None)
    assert json.loads(json.dumps(answer.as_dict()))["model_version"] == litert.version


@pytest.mark.parametrize("modality", taxonomy.MODALITIES)
def test_both_engines_agree(litert, phantom, modality):
    keras = classifier.load(engine="keras")
    pictures = [phantom, phantom[::2, ::3], np.full((300, 200, 3), 128, np.uint8)]
    for ours, theirs in zip(
        litert.assess(pictures, modality), keras.assess(pictures, modality), strict=True
    ):
        assert ours.diagnoses == pytest.approx(theirs.diagnoses, abs=1e-4)
        assert (ours.risk_category, ours.reasons) == (theirs.risk_category, theirs.reasons)
        if ours.heatmap:
            assert ours.heatmap["values"] == pytest.approx(theirs.heatmap["values"], abs=1e-3)


def test_a_plain_picture_is_refused(litert):
    for colour in ((200, 160, 140), (0, 0, 0), (255, 255, 255), (30, 90, 200)):
        picture = np.full((400, 400, 3), colour, np.uint8)
        (answer,) = litert.assess([picture], "photo")
        assert not answer.usable, colour
        assert answer.risk_category is None
        assert answer.advice == "retake"
        assert all(reason in taxonomy.REASONS for reason in answer.reasons)


def test_a_tiny_picture_is_refused_by_its_pixels(litert, phantom):
    (answer,) = litert.assess([phantom[::10, ::10]], "photo")
    assert "too_few_pixels" in answer.reasons


def test_the_heatmap_covers_the_whole_picture():
    cam = np.zeros((7, 7, 7), np.float32)
    cam[0, 6, 2] = 1  # top right cell of the central square
    grid = classifier.heatmap(cam, 2, (700, 1400, 3))
    values = np.array(grid["values"]).reshape(grid["rows"], grid["cols"])
    assert (grid["rows"], grid["cols"]) == (7, 14)
    # The square begins a quarter into the picture; beside it there is nothing.
    assert not values[:, :3].any()
    assert not values[:, 11:].any()
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert (row, column) in {(0, 9), (0, 10)}


def test_the_outline_encloses_the_mask_in_a_wide_picture():
    mask = np.zeros((28, 28), np.float32)
    mask[7:21, 7:21] = 1
    points = np.array(classifier.outline(mask, (280, 560, 3)))
    assert points[0] == pytest.approx(points[-1])
    # Half the square, which is the middle half of the picture's width.
    assert points.min(0) == pytest.approx((0.375, 0.25), abs=0.02)
    assert points.max(0) == pytest.approx((0.625, 0.75), abs=0.02)
    assert classifier.outline(np.zeros((28, 28), np.float32), (280, 560, 3)) is None


def test_a_damaged_release_is_named(tmp_path):
    with pytest.raises(ReleaseError, match="no released model"):
        classifier.load(tmp_path)
    shutil.copytree(RELEASE, tmp_path / "release")
    (tmp_path / "release" / "skincare.tflite").write_bytes(b"damaged")
    with pytest.raises(ReleaseError, match=r"litert .*checksum"):
        classifier.load(tmp_path / "release")
    with pytest.raises(ValueError, match="unknown engine"):
        classifier.load(engine="abacus")


def test_a_modality_that_the_model_lacks_is_named(litert, phantom):
    with pytest.raises(ReleaseError, match="not trained for x-ray"):
        litert.assess([phantom], "x-ray")


def test_the_answer_does_not_change_with_the_way_the_picture_is_turned(litert):
    # As large as the network sees it, so that no resampling comes between.
    picture = np.asarray(phantoms.render("irregular_mole", litert.side))
    turns = [np.rot90(picture, 1), np.rot90(picture, 2)]
    mirrored = [picture[:, ::-1], np.rot90(picture, 2)[::-1]]
    for modality in taxonomy.MODALITIES:
        [upright] = litert.assess([picture], modality)
        closer = release.closer(litert.card, modality)  # only the mirrored turns
        for turned, tolerance in [
            *((turn, 0.01 if closer else 1e-5) for turn in turns),
            *((mirror, 0.05 if closer else 1e-5) for mirror in mirrored),
        ]:
            [answer] = litert.assess([np.ascontiguousarray(turned)], modality)
            assert answer.diagnoses == pytest.approx(upright.diagnoses, abs=tolerance)


def test_the_activation_map_s_mean_is_the_logits_of_the_whole_square(litert, phantom):
    out = classifier.served(litert.readers, phantom, litert.side)
    assert out["cam"].mean(axis=(0, 1)) == pytest.approx(out["logits"], abs=1e-4)
    assert out["one_pass"] == pytest.approx(litert.one_pass(phantom)["logits"], abs=1e-5)


def test_only_photographs_are_looked_at_closer(litert, phantom):
    whole = classifier.served(litert.readers, phantom, litert.side)["logits"]
    assert litert.outputs(phantom, "dermoscopy")["logits"] == pytest.approx(whole)
    assert litert.outputs(phantom, "photo")["logits"] != pytest.approx(whole, abs=0.01)


def test_a_closer_look_is_at_the_lesion_and_only_the_diagnosis_is_of_it():
    """By readers that give what they see: the red of the square as logits, and as the rest."""
    seen: list[np.ndarray] = []

    def second(square: np.ndarray) -> classifier.Outputs:
        seen.append(square)
        return {"logits": np.zeros(7), "cam": np.zeros((7, 7, 7)), "lesion": np.array([1000.0])}

    def first(square: np.ndarray) -> classifier.Outputs:
        red = square[..., 0].mean()
        mask = np.asarray(Image.fromarray(square[..., 0]).resize((28, 28)))[..., None] / 255
        return {
            "logits": np.full(7, red), "cam": np.full((7, 7, 7), red), "mask": mask,
            "quality": np.full(3, red),
        }  # fmt: skip

    picture = np.zeros((200, 300, 3), np.uint8)
    picture[80:120, 60:90, 0] = 255  # a lesion at the left of the central square
    whole = classifier.served([first, second], picture, 200)
    out = classifier.served([first, second], picture, 200, share=0.5)
    near = seen[-1][..., 0] / 255
    lesion, square = 40 * 30 / 100**2, 40 * 30 / 200**2
    assert near.mean() == pytest.approx(lesion, rel=0.05)  # all of it
    assert out["logits"] == pytest.approx(255 * (lesion + square) / 4, rel=0.05)
    for name in ("cam", "quality", "one_pass", "one_pass_quality"):
        assert out[name] == pytest.approx(whole[name], rel=1e-5), name
    assert np.abs(out["mask"] - whole["mask"]).max() < 0.05


@pytest.mark.parametrize(
    ("lesion", "corner"),
    [
        ((12, 16, 12, 16), (75, 25)),  # in the middle
        ((12, 16, 6, 10), (75, 25)),  # beside it, and inside
        ((12, 16, 0, 4), (50, 25)),  # at an edge of the square
        ((12, 16, 24, 28), (100, 25)),
        ((0, 4, 12, 16), (75, 0)),
        ((24, 28, 24, 28), (100, 50)),  # in a corner
        ((0, 28, 0, 24), (71, 25)),  # larger than it: where it fills it
        ((0, 0, 0, 0), (75, 25)),  # none
    ],
)
def test_the_closer_square_moves_as_far_as_the_lesion_needs(lesion, corner):
    top, bottom, left, right = lesion
    mask = np.zeros((28, 28), np.float32)
    mask[top:bottom, left:right] = 1
    x, y = corner
    box = classifier.around(mask, (200, 300, 3), 0.75)
    assert box == pytest.approx((x, y, x + 150, y + 150), abs=4)
    y, x, bottom, right = classifier.around(mask.T, (300, 200, 3), 0.75)  # upright
    assert (x, y, right, bottom) == pytest.approx(box)


def test_a_picture_without_colour_is_refused(litert, phantom):
    if "colour" not in litert.card["quality"]:
        pytest.skip("the released graph does not measure colour; the next release does")
    grey = (phantom @ np.array([0.299, 0.587, 0.114]))[..., None]
    for tint in ((1, 1, 1), (1, 0.93, 0.8)):
        (answer,) = litert.assess([(grey * tint).astype(np.uint8)], "photo")
        assert "no_colour" in answer.reasons
    assert "no_colour" not in litert.assess([phantom], "photo")[0].reasons


def test_a_release_that_is_copied_over_a_loaded_one_changes_no_answer(tmp_path):
    """A process that has the file mapped would be ended by a signal, so this is another one."""
    shutil.copytree(RELEASE, tmp_path / "release")
    phantoms.render("even_mole", 256).save(tmp_path / "mole.png")
    script = """if True:
        import sys
        from pathlib import Path
        from ml import classifier, images
        folder = Path(sys.argv[1])
        loaded = classifier.load(folder / "release")
        picture = images.decode((folder / "mole.png").read_bytes())
        [before] = loaded.assess([picture], "photo")
        with (folder / "release/skincare.tflite").open("r+b") as file:
            file.truncate(0)  # as cp begins
        [after] = loaded.assess([picture], "photo")
        assert before.diagnoses == after.diagnoses
    """
    run = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(run, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_second_reader_that_gives_no_number_of_a_lesion_sees_none(litert, phantom, monkeypatch):
    """min() kept the first one's number, as if both had seen a lesion."""
    monkeypatch.setattr(litert, "readers", [*litert.readers, without_number(litert.readers[0])])
    (answer,) = litert.assess([phantom], "dermoscopy")
    assert "no_lesion" in answer.reasons


def without_number(engine):
    def of(square):
        found = engine(square)
        return {**{name: found[name] for name in ("logits", "cam")}, "lesion": np.array([np.nan])}

    return of
