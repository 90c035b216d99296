"""What a training may be, and what is said of a plan that can't be followed."""

import json
from pathlib import Path

import pytest

pytest.importorskip("keras")
from ml.training.plan import Plan

PLANS = Path(__file__).parents[2] / "ml/training/plans"


def test_the_plans_that_come_with_it_can_be_followed():
    plans = [Plan.read(path) for path in PLANS.glob("*.json")]
    assert {plan.backbone for plan in plans} == {"lite2"}


def test_a_run_of_an_earlier_version_is_still_read(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"pairs": False, "seed": 5}))
    assert Plan.read(path) == Plan(seed=5)
