"""A trained run → a release: the served graph in Keras and LiteRT, calibrated and checked."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ml import classifier, datasets, images, network
from ml.datasets import Row, arrays, splits
from ml.measure import evaluation, trust
from ml.publish import calibration, model_card
from ml.taxonomy import ADVICE, CATEGORY_OF, MODALITIES, REASONS

KERAS_FILE, LITERT_FILE, CARD_FILE = "skincare.keras", "skincare.tflite", "model-card.md"
PARITY, PARITY_PICTURES = 1e-4, 200
ROUNDING = 0.02  # what float16 may move a probability; up to 0.008 were seen
FAMILIAR_PICTURES = 4000
LICENCE = (
    "Research and non-commercial use only: the weights were learnt from pictures under "
    "CC BY-NC and CC BY-NC-SA licences. Train on your own pictures for any other use."
)
RESEARCH_SETS = {"HAM10000", "ISIC2018_task1", "SIIM-ISIC2020", "Derm7pt"}
OWN_LICENCE = "As the owners of the pictures that the weights were learnt from allow."


class ParityError(RuntimeError):
    """The exported graph does not answer as the trained one does; nothing was released."""


def release(run: Path, out: Path = classifier.RELEASE) -> None:
    """Export, calibrate on the run's validation fold, check, and replace the release in ``out``.

    Raises ParityError, and datasets.DatasetError for data that the run was not split on; the
    old release then stays as it was.
    """
    data = json.loads((run / "data.json").read_text())
    rows = datasets.read(data["folders"], data["modality"]).trainable
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

    plan = json.loads((run / "plan.json").read_text())
    # Where the teachers lay on this machine is nobody's business.
    plan["teachers"] = [Path(teacher).name for teacher in plan.get("teachers", ())]
    chosen = np.flatnonzero(folds == "validation")
    answers = _answers(new / LITERT_FILE, chosen, loaded)
    card = {
        "version": _next_version(out),
        "created": date.today().isoformat(),
        "side": network.SIDE,
        "diagnoses": CATEGORY_OF,
        "advice": ADVICE,
        "reasons": REASONS,
        "quality": network.QUALITY,
        **calibration.calibrate([rows[i] for i in chosen], answers),
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
        "licence": LICENCE if RESEARCH_SETS & {row.dataset for row in rows} else OWN_LICENCE,
        "libraries": {name: version(name) for name in ("keras", "ai-edge-litert", "numpy")},
    }
    _write(card, new)
    held_out = np.flatnonzero(
        [bool(row.allowed) and f != "train" for row, f in zip(rows, folds, strict=True)]
    )
    some = np.sort(np.random.default_rng(0).permutation(held_out)[:PARITY_PICTURES])
    check_parity(trained, new, [rows[i].modality for i in some], loaded.pictures[some])
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


def check_parity(
    trained: keras.Model, folder: Path, modalities: list[str], pictures: np.ndarray
) -> None:
    """The LiteRT file of a release against its Keras file, which holds the same numbers, and
    against the network as it was trained. Raises ParityError where probabilities differ by more
    than PARITY and ROUNDING, or the two files give any picture another risk category."""
    squares = np.stack([_square(picture) for picture in pictures])
    lite, reference = (classifier.load(folder, engine) for engine in classifier.ENGINES)

    def probabilities(logits: Iterable[np.ndarray]) -> np.ndarray:
        calibrations = (lite.card["calibration"][modality] for modality in modalities)
        return np.stack([*map(classifier.calibrated, logits, calibrations)])

    shipped, same = (
        probabilities(model.outputs(picture)["logits"] for picture in tqdm(pictures, "parity"))
        for model in (lite, reference)
    )
    before = probabilities(trained.predict(squares, batch_size=64, verbose=0)["logits"])
    for name, other, limit in (
        (KERAS_FILE, same, PARITY),
        ("the trained network", before, ROUNDING),
    ):
        worst = float(np.abs(shipped - other).max())
        if worst > limit:
            raise ParityError(f"{LITERT_FILE} differs from {name} by {worst:.1e}, not {limit:.0e}")
    thresholds = [lite.thresholds[modality] for modality in modalities]
    ours, theirs = (evaluation.decisions(p, thresholds) for p in (shipped, same))
    if changed := int((ours != theirs).sum()):
        raise ParityError(f"{LITERT_FILE} gives {changed} pictures another category")


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


def _answers(litert: Path, chosen: np.ndarray, loaded: arrays.Arrays) -> dict[str, np.ndarray]:
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
    """Year, month, and the release's number in that month, also after the one that ships: old
    answers are kept by version."""
    month = date.today().strftime("%Y.%-m")
    last = 0
    for folder in (out, classifier.RELEASE):
        try:
            card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        before, _, number = card["version"].rpartition(".")
        last = max(last, int(number) if before == month else 0)
    return f"{month}.{last + 1}"


def _swap(new: Path, out: Path) -> None:
    """Replace a folder by another so that a crash leaves one of them whole."""
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(new, out)
    shutil.rmtree(old, ignore_errors=True)
