"""What a training is."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training is: phases by picture side, epochs counted in pictures seen.

    ``backbone`` is a variant of ``network.backbone.VARIANTS``. ``rare`` is the exponent of a
    stratum's size (data set, modality, label) in the weight of its pictures: 0 draws as the data
    are, 1 draws every stratum equally often. ``strength`` stretches changes of colour and light.
    ``precision`` is Keras's dtype policy: ``mixed_bfloat16`` for an accelerator.
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
        """What a JSON file says, the rest as usual. Raises ValueError or TypeError for others."""
        values = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("pairs", False):  # of runs of November 2026
            print(f"warning: {path}: pairs is no field of a plan any more", file=sys.stderr)
        if "phases" in values:
            values["phases"] = tuple(tuple(phase) for phase in values["phases"])
        if "teachers" in values:
            values["teachers"] = tuple(values["teachers"])
        return cls(**values)
