"""From pictures to assessments with a released model, by LiteRT or by Keras."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import contourpy
import numpy as np

from ml import images, quality
from ml.taxonomy import BENIGN, DIAGNOSES, Thresholds, categories, decide, is_flagged

RELEASE = Path(__file__).parent / "release"
ENGINES = ("litert", "keras")
MIN_PICTURE_SIDE = 100  # below it, "too_few_pixels"
# The eight turns and flips of a square (the dihedral group): how often, and mirrored or not.
SYMMETRIES = [(turns, mirrored) for mirrored in (False, True) for turns in range(4)]

Outputs = dict[str, np.ndarray]
Engine = Callable[[np.ndarray], Outputs]


class ReleaseError(RuntimeError):
    """A released model that can't be loaded; the message names what is missing or damaged."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the model says of one picture: the contract of the API, the command line, the phone."""

    model_version: str
    modality: str
    usable: bool
    reasons: list[str]
    warnings: list[str]
    diagnoses: dict[str, float]
    categories: dict[str, float]
    malignancy: float
    risk_category: str | None
    uncertain: bool
    advice: str
    heatmap: dict | None
    outline: list[list[float]] | None
    milliseconds: float

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


class Classifier:
    """A loaded release. Not for use by several threads at once."""

    def __init__(self, card: Mapping, engine: Engine) -> None:
        self.card, self._engine = card, engine
        self.version: str = card["version"]
        self.side: int = card["side"]
        self.thresholds = {m: Thresholds(**t) for m, t in card["thresholds"].items()}

    def warm(self) -> None:
        """One picture through everything, so that the first real one does not pay for it."""
        self.assess([np.zeros((self.side, self.side, 3), np.uint8)], next(iter(self.thresholds)))

    def outputs(self, image: np.ndarray) -> Outputs:
        """The graph's raw outputs for an RGB picture (h, w, 3) uint8, without the batch axis."""
        return self._engine(images.to_input(image, self.side).astype(np.float32))

    def assess(self, pictures: Sequence[np.ndarray], modality: str) -> list[Assessment]:
        """Assess RGB pictures (h, w, 3) uint8, each of one lesion. Raises ReleaseError for a
        modality that the model was not trained for."""
        return [self.look(picture, modality)[0] for picture in pictures]

    def look(self, picture: np.ndarray, modality: str) -> tuple[Assessment, dict[str, float]]:
        """One picture's assessment, with the quality numbers that it rests on. Raises like
        ``assess``."""
        if modality not in self.thresholds:
            raise ReleaseError(f"model {self.version} was not trained for {modality} pictures")
        begin = time.perf_counter()
        thresholds, calibration = self.thresholds[modality], self.card["calibration"][modality]
        square = images.to_input(picture, self.side).astype(np.float32)
        out = self._engine(square)
        probabilities = calibrated(out["logits"], calibration)
        uncertain = False
        if self._near(probabilities, thresholds):
            passes = [probabilities, *self._other_passes(square, calibration)]
            flags = {is_flagged(_named(p), thresholds) for p in passes}
            uncertain = len(flags) > 1
            probabilities = np.mean(passes, axis=0)
        diagnoses = _named(probabilities)
        parts = categories(diagnoses)
        numbers = dict(zip(self.card["quality"], out["quality"].tolist(), strict=True))
        limits = self.card["limits"][modality]
        reasons = quality.broken(numbers, limits, "reason")
        if min(picture.shape[:2]) < MIN_PICTURE_SIDE:
            reasons.append("too_few_pixels")
        risk_category, advice = decide(diagnoses, thresholds, uncertain=uncertain)
        if reasons:
            risk_category, uncertain, advice = None, False, "retake"
        assessment = Assessment(
            model_version=self.version,
            modality=modality,
            usable=not reasons,
            reasons=reasons,
            warnings=quality.broken(numbers, limits, "warning"),
            diagnoses=diagnoses,
            categories=parts,
            malignancy=max(0.0, 1 - parts[BENIGN]),  # rounding may give −1e-16
            risk_category=risk_category,
            uncertain=uncertain,
            advice=advice,
            heatmap=heatmap(out["cam"], int(probabilities.argmax()), picture.shape),
            outline=outline(out["mask"][..., 0], picture.shape),
            milliseconds=round((time.perf_counter() - begin) * 1000, 2),
        )
        return assessment, numbers

    def _near(self, probabilities: np.ndarray, thresholds: Thresholds) -> bool:
        """Whether either score lies so close to its threshold that turning could change sides."""
        diagnoses = _named(probabilities)
        scores = (
            (1 - categories(diagnoses)[BENIGN], thresholds.screen),
            (diagnoses["mel"], thresholds.melanoma),
        )
        return any(abs(_logit(p) - _logit(t)) < self.card["near"] for p, t in scores)

    def _other_passes(self, square: np.ndarray, calibration: Mapping) -> list[np.ndarray]:
        turned = (
            np.rot90(square[:, ::-1] if mirrored else square, turns)
            for turns, mirrored in SYMMETRIES[1:]
        )
        return [
            calibrated(self._engine(np.ascontiguousarray(t))["logits"], calibration) for t in turned
        ]


def load(path: Path | str = RELEASE, engine: str = "litert") -> Classifier:
    """Load a released model folder. Raises ReleaseError for one that is missing or damaged,
    ValueError for an unknown engine."""
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; there are {', '.join(ENGINES)}")
    folder = Path(path)
    try:
        card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(f"{folder}: no released model here ({error})") from error
    try:
        known = card["files"][engine]
        file = folder / known["name"]
        if hashlib.sha256(file.read_bytes()).hexdigest() != known["sha256"]:
            raise ValueError("its checksum is not that of model.json")
        return Classifier(card, litert_engine(file) if engine == "litert" else keras_engine(file))
    except ImportError as error:
        raise ReleaseError(
            f"the {engine} engine needs the packages of requirements/train.txt ({error})"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{folder}: can't be loaded by {engine} ({error!r})") from error


def calibrated(logits: np.ndarray, calibration: Mapping) -> np.ndarray:
    """Logits (…, 7) → probabilities by a temperature and a bias (Guo et al., arXiv 1706.04599)."""
    z = np.asarray(logits, np.float64) / calibration["temperature"] + calibration["bias"]
    z = np.exp(z - z.max(axis=-1, keepdims=True))
    return z / z.sum(axis=-1, keepdims=True)


def heatmap(cam: np.ndarray, diagnosis: int, shape: tuple[int, ...]) -> dict | None:
    """The class activation map (s, s, 7) of one diagnosis over the whole picture of ``shape``.

    The evidence for it above the average of all, 0–1 by its strongest cell; cells outside the
    square that the network saw are 0. None where nothing speaks for the diagnosis.
    """
    evidence = np.maximum(cam[..., diagnosis] - cam.mean(axis=-1), 0)
    if evidence.max() <= 0:
        return None
    evidence = evidence / evidence.max()
    height, width = shape[:2]
    top, left, side = images.central_square(height, width)
    cells = evidence.shape[0]
    rows = max(cells, round(cells * height / side))
    columns = max(cells, round(cells * width / side))
    # The centres of the whole picture's cells, in cells of the square.
    y = ((np.arange(rows) + 0.5) * height / rows - top) / side * cells - 0.5
    x = ((np.arange(columns) + 0.5) * width / columns - left) / side * cells - 0.5
    grid = _bilinear(evidence, y, x)
    return {"rows": rows, "cols": columns, "values": np.round(grid, 4).ravel().tolist()}


def outline(mask: np.ndarray, shape: tuple[int, ...]) -> list[list[float]] | None:
    """The largest region of a lesion mask (m, m) 0–1 as a closed [[x, y] …] in 0–1 of the
    picture of ``shape``; None where there is none."""
    padded = np.pad(mask, 1)
    lines = contourpy.contour_generator(z=padded).lines(0.5)
    if not lines:
        return None
    line = max(lines, key=lambda points: abs(_area(points)))
    height, width = shape[:2]
    top, left, side = images.central_square(height, width)
    square = np.clip((line - 0.5) / mask.shape[0], 0, 1)
    points = (square * side + (left, top)) / (width, height)
    return np.round(points, 4).tolist()


def _area(points: np.ndarray) -> float:
    x, y = points.T
    return float(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2


def _bilinear(grid: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sample at the rows ``y`` and columns ``x``; 0 beyond half a cell outside."""

    def weights(at: np.ndarray, size: int) -> np.ndarray:
        inside = (at > -0.5 - 1e-6) & (at < size - 0.5 + 1e-6)
        at = np.clip(at, 0, size - 1)
        return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(size))) * inside[:, None]

    return weights(y, grid.shape[0]) @ grid @ weights(x, grid.shape[1]).T


def _named(probabilities: np.ndarray) -> dict[str, float]:
    return dict(zip(DIAGNOSES, probabilities.tolist(), strict=True))


def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return float(np.log(p / (1 - p)))


def litert_engine(file: Path) -> Engine:
    """The served graph in LiteRT; no TensorFlow in the process."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file), num_threads=2)
    run = interpreter.get_signature_runner()

    def engine(square: np.ndarray) -> Outputs:
        return {name: value[0] for name, value in run(picture=square[None]).items()}

    return engine


def keras_engine(file: Path) -> Engine:
    """The served graph in Keras on TensorFlow: the reference."""
    import keras
    import tensorflow as tf

    from ml import network  # noqa: F401  registers the layers that the file names

    model = keras.models.load_model(file, compile=False)
    run = tf.function(lambda picture: model(picture, training=False))

    def engine(square: np.ndarray) -> Outputs:
        return {name: value[0].numpy() for name, value in run(square[None]).items()}

    return engine
