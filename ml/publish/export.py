"""A trained run → a release: the served graph in Keras and LiteRT, calibrated and checked."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from itertools import compress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from ml import classifier, images, network, person, whole
from ml.datasets import DatasetError, Row, arrays, fingerprints, splits
from ml.measure import evaluation, trust
from ml.publish import bands, calibration, external, model_card, second_stage
from ml.release import CARD, Release, ReleaseError, second_reader
from ml.taxonomy import (
    ADVICE,
    CATEGORY_OF,
    DIAGNOSES,
    LOW_RISK_DIAGNOSES,
    MODALITIES,
    REASONS,
    Thresholds,
)
from ml.training import blend, runs
from ml.training.loop import check_held_out
from ml.training.plan import Plan

NETWORK, SECOND_READER, CARD_FILE = "skincare", "second-reader", "model-card.md"
SUFFIXES = {"litert": "tflite", "keras": "keras"}
PARITY, PARITY_PICTURES = 1e-4, 200
SUM_PARITY = len(DIAGNOSES) * PARITY  # what PARITY allows a sum of probabilities
ROUNDING = 0.02  # what float16 may move a probability; up to 0.008 were seen
FAMILIAR_PICTURES = 4000
# By modality, the share of the square at which mirrored turns look (docs/experiments.md).
CLOSER = {"photo": 0.65}
LICENCE = (
    "Research and non-commercial use only: the weights were learnt from pictures under "
    "CC BY-NC and CC BY-NC-SA licences. Train on your own pictures for any other use."
)
RESEARCH_SETS = {
    "HAM10000",
    "ISIC2018_task1",
    "SIIM-ISIC2020",
    "ISIC2020",
    "MILK10k",
    "Derm7pt",
}
OWN_LICENCE = "As the owners of the pictures that the weights were learnt from allow."


class ParityError(RuntimeError):
    """The exported graph does not answer as the trained one does; nothing was released."""


def release(
    run: Path,
    out: Path = classifier.RELEASE,
    measured: external.Measured | None = None,
    data: Sequence[Path] | None = None,
    second_run: Path | None = None,
) -> None:
    """Export, calibrate on the run's validation fold, check, and replace the release in ``out``.

    ``measured`` is what others measured, of any version; ``data`` is where the pictures are, for a
    run that was made elsewhere. ``second_run`` is the second reader's, which the server asks, too.
    Raises ParityError, and datasets.DatasetError for data that lack a picture of the run or that
    the second one learnt; the old release then stays as it was, and so does any other folder.
    """
    check_place(out)
    used = [run, *filter(None, [second_run])]
    plans = [Plan.read(of / runs.PLAN) for of in used]
    rows, folds = _pictures(run, data)
    if second_run:
        check_held_out(second_run, rows, folds.tolist())
    loaded, side = arrays.load(rows), plans[0].validation_side
    networks = [runs.best(of) for of in used]
    familiar = _familiar(networks[0], rows, loaded, folds, side)
    served = _graphs(networks, plans, familiar, side)
    with _replacing(out) as new:
        _save(served, new)
        shutil.copy(run / runs.SPLIT, new)
        learnt = [*compress(rows, np.isin(folds, ("train", "validation")))]
        fingerprints.write(learnt, new / fingerprints.FILE, descent(used))
        trained, *second = map(_trained, plans, served.values())
        training = {
            **trained,
            **({"second_reader": second[0]} if second else {}),
            "pictures": _counts(rows, folds),
        }
        terms = {
            modality: second_stage.learnt([rows[i] for i in _learnt(rows, folds, modality)])
            for modality in MODALITIES
        }
        card = _card(new, side, rows, folds, terms)
        card |= {"training": training, "licence": licence(used)}
        card["version"] = _version(card, out)
        _write(card, new)
        judged = np.array(
            [bool(row.allowed) and row.modality in card["thresholds"] for row in rows]
        )
        drawn = np.random.default_rng(0).permutation(np.flatnonzero(judged & (folds != "train")))
        some = np.sort(drawn[:PARITY_PICTURES])
        check_parity(networks, new, [rows[i].modality for i in some], loaded.pictures[some])
        _measure(card, rows, folds, measured, new)


def recalibrate(
    released: Path, rows: list[Row], out: Path, measured: external.Measured | None = None
) -> None:
    """Calibrate the networks of a release, as they are, and measure them anew; replaces ``out``.

    Pictures that the release's split knows keep their fold. Of others, as of a clinic that it never
    saw, a fifth are to measure on and the rest to calibrate on; those that it learnt under another
    name are left out. ``measured`` as of ``release``. Raises DatasetError for rows that lack either
    part, ReleaseError for a folder without a release, ValueError for too few lesions; ``out`` then
    stays as it was.
    """
    check_place(out)
    kept = Release.read(released)
    side, licence, training = (kept.part(name) for name in ("side", "licence", "training"))
    before, stages = kept.part("training", "pictures"), kept.part("person")
    for name in (("parameters",), ("plan", "backbone")):  # for the model card, at the end
        kept.part("training", *name)
    rows, folds, strange = _held_out(released, rows)
    with _replacing(out) as new:
        for name in kept.card["files"]:
            shutil.copy(kept.file(name), new)
        split = splits.appended(released / runs.SPLIT, rows, folds.tolist())
        (new / runs.SPLIT).write_text(split, encoding="utf-8")
        learnt = [*compress(rows, (folds == "validation") & strange)]
        fingerprints.write(learnt, new / fingerprints.FILE, [released])
        # As they were learnt, where the card says it: what did not help there may help here.
        terms = {
            modality: stage.get("learnt", stage["terms"]) for modality, stage in stages.items()
        }
        card = _card(new, side, rows, folds, terms)
        counts = _counts(rows, folds)
        learnt_from = {
            name: {"train": of["train"]} for name, of in before.items() if of.get("train")
        }
        pictures = {of: learnt_from.get(of, {}) | counts.get(of, {}) for of in learnt_from | counts}
        card |= {"training": training | {"pictures": pictures}, "licence": licence}
        # Of its own, since the next release of the same month has the next number.
        said = hashlib.sha256(json.dumps(_answers_by(card)).encode()).hexdigest()
        card["version"] = f"{kept.version.partition('+')[0]}+{said[:8]}"
        _write(card, new)
        _measure(card, rows, folds, measured, new)


def check_place(out: Path) -> None:
    """Raises DatasetError for a folder that holds something else than a release, OSError for one
    that can't be written beside."""
    whole.check_folder(out.parent)  # where it is made, under another name
    if out.exists() and any(out.iterdir()) and not (out / CARD).is_file():
        raise DatasetError(f"{out}: no release lies there; choose another folder")


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """The empty folder that becomes ``out`` at the end; of no name that people give to one. What
    is not released leaves nothing."""
    new = out.with_name(f"partial.{out.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    try:
        yield new
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _swap(new, out)


def _held_out(released: Path, rows: list[Row]) -> tuple[list[Row], np.ndarray, np.ndarray]:
    """The rows that a release did not learn, nor others of their patients, the fold of each,
    validation or test, and whether its split does not know them. Raises DatasetError where either
    fold has no lesion."""
    unknown = [i for i, fold in enumerate(splits.read(released / runs.SPLIT, rows)) if not fold]
    folds = fingerprints.folds(rows, released)
    for i, fold in enumerate(splits.completed(rows, folds)):
        folds[i] = folds[i] or ("test" if fold == "test" else "validation")
    for fold, purpose in (("validation", "to calibrate on"), ("test", "to measure on")):
        if not any(row.allowed for row, its in zip(rows, folds, strict=True) if its == fold):
            raise DatasetError(
                f"No lesion is left {purpose}: there are too few in this data, or {released} "
                "learnt them"
            )
    held_out = [i for i, fold in enumerate(folds) if fold in ("validation", "test")]
    strange = np.isin(held_out, unknown)
    return [rows[i] for i in held_out], np.array([folds[i] for i in held_out]), strange


def _pictures(run: Path, data: Sequence[Path] | None) -> tuple[list[Row], np.ndarray]:
    """Every picture of the run's split, and its fold."""
    found, known = runs.pictures(run, data)
    rows = [row for row, fold in zip(found, known, strict=True) if fold]
    folds = np.array([fold for fold in known if fold])
    if "test" not in folds:
        raise DatasetError(f"{run}: none of its test pictures are in this data")
    return rows, folds


def _graphs(
    networks: Sequence[keras.Model], plans: Sequence[Plan], familiar: network.Familiar, side: int
) -> dict[str, keras.Model]:
    """The served graph of each trained network, by the name of its files."""
    first, *others = zip(networks, (plan.backbone for plan in plans), strict=True)
    served = {NETWORK: network.serving(first[0], familiar, variant=first[1], side=side)}
    for trained, variant in others:
        served[SECOND_READER] = network.second_reader(trained, variant=variant, side=side)
    return served


def _save(served: Mapping[str, keras.Model], folder: Path) -> None:
    """Each graph as Keras and as LiteRT."""
    for name, model in served.items():
        model.save(folder / f"{name}.keras")
        _deflate(folder / f"{name}.keras")
        convert(model, folder / f"{name}.tflite")


def _card(
    folder: Path,
    side: int,
    rows: list[Row],
    folds: np.ndarray,
    terms: Mapping[str, Mapping[str, person.Term]],
) -> dict:
    """model.json, but for version, training, licence and figures; calibrated on the answers of the
    LiteRT files in ``folder`` to the validation pictures."""
    names = [of for of in (NETWORK, SECOND_READER) if (folder / f"{of}.tflite").is_file()]
    chosen = [*compress(rows, folds == "validation")]
    readers = [classifier.litert_engine(folder / f"{name}.tflite") for name in names]
    calibrated = calibration.calibrate(chosen, _answers(readers, chosen, side), terms)
    return {
        "version": "",
        "created": date.today().isoformat(),
        "side": side,
        "diagnoses": CATEGORY_OF,
        "advice": ADVICE,
        "reasons": REASONS,
        "quality": network.QUALITY,
        "closer": {of: share for of, share in CLOSER.items() if of in calibrated["thresholds"]},
        **calibrated,
        "files": {
            (second_reader(engine) if name == SECOND_READER else engine): _file(
                folder / f"{name}.{suffix}"
            )
            for name in names
            for engine, suffix in SUFFIXES.items()
        },
        "libraries": {name: version(name) for name in ("keras", "ai-edge-litert", "numpy")},
    }


def add_external(folder: Path, measured: external.Measured) -> None:
    """Put what others measured of a release into it, and write its model card anew.

    Raises ReleaseError for a release of an earlier version, whose model card can't be written, and
    for one of which nothing was measured; it then stays as it was.
    """
    card = {**Release.read(folder).card}
    try:
        model_card.render(card | {"external": None})
    except KeyError as lack:
        raise ReleaseError(
            f"{folder}: {CARD} has no {lack.args[0]}: an earlier version of this program wrote it; "
            "calibrate it, or release its run again"
        ) from lack
    found = external.of_release(card, measured)
    if not found:
        raise ReleaseError(
            f"{folder}: nothing of it was measured there: {card['version']}, whose file has the "
            f"checksum {card['files']['litert']['sha256']}"
        )
    _finish(card | {"external": found}, folder)


def licence(used: Iterable[Path]) -> str:
    """Of weights from these runs, by the sets that they and those before them were learnt from. A
    run that is gone counts as research."""
    for run in descent(used):
        if not all((run / file).is_file() for file in (runs.PLAN, runs.SPLIT)):
            return LICENCE
        if {dataset for dataset, _ in splits.stored_folds(run / runs.SPLIT)} & RESEARCH_SETS:
            return LICENCE
    return OWN_LICENCE


def descent(used: Iterable[Path]) -> Iterator[Path]:
    """These runs, and all that they started from, were taught by or are the mean of, which may have
    been carried beside them from another machine; also a run that is gone, but none before it."""
    for run in used:
        yield run
        if (run / runs.PLAN).is_file():
            plan = Plan.read(run / runs.PLAN)
            named = [Path(of) for of in (plan.start, *plan.teachers, *blend.inputs(run)) if of]
            yield from descent(of if of.is_dir() else run.parent / of.name for of in named)


def convert(model: keras.Model, file: Path) -> None:
    """Write the served graph as LiteRT with float16 weights, a batch of one."""
    shape = (1, *model.input_shape[1:])
    model.export(
        file,
        format="litert",
        verbose=False,
        # The runtime for browsers reads no dimension that is left open.
        input_signature=[keras.InputSpec(shape=shape, dtype="float32", name="picture")],
        optimizations=[tf.lite.Optimize.DEFAULT],
        target_spec={"supported_types": [tf.float16]},
    )


def check_parity(
    networks: Sequence[keras.Model], folder: Path, modalities: list[str], pictures: np.ndarray
) -> None:
    """Each LiteRT file of a release against its Keras file, which holds the same numbers, and
    against the network as it was trained. Raises ParityError where probabilities differ by more
    than PARITY and ROUNDING, or the two files give another risk category to any picture that does
    not lie, within PARITY, on the edge between two."""
    lite, reference = (classifier.load(folder, engine) for engine in classifier.ENGINES)
    squares = np.stack([classifier.square(picture, lite.side) for picture in pictures])
    thresholds = [lite.thresholds[modality] for modality in modalities]

    def probabilities(logits: Iterable[np.ndarray]) -> np.ndarray:
        calibrations = (lite.card["calibration"][modality] for modality in modalities)
        return np.stack([*map(classifier.calibrated, logits, calibrations)])

    names = (NETWORK, SECOND_READER)[: len(networks)]
    for file, trained, *engines in zip(
        names, networks, lite.readers, reference.readers, strict=True
    ):
        shipped, same = (
            probabilities(engine(square)["logits"] for square in tqdm(squares, f"parity of {file}"))
            for engine in engines
        )
        before = probabilities(trained.predict(squares, batch_size=64, verbose=0)["logits"])
        for other, of, limit in (
            ("the Keras file", same, PARITY),
            ("the trained network", before, ROUNDING),
        ):
            worst = float(np.abs(shipped - of).max())
            if not worst <= limit:  # NaN is neither
                raise ParityError(f"{file} differs from {other} by {worst:.1e}, not {limit:.0e}")
        ours, theirs = (evaluation.decisions(p, thresholds) for p in (shipped, same))
        apart = np.array([_gap(p, at) > SUM_PARITY for p, at in zip(same, thresholds, strict=True)])
        if changed := int((ours != theirs)[apart].sum()):
            raise ParityError(f"{file} gives {changed} pictures another category")


def _gap(probabilities: np.ndarray, thresholds: Thresholds) -> float:
    """How far a picture's probabilities (7,) lie from the nearest edge between two categories."""
    of = dict(zip(DIAGNOSES, probabilities.tolist(), strict=True))
    low_risk = sum(of[diagnosis] for diagnosis in LOW_RISK_DIAGNOSES)
    return min(
        abs(low_risk + of["mel"] - thresholds.screen),
        abs(of["mel"] - thresholds.melanoma),
        abs(of["mel"] * thresholds.cost_ratio - low_risk) / (1 + thresholds.cost_ratio),
    )


def _learnt(rows: list[Row], folds: np.ndarray, modality: str) -> list[int]:
    """Where the training lesions of a modality stand."""
    return [
        i
        for i, row in enumerate(rows)
        if folds[i] == "train" and row.allowed and row.modality == modality
    ]


def _familiar(
    trained: keras.Model, rows: list[Row], loaded: arrays.Arrays, folds: np.ndarray, side: int
) -> network.Familiar:
    """Fitted on a sample of training lesions, as many of each modality as there are."""
    rng = np.random.default_rng(0)
    known = []
    for modality in MODALITIES:
        of = _learnt(rows, folds, modality)
        known += rng.permutation(of)[: FAMILIAR_PICTURES // len(MODALITIES)].tolist()
    squares = np.stack([images.to_input(loaded.pictures[i], side) for i in sorted(known)])
    return network.Familiar(trained.predict(squares, batch_size=64)["features"])


def _answers(
    readers: Sequence[classifier.Engine], rows: list[Row], side: int
) -> dict[str, np.ndarray]:
    """Of the whole pictures, as they are served: of smaller copies, they would be less sharp."""
    answers = [
        classifier.served(readers, row.decode(), side, CLOSER.get(row.modality))
        for row in tqdm(rows, "calibrate")
    ]
    names = ("logits", "quality", "one_pass", "one_pass_quality")
    return {name: np.stack([a[name] for a in answers]) for name in names}


def _measure(
    card: dict,
    rows: list[Row],
    folds: np.ndarray,
    measured: external.Measured | None,
    folder: Path,
) -> None:
    """Complete the card in ``folder`` by what it reaches on the test fold. Raises DatasetError
    where that holds no lesion of the kinds that it judges."""
    kinds = card["thresholds"]
    tested = [
        row
        for row in compress(rows, folds == "test")
        if row.modality in kinds or row.dx == "not_a_lesion"
    ]
    if not any(row.allowed for row in tested):
        raise DatasetError(f"No lesion is left to measure on: none of {' and '.join(kinds)}")
    card |= _figures(folder, tested)
    _finish(card | {"external": external.of_release(card, measured)}, folder)


def _figures(folder: Path, rows: list[Row]) -> dict:
    """What the release reaches on the test fold, by modality, data set and skin tone, the share of
    cancers by bands of malignancy, and what it refuses."""
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
        block |= {part: result[part][modality] for part in ("picture_only", "one_pass")}
    answered = predictions.select(predictions.usable & (predictions.malignant() >= 0))
    lesions = [row for row in rows if row.allowed]
    everyday = [row for row in rows if row.dx == "not_a_lesion"]
    return {
        "figures": by["modality"],
        "bands": {modality: _bands(answered, modality) for modality in by["modality"]},
        "skin_tones": by["skin_tone"],
        "skin_tones_in_set": by["skin_tone_in_set"],
        "skin_types": by["skin_type"],
        "refused": {
            "lesions": {name: block["refused"] for name, block in by["modality"].items()},
            "foreign": trust.refused_foreign(model, lesions, everyday),
        },
    }


def _bands(answered: evaluation.Predictions, modality: str) -> list[bands.Band]:
    of = answered.select(np.array([row.modality == modality for row in answered.rows], bool))
    return bands.observed(of.malignancy, of.malignant() == 1, [row.lesion for row in of.rows])


def _read(folder: Path) -> dict:
    return json.loads((folder / CARD).read_text(encoding="utf-8"))


def _write(card: dict, folder: Path) -> None:
    whole.write_text(folder / CARD, json.dumps(card, indent=1) + "\n")


def _finish(card: dict, folder: Path) -> None:
    """Write model.json and the model card; neither where the card can't be rendered."""
    # From JSON, which turns tuples into lists, as every reader of the release finds them.
    text = model_card.render(json.loads(json.dumps(card)))
    _write(card, folder)
    whole.write_text(folder / CARD_FILE, text)


def _deflate(archive: Path) -> None:
    """Keras stores its files as they are; of weights that float16 holds, half is zeros."""
    whole = archive.with_suffix(".whole")
    archive.replace(whole)
    with ZipFile(whole) as source, ZipFile(archive, "w", ZIP_DEFLATED, compresslevel=9) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))
    whole.unlink()


def _file(path: Path) -> dict:
    return {
        "name": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _trained(plan: Plan, model: keras.Model) -> dict:
    # Where other runs lay on this machine is nobody's business.
    other = {"teachers": [Path(t).name for t in plan.teachers], "start": Path(plan.start).name}
    return {"plan": asdict(plan) | other, "parameters": model.count_params()}


def _counts(rows: list[Row], folds: np.ndarray) -> dict[str, dict[str, int]]:
    """Pictures by data set and modality, and fold."""
    counts: dict[str, dict[str, int]] = {}
    for row, fold in zip(rows, folds, strict=True):
        of_set = counts.setdefault(f"{row.dataset} {row.modality}", {})
        of_set[fold] = of_set.get(fold, 0) + 1
    return counts


def _version(card: dict, out: Path) -> str:
    """Year, month, and the release's number in that month, also after the one that ships: old
    answers are kept by version. What answers as the release in ``out`` does keeps its version."""
    month = date.today().strftime("%Y.%-m")
    last = 0
    for folder in (out, classifier.RELEASE):
        try:
            released = _read(folder)
        except (OSError, ValueError):
            continue
        if folder == out and _answers_by(released) == _answers_by(json.loads(json.dumps(card))):
            return released["version"]
        before, _, number = released["version"].partition("+")[0].rpartition(".")
        last = max(last, int(number) if before == month else 0)
    return f"{month}.{last + 1}"


def _answers_by(card: dict) -> list:
    """What an answer follows from."""
    names = (
        "quality", "closer", "calibration", "person", "thresholds", "live", "sitting", "limits",
    )  # fmt: skip
    networks = (card["files"].get(of) for of in ("litert", second_reader("litert")))
    return [*(of and of["sha256"] for of in networks), *(card.get(name) for name in names)]


def _swap(new: Path, out: Path) -> None:
    """Replace a folder by another so that a crash leaves one of them whole."""
    old = out.with_name(f"replaced.{out.name}")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)
    os.replace(new, out)
    shutil.rmtree(old, ignore_errors=True)
