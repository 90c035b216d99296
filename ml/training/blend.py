"""The weighted mean of a run's weights and those of the run that went on from it.

A training on new pictures forgets some of the old ones; between the two ends lie weights that know
both (WiSE-FT: Wortsman et al., CVPR 2022, arXiv 2109.01903).
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ml import datasets, network, whole
from ml.datasets import arrays
from ml.training import runs
from ml.training.loop import Validation, check_held_out
from ml.training.plan import Plan

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the later run
BLEND = "blend.json"


def blend(earlier: Path, later: Path, out: Path, data: Sequence[Path] | None = None) -> dict:
    """Write the run folder ``out`` with the mean that scores best on the validation fold of
    ``later``; → the score by share, as ``blend.json`` has it.

    ``data`` is where the pictures are, where ``later`` was trained elsewhere; test pictures, which
    no pack has, are not needed. Raises
    datasets.DatasetError for networks that differ in their layers, for an earlier run that learnt
    what the later one holds out, for data that ``later`` was not split on, and for an ``out`` that
    holds another run than a blend.
    """
    is_input = out.resolve() in (earlier.resolve(), later.resolve())
    if is_input or (out / runs.BEST).exists() and not (out / BLEND).exists():
        raise datasets.DatasetError(f"{out} holds a trained run; choose another folder")
    plan = Plan.read(later / runs.PLAN)
    rows, folds = runs.pictures(later, data, needed=("validation",))
    check_held_out(earlier, rows, folds)
    first, second = runs.best(earlier).get_weights(), runs.best(later).get_weights()
    if [w.shape for w in first] != [w.shape for w in second]:
        raise datasets.DatasetError(f"{earlier} and {later} have different networks")
    model = network.build(variant=plan.backbone)
    held_out = [row for row, fold in zip(rows, folds, strict=True) if fold == "validation"]
    validation = Validation(held_out, arrays.load(held_out), range(len(held_out)), plan)

    def mix(share: float) -> None:
        pairs = zip(first, second, strict=True)
        model.set_weights([(1 - share) * a + share * b for a, b in pairs])

    measured = {}
    for share in tqdm(SHARES, "Blending", unit="share"):
        mix(share)
        measured[share] = {k: round(float(v), 4) for k, v in validation.measure(model).items()}
    best = max(SHARES, key=lambda share: measured[share]["score"])
    mix(best)
    out.mkdir(parents=True, exist_ok=True)
    runs.save_best(out, model)
    for name in (runs.PLAN, runs.DATA, runs.SPLIT):
        shutil.copy(later / name, out)
    # By their paths, for the licence of a release; a copy of the folders is looked for beside it.
    made_of = {"earlier": str(earlier.resolve()), "later": str(later.resolve())}
    said = made_of | {"share": best, "by_share": measured}
    whole.write_text(out / BLEND, json.dumps(said, indent=1))
    return said


def inputs(run: Path) -> list[str]:
    """The folders of the runs that a run is the mean of; none where it is not a blend. Raises
    DatasetError for a damaged ``blend.json``."""
    if not (run / BLEND).exists():
        return []
    try:
        said = json.loads((run / BLEND).read_text(encoding="utf-8"))
        return [said["earlier"], said["later"]]
    except (ValueError, TypeError, KeyError) as error:
        raise datasets.DatasetError(f"{run / BLEND}: damaged ({error!r})") from error
