"""A trained run → a release: the served graph in Keras and LiteRT, calibrated and checked."""

import hashlib
import json
import os
import shutil
from datetime import date
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ml import (
    arrays,
    calibration,
    classifier,
    datasets,
    evaluation,
    images,
    model_card,
    network,
    trust,
)
from ml.datasets import Row, splits
from ml.taxonomy import ADVICE, CATEGORY_OF, MODALITIES, REASONS

KERAS_FILE, LITERT_FILE, CARD_FILE = "skincare.keras", "skincare.tflite", "model-card.md"
PARITY = 1e-4
PARITY_PICTURES = 200
FAMILIAR_PICTURES = 4000
LICENCE = (
    "Research and non-commercial use only: the weights were learnt from pictures under "
    "CC BY-NC and CC BY-NC-SA licences. Train on your own pictures for any other use."
)


class ParityError(RuntimeError):
    """The exported graph does not answer as the trained one does; nothing was released."""


def release(run: Path, out: Path = classifier.RELEASE) -> None:
    """Export, calibrate on the run's validation fold, check, and replace the release in ``out``.

    Raises ParityError, and datasets.DatasetError for data that the run was not split on; the
    old release then stays as it was.
    """
    data = [Path(folder) for folder in json.loads((run / "data.json").read_text())]
    rows = [row for row in datasets.read(data).rows if row.allowed or row.dx == "not_a_lesion"]
    folds = np.array([fold or "" for fold in splits.read(run / "split.csv", rows)])
    if not (folds == "validation").any():
        raise datasets.DatasetError(f"{run}: none of its validation pictures are in this data")
    loaded = arrays.load(rows)
    trained = keras.models.load_model(run / "best.keras", compile=False)
    model = network.serving(trained, _familiar(trained, rows, loaded, folds))

    new = out.with_name(out.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    model.save(new / KERAS_FILE)
    convert(model, new / LITERT_FILE)
    shutil.copy(run / "split.csv", new)
    chosen = np.flatnonzero(np.isin(folds, ("validation", "test")))
    check_parity(model, new / LITERT_FILE, loaded.pictures[chosen[:PARITY_PICTURES]])

    plan = json.loads((run / "plan.json").read_text())
    # Where the teachers lay on this machine is nobody's business.
    plan["teachers"] = [Path(teacher).name for teacher in plan.get("teachers", ())]
    answers = _answers(new / LITERT_FILE, [i for i in chosen if folds[i] == "validation"], loaded)
    validation = [rows[i] for i in chosen if folds[i] == "validation"]
    card = {
        "version": _next_version(out),
        "created": date.today().isoformat(),
        "side": network.SIDE,
        "diagnoses": CATEGORY_OF,
        "advice": ADVICE,
        "reasons": REASONS,
        "quality": network.QUALITY,
        **calibration.calibrate(validation, answers),
        "files": {
            engine: {
                "name": name,
                "bytes": (new / name).stat().st_size,
                "sha256": hashlib.sha256((new / name).read_bytes()).hexdigest(),
            }
            for engine, name in (("litert", LITERT_FILE), ("keras", KERAS_FILE))
        },
        "training": {
            "plan": plan,
            "pictures": _counts(rows, folds),
            "parameters": model.count_params(),
        },
        "licence": LICENCE,
        "libraries": {name: version(name) for name in ("keras", "ai-edge-litert", "numpy")},
    }
    _write(card, new)
    test = [row for row, fold in zip(rows, folds, strict=True) if fold == "test"]
    _write(card | _figures(new, test), new)
    # From the file: JSON has turned tuples into lists, as every reader of the release finds them.
    written = json.loads((new / "model.json").read_text(encoding="utf-8"))
    (new / CARD_FILE).write_text(model_card.render(written), encoding="utf-8")
    _swap(new, out)


def convert(model: keras.Model, file: Path) -> None:
    """Write the served graph as LiteRT with float16 weights, a batch of one."""
    model.export(
        file,
        format="litert",
        verbose=False,
        # The runtime for browsers reads no dimension that is left open.
        input_signature=[
            keras.InputSpec(
                shape=(1, network.SIDE, network.SIDE, 3), dtype="float32", name="picture"
            )
        ],
        optimizations=[tf.lite.Optimize.DEFAULT],
        target_spec={"supported_types": [tf.float16]},
    )


def check_parity(model: keras.Model, litert: Path, pictures: np.ndarray) -> float:
    """The largest difference of any probability; raises ParityError above PARITY."""
    engine = classifier.litert_engine(litert)
    squares = np.stack([_square(picture) for picture in pictures])
    plain = {"temperature": 1.0, "bias": 0.0}
    ours = classifier.calibrated(model.predict(squares, verbose=0)["logits"], plain)
    theirs = [engine(square)["logits"] for square in tqdm(squares, "parity", unit="picture")]
    worst = float(np.abs(ours - classifier.calibrated(np.stack(theirs), plain)).max())
    if worst > PARITY:
        raise ParityError(f"LiteRT differs from Keras by {worst:.1e}, more than {PARITY:.0e}")
    return worst


def _familiar(
    trained: keras.Model, rows: list[Row], loaded: arrays.Arrays, folds: np.ndarray
) -> network.Familiar:
    """Fitted on a sample of training lesions, as many of each modality as there are."""
    rng = np.random.default_rng(0)
    known = []
    for modality in MODALITIES:
        of = [i for i, row in enumerate(rows) if folds[i] == "train" and row.allowed
              and row.modality == modality]  # fmt: skip
        known += rng.permutation(of)[: FAMILIAR_PICTURES // len(MODALITIES)].tolist()
    squares = np.stack([images.to_input(loaded.pictures[i], network.SIDE) for i in sorted(known)])
    return network.Familiar(trained.predict(squares, batch_size=64)["features"])


def _answers(litert: Path, chosen: list[int], loaded: arrays.Arrays) -> dict[str, np.ndarray]:
    engine = classifier.litert_engine(litert)
    answers = [engine(_square(loaded.pictures[i])) for i in tqdm(chosen, "calibrate")]
    return {name: np.stack([a[name] for a in answers]) for name in ("logits", "quality")}


def _figures(folder: Path, rows: list[Row]) -> dict:
    """What the release reaches on the test fold, by modality, data set and skin tone, and what it
    refuses."""
    model = classifier.load(folder)
    predictions = evaluation.collect(model, rows)
    result = evaluation.evaluate(predictions)
    by = result["subgroups"]
    for modality, block in by["modality"].items():
        block["datasets"] = {
            name.removesuffix(f" {modality}"): of_both
            for name, of_both in by["dataset_and_modality"].items()
            if name.endswith(f" {modality}")
        }
    lesions = [row for row in rows if row.allowed]
    everyday = [row for row in rows if row.dx == "not_a_lesion"]
    return {
        "figures": by["modality"],
        "skin_tones": by["skin_tone"],
        "refused": {
            "lesions": {name: block["refused"] for name, block in by["modality"].items()},
            "foreign": trust.refused_foreign(model, lesions, everyday),
        },
    }


def _write(card: dict, folder: Path) -> None:
    text = json.dumps(card, indent=1) + "\n"
    (folder / "model.json").write_text(text, encoding="utf-8")


def _square(picture: np.ndarray) -> np.ndarray:
    return images.to_input(picture, network.SIDE).astype(np.float32)


def _counts(rows: list[Row], folds: np.ndarray) -> dict[str, dict[str, int]]:
    """Pictures by data set and modality, and fold."""
    counts: dict[str, dict[str, int]] = {}
    for row, fold in zip(rows, folds, strict=True):
        of_set = counts.setdefault(f"{row.dataset} {row.modality}", {})
        of_set[fold] = of_set.get(fold, 0) + 1
    return counts


def _next_version(out: Path) -> str:
    """Year, month, and the release's number in that month."""
    month = date.today().strftime("%Y.%-m")
    try:
        last = json.loads((out / "model.json").read_text(encoding="utf-8"))["version"]
    except (OSError, ValueError):
        return f"{month}.1"
    before, _, number = last.rpartition(".")
    return f"{month}.{int(number) + 1 if before == month else 1}"


def _swap(new: Path, out: Path) -> None:
    """Replace a folder by another so that a crash leaves one of them whole."""
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(new, out)
    shutil.rmtree(old, ignore_errors=True)
