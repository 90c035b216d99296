"""Seeded, resumable training of the network on one manifest; progress, curves, averaged weights."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from ml import datasets, images, network
from ml.datasets import Row, arrays, splits
from ml.network import backbone
from ml.publish import calibration
from ml.taxonomy import BENIGN_DIAGNOSES, DIAGNOSES
from ml.training import runs, steps
from ml.training.batches import Pool
from ml.training.plan import Plan

WARMUP, FIRST_RATE, LAST_RATE = 0.05, 0.02, 0.01  # of the way, and of the learning rate
SHOWN_EVERY = 50  # steps; reading a loss waits for the device


def train(
    data: Sequence[Path],
    out: Path,
    plan: Plan | None = None,
    modality: str | None = None,
    minutes: float | None = None,
) -> list[str]:
    """Train on ``data`` into the run folder ``out``; goes on where a killed training stopped.

    ``modality`` holds for sets that don't say. ``minutes`` bounds the whole call: the learning
    rate then falls with the time, and the training ends early enough to measure and to save.
    Writes ``plan.json``, ``data.json`` (where the pictures are), ``split.csv``, ``epochs.csv``,
    ``curves.png``, ``best.npz`` and, to go on from, ``last.npz``. Raises datasets.DatasetError
    for data that can't be used, for runs that can't be gone on from or learnt from, and for a run
    folder that was begun with other data or another plan, or that holds weights alone. Returns
    sentences on what was left out, since it could not be read.
    """
    clock = _Clock(minutes)
    resumed = (out / runs.LAST).exists()
    if not resumed and (out / runs.BEST).exists():  # as of a run that was carried, or unfolded
        raise datasets.DatasetError(
            f"{out} holds a trained run, and no {runs.LAST} to go on from; choose another folder"
        )
    plan = runs.kept_plan(out, plan) if resumed else plan or Plan()
    _check_runs(plan)
    keras.utils.set_random_seed(plan.seed)
    manifest = datasets.read(data, modality, decode=True)
    datasets.warn(manifest)
    rows = manifest.trainable
    if manifest.split:
        stored = splits.inherited(rows, splits.read(manifest.split, rows))
        folds = splits.completed(rows, stored)
        split = splits.appended(manifest.split, rows, folds)
    else:
        folds = splits.split(rows)
        split = splits.as_csv(rows, folds)
    if resumed and split != (out / runs.SPLIT).read_text(encoding="utf-8"):
        raise datasets.DatasetError(f"{out} was begun with other data; choose another folder")
    if resumed and modality != (begun := runs.described(out)["modality"]):
        how = f"with --modality {begun}; give it again" if begun else "without --modality"
        raise datasets.DatasetError(f"{out} was begun {how}")
    for teacher in (*plan.teachers, *filter(None, [plan.start])):
        check_held_out(Path(teacher), rows, folds)
    _check_enough(rows, folds)
    loaded = arrays.load(rows)
    out.mkdir(parents=True, exist_ok=True)
    runs.describe(out, plan, data, modality, split)
    fold = np.array(folds)
    pool = Pool(rows, loaded, np.flatnonzero(fold == "train"), plan)
    validation = Validation(rows, loaded, np.flatnonzero(fold == "validation"), plan)
    _Training(out, plan, pool, validation, resumed, clock).run()
    return manifest.faults


class _Clock:
    """How far a training has come: by its steps, or by its minutes where these end first."""

    def __init__(self, minutes: float | None) -> None:
        self.begin, self.seconds = time.monotonic(), minutes and minutes * 60
        self.trained_from = self.begin
        self.reserve = 15.0  # seconds for measuring and saving

    def start(self) -> None:
        """From here on the time is for training."""
        self.trained_from = time.monotonic()

    def way(self, step: int, steps_in_all: int) -> float:
        """From 0 to 1."""
        way = step / steps_in_all
        if self.seconds:
            begin = self.trained_from - self.begin
            left = max(1.0, self.seconds - begin - self.reserve)
            way = max(way, (time.monotonic() - self.trained_from) / left)
        return min(1.0, way)


class _Training:
    def __init__(self, out: Path, plan: Plan, pool, validation, resumed: bool, clock) -> None:
        self.out, self.plan, self.validation, self.clock = out, plan, validation, clock
        keras.config.set_dtype_policy(plan.precision)
        self.model = network.build(plan.dropout, plan.drop_path, variant=plan.backbone)
        if plan.start:
            self.model.set_weights(runs.best(Path(plan.start)).get_weights())
        else:
            network.draw_heads(self.model, plan.seed)
            backbone.load_imagenet(self.model, plan.backbone)
        backbone.freeze(self.model, plan.frozen_blocks)
        teachers = [runs.best(Path(teacher)) for teacher in plan.teachers]
        keras.config.set_dtype_policy("float32")
        self.averaged = network.build(variant=plan.backbone)
        self.averaged.set_weights(self.model.get_weights())
        self.optimizer = keras.optimizers.AdamW(
            plan.learning_rate, weight_decay=plan.weight_decay, clipnorm=5.0
        )
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.model.trainable_variables)
        self.history: list[dict] = []
        self.best = -1.0
        if resumed:
            runs.resume(out, self._variables())
            lines = runs.history(out)
            self.best = max((float(row["score"]) for row in lines), default=-1.0)
            # A kill may have come after an epoch's line and before its last weights, and the time
            # been over in the middle of one: it is trained again, and its best weights are kept.
            self.history = lines[: self._step() // plan.epoch_steps]
        else:  # a kill before the first epoch's last weights leaves its best ones, to go on from
            runs.save_last(out, self._variables())
        self.step = steps.compiled(plan, self.model, self.averaged, self.optimizer, teachers, pool)

    def run(self) -> None:
        plan, side, stepping = self.plan, None, None
        self.clock.start()
        for epoch in range(len(self.history), plan.epochs):
            if self._stopped() or self.clock.way(0, 1) == 1:
                break
            if plan.side(epoch) != side:
                side = plan.side(epoch)
                stepping = self.step.epoch(epoch * plan.epoch_steps, side)
            parts = self._epoch(stepping, epoch)
            begin = time.monotonic()
            self.step.finish()
            self._keep(epoch, parts)
            self.clock.reserve = 2 + 1.5 * (time.monotonic() - begin)

    def _epoch(self, stepping, epoch: int) -> dict[str, float]:
        """Train for one epoch, or for what is left of the time; → the mean losses."""
        plan, seen = self.plan, []
        bar = tqdm(range(plan.epoch_steps), f"epoch {epoch + 1} of {plan.epochs}", unit="step")
        for number in bar:
            way = self.clock.way(epoch * plan.epoch_steps + number, plan.epochs * plan.epoch_steps)
            if way == 1:
                break
            seen.append(next(stepping)(plan.learning_rate * _rate(way)))
            if number % SHOWN_EVERY == 0:
                bar.set_postfix(loss=f"{float(seen[-1]['loss']):.3f}")
        return {name: float(np.mean([float(p[name]) for p in seen])) for name in seen[0]}

    def _keep(self, epoch: int, parts: dict[str, float]) -> None:
        """Measure the averaged weights, and keep the checkpoints and the curves."""
        row = {"epoch": epoch + 1, **parts, **self.validation.measure(self.averaged)}
        self.history.append(row)
        if row["score"] >= self.best:
            self.best = row["score"]
            runs.save_best(self.out, self.averaged)
        runs.save_history(self.out, self.history)
        # Last, since from here a resumed training counts the epoch as done.
        runs.save_last(self.out, self._variables())
        _plot(self.history, self.out / runs.CURVES)
        print({key: round(float(value), 4) for key, value in row.items()}, flush=True)

    def _variables(self) -> list:
        return [*self.model.variables, *self.averaged.weights, *self.optimizer.variables]

    def _step(self) -> int:
        return int(self.optimizer.iterations)

    def _stopped(self) -> bool:
        """Whether the best epoch is longer ago than the plan's patience."""
        scores = [float(row["score"]) for row in self.history]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.plan.patience


class Validation:
    """The validation fold, and what is measured on it after each epoch."""

    def __init__(self, rows: list[Row], loaded: arrays.Arrays, indices, plan: Plan) -> None:
        usable = [i for i in indices if rows[i].allowed]
        self.pictures = np.stack(
            [images.to_input(loaded.pictures[i], plan.validation_side) for i in usable]
        )
        self.masks = loaded.masks[usable][..., 0]
        self.has_mask = loaded.has_mask[usable]
        self.modality = np.array([rows[i].modality for i in usable])
        self.dataset = np.array([rows[i].dataset for i in usable])
        self.malignant = np.array([rows[i].is_malignant for i in usable])
        self.batch = plan.batch

    def measure(self, model: keras.Model) -> dict[str, float]:
        """AUC of malignant lesions by modality and by data set, the masks' IoU, and ``score``, the
        mean of the modalities."""
        outputs = model.predict(self.pictures, batch_size=self.batch, verbose=0)
        logits = np.asarray(outputs["logits"], np.float32)
        p = np.exp(logits - logits.max(1, keepdims=True))
        benign = p[:, [DIAGNOSES.index(d) for d in BENIGN_DIAGNOSES]].sum(1) / p.sum(1)
        figures = {}
        for modality in sorted(set(self.modality)):
            of = self.modality == modality
            figures |= self._auc(f"auc_{modality}", of, benign)
            for dataset in sorted(set(self.dataset[of])):
                name = f"auc_{modality}_{dataset}"
                figures |= self._auc(name, of & (self.dataset == dataset), benign)
        means = [figures[f"auc_{m}"] for m in set(self.modality) if f"auc_{m}" in figures]
        if self.has_mask.any():
            figures["mask_iou"] = self._iou(outputs["mask"][self.has_mask, ..., 0])
        return figures | {"score": float(np.mean(means or [0.0]))}

    def _auc(self, name: str, of: np.ndarray, benign: np.ndarray) -> dict[str, float]:
        if not 0 < self.malignant[of].sum() < of.sum():
            return {}
        return {name: float(roc_auc_score(self.malignant[of], 1 - benign[of]))}

    def _iou(self, logits: np.ndarray) -> float:
        side = self.masks.shape[1]
        grown = keras.ops.image.resize(logits.astype(np.float32)[..., None], (side, side))
        predicted = keras.ops.convert_to_numpy(grown)[..., 0] > 0
        truth = self.masks[self.has_mask] > 127
        union = (predicted | truth).sum((1, 2))
        return float(((predicted & truth).sum((1, 2)) / np.maximum(union, 1)).mean())


def _rate(way: float) -> float:
    """The learning rate on the way from 0 to 1, relative to the plan's: a linear rise, then half a
    cosine (Loshchilov & Hutter, arXiv 1608.03983)."""
    if way < WARMUP:
        return FIRST_RATE + (1 - FIRST_RATE) * way / WARMUP
    fall = (1 + np.cos(np.pi * (way - WARMUP) / (1 - WARMUP))) / 2
    return float(LAST_RATE + (1 - LAST_RATE) * fall)


def _check_runs(plan: Plan) -> None:
    """Raises DatasetError for a run to learn from that is not trained, or of another network than
    the one that goes on from it."""
    for run in filter(None, (plan.start, *plan.teachers)):
        if not (Path(run) / runs.BEST).is_file():
            raise datasets.DatasetError(
                f"{run}: no trained run to learn from: it has no {runs.BEST}"
            )
    if plan.start:
        theirs = Plan.read(Path(plan.start) / runs.PLAN).backbone
        if theirs != plan.backbone:
            raise datasets.DatasetError(
                f"{plan.start}: its backbone is {theirs}, not {plan.backbone}"
            )


def _check_enough(rows: list[Row], folds: list[str]) -> None:
    """Raises DatasetError where nothing is left to learn or to choose the best weights by; warns of
    what no release could be set on."""
    for name in ("train", "validation"):
        lesions = [r for r, fold in zip(rows, folds, strict=True) if fold == name and r.allowed]
        if not lesions:
            raise datasets.DatasetError(
                f"too few pictures: none of {len(rows):,} is left for {name}. Patients and lesions "
                f"stay together: {len(splits.FOLDS)} or more of one diagnosis are needed"
            )
    learnt = {d for r, fold in zip(rows, folds, strict=True) if fold == "train" for d in r.allowed}
    if missing := [diagnosis for diagnosis in DIAGNOSES if diagnosis not in learnt]:
        print(f"warning: no picture to learn {', '.join(missing)} from", file=sys.stderr)
    validation = [r for r, fold in zip(rows, folds, strict=True) if fold == "validation"]
    for kind in sorted({r.modality for r in rows if r.allowed}):
        if not calibration.enough(validation, kind):
            lack = calibration.TOO_FEW.format(kind)
            print(f"warning: {lack}: a release would not judge such pictures", file=sys.stderr)


def check_held_out(teacher: Path, rows: list[Row], folds: Sequence[str | None]) -> None:
    """Raises DatasetError where the teacher learnt from what is held out here: its pupil would
    be measured on pictures that it knows. Pictures in no fold are not measured on."""
    theirs = splits.read(teacher / runs.SPLIT, rows)
    known = sum(
        ours in ("validation", "test") and their == "train"
        for ours, their in zip(folds, theirs, strict=True)
    )
    if known:
        raise datasets.DatasetError(f"{teacher}: it learnt from {known:,} pictures held out here")


def _plot(history: list[dict], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [int(row["epoch"]) for row in history]
    left.plot(epochs, [float(row["loss"]) for row in history])
    left.set(title="training loss", xlabel="epoch")
    for name in history[-1]:
        if name in ("auc_dermoscopy", "auc_photo", "mask_iou"):
            right.plot(epochs, [float(row[name]) for row in history], label=name)
    right.set(title="validation, averaged weights", xlabel="epoch")
    right.legend()
    figure.savefig(path, dpi=110)
