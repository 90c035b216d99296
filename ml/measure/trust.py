"""Whether an answer can be trusted: what the gate refuses, where outline and heatmap lie, and
what turning, light and compression change."""

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter
from tqdm import tqdm

from ml import images
from ml.datasets import Row
from ml.synthetic import foreign, phantoms
from ml.taxonomy import BENIGN, MODALITIES

if TYPE_CHECKING:
    from ml.classifier import Assessment, Classifier

MADE = 60  # pictures of each kind that is drawn
SKIN = 300  # at most, windows of plain skin
ROBUSTNESS = 300  # lesions at most of each modality
MEASURED_AT = 224  # the side at which outlines are compared
MASS_RATIO = 1.5  # a heatmap that means something puts this much more on the lesion than chance


def measure(classifier: "Classifier", rows: list[Row]) -> dict:
    """Everything below on held-out rows and on pictures of no lesion, ready for JSON."""
    lesions = [row for row in rows if row.allowed]
    everyday = [row for row in rows if row.dx == "not_a_lesion"]
    return {
        "refused": {
            "lesions": refused_lesions(classifier, lesions),
            "foreign": refused_foreign(classifier, lesions, everyday),
            "phantoms": refused_phantoms(classifier),
        },
        "outline": outlines(classifier, [row for row in lesions if row.mask]),
        "robustness": robustness(classifier, lesions),
    }


def refused_lesions(classifier: "Classifier", rows: list[Row]) -> dict[str, dict]:
    """By modality: how many real lesions are refused, and for what."""
    answers = [(row.modality, _assess(classifier, row)) for row in tqdm(rows, "lesions")]
    return {
        modality: _refused([answer for of, answer in answers if of == modality])
        for modality in MODALITIES
        if any(of == modality for of, _ in answers)
    }


def refused_foreign(
    classifier: "Classifier", lesions: list[Row], everyday: list[Row]
) -> dict[str, dict]:
    """By kind, then modality: what is not a lesion, from rows, from scikit-image and of our own."""
    kinds: dict[str, list[np.ndarray]] = defaultdict(list)
    for kind, picture in foreign.made(MADE):
        kinds[kind].append(picture)
    kinds["samples"] = [picture for _, picture in foreign.samples()]
    kinds["everyday"] = [row.decode() for row in everyday]
    for row in (row for row in lesions if row.mask):
        picture = row.decode()
        window = foreign.plain_skin(picture, _mask(row, picture))
        if window is not None:
            kinds["plain_skin"].append(window)
        if len(kinds["plain_skin"]) == SKIN:
            break
    return {
        kind: _refused_by_modality(classifier, pictures)
        for kind, pictures in tqdm(kinds.items(), "foreign")
        if pictures
    }


def refused_phantoms(classifier: "Classifier") -> dict[str, dict]:
    """The demo pictures, which are neither lesions nor foreign and set nothing."""
    pictures = [np.asarray(phantoms.render(name)) for name in phantoms.PHANTOMS]
    return _refused_by_modality(classifier, pictures)


def _refused_by_modality(classifier: "Classifier", pictures: list[np.ndarray]) -> dict[str, dict]:
    return {
        modality: _refused(classifier.assess(pictures, modality))
        for modality in classifier.thresholds
    }


def outlines(classifier: "Classifier", rows: list[Row]) -> dict:
    """The mask's overlap with the drawn one, and how much of the heatmap lies on the lesion.

    The heatmap's share counts where it is shown and the lesion fills less than half the picture.
    """
    overlaps, ratios, shown = [], [], 0
    for row in tqdm(rows, "outlines"):
        picture = row.decode()
        mask = _mask(row, picture)
        truth = _central(mask)
        out = classifier.outputs(picture, row.modality)
        overlaps.append(iou(out["mask"][..., 0], truth))
        answer = classifier.judge(out, picture.shape, row.modality).assessment
        if answer.heatmap:
            shown += 1
            if 0 < mask.mean() < 0.5:
                ratios.append(mass_ratio(answer.heatmap, mask))
    return {
        "n": len(rows),
        "mean_iou": _mean(overlaps),
        "heatmap_shown": shown / len(rows) if rows else None,
        "heatmap_mass_ratio": _mean(ratios),
        "heatmap_on_lesion": _mean([ratio >= MASS_RATIO for ratio in ratios]),
    }


def robustness(classifier: "Classifier", rows: list[Row]) -> dict[str, dict[str, dict]]:
    """By modality, then change: of the pictures answered before and after, the share whose risk
    category differs; and of those answered before, the share refused after."""
    result = {}
    for modality in MODALITIES:
        chosen = [row for row in rows if row.modality == modality]
        chosen = chosen[:: max(1, -(-len(chosen) // ROBUSTNESS))]
        pairs: dict[str, list[tuple[Assessment, Assessment]]] = defaultdict(list)
        for row in tqdm(chosen, f"robustness, {modality}"):
            picture = row.decode()
            [before] = classifier.assess([picture], modality)
            if before.usable:
                for name, change in CHANGES.items():
                    [after] = classifier.assess([change(picture)], modality)
                    pairs[name].append((before, after))
        if chosen:
            result[modality] = {name: _changed(of_change) for name, of_change in pairs.items()}
    return result


def iou(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union of a mask (m, m) 0–1, scaled up, and a bool one."""
    scaled = Image.fromarray(predicted.astype(np.float32)).resize(
        truth.shape[::-1], Image.Resampling.BILINEAR
    )
    inside = np.asarray(scaled) > 0.5
    union = (inside | truth).sum()
    return float((inside & truth).sum() / union) if union else 1.0


def mass_ratio(heatmap: dict, mask: np.ndarray) -> float:
    """The heatmap's share on a bool mask of the whole picture, as a multiple of the mask's own
    share: 1 is chance."""
    grid = np.array(heatmap["values"]).reshape(heatmap["rows"], heatmap["cols"])
    cells = Image.fromarray(mask.astype(np.float32)).resize(
        (heatmap["cols"], heatmap["rows"]), Image.Resampling.BOX
    )
    return float((grid * np.asarray(cells)).sum() / grid.sum() / mask.mean())


def _light(*factors: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda picture: (picture * np.array(factors)).clip(0, 255).astype(np.uint8)


def _crop(top: float, left: float, part: float) -> Callable[[np.ndarray], np.ndarray]:
    """A square of ``part`` of the picture's short side; its place as shares of the room left."""

    def crop(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        side = round(part * min(height, width))
        y, x = round(top * (height - side)), round(left * (width - side))
        return picture[y : y + side, x : x + side]

    return crop


def _blur(picture: np.ndarray) -> np.ndarray:
    radius = min(picture.shape[:2]) / 256
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def _compress(picture: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=40)
    return images.decode(stream.getvalue())


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turn": lambda picture: np.ascontiguousarray(np.rot90(picture)),
    "flip": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
    "brighten": _light(1.15, 1.15, 1.15),
    "warm": _light(1.06, 1, 0.94),
    "cool": _light(0.94, 1, 1.06),
    "blur": _blur,
    "compress": _compress,
    "closer": _crop(0.5, 0.5, 0.85),
    "off_centre": _crop(0.2, 0.8, 0.9),
}


def _changed(pairs: list[tuple["Assessment", "Assessment"]]) -> dict:
    answered = [(before, after) for before, after in pairs if after.usable]
    return {
        "n": len(pairs),
        "changed": _mean([a.risk_category != b.risk_category for a, b in answered]),
        "refused": 1 - len(answered) / len(pairs),
    }


def _refused(answers: list["Assessment"]) -> dict:
    calm = [a.risk_category == BENIGN and not a.uncertain for a in answers]
    return {
        "n": len(answers),
        "refused": _mean([not answer.usable for answer in answers]),
        "benign_without_uncertain": sum(calm),
        "reasons": dict(Counter(r for a in answers for r in a.reasons).most_common()),
    }


def _assess(classifier: "Classifier", row: Row) -> "Assessment":
    [answer] = classifier.assess([row.decode()], row.modality)
    return answer


def _mask(row: Row, picture: np.ndarray) -> np.ndarray:
    """(h, w) bool in the pixels of its picture, which large files are reduced to."""
    size = picture.shape[1::-1]
    return np.asarray(row.decode_mask().resize(size, Image.Resampling.NEAREST)) > 0


def _central(mask: np.ndarray) -> np.ndarray:
    grey = np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)
    return images.to_input(grey, MEASURED_AT)[..., 0] > 127


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.mean(values)) if values else None
