"""What a training may be, and what is said of a plan that can't be followed."""

import json
from pathlib import Path

import pytest

from ml.__main__ import main

pytest.importorskip("keras")
from ml.datasets import DatasetError
from ml.training.plan import Plan

PLANS = Path(__file__).parents[2] / "ml/training/plans"


def test_the_plans_that_come_with_it_can_be_followed():
    plans = [Plan.read(path) for path in PLANS.glob("*.json")]
    assert {plan.backbone for plan in plans} == {"lite2"}


def test_a_run_of_an_earlier_version_is_still_read(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"pairs": False, "seed": 5}))
    assert Plan.read(path) == Plan(seed=5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"backbone": "lite9"}, "backbone: 'lite9' is not one of lite0, lite2"),
        ({"phases": []}, "phases: "),
        ({"phases": [[160, 0]]}, "phases: "),
        ({"phases": [[150, 3]]}, "phases: "),
        ({"phases": [160, 3]}, "phases: "),
        ({"phases": 160}, "phases: 160 is not"),
        ({"validation_side": 100}, "validation_side: 100 is not a number of pixels"),
        ({"batch": 0}, "batch: 0 is not a whole number from 1"),
        ({"batch": "64"}, "batch: '64' is not"),
        ({"batch": 64, "epoch_pictures": 63}, "epoch_pictures: 63 is less than batch, 64"),
        ({"learning_rate": 0}, "learning_rate: 0 is not a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate: nan is not"),
        ({"learning_rate": float("inf")}, "learning_rate: inf is not"),
        ({"weight_decay": float("inf")}, "weight_decay: inf is not"),
        ({"photo_weight": True}, "photo_weight: True is not"),
        ({"batch": True}, "batch: True is not"),
        ({"dropout": 1}, "dropout: 1 is not"),
        ({"frozen_blocks": -1}, "frozen_blocks: -1 is not"),
        ({"patience": 0}, "patience: 0 is not"),
        ({"precision": "half"}, "precision: 'half' is not one of float32, mixed_bfloat16"),
        ({"teachers": "a"}, "teachers: 'a' is not"),
        ({"seed": 2**32}, "seed: 4294967296 is not a whole number from 0 and below 2^32"),
        ({"seed": -1}, "seed: -1 is not"),
        ({"sead": 1}, "sead is not a field of a plan"),
        ([160, 3], "not a JSON object"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_before_anything_is_read(
    values, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("plan.json").write_text(json.dumps(values))
    assert main(["train", "--data", "nowhere", "--plan", "plan.json", "--out", "run"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: plan.json: ")
    assert said in error
    assert not Path("run").exists()


def test_a_run_to_go_on_from_is_looked_at_before_pictures_are(tmp_path, monkeypatch):
    from ml.training import loop

    monkeypatch.chdir(tmp_path)
    start = tmp_path / "start"
    start.mkdir()
    with pytest.raises(DatasetError, match="start: no trained run to learn from"):
        loop.train([tmp_path], tmp_path / "run", Plan(start=str(start)))
    with pytest.raises(DatasetError, match="start: no trained run to learn from"):
        loop.train([tmp_path], tmp_path / "run", Plan(teachers=(str(start),)))
    (start / "best.npz").touch()
    (start / "plan.json").write_text('{"backbone": "lite2"}')
    with pytest.raises(DatasetError, match="start: its backbone is lite2, not lite0"):
        loop.train([tmp_path], tmp_path / "run", Plan(start=str(start)))
    with pytest.raises(DatasetError, match="no data set here"):  # a teacher may have any
        loop.train([tmp_path / "start"], tmp_path / "run", Plan(teachers=(str(start),)))
