"""A release as a run again, so that a training can go on from it.

A released graph has its batch norms in its kernels. Training needs them back: here with the moments
of real pictures, and with kernels as long as ImageNet's, since an optimizer's step is.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from tqdm import tqdm

from ml import datasets, images, network
from ml.datasets import DatasetError, arrays, fingerprints, splits
from ml.network import backbone
from ml.network.kernels import DepthwiseConv
from ml.release import Release
from ml.training import runs
from ml.training.plan import Plan

PICTURES, BATCH = 768, 64  # whose moments are taken
FAINTEST = 1e-6  # of a channel: below, it is dead and stays as it is


def unfold(release: Path, data: Sequence[Path], out: Path, modality: str | None) -> float:
    """Write the run folder ``out`` with the network of a release; → by how much its logits differ.

    The moments are those of lesions in ``data`` that the release was not tested on. Heads that a
    release leaves out (concepts) begin anew. Raises DatasetError for an ``out`` that holds
    something already and for data without a lesion, ReleaseError for what is not a release.
    """
    if out.exists() and any(out.iterdir()):
        raise DatasetError(f"{out} is not empty; choose another folder")
    found = Release.read(release)
    file, side = found.file("keras"), found.part("side")
    plan = Plan(backbone=found.part("training", "plan", "backbone"), validation_side=side)
    pictures = _pictures(release, data, modality, side)
    served = keras.models.load_model(file, compile=False)
    model = network.build(variant=plan.backbone)
    network.draw_heads(model, plan.seed)
    backbone.load_imagenet(model, plan.backbone)
    _give_back(served, model, pictures)
    out.mkdir(parents=True, exist_ok=True)
    runs.save_best(out, model)
    split = (release / runs.SPLIT).read_text(encoding="utf-8")
    runs.describe(out, plan, data, modality, split)
    if (release / fingerprints.FILE).is_file():  # for a release of what is trained on from here
        shutil.copy(release / fingerprints.FILE, out)
    before, after = (
        of.predict(pictures[:BATCH], batch_size=BATCH, verbose=0)["logits"]
        for of in (served, runs.best(out))
    )
    return float(np.abs(before - after).max())


def _pictures(release: Path, data: Sequence[Path], modality: str | None, side: int) -> np.ndarray:
    """Up to PICTURES lesions (n, side, side, 3), as the network sees them."""
    manifest = datasets.read(data, modality, decode=True)
    datasets.warn(manifest)
    folds = splits.read(release / runs.SPLIT, manifest.trainable)
    learnt = [
        row
        for row, fold in zip(manifest.trainable, folds, strict=True)
        if row.allowed and fold in (None, "train")
    ]
    if not learnt:
        raise DatasetError("There is no lesion in this data that the release may learn from")
    drawn = np.random.default_rng(0).permutation(len(learnt))[:PICTURES]
    loaded = arrays.load([learnt[i] for i in np.sort(drawn)])
    squares = [images.to_input(picture, side) for picture in loaded.pictures]
    return np.stack(squares).astype(np.float32)


def _give_back(served: keras.Model, model: keras.Model, pictures: np.ndarray) -> None:
    """Put the weights of ``served`` into ``model``, which has ImageNet's until then."""
    known = {layer.name for layer in served.layers}
    convolutions = []
    for layer in model.layers:
        if layer.name.startswith(backbone.LAYERS):
            if layer.name.endswith("_conv"):
                convolutions.append(layer)
        elif layer.weights and layer.name in known:
            layer.set_weights(served.get_layer(layer.name).get_weights())
    probe = keras.Model(served.input, [served.get_layer(of.name).output for of in convolutions])
    means, variances = _moments(probe, pictures)
    for layer, mean, variance in zip(convolutions, means, variances, strict=True):
        kernel, bias = served.get_layer(layer.name).get_weights()
        axes = (0, 1, 3) if isinstance(layer, DepthwiseConv) else (0, 1, 2)
        lengths = [np.sqrt((of**2).sum(axes)) for of in (layer.get_weights()[0], kernel)]
        gain = np.where(lengths[1] > FAINTEST, lengths[0] / (lengths[1] + FAINTEST), 1.0)
        layer.set_weights([kernel * (gain[:, None] if axes[-1] == 3 else gain)])
        norm = model.get_layer(layer.name.removesuffix("_conv") + "_bn")
        gamma = np.sqrt(gain**2 * variance + norm.epsilon) / gain
        norm.set_weights([gamma, mean, gain * (mean - bias), gain**2 * variance])


def _moments(probe: keras.Model, pictures: np.ndarray) -> tuple[list, list]:
    """Mean and variance of each channel of each of its maps."""
    sums: list[np.ndarray] = []
    squares: list[np.ndarray] = []
    for start in tqdm(range(0, len(pictures), BATCH), "Batch norms", unit="batch"):
        batch = pictures[start : start + BATCH]
        maps = [np.asarray(of, np.float64) for of in probe.predict_on_batch(batch)]
        of_batch = [of.mean((1, 2)).sum(0) for of in maps]
        of_squares = [(of**2).mean((1, 2)).sum(0) for of in maps]
        sums = of_batch if not sums else [*map(np.add, sums, of_batch)]
        squares = of_squares if not squares else [*map(np.add, squares, of_squares)]
    means = [of / len(pictures) for of in sums]
    pairs = zip(squares, means, strict=True)
    return means, [np.maximum(of / len(pictures) - mean**2, 0) for of, mean in pairs]
