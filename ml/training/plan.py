"""What a training is."""

import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ml.datasets import DatasetError
from ml.network.backbone import VARIANTS

DIVISOR = 32  # of a picture's side: the network's stride
PRECISIONS = ("float32", "mixed_bfloat16")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training is: phases by picture side, epochs counted in pictures seen.

    ``backbone`` is a variant of ``network.backbone.VARIANTS``. ``rare`` is the exponent of a
    stratum's size (data set, modality, label) in the weight of its pictures: 0 draws as the data
    are, 1 draws every stratum equally often. ``strength`` stretches changes of colour and light.
    ``precision`` is Keras's dtype policy: ``mixed_bfloat16`` for an accelerator. Raises ValueError,
    naming the field, for a value that no training can follow.
    """

    backbone: str = "lite0"
    phases: tuple[tuple[int, int], ...] = ((160, 8), (192, 10))  # (side, epochs)
    validation_side: int = 224
    epoch_pictures: int = 12_000
    batch: int = 64
    learning_rate: float = 7e-4
    weight_decay: float = 0.02
    dropout: float = 0.3
    drop_path: float = 0.1
    frozen_blocks: int = 3
    rare: float = 0.6
    photo_weight: float = 1.0
    strength: float = 1.0
    precision: str = "float32"
    patience: int = 10
    start: str = ""  # the folder of a run whose weights this one goes on from; else ImageNet's
    teachers: tuple[str, ...] = ()  # folders of runs, whose mean answers are learnt, too
    seed: int = 1

    def __post_init__(self) -> None:
        for names, allowed, holds in RULES:
            for name in names.split():
                if not holds(value := getattr(self, name)):
                    raise ValueError(f"{name}: {value!r} is not {allowed}")
        if self.epoch_pictures < self.batch:
            raise ValueError(
                f"epoch_pictures: {self.epoch_pictures} is less than batch, {self.batch}"
            )

    @property
    def epochs(self) -> int:
        return sum(epochs for _, epochs in self.phases)

    @property
    def epoch_steps(self) -> int:
        return self.epoch_pictures // self.batch

    def side(self, epoch: int) -> int:
        """The side of the pictures in an epoch, counted from 0."""
        for side, epochs in self.phases:
            if epoch < epochs:
                return side
            epoch -= epochs
        return side

    @classmethod
    def read(cls, path: Path) -> "Plan":
        """What a JSON file says, the rest as usual. Raises DatasetError for what is not a plan."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(values, dict):
                raise ValueError("not a JSON object")
            if values.pop("pairs", False):  # of runs of November 2026
                print(f"warning: {path}: pairs is not a field of a plan any more", file=sys.stderr)
            names = [field.name for field in fields(cls)]
            if unknown := ", ".join(values.keys() - names):
                raise ValueError(
                    f"{unknown} is not a field of a plan; there are {', '.join(names)}"
                )
            return cls(**{name: _as_tuple(value) for name, value in values.items()})
        except ValueError as error:
            raise DatasetError(f"{path}: {error}") from error


def _as_tuple(value: Any) -> Any:
    """A JSON list as a tuple, those in it too."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value


def _is_whole(value: Any, least: int) -> bool:
    return type(value) is int and value >= least  # True is no number of pictures


def _is_side(value: Any) -> bool:
    return _is_whole(value, DIVISOR) and value % DIVISOR == 0


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and -math.inf < value < math.inf


def _are_phases(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and bool(value)
        and all(
            isinstance(phase, tuple)
            and len(phase) == 2
            and _is_side(phase[0])
            and _is_whole(phase[1], 1)
            for phase in value
        )
    )


# Fields, what they may be, and whether a value is that.
RULES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("backbone", f"one of {', '.join(VARIANTS)}", lambda v: v in tuple(VARIANTS)),
    ("precision", f"one of {', '.join(PRECISIONS)}", lambda v: v in PRECISIONS),
    ("phases", f"[[side that {DIVISOR} divides, epochs from 1], …]", _are_phases),
    ("validation_side", f"a number of pixels that {DIVISOR} divides", _is_side),
    ("epoch_pictures batch patience", "a whole number from 1", lambda v: _is_whole(v, 1)),
    ("frozen_blocks", "a whole number from 0", lambda v: _is_whole(v, 0)),
    ("seed", "a whole number from 0 and below 2^32", lambda v: _is_whole(v, 0) and v < 2**32),
    ("learning_rate photo_weight", "a number above 0", lambda v: _is_number(v) and v > 0),
    ("weight_decay rare strength", "a number from 0", lambda v: _is_number(v) and v >= 0),
    ("dropout drop_path", "a number from 0 and below 1", lambda v: _is_number(v) and 0 <= v < 1),
    ("start", "the folder of a run", lambda v: isinstance(v, str)),
    (
        "teachers",
        "a list of folders of runs",
        lambda v: isinstance(v, tuple) and all(isinstance(run, str) for run in v),
    ),
)
