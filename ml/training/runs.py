"""The run folder: what a training leaves, and how it is read again."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np

from ml import datasets, network, whole
from ml.datasets import DatasetError, Row, splits
from ml.taxonomy import DEFAULT_MODALITY
from ml.training.plan import Plan

PLAN, DATA, SPLIT, EPOCHS, CURVES = (
    "plan.json",
    "data.json",
    "split.csv",
    "epochs.csv",
    "curves.png",
)
BEST, LAST = "best.npz", "last.npz"


def best(run: Path) -> keras.Model:
    """The trained network of a run, with its best weights. Raises OSError for a folder that holds
    none, DatasetError for weights that are damaged or another network's."""
    model = network.build(variant=Plan.read(run / PLAN).backbone)
    try:
        with (run / BEST).open("rb") as file, np.load(file) as stored:
            for variable in model.weights:
                variable.assign(stored[variable.path].astype(np.float32))
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DatasetError(f"{run / BEST}: not the weights of {PLAN} ({error})") from error
    return model


def save_best(run: Path, model: keras.Model) -> None:
    """The weights by name, in float16: half as many bytes to carry; the release rounds them so
    anyway."""
    _save(run / BEST, {v.path: _array(v).astype(np.float16) for v in model.weights})


def save_last(run: Path, variables: Sequence) -> None:
    """All that a training goes on from, in full precision, in order."""
    _save(run / LAST, {str(number): _array(v) for number, v in enumerate(variables)})


def resume(run: Path, variables: Sequence) -> None:
    """Read back what ``save_last`` wrote. Raises DatasetError for what is damaged."""
    try:
        with (run / LAST).open("rb") as file, np.load(file) as stored:
            for number, variable in enumerate(variables):
                variable.assign(stored[str(number)])
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise DatasetError(f"{run / LAST}: nothing to go on from ({error})") from error


def kept_plan(run: Path, plan: Plan | None) -> Plan:
    """The plan that the run began with; raises DatasetError where another one is asked for."""
    kept = Plan.read(run / PLAN)
    if plan and plan != kept:
        raise DatasetError(f"{run} was begun with another plan; choose another folder")
    return kept


def describe(run: Path, plan: Plan, data: Sequence[Path], modality: str | None, split: str) -> None:
    """Write what a run began with: ``plan.json``, ``data.json`` and ``split.csv``."""
    whole.write_text(run / PLAN, json.dumps(asdict(plan), indent=2))
    folders = [str(Path(folder).resolve()) for folder in data]
    whole.write_text(run / DATA, json.dumps({"folders": folders, "given": modality}))
    whole.write_text(run / SPLIT, split)


def described(run: Path) -> dict:
    """``data.json``: the folders that the run learnt from, and the modality that was given. Raises
    DatasetError for a damaged one."""
    try:
        told = json.loads((run / DATA).read_text(encoding="utf-8"))
        # Earlier versions wrote the usual one where none was given.
        before = told.get("modality")
        given = told.get("given", None if before == DEFAULT_MODALITY else before)
        return {"folders": told["folders"], "modality": given}
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise DatasetError(f"{run / DATA}: damaged ({error!r})") from error


def pictures(
    run: Path, data: Sequence[Path] | None = None, needed: Sequence[str] = splits.FOLDS
) -> tuple[list[Row], list[str | None]]:
    """The pictures that the run learnt from and was measured on, and the fold of each; None for
    what its split does not know. ``data`` is where they are, for a run that was made elsewhere.

    What can't be read is named on stderr. Raises DatasetError for data that the run was not split
    on, or that lack a picture of the folds that are ``needed``.
    """
    known = described(run)
    manifest = datasets.read(data or known["folders"], known["modality"], decode=True)
    datasets.warn(manifest)
    rows = manifest.trainable
    absent, asked = splits.missing(run / SPLIT, rows, needed)
    if absent:
        raise DatasetError(
            f"{run}: {absent:,} of {asked:,} pictures of {SPLIT} are not in this data; give --data "
            "with every set that it was trained on"
        )
    folds = splits.read(run / SPLIT, rows)
    if "validation" not in folds:
        raise DatasetError(f"{run}: none of its validation pictures are in this data")
    return rows, folds


def history(run: Path) -> list[dict]:
    """The rows of ``epochs.csv``; none before the first epoch."""
    if not (run / EPOCHS).exists():
        return []
    with (run / EPOCHS).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def save_history(run: Path, rows: list[dict]) -> None:
    """Write the rows of ``epochs.csv``."""
    with (
        whole.written(run / EPOCHS) as part,
        part.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, rows[-1].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _array(variable) -> np.ndarray:
    # np.asarray fails where the variable lies on an accelerator.
    return keras.ops.convert_to_numpy(variable)


def _save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """What is left after a kill or on a full disk is the file of the epoch before."""
    with whole.written(path) as part:
        np.savez(part, **arrays)
