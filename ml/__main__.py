"""The command line: ``python -m ml COMMAND``, from pictures in folders to predictions."""

import argparse
import io
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

from ml import classifier, features, whole
from ml.change import limits
from ml.classifier import ENGINES, RELEASE, ReleaseError
from ml.datasets.manifest import DatasetError, Manifest, Row
from ml.person import Person
from ml.release import Release
from ml.sitting import together
from ml.taxonomy import BODY_REGIONS, BODY_SITES, DEFAULT_MODALITY, MODALITIES, SEXES

SUMMARY = Path("var/summary")
AFTER_RELEASE = (
    "What pages say of changes, several pictures and similar cases belongs to one version: measure "
    "it for a new one by python -m ml change, python -m ml sitting and python -m ml neighbours."
)
# What pages read.
MEASURED = {path.resolve() for path in (limits.ERROR, together.GAIN, features.NEIGHBOURS)}
CARD = Path(__file__).parents[1] / "docs/model-card.md"  # of the release that the project ships


def main(arguments: list[str] | None = None) -> int:
    """Run one command; → the exit status. Bad input is a message on stderr and status 1, and Ctrl-C
    is one and 130."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")  # nor a list of them
    try:
        _check_outputs(options)
        return options.run(options)
    except ModuleNotFoundError as error:
        print(
            f"error: this needs the training packages ({error.name} is missing): "
            "pip install -r requirements/train.txt",
            file=sys.stderr,
        )
        return 1
    except (DatasetError, ReleaseError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130  # as shells say it of Ctrl-C


def _check_outputs(options: argparse.Namespace) -> None:
    """Before the work, which may take hours. Raises OSError, and ReleaseError where what pages
    read would be of another model than the one that serves: they would then say nothing."""
    for name in options.output_files:
        if path := getattr(options, name):
            whole.check_file(path)
    for name in options.output_folders:
        if path := getattr(options, name):
            whole.check_folder(path)
    measures = options.run in (change, sitting, neighbours)
    if measures and options.out.resolve() in MEASURED and not _serves(options.model):
        raise ReleaseError(
            f"{options.out} is of the model that serves; --out says where what {options.model} "
            "gives is written"
        )


def summarise(options: argparse.Namespace) -> int:
    """What was understood, counts, dropped rows; the distribution and flip samples as pictures."""
    from ml.measure import reporting

    manifest = _read(options)
    _print_counts(manifest)
    for path in reporting.write_summary(manifest, options.report):
        print(path)
    return _status(manifest)


def pack(options: argparse.Namespace) -> int:
    """A data set as a few files that travel, split, for a machine that has nothing else."""
    from ml.datasets import packs, splits

    packs.check_place(options.out)
    manifest = _read_aloud(options)
    rows = manifest.trainable
    folds = splits.split(rows)
    for path in packs.write(rows, folds, options.out):
        print(f"{path.stat().st_size / 2**20:8.1f} MB  {path}")
    return _status(manifest)


def train(options: argparse.Namespace) -> int:
    """Train into a run folder; goes on where a killed training stopped."""
    from ml.training import loop
    from ml.training.plan import Plan

    # None is the usual one, or the one that the run began with.
    plan = Plan.read(options.plan) if options.plan else None
    if options.teacher:
        teachers = tuple(str(run.resolve()) for run in options.teacher)
        plan = replace(plan or Plan(), teachers=teachers)
    if options.strict:
        _read(options)
    faults = loop.train(options.data, options.out, plan, options.modality, options.minutes)
    return int(bool(faults))


def blend(options: argparse.Namespace) -> int:
    """The mean of a run's weights and of those trained on from it: what suits validation best."""
    from ml.training import blend

    said = blend.blend(options.earlier, options.later, options.out, options.data)
    for share, figures in said["by_share"].items():
        chosen = "  ← chosen" if share == said["share"] else ""
        print(f"{share:4.0%} of {options.later.name}: {figures['score']:.4f}{chosen}")
    return 0


def unfold(options: argparse.Namespace) -> int:
    """A release as a run again, for a plan that starts from it on pictures of one's own."""
    from ml.training import unfold

    apart = unfold.unfold(options.model, options.data, options.out, options.modality)
    print(f"{options.out}: its logits differ by {apart:.1e} at most")
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Measure a model on data sets: every figure as JSON, and a report with plots."""
    from ml.measure import comparison, evaluation, reporting, trust

    manifest = _read_aloud(options)
    rows, seen = _held_out(manifest.rows, options.model, options.split, options.seen)
    if options.against:
        # Its test fold may know none of them, as where the other was calibrated on a clinic's.
        rows, seen_by_other = _held_out(rows, options.against, "all", options.seen)
        other = classifier.load(options.against, engine=options.engine)
    model = classifier.load(options.model, engine=options.engine)
    predictions = evaluation.collect(model, rows)
    result = {
        "model_version": model.version,
        "engine": options.engine,
        "split": options.split,
        "seen_in_training": seen,
        **evaluation.evaluate(predictions),
    }
    if options.against:
        result["against"] = {
            "model_version": other.version,
            "seen_in_training": seen_by_other,
            **comparison.compare(predictions, evaluation.collect(other, rows)),
        }
    if options.trust:
        result["trust"] = trust.measure(model, predictions.rows)
    text = json.dumps(result, indent=1) + "\n"
    if options.json:
        whole.write_text(options.json, text)
    else:
        print(text, end="")
    if options.report:
        print(reporting.write_report(predictions, result, options.report), file=sys.stderr)
    return _status(manifest)


def release(options: argparse.Namespace) -> int:
    """Export, calibrate and check a trained run, and make it the released model; of a folder that
    is released already, only add what others measured."""
    from ml.publish import export, external

    measured = external.read(options.external) if options.external else None
    released = (options.folder / "model.json").is_file()
    if released:
        if measured is None:
            raise ReleaseError(f"{options.folder}: released already; give --external to add to it")
        export.add_external(options.folder, measured)
    else:
        before = _kinds(options.out)
        try:
            export.release(
                options.folder, options.out, measured, options.data, options.second_reader
            )
        except (export.ParityError, ValueError) as error:
            raise ReleaseError(f"{options.folder}: not released: {error}") from error
        _print_what_follows(before, options.out)
    if _serves(options.folder if released else options.out):
        (RELEASE / export.CARD_FILE).replace(CARD)
    return 0


def calibrate(options: argparse.Namespace) -> int:
    """A release with the same networks, its probabilities, thresholds and limits set anew: by other
    pictures, as of a clinic that it never saw, or by a newer version of this program."""
    from ml.publish import export, external

    measured = external.read(options.external) if options.external else None
    export.check_place(options.out)
    manifest = _read_aloud(options)
    before = _kinds(options.model)
    try:
        export.recalibrate(options.model, manifest.trainable, options.out, measured)
    except ValueError as error:
        raise ReleaseError(f"{options.model}: not calibrated: {error}") from error
    _print_what_follows(before, options.out)
    if _serves(options.out):
        (RELEASE / export.CARD_FILE).replace(CARD)
    return _status(manifest)


def change(options: argparse.Namespace) -> int:
    """Measure how much pictures of unchanged lesions seem to differ: what pages say of a change."""
    from ml.change import error

    manifest = _read_aloud(options)
    try:
        result = error.measure_error(manifest.rows, classifier.load(options.model, options.engine))
    except ValueError as nothing:
        raise DatasetError(str(nothing)) from nothing
    whole.write_text(options.out, json.dumps(result, indent=1) + "\n")
    print(options.out)
    return _status(manifest)


def sitting(options: argparse.Namespace) -> int:
    """Measure what several pictures of a lesion gain over one."""
    from ml.publish import model_card
    from ml.sitting import gain

    manifest = _read_aloud(options)
    gain.run(options.model, options.engine, _judged(manifest.rows, options.model), options.out)
    print(options.out)
    if _serves(options.model) and options.out.resolve() == together.GAIN.resolve():
        whole.write_text(CARD, model_card.render(Release.read(RELEASE).card))
    return _status(manifest)


def neighbours(options: argparse.Namespace) -> int:
    """Measure on held-out pictures what the nearest ones have in common: for similar cases."""
    from ml.measure import neighbours

    manifest = _read_aloud(options)
    rows, _seen = _held_out(manifest.rows, options.model, "test", with_seen=False)
    try:
        result = neighbours.measure(rows, classifier.load(options.model, options.engine))
    except ValueError as nothing:
        raise DatasetError(str(nothing)) from nothing
    whole.write_text(options.out, json.dumps(result, indent=1) + "\n")
    print(options.out)
    return _status(manifest)


def predict(options: argparse.Namespace) -> int:
    """One JSON object a line for each picture; a bad file is named, the others still answered."""
    from tqdm import tqdm

    from ml import predictions

    person = Person(age=options.age, sex=options.sex, body_site=options.site)
    paths, said = predictions.expand(options.files, sys.stdin)
    faults = 0
    for sentence in said:
        print(f"warning: {sentence}", file=sys.stderr)
    if not paths:
        raise DatasetError("no pictures to look at")
    modality = options.modality or DEFAULT_MODALITY
    answers = predictions.predict(paths, options.model, options.engine, modality, person)
    # On a terminal only, and not between the lines of a pipe.
    for path, answer in tqdm(answers, "Assessing", len(paths), unit="picture", disable=None):
        with tqdm.external_write_mode():
            if isinstance(answer, str):
                print(f"error: {path}: {answer}", file=sys.stderr)
                faults += 1
            else:
                print(json.dumps({"file": str(path), **answer}), flush=True)
    return int(bool(faults))


def _read(options: argparse.Namespace) -> Manifest:
    """The data sets, without what can't be used. With --strict, raises DatasetError for that."""
    from ml import datasets

    manifest = datasets.read(options.data, options.modality, decode=True)
    if options.strict and manifest.faults:
        raise DatasetError("\n".join(manifest.faults))
    return manifest


def _read_aloud(options: argparse.Namespace) -> Manifest:
    """Like ``_read``, and what was dropped or left out is named on stderr."""
    from ml import datasets

    manifest = _read(options)
    datasets.warn(manifest)
    return manifest


def _status(manifest: Manifest) -> int:
    """1 where something was left out that should have been read; it is named on stderr."""
    return int(bool(manifest.faults))


def _serves(folder: Path) -> bool:
    """Whether it is the release that the project ships, however its path is written."""
    return folder.resolve() == RELEASE.resolve()


def _kinds(folder: Path) -> set[str]:
    """The kinds of picture that a release judges; none where there is no release."""
    try:
        return {*Release.read(folder).card["thresholds"]}
    except ReleaseError:
        return set()


def _print_what_follows(before: set[str], out: Path) -> None:
    """Of a new release: what it judges no more, and what is to be measured for it."""
    for kind in sorted(before - _kinds(out)):
        print(
            f"warning: {out} judges no {kind} pictures any more, since none or too few were in "
            "this data: whoever sends one gets no answer",
            file=sys.stderr,
        )
    print(AFTER_RELEASE)


def _print_counts(manifest: Manifest) -> None:
    for (dataset, modality, dx), pictures in sorted(manifest.counts().items()):
        groups = {
            r.group
            for r in manifest.rows
            if (r.dataset, r.modality, r.dx) == (dataset, modality, dx)
        }
        print(f"{dataset:20} {modality:12} {dx:20} {pictures:6,} pictures {len(groups):6,} groups")
    print(f"{'all':54} {len(manifest.rows):6,} pictures")
    for reason, count in manifest.dropped_by_reason():
        print(f"dropped: {count:,} × {reason}")
    for dropped in manifest.dropped:
        print(f"dropped: {dropped.source}: {dropped.image_id}: {dropped.reason}")
    for note in manifest.notes:
        print(f"understood: {note}")
    for warning in manifest.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for fault in manifest.faults:
        print(f"error: {fault}", file=sys.stderr)


def _held_out(rows: list[Row], model: Path, split: str, with_seen: bool) -> tuple[list[Row], int]:
    """The rows to measure on, and how many the model was trained or calibrated on.

    These are known by name, by content or by their patient, and left out unless ``with_seen``; so
    are kinds of picture that the model does not judge. Raises DatasetError where nothing is left.
    """
    from ml.datasets import fingerprints, splits

    rows = _judged(rows, model)
    if split == "test":
        folds = splits.read(model / "split.csv", rows)
        rows = [row for row, fold in zip(rows, folds, strict=True) if fold == "test"]
        if not rows:
            raise DatasetError(f"No picture is in the test fold of {model}; use --split all.")
        return rows, 0
    known = [fold in ("train", "validation") for fold in fingerprints.folds(rows, model)]
    count = sum(known)
    if count:
        then = "they count all the same" if with_seen else "LEFT OUT; --seen counts them, too"
        print(
            f"warning: {model} was made with {count:,} of these {len(rows):,} pictures: {then}",
            file=sys.stderr,
        )
    if not with_seen:
        rows = [row for row, is_known in zip(rows, known, strict=True) if not is_known]
    if not rows:
        raise DatasetError(f"{model} was made with all of these pictures; --seen measures on them")
    return rows, count


def _judged(rows: list[Row], model: Path) -> list[Row]:
    """The rows of the kinds of picture that a release judges; the others are named on stderr.

    What is not a lesion is of any kind. Raises DatasetError where nothing is left.
    """
    known = Release.read(model).card["thresholds"]
    kept = [row for row in rows if row.modality in known or row.dx == "not_a_lesion"]
    if not kept:
        raise DatasetError(f"{model} judges {' and '.join(known)} pictures only; there are none")
    if left_out := len(rows) - len(kept):
        print(
            f"warning: {model} judges {' and '.join(known)} pictures only: "
            f"{left_out:,} of these {len(rows):,} LEFT OUT",
            file=sys.stderr,
        )
    return kept


def _age(text: str) -> float:
    try:
        return Person(age=float(text)).age
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return minutes


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml", description="The science of the product.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        run, *parts: argparse.ArgumentParser, files: str = "", folders: str = ""
    ) -> argparse.ArgumentParser:
        """``files`` and ``folders`` name the options that say where something is written."""
        made = commands.add_parser(
            run.__name__, help=run.__doc__, description=run.__doc__, parents=parts
        )
        made.set_defaults(run=run, output_files=files.split(), output_folders=folders.split())
        return made

    data = argparse.ArgumentParser(add_help=False)
    data.add_argument(
        "--data", type=Path, action="append", required=True, metavar="DIR",
        help="a data set, or a folder of several; may be repeated",
    )  # fmt: skip
    data.add_argument(
        "--strict", action="store_true",
        help="stop at what can't be read, in place of going on without it and ending with 1",
    )  # fmt: skip
    modality = argparse.ArgumentParser(add_help=False)
    modality.add_argument(
        "--modality", choices=MODALITIES,
        help="how pictures were taken, where the data don't say (default: as is known of a "
        f"published set, else {DEFAULT_MODALITY})",
    )  # fmt: skip
    outside = argparse.ArgumentParser(add_help=False)
    outside.add_argument(
        "--external", type=Path, metavar="FILE",
        help="what others measured, by version; what is not of this model is left out",
    )  # fmt: skip
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument("--model", type=Path, default=RELEASE, help="default: the released one")
    model.add_argument("--engine", choices=ENGINES, default="litert")

    made = command(summarise, data, modality, folders="report")
    made.add_argument("--report", type=Path, default=SUMMARY, help="default: %(default)s")
    made = command(pack, data, modality, folders="out")
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    made = command(train, data, modality, folders="out")
    made.add_argument(
        "--minutes", type=_minutes, metavar="N",
        help="end in this time, with the best weights so far: the learning rate falls with it",
    )  # fmt: skip
    made.add_argument("--out", type=Path, required=True, metavar="RUN")
    made.add_argument("--plan", type=Path, help="JSON with what differs from the usual plan")
    made.add_argument(
        "--teacher",
        type=Path,
        action="append",
        metavar="RUN",
        help="distil this trained run into the new one; may be repeated",
    )
    made = command(blend, folders="out")
    made.add_argument("earlier", type=Path, metavar="RUN")
    made.add_argument("later", type=Path, metavar="RUN_FROM_IT")
    made.add_argument("--out", type=Path, required=True, metavar="RUN")
    made.add_argument(
        "--data", type=Path, action="append", metavar="DIR",
        help="where the pictures are, for runs that were made on another machine",
    )  # fmt: skip
    made = command(unfold, data, modality, folders="out")
    made.add_argument("--model", type=Path, default=RELEASE, help="default: the released one")
    made.add_argument("--out", type=Path, required=True, metavar="RUN")
    made = command(evaluate, data, modality, model, files="json", folders="report")
    made.add_argument("--split", choices=("all", "test"), default="all")
    made.add_argument(
        "--seen", action="store_true", help="also measure on what the model was made with"
    )
    made.add_argument(
        "--against", type=Path, metavar="RELEASE",
        help="another release, on the same pictures: differences with intervals, as “against”",
    )  # fmt: skip
    made.add_argument("--json", type=Path, metavar="OUT")
    made.add_argument("--report", type=Path, metavar="DIR")
    made.add_argument(
        "--trust", action="store_true",
        help="also measure what is refused, outline, heatmap and robustness: minutes more",
    )  # fmt: skip
    made = command(release, outside)
    made.add_argument("folder", type=Path, metavar="RUN")
    made.add_argument("--out", type=Path, default=RELEASE, help="default: the released one")
    made.add_argument(
        "--second-reader", type=Path, metavar="RUN",
        help="a second run, of any backbone, that the server asks beside the first one",
    )  # fmt: skip
    made.add_argument(
        "--data", type=Path, action="append", metavar="DIR",
        help="where the pictures are, for a run that was made on another machine",
    )  # fmt: skip
    made = command(calibrate, data, modality, outside)
    made.add_argument("--model", type=Path, default=RELEASE, help="default: the released one")
    made.add_argument("--out", type=Path, required=True, metavar="DIR")
    made = command(change, data, modality, model, files="out")
    made.add_argument(
        "--out",
        type=Path,
        default=limits.ERROR,
        metavar="FILE",
        help="default: the one that serves",
    )
    made = command(sitting, data, modality, model, files="out")
    made.add_argument("--out", type=Path, default=together.GAIN, metavar="FILE")
    made = command(neighbours, data, modality, model, files="out")
    made.add_argument(
        "--out",
        type=Path,
        default=features.NEIGHBOURS,
        metavar="FILE",
        help="default: the one that serves",
    )
    made = command(predict, modality, model)
    made.add_argument("--age", type=_age, help="of the person, in years, where it is known")
    made.add_argument("--sex", choices=SEXES, help="of the person, at birth")
    sites = tuple(dict.fromkeys((*BODY_SITES, *BODY_REGIONS)))
    made.add_argument(
        "--site", choices=sites, metavar="SITE", help=f"of the body: {', '.join(sites)}"
    )
    made.add_argument(
        "files", nargs="+", metavar="FILE",
        help="a picture, a folder, a pattern such as “moles/*.jpg”, or - for a list on stdin",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
