"""One seed gives the same training on every backend that Keras has.

JAX and PyTorch are not in the test lock, since each is larger than all of the service. To run this:
``.venv/bin/python -m pip install jax torch``.
"""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Dropout is drawn by each backend itself.
PLAN = {
    "phases": [[64, 1]],
    "epoch_pictures": 48,
    "batch": 16,
    "validation_side": 64,
    "dropout": 0,
    "drop_path": 0,
}
pytestmark = pytest.mark.timeout(900)  # JAX compiles for a minute or two


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """Mean losses of three steps on a backend, by head."""
    from tests.ml.conftest import draw_lesion

    folder = tmp_path_factory.mktemp("backends")
    for n in range(40):
        name = folder / f"data/{('nv', 'mel')[n % 2]}/{n}.jpg"
        draw_lesion(name, n)
    (folder / "plan.json").write_text(json.dumps(PLAN))
    done: dict[str, dict[str, float]] = {}

    def train(backend: str) -> dict[str, float]:
        if backend not in done:
            command = ("train", "--data", "data", "--out", backend, "--plan", "plan.json")
            finished = subprocess.run(
                [sys.executable, "-m", "ml", *command],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend},
                capture_output=True,
                text=True,
            )
            assert finished.returncode == 0, finished.stderr
            with (folder / backend / "epochs.csv").open() as file:
                (row,) = csv.DictReader(file)
            heads = ("loss", "diagnosis", "mask", "lesion", "covered", "concepts")
            done[backend] = {name: float(row[name]) for name in heads}
        return done[backend]

    return train


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_three_steps_have_the_losses_of_tensorflow(losses, backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} IS NOT INSTALLED: nothing was compared; see the top of this file")
    assert losses(backend) == pytest.approx(losses("tensorflow"), abs=1e-3)
