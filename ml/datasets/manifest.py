"""One row a picture, whatever the data set's own format."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from ml import images
from ml.datasets import files, labels
from ml.taxonomy import ALLOWED, BODY_REGION_OF, BODY_SITES, MALIGNANT_DIAGNOSES

# Data sets name body sites at very different depths; this is the depth that all can fill.
BODY_REGIONS = {
    "head_neck": ("scalp", "ear", "face", "neck", "nose", "lip", "head neck", "head/neck"),
    "trunk": ("back", "trunk", "chest", "abdomen", "buttocks", "torso", "anterior torso",
              "posterior torso", "lateral torso"),
    "upper_limb": ("upper extremity", "upper limbs", "arm", "forearm"),
    "lower_limb": ("lower extremity", "lower limbs", "thigh", "leg", "lower leg"),
    "hand_foot": ("hand", "foot", "acral", "palms/soles"),
    "genital": ("genital", "genital areas", "oral/genital"),
}  # fmt: skip
# And our own words: of sites, which may belong to no region, and of regions.
REGION_OF: dict[str, str | None] = {
    **dict.fromkeys(BODY_SITES),
    **BODY_REGION_OF,
    **{region: region for region in BODY_REGIONS},
    **{site: region for region, sites in BODY_REGIONS.items() for site in sites},
}


class DatasetError(ValueError):
    """A data set that can't be used as it stands; the message names the file and the row."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled picture. ``allowed`` are the diagnoses that its label does not exclude;
    none for a label that is left out of training. ``skin_type`` is Fitzpatrick's, 1 to 6;
    ``skin_tone`` MILK10k's, 0 darkest to 5; ``concepts`` are scores of 0–1 in the order of
    CONCEPTS, None where one is missing, or empty."""

    path: Path
    mask: Path | None
    dataset: str
    image_id: str
    lesion: str
    group: str
    modality: str
    dx: str
    allowed: tuple[str, ...]
    sex: str | None = None
    age: float | None = None
    body_site: str | None = None
    skin_type: int | None = None
    skin_tone: int | None = None
    concepts: tuple[float | None, ...] = ()
    source: str = ""

    @property
    def is_malignant(self) -> bool:
        """Whether the label allows nothing else; one that allows nothing says neither."""
        return labels.allows_only(self.allowed, MALIGNANT_DIAGNOSES)

    def decode(self) -> np.ndarray:
        """The picture, upright (h, w, 3) uint8 RGB. Raises DatasetError, naming row and file."""
        try:
            with files.opened(self.path) as file:
                return images.decode(file)
        except (images.ImageError, OSError) as error:
            raise DatasetError(f"{self.source}: {self.path}: {error}") from error

    def decode_mask(self) -> Image.Image:
        """The row's mask in grey, 0 to 255 by cover. Raises DatasetError like ``decode``."""
        assert self.mask
        try:
            with files.opened(self.mask) as stream, Image.open(stream) as file:
                mask = file.convert("L")
        except Exception as error:  # Pillow raises many kinds on damaged files
            raise DatasetError(f"{self.source}: {self.mask}: {error}") from error
        if mask.getextrema()[1] == 1:  # as programs write 0 and 1: of 255, nothing were covered
            mask = mask.point(lambda value: 255 * value)
        return mask


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row of a data set that gives no picture to learn or to measure from, and why."""

    source: str
    image_id: str
    reason: str


@dataclass(slots=True)
class Manifest:
    """What was read; ``warnings`` are sentences for the person who trains, ``split`` is the file
    of a split that came with the pictures.

    ``faults`` are sentences on what should have been read and could not be: whoever reads goes on
    without it and ends with status 1. ``notes`` say how a table was understood; ``of_no_kind``
    are pictures whose modality is named, by a word that is not known, ``of_assumed_kind`` those of
    which neither the table nor its layout says it.
    """

    rows: list[Row] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    of_no_kind: set[Path] = field(default_factory=set)
    of_assumed_kind: set[Path] = field(default_factory=set)
    split: Path | None = None

    def extend(self, other: "Manifest") -> None:
        # A split that came with a part says nothing of the rest.
        self.split = other.split if not self.rows else None
        self.rows += other.rows
        self.dropped += other.dropped
        self.warnings += other.warnings
        self.faults += other.faults
        self.notes += other.notes
        self.of_no_kind |= other.of_no_kind
        self.of_assumed_kind |= other.of_assumed_kind

    @property
    def trainable(self) -> list[Row]:
        """The rows that a network can learn from."""
        return [row for row in self.rows if row.allowed or row.dx == "not_a_lesion"]

    def dropped_by_reason(self) -> list[tuple[str, int]]:
        """How many rows were dropped for each reason, the most frequent first."""
        return Counter(dropped.reason for dropped in self.dropped).most_common()

    def counts(self) -> dict[tuple[str, str, str], int]:
        """Pictures by (data set, modality, diagnosis)."""
        return dict(Counter((row.dataset, row.modality, row.dx) for row in self.rows))


def assumed(source: object, modality: str) -> str:
    """A warning: every threshold is of one kind of picture, and this one was only assumed."""
    return f"{source}: taken as {modality}, which nothing here says; --modality does"


def allowed_diagnoses(dx: str, source: str) -> tuple[str, ...]:
    """What a label allows. Raises DatasetError for a word that is not a label."""
    try:
        return ALLOWED[dx]
    except KeyError:
        legal = ", ".join(ALLOWED)
        raise DatasetError(f"{source}: unknown diagnosis “{dx}”; known are {legal}") from None
