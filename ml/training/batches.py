"""The training pictures with their negatives, and batches of them drawn by weight."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from keras import ops

from ml.datasets import Row
from ml.datasets.arrays import MASK_SIDE, SIDE, Arrays
from ml.synthetic import negatives
from ml.taxonomy import CONCEPTS, DIAGNOSES
from ml.training import augmentation
from ml.training.augmentation import Bank
from ml.training.plan import Plan

NEGATIVE_SHARE = 0.12  # of every batch: pictures without a lesion
DRAWINGS, THINGS, SKINS = 500, 400, 900

Batch = dict[str, np.ndarray]


class Pool:
    """The training fold, lesions first, then the kinds of negatives, and what is drawn from it."""

    def __init__(self, rows: list[Row], loaded: Arrays, indices: np.ndarray, plan: Plan) -> None:
        self.plan = plan
        lesions = np.array([i for i in indices if rows[i].allowed])
        rng = np.random.default_rng(plan.seed)
        kinds = [kind for kind in _without_lesion(rows, loaded, indices, rng) if len(kind)]
        none = sum(map(len, kinds))
        self._loaded, self._lesions = loaded, lesions
        self._negatives = np.concatenate(kinds) if kinds else np.zeros((0, SIDE, SIDE, 3), np.uint8)
        of = [rows[i] for i in lesions]
        concepts = np.full((len(lesions) + none, len(CONCEPTS)), np.nan, np.float32)
        for number, row in enumerate(of):
            if row.concepts:
                concepts[number] = [np.nan if c is None else c for c in row.concepts]
        allowed = [[d in row.allowed for d in DIAGNOSES] for row in of]
        self._table = {
            "allowed": np.pad(np.array(allowed, np.float32), ((0, none), (0, 0))),
            "lesion": np.r_[np.ones(len(lesions)), np.zeros(none)].astype(np.float32)[:, None],
            # A picture without a lesion has an empty mask, and that is known.
            "masked": np.r_[loaded.has_mask[lesions], np.ones(none)].astype(np.float32),
            "concepts": np.nan_to_num(concepts),
            "conceived": np.isfinite(concepts).astype(np.float32),
        }
        strata = [(row.dataset, row.modality, row.dx) for row in of]
        size = Counter(strata)
        weight = np.array(
            [
                (plan.photo_weight if stratum[1] == "photo" else 1) / size[stratum] ** plan.rare
                for stratum in strata
            ]
        )
        self._weight = weight / weight.sum()
        ends = len(lesions) + np.cumsum([0, *map(len, kinds)])
        self._kinds = list(zip(ends[:-1], ends[1:], strict=True))

    def __len__(self) -> int:
        return len(self._lesions) + len(self._negatives)

    def take(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (n, SIDE, SIDE, 3) and masks (n, MASK_SIDE, MASK_SIDE, 1), uint8."""
        pictures = np.empty((len(index), SIDE, SIDE, 3), np.uint8)
        masks = np.zeros((len(index), MASK_SIDE, MASK_SIDE, 1), np.uint8)
        lesion = index < len(self._lesions)
        at = self._lesions[index[lesion]]
        pictures[lesion], masks[lesion] = self._loaded.pictures[at], self._loaded.masks[at]
        pictures[~lesion] = self._negatives[index[~lesion] - len(self._lesions)]
        return pictures, masks

    def draws(self, first_step: int) -> Iterator[Batch]:
        """Endless batches, each by a seed of its own: what to take, its targets, and its chance."""
        step = first_step
        while True:
            yield self._draw(np.random.default_rng((self.plan.seed, step)))
            step += 1

    def _draw(self, rng: np.random.Generator) -> Batch:
        others = round(self.plan.batch * NEGATIVE_SHARE) if self._kinds else 0
        lesions = rng.choice(len(self._weight), self.plan.batch - others, p=self._weight)
        kinds = rng.integers(len(self._kinds), size=others) if others else ()
        without = [rng.integers(*self._kinds[kind]) for kind in kinds]
        index = rng.permutation(np.r_[lesions, without].astype(np.int32))
        return {
            "index": index,
            **{name: values[index] for name, values in self._table.items()},
            **augmentation.chance(rng, self.plan.batch, self.plan.strength),
        }


def prepare(pictures, masks, batch: dict, side: int, bank: Bank):
    """Pictures and masks as the pool has them and their batch → what the network sees
    (n, side, side, 3), and the targets of ``losses.total``."""
    x, mask, covered = augmentation.augment(pictures, masks, side, bank, batch)
    targets = {
        "allowed": batch["allowed"],
        "lesion": batch["lesion"],
        "mask": (mask, batch["masked"]),
        "covered": (covered[:, None], batch["masked"][:, None] * batch["lesion"]),
        "concepts": (batch["concepts"], batch["conceived"]),
    }
    return augmentation.mixup(x, targets, batch["share"])


def taught(answers: list, targets: dict):
    """The teachers' mean probabilities of the same augmented pictures, which teach more than what
    they say of the plain ones (Beyer et al., CVPR 2022, arXiv 2106.05237); of no lesion, nothing.
    """
    probabilities = [ops.softmax(ops.cast(answer["logits"], "float32")) for answer in answers]
    return sum(probabilities) / len(answers) * targets["lesion"]


def _without_lesion(
    rows: list[Row], loaded: Arrays, indices: np.ndarray, rng: np.random.Generator
) -> list[np.ndarray]:
    """Each kind's pictures (k, SIDE, SIDE, 3) uint8, of which as many are drawn of each: those of
    every data set, plain skin beside lesions, drawings, and things that lie on skin."""
    named = [i for i in indices if rows[i].dx == "not_a_lesion"]
    sets = [
        loaded.pictures[[i for i in named if rows[i].dataset == dataset]]
        for dataset in sorted({rows[i].dataset for i in named})
    ]
    masked = rng.permutation([i for i in indices if loaded.has_mask[i]])[:SKINS]
    skin = [
        patch
        for i in masked
        for patch in negatives.skin_patches(loaded.pictures[i], loaded.masks[i])
    ]
    drawings = [negatives.drawing(rng, SIDE) for _ in range(DRAWINGS)]
    things = [negatives.thing(rng, skin[i]) for i in rng.permutation(len(skin))[:THINGS]]
    made = [np.array(kind, np.uint8) for kind in (skin[:SKINS], drawings, things) if kind]
    return [*sets, *made]
