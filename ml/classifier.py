"""From pictures to assessments with a released model, by LiteRT or by Keras."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import contourpy
import numpy as np

from ml import images, person, quality
from ml.person import NOBODY, Person
from ml.release import RELEASE, Release, ReleaseError, closer
from ml.taxonomy import BENIGN, DIAGNOSES, Thresholds, categories, decide, is_uncertain

MIN_PICTURE_SIDE = 100  # below it, "too_few_pixels"
LEAST_SHARE = 0.1  # of the square, which a closer look may be at
LESION = 0  # the place of "lesion" among a graph's quality numbers
# The eight turns and flips of a square (the dihedral group): how often, and mirrored or not.
STRAIGHT, MIRRORED = [[(turns, mirrored) for turns in range(4)] for mirrored in (False, True)]

Outputs = dict[str, np.ndarray]
Engine = Callable[[np.ndarray], Outputs]


class NotJudged(ReleaseError):
    """A kind of picture that the model was not trained for: another attempt gives no answer."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the model says of one picture: the contract of the API, the command line, the phone.

    ``used`` names what beside the picture entered: "age", "sex", "body_site". ``picture`` is then
    the answer to the picture alone (malignancy, risk_category, uncertain, advice); else None.
    ``pictures`` are the parts of an answer to several pictures (ml.sitting); else empty.
    """

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
    used: list[str]
    picture: dict | None
    pictures: list[dict]
    heatmap: dict | None
    outline: list[list[float]] | None
    milliseconds: float

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Look:
    """An assessment and what it rests on: the graph's quality numbers, and the probabilities
    (7,) of the picture alone, as served and by one pass of the first reader, the phone's.
    ``features`` (d,) are for ``ml.features``; None of a release whose graph gives none."""

    assessment: Assessment
    quality: dict[str, float]
    picture: np.ndarray
    one_pass: np.ndarray
    features: np.ndarray | None


class Classifier:
    """A loaded release. Not for use by several threads at once.

    The first of its ``readers`` is the network that phones have; ``live`` are the thresholds of
    their one pass of it.
    """

    def __init__(self, card: Mapping, *readers: Engine) -> None:
        self.card, self.readers = card, readers
        self.version: str = card["version"]
        self.side: int = card["side"]
        self.thresholds = _thresholds(card)
        self.live = _thresholds(live(card))

    def warm(self) -> None:
        """One picture through everything, so that the first real one does not pay for it."""
        self.assess([np.zeros((self.side, self.side, 3), np.uint8)], next(iter(self.thresholds)))

    def one_pass(self, picture: np.ndarray) -> Outputs:
        """What a phone's graph gives for an RGB picture (h, w, 3) uint8, without a batch axis."""
        return self.readers[0](square(picture, self.side))

    def outputs(self, picture: np.ndarray, modality: str) -> Outputs:
        """What an assessment rests on, as ``served`` gives it."""
        return served(self.readers, picture, self.side, share=closer(self.card, modality))

    def assess(
        self, pictures: Sequence[np.ndarray], modality: str, of: Person = NOBODY
    ) -> list[Assessment]:
        """Assess RGB pictures (h, w, 3) uint8, each of one lesion of the same person. Raises
        NotJudged for a modality that the model was not trained for."""
        return [self.look(picture, modality, of).assessment for picture in pictures]

    def look(self, picture: np.ndarray, modality: str, of: Person = NOBODY) -> Look:
        """One picture's assessment, with what it rests on. Raises like ``assess``."""
        begin = time.perf_counter()
        look = self.judge(self.outputs(picture, modality), picture.shape, modality, of)
        milliseconds = round((time.perf_counter() - begin) * 1000, 2)
        return replace(look, assessment=replace(look.assessment, milliseconds=milliseconds))

    def judge(
        self, out: Outputs, shape: tuple[int, ...], modality: str, of: Person = NOBODY
    ) -> Look:
        """What the rule makes of the ``outputs`` of a picture of ``shape``. Raises like
        ``assess``, and ReleaseError for outputs that are not numbers."""
        if modality not in self.thresholds:
            raise NotJudged(f"model {self.version} was not trained for {modality} pictures")
        calibration = self.card["calibration"][modality]
        alone = calibrated(out["logits"], calibration)
        stage = self.card.get("person", {}).get(modality, {}).get("terms", {})
        used = person.used(of, stage)
        probabilities = person.moved(alone, person.log_odds(of, stage)) if used else alone
        if not np.isfinite(probabilities).all():  # which no threshold would flag
            raise ReleaseError(f"model {self.version} gives no numbers for a {modality} picture")
        # New numbers come last: an older release's Keras file gives more than its card knows.
        numbers = dict(zip(self.card["quality"], out["quality"].tolist(), strict=False))
        limits = self.card["limits"][modality]
        reasons = quality.broken(numbers, limits, "reason")
        if min(shape[:2]) < MIN_PICTURE_SIDE:
            reasons.append("too_few_pixels")
        thresholds = self.thresholds[modality]
        answer = answered(probabilities, thresholds, usable=not reasons)
        assessment = Assessment(
            model_version=self.version,
            modality=modality,
            usable=not reasons,
            reasons=reasons,
            warnings=quality.broken(numbers, limits, "warning"),
            diagnoses=named(probabilities),
            categories=categories(named(probabilities)),
            **answer,
            used=used,
            picture=answered(alone, thresholds, usable=not reasons) if used else None,
            pictures=[],
            heatmap=heatmap(out["cam"], int(probabilities.argmax()), shape),
            outline=outline(out["mask"][..., 0], shape),
            milliseconds=0.0,
        )
        one_pass = calibrated(out["one_pass"], live(self.card)["calibration"][modality])
        return Look(
            assessment,
            quality=numbers,
            picture=alone,
            one_pass=one_pass,
            features=out.get("features"),
        )


def load(folder: Path | str = RELEASE, engine: str = "litert") -> Classifier:
    """Load a released model folder. Raises ReleaseError for one that is missing or damaged,
    ValueError for an unknown engine."""
    return load_release(Release.read(Path(folder)), engine)


def load_release(of: Release, engine: str = "litert") -> Classifier:
    """Load a release for an engine. Raises like ``load``."""
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; there are {', '.join(ENGINES)}")
    files = [of.file(name) for name in of.readers(engine)]
    try:
        loaded = Classifier(of.card, *map(ENGINES[engine], files))
        _rehearse(loaded)
        return loaded
    except ImportError as error:
        raise ReleaseError(
            f"the {engine} engine needs the packages of requirements/train.txt ({error})"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, ReleaseError) as error:
        raise ReleaseError(f"{of.folder}: can't be loaded by {engine} ({error!r})") from error


def _rehearse(loaded: Classifier) -> None:
    """Judge nothing once, of each kind: what the card lacks is an error now, not at a picture."""
    none, numbers = np.zeros(len(DIAGNOSES)), np.zeros(len(loaded.card["quality"]))
    out = {"logits": none, "one_pass": none, "quality": numbers}
    out |= {"cam": np.zeros((1, 1, len(DIAGNOSES))), "mask": np.zeros((1, 1, 1))}
    for modality in loaded.thresholds:
        loaded.judge(out, (1, 1), modality)
        share = closer(loaded.card, modality)
        if share is not None and not LEAST_SHARE <= share <= 1:
            raise ValueError(f"closer: {share} of a square can't be looked at")
    for several in loaded.card.get("sitting", {}).values():
        Thresholds(**several)


def answered(probabilities: np.ndarray, thresholds: Thresholds, *, usable: bool = True) -> dict:
    """What the rule says to probabilities (7,)."""
    diagnoses = named(probabilities)
    uncertain = is_uncertain(diagnoses, thresholds)
    risk_category, advice = decide(diagnoses, thresholds, uncertain=uncertain)
    return {
        # Rounding may give −1e-16.
        "malignancy": max(0.0, 1 - categories(diagnoses)[BENIGN]),
        "risk_category": risk_category if usable else None,
        "uncertain": uncertain and usable,
        "advice": advice if usable else "retake",
    }


def served(
    readers: Sequence[Engine], picture: np.ndarray, side: int, share: float | None = None
) -> Outputs:
    """What the readers together say of an RGB picture (h, w, 3) by the eight turns and flips of its
    square: the mean of their logits and class activation maps, and there is a lesion where all of
    them see one; everything else is the first one's.

    With a ``share``, the mirrored turns are of a smaller square, that share of the whole one wide,
    on the lesion. The logits are then of both squares, and all else of the whole one's four turns.
    ``one_pass`` and ``one_pass_quality`` are logits and quality numbers of the picture as it is.
    """
    whole = square(picture, side)
    passes = [turned(reader, whole, STRAIGHT) for reader in readers]
    answers = [averaged(seen) for seen in passes]
    near = whole
    if share:
        near = square(picture, side, around(answers[0]["mask"][..., 0], picture.shape, share))
    for reader, seen, answer in zip(readers, passes, answers, strict=True):
        both = averaged(seen + turned(reader, near, MIRRORED))
        answer |= {"logits": both["logits"]} if share else both
    first, *others = answers
    for name in ("logits", "cam"):
        first[name] = np.mean([first[name], *(of[name] for of in others)], axis=0)
    lesion = [first["quality"][LESION], *(float(of["lesion"][0]) for of in others)]
    first["quality"][LESION] = np.min(lesion)  # min() passes over NaN, which is refused
    as_it_is = passes[0][0]
    return first | {"one_pass": as_it_is["logits"], "one_pass_quality": as_it_is["quality"]}


def turned(
    engine: Engine, square: np.ndarray, symmetries: Sequence[tuple[int, bool]]
) -> list[Outputs]:
    """An engine's outputs for each turn of a square (side, side, 3), activation map and mask turned
    back."""
    passes = []
    for turns, mirrored in symmetries:
        out = engine(np.ascontiguousarray(np.rot90(square[:, ::-1] if mirrored else square, turns)))
        for name in {"cam", "mask"} & out.keys():
            back = np.rot90(out[name], -turns)
            out[name] = back[:, ::-1] if mirrored else back
        passes.append(out)
    return passes


def averaged(passes: list[Outputs]) -> Outputs:
    """The mean of each output over the passes. The quality numbers are medians, since a turn in
    which no skin is seen has none of it."""
    return {
        name: (np.median if name == "quality" else np.mean)([of[name] for of in passes], axis=0)
        for name in passes[0]
    }


def square(picture: np.ndarray, side: int, box: images.Box | None = None) -> np.ndarray:
    """What a reader sees of an RGB picture, or of a ``box`` of it: (side, side, 3) float32."""
    return images.to_input(picture, side, box).astype(np.float32)


def around(mask: np.ndarray, shape: tuple[int, ...], share: float) -> images.Box:
    """The box of a closer look at a picture of ``shape``, ``share`` of the central square wide: in
    the middle, unless the lesion of a mask (m, m) 0–1 lies beyond it; then as near as holds it."""
    size = np.array(shape[1::-1])
    room = float(share * size.min())
    drawn = np.array(outline(mask, shape) or [[0.5, 0.5]]) * size
    # Between the corners at which the lesion just fits, or, of a larger one, fills the box.
    corner = np.median([(size - room) / 2, drawn.min(axis=0), drawn.max(axis=0) - room], axis=0)
    left, top = np.clip(corner, 0, size - room).tolist()
    return left, top, left + room, top + room


def live(card: Mapping) -> Mapping:
    """The ``calibration``, ``thresholds`` and ``limits`` of the phone's one pass; releases up to
    2026.11.8 judge it by the server's."""
    return card.get("live", card)


def _thresholds(card: Mapping) -> dict[str, Thresholds]:
    return {modality: Thresholds(**of) for modality, of in card["thresholds"].items()}


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


def named(probabilities: np.ndarray) -> dict[str, float]:
    """Probabilities (7,) by diagnosis."""
    return dict(zip(DIAGNOSES, probabilities.tolist(), strict=True))


def litert_engine(file: Path) -> Engine:
    """The served graph in LiteRT; no TensorFlow in the process."""
    from ai_edge_litert.interpreter import Interpreter

    # Read, since a mapped file that another release is copied over ends the process (SIGBUS).
    interpreter = Interpreter(model_content=file.read_bytes(), num_threads=2)
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


ENGINES = {"litert": litert_engine, "keras": keras_engine}
