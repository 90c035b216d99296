"""What a teacher says of a lesion's dermoscopy teaches its photograph, too."""

import json

import numpy as np
import pytest
from keras import ops

from ml import datasets
from ml.__main__ import main
from ml.datasets import arrays
from ml.datasets.arrays import Arrays
from ml.taxonomy import DIAGNOSES
from ml.training import batches
from ml.training.batches import Pool
from ml.training.plan import Plan

MELANOMA, NAEVUS = DIAGNOSES.index("mel"), DIAGNOSES.index("nv")


def teacher(pictures, training: bool) -> dict:
    """Is sure of melanoma in dark pictures, and of a naevus in bright ones."""
    dark = ops.cast(ops.mean(ops.cast(pictures, "float32"), axis=(1, 2, 3)) < 100, "float32")
    sure = {MELANOMA: 50 * dark, NAEVUS: 50 * (1 - dark)}
    return {"logits": ops.stack([sure.get(n, 0 * dark) for n in range(len(DIAGNOSES))], axis=1)}


@pytest.fixture
def rows(make_set):
    """A lesion by both cameras, and one by the ordinary camera alone."""
    records = [
        {"image_id": "d0", "modality": "dermoscopy", "dx": "mel", "lesion_id": "a"},
        {"image_id": "p0", "modality": "photo", "dx": "mel", "lesion_id": "a"},
        {"image_id": "p1", "modality": "photo", "dx": "nv", "lesion_id": "b"},
    ]
    return datasets.read([make_set("set", records)]).trainable


def test_a_photograph_learns_from_the_dermoscopy_of_its_lesion(rows) -> None:
    kinds = [row.image_id for row in rows]
    pictures = np.full((len(rows), arrays.SIDE, arrays.SIDE, 3), 200, np.uint8)
    pictures[kinds.index("d0")] = 20
    masks = np.zeros((len(rows), arrays.MASK_SIDE, arrays.MASK_SIDE, 1), np.uint8)
    loaded = Arrays(pictures, masks, np.zeros(len(rows), bool))
    pool = Pool(rows, loaded, np.arange(len(rows)), Plan(batch=16))
    assert pool.pair([teacher], side=64) == 1
    seen = set()
    for batch, _ in zip(pool.draws(0), range(8), strict=False):
        targets = {"lesion": batch["lesion"], "pair": (batch["pair"], batch["paired"])}
        answers = [teacher(pool.take(batch["index"])[0], training=False)]
        taught = ops.convert_to_numpy(batches.taught(answers, targets))
        for index, lesion, said in zip(batch["index"], batch["lesion"], taught, strict=True):
            name = kinds[index] if lesion else "none"
            seen.add(name)
            expected = {"d0": (1, 0), "p0": (0.5, 0.5), "p1": (0, 1), "none": (0, 0)}[name]
            np.testing.assert_allclose(said[[MELANOMA, NAEVUS]], expected, atol=1e-6)
    assert seen >= {"d0", "p0", "p1"}


def test_without_a_teacher_nobody_looks_at_the_dermoscopy(
    make_set, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = make_set("set", [{"image_id": f"i{n}", "dx": "nv"} for n in range(12)])
    (tmp_path / "plan.json").write_text(json.dumps({"pairs": True}))
    command = ["train", "--data", str(folder), "--plan", "plan.json", "--out", "run"]
    assert main(command) == 1
    assert "in need of a teacher" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
