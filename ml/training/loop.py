"""Seeded, resumable training of the network on one manifest; progress, curves, averaged weights."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from ml import datasets, images, network
from ml.datasets import Row, arrays, splits
from ml.network import backbone
from ml.synthetic import negatives
from ml.taxonomy import BENIGN_DIAGNOSES, DIAGNOSES, MALIGNANT_DIAGNOSES
from ml.training import augmentation

LABEL_SMOOTHING = 0.05
NEGATIVE_SHARE = 0.1  # of every batch: pictures without a lesion
DRAWINGS, THINGS = 500, 300
SPLIT_SEED = 1  # the same for every plan: what one run holds out, none of its teachers has seen
AVERAGE_EVERY, AVERAGE_DECAY = 4, 0.994
DISTILLED = 0.7  # share of the loss that follows the teachers, where there are any


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training is: two phases by picture side, epochs counted in pictures seen."""

    phases: tuple[tuple[int, int], ...] = ((160, 8), (192, 10))  # (side, epochs)
    validation_side: int = 224
    epoch_pictures: int = 12_000
    batch: int = 64
    learning_rate: float = 7e-4
    weight_decay: float = 0.02
    frozen_blocks: int = 3
    photo_weight: float = 1.0
    patience: int = 10
    teachers: tuple[str, ...] = ()  # folders of runs, whose mean answers are learnt, too
    seed: int = 1

    @property
    def epochs(self) -> int:
        return sum(epochs for _, epochs in self.phases)

    @property
    def epoch_steps(self) -> int:
        return self.epoch_pictures // self.batch

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """What a JSON file says, the rest as usual. Raises ValueError or TypeError for others."""
        values = json.loads(path.read_text(encoding="utf-8"))
        if "phases" in values:
            values["phases"] = tuple(tuple(phase) for phase in values["phases"])
        if "teachers" in values:
            values["teachers"] = tuple(values["teachers"])
        return cls(**values)


def train(
    data: Sequence[Path], out: Path, plan: Plan | None = None, modality: str = "dermoscopy"
) -> None:
    """Train on ``data`` into the run folder ``out``; goes on where a killed training stopped.

    ``modality`` holds for sets that don't say. Writes ``plan.json``, ``data.json`` (where the
    pictures are), ``split.csv``, ``epochs.csv``, ``curves.png``, ``last.keras`` (with the
    optimizer), ``averaged.keras`` and ``best.keras``. Raises datasets.DatasetError for data that
    can't be used, and for a run folder that was begun with other data or another plan.
    """
    resumed = (out / "last.keras").exists()
    plan = _kept_plan(out, plan) if resumed else plan or Plan()
    keras.utils.set_random_seed(plan.seed)
    manifest = datasets.read(data, modality)
    datasets.warn(manifest)
    rows = manifest.trainable
    folds = splits.split(rows, seed=SPLIT_SEED)
    split = splits.as_csv(rows, folds)
    if resumed and split != (out / "split.csv").read_text(encoding="utf-8"):
        raise datasets.DatasetError(f"{out} was begun with other data; choose another folder")
    for teacher in plan.teachers:
        _check_held_out(Path(teacher), rows, folds)
    loaded = arrays.load(rows)
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(json.dumps(asdict(plan), indent=2))
    folders = [str(Path(folder).resolve()) for folder in data]
    (out / "data.json").write_text(json.dumps({"folders": folders, "modality": modality}))
    (out / "split.csv").write_text(split, encoding="utf-8")
    fold = np.array(folds)
    training = Pool(rows, loaded, np.flatnonzero(fold == "train"), plan)
    validation = _Validation(rows, loaded, np.flatnonzero(fold == "validation"), plan)

    model = _compiled(plan)
    averaged = network.build()
    if resumed:
        _resume(model, out / "last.keras")
        averaged.load_weights(out / "averaged.keras")
    else:
        averaged.set_weights(model.get_weights())
    kept = int(model.optimizer.iterations) // plan.epoch_steps
    follow = _Follow(out, averaged, validation, plan, kept)
    begin = 0
    for side, epochs in plan.phases:
        done = follow.epochs_done
        if done < begin + epochs and not follow.stopped:
            model.make_train_function(force=True)  # traced anew: a graph holds one side
            model.fit(
                training.batches(side, first_epoch=done),
                epochs=begin + epochs,
                initial_epoch=max(done, begin),
                shuffle=False,
                steps_per_epoch=plan.epoch_steps,
                callbacks=[follow],
            )
        begin += epochs


@keras.saving.register_keras_serializable("ml")
def partial_label_loss(target, logits):
    """−log of the allowed diagnoses' summed probability, smoothed; mixed pairs are weighted.

    ``target`` (n, 15): two sets of allowed diagnoses and the first one's share; an empty set
    (no lesion) costs nothing. With teachers (n, 22): then their mean probabilities, whose
    cross-entropy counts for DISTILLED of the loss (Hinton et al., arXiv 1503.02531).
    """
    logp = tf.nn.log_softmax(logits)
    first, second, share = target[:, :7], target[:, 7:14], target[:, 14]

    def one(allowed):
        known = tf.cast(tf.reduce_any(allowed > 0, axis=1), logp.dtype)
        log_sum = tf.reduce_logsumexp(tf.where(allowed > 0, logp, -1e9), axis=1)
        smooth = -tf.reduce_mean(logp, axis=1)
        return known * ((1 - LABEL_SMOOTHING) * -log_sum + LABEL_SMOOTHING * smooth)

    hard = share * one(first) + (1 - share) * one(second)
    if target.shape[1] == 15:
        return hard
    return (1 - DISTILLED) * hard - DISTILLED * tf.reduce_sum(target[:, 15:] * logp, axis=1)


@keras.saving.register_keras_serializable("ml")
def mask_loss(target, logits):
    """Cross-entropy and soft Dice where a mask is known: target (n, h, w, 2) = mask, known."""
    mask, known = target[..., :1], target[:, 0, 0, 1]
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=mask, logits=logits)
    probability = tf.sigmoid(logits)
    axes = (1, 2, 3)
    overlap = tf.reduce_sum(mask * probability, axes)
    total = tf.reduce_sum(mask, axes) + tf.reduce_sum(probability, axes)
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return known * (tf.reduce_mean(entropy, axes) + dice)


@keras.saving.register_keras_serializable("ml")
def lesion_loss(target, logits):
    """Cross-entropy of “there is a lesion”."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)[:, 0]


@keras.saving.register_keras_serializable("ml")
def covered_loss(target, logits):
    """Cross-entropy of the lesion's covered share where it is known: target (n, 2) = share,
    known."""
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target[:, 0], logits=logits[:, 0])
    return target[:, 1] * entropy


class Pool:
    """The training fold with its negatives, drawn by weight into batches."""

    def __init__(
        self, rows: list[Row], loaded: arrays.Arrays, indices: np.ndarray, plan: Plan
    ) -> None:
        self.plan, self.loaded = plan, loaded
        self.teachers = [_best(run) for run in plan.teachers]
        self.lesions = np.array([i for i in indices if rows[i].allowed])
        self.allowed = np.array([[d in row.allowed for d in DIAGNOSES] for row in rows], np.float32)
        strata = [(rows[i].modality, rows[i].dx) for i in self.lesions]
        count = Counter(strata)
        # Square-root sampling between the natural and the balanced distribution.
        weight = np.array(
            [(plan.photo_weight if m == "photo" else 1) / count[m, dx] ** 0.5 for m, dx in strata]
        )
        self.weight = weight / weight.sum()
        rng = np.random.default_rng(plan.seed)
        everyday = [loaded.pictures[i] for i in indices if rows[i].dx == "not_a_lesion"]
        masked = rng.permutation([i for i in indices if loaded.has_mask[i]])[:600]
        skin = [
            patch
            for i in masked
            for patch in negatives.skin_patches(loaded.pictures[i], loaded.masks[i])
        ]
        drawings = [negatives.drawing(rng, arrays.SIDE) for _ in range(DRAWINGS)]
        things = [negatives.thing(rng, skin[i]) for i in rng.permutation(len(skin))[:THINGS]]
        self.negatives = [kind for kind in (everyday, skin, drawings, things) if kind]

    def batches(self, side: int, first_epoch: int) -> tf.data.Dataset:
        """Endless augmented batches at one side, seeded by the epoch they begin at."""
        bank = tf.constant(augmentation.overlay_bank(self.plan.seed, side))
        shapes = {
            "picture": tf.TensorSpec((None, arrays.SIDE, arrays.SIDE, 3), tf.uint8),
            "mask": tf.TensorSpec((None, arrays.MASK_SIDE, arrays.MASK_SIDE, 1), tf.uint8),
            "known": tf.TensorSpec((None,), tf.float32),
            "allowed": tf.TensorSpec((None, len(DIAGNOSES)), tf.float32),
            "lesion": tf.TensorSpec((None, 1), tf.float32),
        }

        def prepare(batch):
            x, mask, covered = augmentation.augment(batch["picture"], batch["mask"], side, bank)
            known = tf.ones_like(mask) * batch["known"][:, None, None, None]
            outlined = batch["known"] * batch["lesion"][:, 0]
            targets = {
                "logits": batch["allowed"],
                "mask": tf.concat([mask, known], axis=3),
                "lesion": batch["lesion"],
                "covered": tf.stack([covered, outlined], axis=1),
            }
            x, targets = augmentation.mixup(x, targets)
            if self.teachers:
                targets["logits"] = tf.concat([targets["logits"], self._taught(x, targets)], axis=1)
            return x, targets

        seed = (self.plan.seed, first_epoch, side)
        return (
            tf.data.Dataset.from_generator(lambda: self._draw(seed), output_signature=shapes)
            .map(prepare, num_parallel_calls=1)
            .prefetch(2)
        )

    def _taught(self, x, targets):
        """What the teachers say of the same augmented pictures, which teaches more than what they
        say of the plain ones (Beyer et al., CVPR 2022, arXiv 2106.05237); of no lesion, nothing."""
        answers = [tf.nn.softmax(teacher(x, training=False)["logits"]) for teacher in self.teachers]
        return tf.add_n(answers) / len(answers) * targets["lesion"]

    def _draw(self, seed: tuple[int, ...]) -> Iterator[dict[str, np.ndarray]]:
        rng = np.random.default_rng(seed)
        others = round(self.plan.batch * NEGATIVE_SHARE) if self.negatives else 0
        while True:
            chosen = np.sort(rng.choice(self.lesions, self.plan.batch - others, p=self.weight))
            kinds = rng.integers(len(self.negatives), size=others) if others else ()
            without = [self.negatives[k][rng.integers(len(self.negatives[k]))] for k in kinds]
            blank = np.zeros((others, arrays.MASK_SIDE, arrays.MASK_SIDE, 1), np.uint8)
            pictures = self.loaded.pictures[chosen]
            order = rng.permutation(self.plan.batch)
            batch = {
                "picture": np.concatenate([pictures, without]) if others else pictures,
                "mask": np.concatenate([self.loaded.masks[chosen], blank]),
                # A picture without a lesion has an empty mask, and that is known.
                "known": np.r_[self.loaded.has_mask[chosen], np.ones(others)],
                "allowed": np.r_[self.allowed[chosen], np.zeros((others, len(DIAGNOSES)))],
                "lesion": np.r_[np.ones(len(chosen)), np.zeros(others)][:, None],
            }
            yield {
                name: values[order].astype(np.uint8 if values.ndim == 4 else np.float32)
                for name, values in batch.items()
            }


class _Validation:
    """The validation fold, and what is measured on it after each epoch."""

    def __init__(self, rows, loaded, indices, plan) -> None:
        usable = [i for i in indices if rows[i].allowed]
        self.pictures = np.stack(
            [images.to_input(loaded.pictures[i], plan.validation_side) for i in usable]
        )
        self.masks = loaded.masks[usable][..., 0]
        self.has_mask = loaded.has_mask[usable]
        self.modality = np.array([rows[i].modality for i in usable])
        self.malignant = np.array([set(rows[i].allowed) <= {*MALIGNANT_DIAGNOSES} for i in usable])
        self.batch = plan.batch

    def measure(self, model: keras.Model) -> dict[str, float]:
        outputs = model.predict(self.pictures, batch_size=self.batch, verbose=0)
        p = np.exp(outputs["logits"] - outputs["logits"].max(1, keepdims=True))
        benign = p[:, [DIAGNOSES.index(d) for d in BENIGN_DIAGNOSES]].sum(1) / p.sum(1)
        figures = {}
        for modality in sorted(set(self.modality)):
            of = self.modality == modality
            if 0 < self.malignant[of].sum() < of.sum():
                auc = roc_auc_score(self.malignant[of], 1 - benign[of])
                figures[f"auc_{modality}"] = float(auc)
        if self.has_mask.any():
            figures["mask_iou"] = self._iou(outputs["mask"][self.has_mask, ..., 0])
        figures["score"] = float(
            np.mean([v for k, v in figures.items() if k.startswith("auc_")] or [0.0])
        )
        return figures

    def _iou(self, logits: np.ndarray) -> float:
        side = self.masks.shape[1]
        predicted = tf.image.resize(logits[..., None], (side, side)).numpy()[..., 0] > 0
        truth = self.masks[self.has_mask] > 127
        union = (predicted | truth).sum((1, 2))
        return float(((predicted & truth).sum((1, 2)) / np.maximum(union, 1)).mean())


class _Follow(keras.callbacks.Callback):
    """Averages the weights, measures them each epoch, keeps the checkpoints and the curves."""

    def __init__(self, out: Path, averaged, validation, plan, done: int) -> None:
        super().__init__()
        self.out, self.averaged, self.validation, self.plan = out, averaged, validation, plan
        # A kill may have come after an epoch's line and before its last weights.
        self.history = _read_table(out / "epochs.csv")[:done] if done else []
        self.mean = averaged.get_weights()

    @property
    def epochs_done(self) -> int:
        return len(self.history)

    @property
    def stopped(self) -> bool:
        """Whether the best epoch is longer ago than the plan's patience."""
        scores = [float(row["score"]) for row in self.history]
        return bool(scores) and len(scores) - 1 - int(np.argmax(scores)) >= self.plan.patience

    def on_train_batch_end(self, batch, logs=None) -> None:
        if batch % AVERAGE_EVERY:
            return
        # A short memory at first, so that the ImageNet weights don't linger in the mean.
        seen = self.epochs_done * self.plan.epoch_pictures / self.plan.batch + batch
        decay = min(AVERAGE_DECAY, (1 + seen) / (40 + seen))
        for mean, new in zip(self.mean, self.model.get_weights(), strict=True):
            mean *= decay
            mean += (1 - decay) * new

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.averaged.set_weights(self.mean)
        best = max((float(row["score"]) for row in self.history), default=-1.0)
        row = {"epoch": epoch + 1, **(logs or {}), **self.validation.measure(self.averaged)}
        self.history.append(row)
        if row["score"] >= best:
            self._save(self.averaged, "best")
        self._save(self.averaged, "averaged")
        partial = self.out / "epochs.partial.csv"
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row.keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.history)
        partial.replace(self.out / "epochs.csv")
        # Last, since from here a resumed training counts the epoch as done.
        self._save(self.model, "last")
        _plot(self.history, self.out / "curves.png")
        print({key: round(float(value), 4) for key, value in row.items()}, flush=True)
        self.model.stop_training = self.stopped

    def _save(self, model: keras.Model, name: str) -> None:
        """Whole or not at all: a kill or a full disk leaves the file of the epoch before."""
        partial = self.out / f"{name}.partial.keras"
        model.save(partial)
        partial.replace(self.out / f"{name}.keras")


def _compiled(plan: Plan) -> keras.Model:
    model = network.build()
    backbone.load_imagenet(model)
    backbone.freeze(model, plan.frozen_blocks)
    steps = plan.epochs * plan.epoch_pictures // plan.batch
    warmup = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate * 0.02,
        steps - warmup,
        alpha=0.01,
        warmup_target=plan.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=plan.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer,
        loss={
            "logits": partial_label_loss,
            "mask": mask_loss,
            "lesion": lesion_loss,
            "covered": covered_loss,
        },
        loss_weights={"logits": 1.0, "mask": 0.3, "lesion": 0.2, "covered": 0.2},
    )
    return model


def _best(run: str) -> keras.Model:
    return keras.models.load_model(Path(run) / "best.keras", compile=False)


def _check_held_out(teacher: Path, rows: list[Row], folds: list[str]) -> None:
    """Raises DatasetError where the teacher learnt from what is held out here: its pupil would
    be measured on pictures that it knows."""
    theirs = splits.read(teacher / "split.csv", rows)
    known = sum(
        ours != "train" and their == "train" for ours, their in zip(folds, theirs, strict=True)
    )
    if known:
        raise datasets.DatasetError(f"{teacher}: it learnt from {known:,} pictures held out here")


def _resume(model: keras.Model, checkpoint: Path) -> None:
    """Weights and the optimizer's state; the schedule is the plan's, which may have changed."""
    last = keras.models.load_model(checkpoint)
    model.set_weights(last.get_weights())
    model.optimizer.build(model.trainable_variables)
    for variable, stored in zip(model.optimizer.variables, last.optimizer.variables, strict=True):
        variable.assign(stored)


def _kept_plan(run: Path, plan: Plan | None) -> Plan:
    """The plan that the run began with; raises DatasetError where another one is asked for."""
    kept = Plan.read(run / "plan.json")
    if plan and plan != kept:
        raise datasets.DatasetError(f"{run} was begun with another plan; choose another folder")
    return kept


def _read_table(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _plot(history: list[dict], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [int(row["epoch"]) for row in history]
    left.plot(epochs, [float(row["loss"]) for row in history])
    left.set(title="training loss", xlabel="epoch")
    for name in history[-1]:
        if name.startswith(("auc_", "mask_")):
            right.plot(epochs, [float(row[name]) for row in history], label=name)
    right.set(title="validation, averaged weights", xlabel="epoch")
    right.legend()
    figure.savefig(path, dpi=110)
