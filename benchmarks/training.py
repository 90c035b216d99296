"""How many pictures a second a network learns from, on the backend that Keras runs on.

``KERAS_BACKEND=jax python -m benchmarks.training --backbone lite2 --side 256 --batch 256``
prints one JSON object. Pictures are random, since their content costs nothing.
"""

import argparse
import json
import time
from itertools import islice
from pathlib import Path

import keras
import numpy as np

from ml import network
from ml.datasets import Row
from ml.datasets.arrays import MASK_SIDE, SIDE, Arrays
from ml.network import backbone
from ml.training import steps
from ml.training.batches import Pool
from ml.training.plan import Plan

PICTURES = 512


def main() -> None:
    """Compile one step, run some of them, and print the rate of the fastest half."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", choices=backbone.VARIANTS, default="lite0")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--frozen-blocks", type=int, default=0)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    plan = Plan(
        backbone=options.backbone,
        batch=options.batch,
        frozen_blocks=options.frozen_blocks,
        precision=options.precision,
    )
    keras.config.set_dtype_policy(plan.precision)
    model = network.build(variant=plan.backbone)
    backbone.freeze(model, plan.frozen_blocks)
    keras.config.set_dtype_policy("float32")
    averaged = network.build(variant=plan.backbone)
    optimizer = keras.optimizers.AdamW(plan.learning_rate, clipnorm=5.0)
    optimizer.build(model.trainable_variables)
    step = steps.compiled(plan, model, averaged, optimizer, [], _pool(plan))
    begin, times = time.perf_counter(), []
    for one in islice(step.epoch(0, options.side), options.steps + 1):
        float(one(1e-4)["loss"])
        times.append(time.perf_counter() - begin)
        begin = time.perf_counter()
    fast = sorted(times[1:])[: options.steps // 2]
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                **vars(options),
                "compile_seconds": round(times[0], 1),
                "pictures_a_second": round(options.batch / float(np.median(fast)), 1),
            }
        )
    )


def _pool(plan: Plan) -> Pool:
    rng = np.random.default_rng(0)
    rows = [
        Row(Path(), None, "made", f"i{n}", f"l{n}", f"l{n}", "dermoscopy", dx, (dx,))
        for n, dx in enumerate(("nv", "mel") * (PICTURES // 2))
    ]
    pictures = rng.integers(0, 256, (PICTURES, SIDE, SIDE, 3), np.uint8)
    masks = rng.integers(0, 256, (PICTURES, MASK_SIDE, MASK_SIDE, 1), np.uint8)
    loaded = Arrays(pictures, masks, np.ones(PICTURES, bool))
    return Pool(rows, loaded, np.arange(PICTURES), plan)


if __name__ == "__main__":
    main()
