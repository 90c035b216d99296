"""Plots and the page that shows them: an evaluation, or a data set's summary."""

import csv
import html
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from ml import images
from ml.datasets import Manifest
from ml.measure import metrics
from ml.measure.evaluation import Predictions
from ml.taxonomy import DIAGNOSES, MODALITIES, RISK_CATEGORIES

WORST = 24
FLIP_SAMPLES = 4
THUMB = 150
# Names of files and sets are no formulas: of “$_”, nothing were drawn.
plain_text = rc_context({"text.parse_math": False})


@plain_text
def write_report(predictions: Predictions, result: dict, folder: Path) -> Path:
    """Write ``index.html``, its plots, ``metrics.json`` and ``predictions.csv``; → the page."""
    folder.mkdir(parents=True, exist_ok=True)
    lesions = predictions.select(np.array([bool(row.allowed) for row in predictions.rows], bool))
    sections = []
    for modality in MODALITIES:
        part = lesions.select(np.array([row.modality == modality for row in lesions.rows], bool))
        truth = part.malignant()
        if {0, 1} <= set(truth.tolist()):
            known = part.select(truth >= 0)
            sections.append((modality, _plots(known, folder, modality)))
    (folder / "metrics.json").write_text(json.dumps(result, indent=1) + "\n")
    _write_predictions(predictions, folder / "predictions.csv")
    page = folder / "index.html"
    page.write_text(
        _page(
            "Evaluation",
            [
                _overview(result),
                _trust(result["trust"], folder) if "trust" in result else "",
                *map(_section, sections),
            ],
        ),
        encoding="utf-8",
    )
    return page


@plain_text
def write_summary(manifest: Manifest, folder: Path) -> list[Path]:
    """Draw the category distribution and a sheet of flip samples; → the files."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = Counter((row.dataset, row.dx) for row in manifest.rows)
    labels = [dx for dx, _ in Counter(row.dx for row in manifest.rows).most_common()]
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    below = np.zeros(len(labels))
    for dataset in sorted({row.dataset for row in manifest.rows}):
        heights = np.array([counts[dataset, dx] for dx in labels])
        axes.bar(labels, heights, bottom=below, label=dataset)
        below += heights
    for x, height in enumerate(below):
        axes.text(x, height, f"{height:,.0f}", ha="center", va="bottom", fontsize=8)
    axes.set(ylabel="pictures", title="Pictures by diagnosis")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(fontsize=8)
    distribution, sheet = folder / "distribution.png", folder / "flips.png"
    figure.savefig(distribution, dpi=120)
    _flip_sheet(manifest).save(sheet)
    return [distribution, sheet]


def _flip_sheet(manifest: Manifest) -> Image.Image:
    """Original, vertical, horizontal and both flips of some malignant pictures."""
    malignant = [row for row in manifest.rows if row.is_malignant]
    step = max(1, len(malignant) // FLIP_SAMPLES)
    rows = (malignant or manifest.rows)[::step][:FLIP_SAMPLES]
    sheet = Image.new("RGB", (4 * THUMB, len(rows) * THUMB), "white")
    for y, row in enumerate(rows):
        picture = _thumbnail(row.path)
        both = ImageOps.mirror(ImageOps.flip(picture))
        flips = (picture, ImageOps.flip(picture), ImageOps.mirror(picture), both)
        for x, flipped in enumerate(flips):
            sheet.paste(flipped, (x * THUMB, y * THUMB))
    return sheet


def _thumbnail(path: Path) -> Image.Image:
    with path.open("rb") as file:
        return ImageOps.fit(images.open_upright(file), (THUMB - 2, THUMB - 2))


def _plots(part: Predictions, folder: Path, modality: str) -> list[tuple[str, str]]:
    """Save every plot of one modality; → (file, caption)."""
    truth, scores = part.malignant() == 1, part.malignancy
    drawn = {
        "roc": ("ROC curves", _roc(part, truth, scores)),
        "calibration": ("Calibration, 15 bins of equal mass", _calibration(truth, scores)),
        "scores": ("Probability of malignancy", _histogram(part, truth, scores)),
        "decision": ("Decision curve", _decision_curve(truth, scores)),
        "selective": ("Error when only the most confident are answered", _selective(part)),
        "categories": ("Risk categories, by the shipped thresholds", _category_matrix(part)),
        "diagnoses": ("Diagnoses, the most probable one", _diagnosis_matrix(part)),
        "worst": ("The worst mistakes, most wrong first", _worst(part, truth, scores)),
    }
    for name, (_, picture) in drawn.items():
        picture.savefig(folder / f"{modality}-{name}.png", dpi=110)
    return [(f"{modality}-{name}.png", caption) for name, (caption, _) in drawn.items()]


def _axes(**labels: str) -> tuple[Figure, object]:
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set(**labels)
    axes.grid(alpha=0.25)
    return figure, axes


def _roc(part: Predictions, truth: np.ndarray, scores: np.ndarray) -> Figure:
    figure, axes = _axes(xlabel="1 − specificity", ylabel="sensitivity")
    melanoma = part.is_melanoma()
    curves = [("malignant", truth, scores)]
    if {0, 1} <= set(melanoma.tolist()):
        known = melanoma >= 0
        curves.append(("melanoma", melanoma[known] == 1, part.melanoma[known]))
    for name, of, by in curves:
        area = metrics.auc(of, by, np.ones((1, len(of))))[0]
        axes.plot(*metrics.roc(of, by), label=f"{name}: AUC {area:.3f}")
    flagged = part.sent()
    axes.plot(
        flagged[~truth].mean(), flagged[truth].mean(), "ko", label="at the shipped thresholds"
    )
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    axes.legend(loc="lower right")
    return figure


def _calibration(truth: np.ndarray, scores: np.ndarray) -> Figure:
    figure, axes = _axes(xlabel="mean predicted malignancy", ylabel="share malignant")
    bins = metrics.equal_mass_bins(truth, scores)
    axes.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    axes.plot([p.mean() for p, _ in bins], [y.mean() for _, y in bins], "o-")
    axes.set_title(f"ECE {metrics.calibration_error(truth, scores):.3f}")
    return figure


def _histogram(part: Predictions, truth: np.ndarray, scores: np.ndarray) -> Figure:
    figure, axes = _axes(xlabel="predicted malignancy", ylabel="pictures")
    axes.hist(
        [scores[~truth], scores[truth]], bins=np.linspace(0, 1, 26), label=["benign", "malignant"]
    )
    axes.axvline(
        part.thresholds[part.rows[0].modality].screen, color="k", ls="--", label="t_screen"
    )
    axes.legend()
    return figure


def _decision_curve(truth: np.ndarray, scores: np.ndarray) -> Figure:
    figure, axes = _axes(xlabel="threshold probability", ylabel="net benefit")
    thresholds = np.linspace(0.01, 0.5, 50)
    everyone = np.ones_like(truth)
    axes.plot(thresholds, [metrics.net_benefit(truth, scores >= t, t) for t in thresholds])
    treat_all = [metrics.net_benefit(truth, everyone, t) for t in thresholds]
    axes.plot(thresholds, treat_all, color="grey", ls="--")
    axes.axhline(0, color="grey", ls=":")
    axes.legend(["the model", "send everyone", "send no one"])
    axes.set_ylim(-0.05, None)
    return figure


def _selective(part: Predictions) -> Figure:
    figure, axes = _axes(xlabel="share answered", ylabel="share of wrong diagnoses")
    truth = part.diagnosis()
    probabilities = part.probabilities[truth >= 0]
    wrong = probabilities.argmax(axis=1) != truth[truth >= 0]
    if len(wrong):
        axes.plot(*metrics.selective_risk(wrong, probabilities.max(axis=1)))
    axes.set(xlim=(0, 1), ylim=(0, None))
    return figure


def _category_matrix(part: Predictions) -> Figure:
    return _matrix(
        part.category(), part.decisions(), [c.replace("_", " ") for c in RISK_CATEGORIES]
    )


def _diagnosis_matrix(part: Predictions) -> Figure:
    return _matrix(part.diagnosis(), part.probabilities.argmax(axis=1), list(DIAGNOSES))


def _matrix(truth: np.ndarray, predicted: np.ndarray, names: list[str]) -> Figure:
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (truth[truth >= 0], predicted[truth >= 0]), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(5, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (y, x), count in np.ndenumerate(counts):
        colour = "white" if shares[y, x] > 0.5 else "black"
        axes.text(x, y, f"{count}\n{shares[y, x]:.0%}", ha="center", va="center", color=colour,
                  fontsize=7)  # fmt: skip
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="label")
    return figure


def _worst(part: Predictions, truth: np.ndarray, scores: np.ndarray) -> Figure:
    order = np.argsort(-np.abs(scores - truth), kind="stable")[:WORST]
    columns = 6
    lines = -(-len(order) // columns)
    figure = Figure(figsize=(columns * 1.6, lines * 1.85), layout="constrained")
    for axes, i in zip(figure.subplots(lines, columns, squeeze=False).flat, order, strict=False):
        row = part.rows[i]
        axes.imshow(_thumbnail(row.path))
        axes.set_title(f"{row.dx}: {scores[i]:.2f}\n{row.image_id}", fontsize=6)
    for axes in figure.axes:
        axes.axis("off")
    return figure


def _write_predictions(predictions: Predictions, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("dataset", "image_id", "group", "modality", "dx", "usable", "malignancy", *DIAGNOSES)
        )
        for row, usable, malignancy, p in zip(
            predictions.rows,
            predictions.usable.tolist(),
            predictions.malignancy,
            predictions.probabilities,
            strict=True,
        ):
            writer.writerow(
                (row.dataset, row.image_id, row.group, row.modality, row.dx, usable)
                + tuple(f"{value:.5f}" for value in (malignancy, *p))
            )


COLUMNS = (
    ("n", "pictures"),
    ("malignant", "malignant"),
    ("auc_malignant", "AUC malignant"),
    ("auc_melanoma", "AUC melanoma"),
    ("auc_melanoma_naevus", "AUC melanoma against naevus"),
    ("specificity_at_95_sensitivity", "specificity at 95 % sensitivity"),
    ("balanced_accuracy_7", "balanced accuracy, 7"),
    ("ece", "ECE"),
    ("brier", "Brier"),
    ("calibration_slope", "calibration slope"),
    ("mean_minus_prevalence", "mean − prevalence"),
)


def _overview(result: dict) -> str:
    lines = [
        ("all pictures", result),
        ("answered, after refusal", result["answered"]),
    ]
    for name, part in (
        ("picture alone", "picture_only"),
        ("as on the phone", "one_pass"),
    ):
        lines += [(f"{name}: {modality}", block) for modality, block in result[part].items()]
    for name, values in result["subgroups"].items():
        lines += [(f"{name}: {value}", block) for value, block in values.items()]
    header = [label for _, label in COLUMNS] + ["sensitivity reached", "specificity reached"]
    body = [
        [name]
        + [_cell(block, key) for key, _ in COLUMNS]
        + [
            _cell(block["thresholds"]["sent_to_doctor"], key)
            for key in ("sensitivity", "specificity")
        ]
        for name, block in lines
    ]
    refused = result["refused_share"]
    note = "" if refused is None else f"<p>Refused of what is not a lesion: {refused:.1%}</p>"
    return f"<h2>Figures, with 95 % intervals</h2>{note}{_table(['', *header], body)}"


def _trust(trust: dict, folder: Path) -> str:
    groups = {"lesions": trust["refused"]["lesions"], "phantoms": trust["refused"]["phantoms"]}
    groups |= {f"foreign: {kind}": block for kind, block in trust["refused"]["foreign"].items()}
    refused = [
        [f"{group}, {modality}", f"{block['n']:,}", f"{block['refused']:.1%}",
         str(block["benign_without_uncertain"]), _counts(block["reasons"])]
        for group, of_group in groups.items()
        for modality, block in of_group.items()
    ]  # fmt: skip
    header = ["", "pictures", "refused", "called benign, not uncertain", "reasons"]
    changes = [
        [f"{name}, {modality}", f"{block['n']:,}", _cell(block, "changed"), _cell(block, "refused")]
        for modality, of_modality in trust["robustness"].items()
        for name, block in of_modality.items()
    ]
    outline = [[name.replace("_", " "), _cell(trust["outline"], name)] for name in trust["outline"]]
    kinds = {"lesions": groups["lesions"], **trust["refused"]["foreign"]}
    changed = _by_change(trust["robustness"])
    plots = {
        "refused": _bars("share refused", kinds, "refused", (0.03, 0.97)),
        "changes": _bars("share whose category changes", changed, "changed", (0.05,)),
    }
    for name, figure in plots.items():
        figure.savefig(folder / f"trust-{name}.png", dpi=110)
    return (
        f"<h2>What is refused</h2>{_figure('trust-refused.png', 'Refused, and the targets')}"
        f"{_table(header, refused)}<h2>What changes the risk category</h2>"
        f"{_figure('trust-changes.png', 'Category changed, and the target')}"
        f"{_table(['', 'pictures', 'category changed', 'newly refused'], changes)}"
        f"<h2>Outline and heatmap against the drawn masks</h2>{_table(['', ''], outline)}"
    )


def _by_change(robustness: dict[str, dict[str, dict]]) -> dict[str, dict[str, dict]]:
    names = dict.fromkeys(name for of_modality in robustness.values() for name in of_modality)
    return {
        name: {m: block[name] for m, block in robustness.items() if name in block} for name in names
    }


def _bars(label: str, groups: dict, key: str, targets: tuple[float, ...]) -> Figure:
    """Horizontal bars, one for each group and modality, with dashed lines at the targets."""
    figure = Figure(figsize=(6, 1 + 0.45 * len(groups)), layout="constrained")
    axes = figure.subplots()
    for shift, modality in zip((-0.2, 0.2), MODALITIES, strict=True):
        bars = [
            (y, of[modality][key] or 0) for y, of in enumerate(groups.values()) if modality in of
        ]
        axes.barh([y + shift for y, _ in bars], [v for _, v in bars], 0.38, label=modality)
    for target in targets:
        axes.axvline(target, color="k", ls="--", lw=0.8)
    axes.set_yticks(range(len(groups)), [name.replace("_", " ") for name in groups])
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.legend(loc="best")
    return figure


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "–"


def _cell(block: dict, key: str) -> str:
    value, spread = block[key], block.get(f"{key}_ci95")
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3f}" + (f" ({spread[0]:.3f} to {spread[1]:.3f})" if spread else "")


def _table(header: list[str], body: Iterable[list[str]]) -> str:
    head = "".join(f"<th scope=col>{html.escape(cell)}</th>" for cell in header)
    rows = "".join(
        f"<tr><th scope=row>{html.escape(first)}</th>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in body
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _figure(file: str, caption: str) -> str:
    caption = html.escape(caption)
    return f'<figure><img src="{file}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _section(section: tuple[str, list[tuple[str, str]]]) -> str:
    modality, plots = section
    figures = "".join(_figure(file, caption) for file, caption in plots)
    return f"<h2>{modality.capitalize()}</h2>{figures}"


def _page(title: str, parts: list[str]) -> str:
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; font-size: 12px; }}
th, td {{ border: 1px solid #ccc; padding: 2px 6px; text-align: right; }}
td {{ white-space: nowrap; }}
tbody th {{ text-align: left; font-weight: normal; }}
figure {{ display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }}
img {{ max-width: 100%; }}
</style>
<h1>{html.escape(title)}</h1>
{"".join(parts)}
</html>
"""
