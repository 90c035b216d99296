"""What changed between two pictures of one lesion, and how sure that is."""

from dataclasses import asdict, dataclass

import numpy as np

from ml import images
from ml.change import markers
from ml.change.limits import MEASURES, RATIOS, beyond
from ml.change.measures import Measures, measure
from ml.change.registration import register

EDGE = 0.004  # of the square that the network sees: an outline so close to it is cut off


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture (h, w, 3) uint8 RGB with its outline [[x, y] …] in 0–1, or None.

    ``diameter_mm`` is the lesion's longest diameter where the person measured it.
    """

    picture: np.ndarray
    outline: list[list[float]] | None
    diameter_mm: float | None = None

    @property
    def lesion(self) -> np.ndarray | None:
        """The outline (n, 2) in pixels."""
        if self.outline is None or len(self.outline) < 3:
            return None
        height, width = self.picture.shape[:2]
        return np.array(self.outline) * (width, height)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``reason`` says why nothing can be compared, else "". ``matrix`` (2, 3) takes pixels of
    the later picture to those of the earlier one; None where they could not be brought onto each
    other.

    ``before`` and ``after`` hold the measures, area and diameter of both in pixels of the
    earlier picture, and ``mm``, the diameter in millimetres, or None. ``differences`` are
    logarithms of ratios for area and diameter; ``changes`` names what lies beyond the error.
    """

    reason: str
    matrix: list[list[float]] | None
    inliers: int
    on_skin: int
    before: dict[str, float | None] | None
    after: dict[str, float | None] | None
    differences: dict[str, float]
    changes: list[str]

    def as_dict(self) -> dict:
        """Ready for JSON."""
        return asdict(self)


def compare(before: Shot, after: Shot, modality: str) -> Comparison:
    """Compare two pictures of one lesion, both of one modality."""
    lesion, later = before.lesion, after.lesion
    found = register(before.picture, after.picture, lesion)
    if found is None:
        return Comparison("not_registered", None, 0, 0, None, None, {}, [])
    matrix = np.round(found.matrix, 6).tolist()
    empty = Comparison("", matrix, found.inliers, found.on_skin, None, None, {}, [])
    if lesion is None or later is None:
        return _because(empty, "no_outline")
    if is_cut_off(before) or is_cut_off(after):
        return _because(empty, "cut_off")
    try:
        first, second = measure(before.picture, lesion), measure(after.picture, later)
    except ValueError:
        return _because(empty, "no_outline")
    marked = [markers.millimetres_per_pixel(shot.picture) for shot in (before, after)]
    scale = _scale(found.scale, marked, second.area / first.area)
    second = scaled(second, scale)
    changed = differences(first, second)
    millimetres = _millimetres(before, after, first, second, marked, scale)
    return Comparison(
        reason="",
        matrix=matrix,
        inliers=found.inliers,
        on_skin=found.on_skin,
        before={**first.as_dict(), "mm": millimetres and millimetres * first.diameter},
        after={**second.as_dict(), "mm": millimetres and millimetres * second.diameter},
        differences=changed,
        changes=beyond(changed, modality),
    )


def differences(first: Measures, second: Measures) -> dict[str, float]:
    """Of each measure, second less first; of area and diameter the logarithm of the ratio."""
    one, two = first.as_dict(), second.as_dict()
    return {
        name: float(np.log(two[name] / one[name])) if name in RATIOS else two[name] - one[name]
        for name in MEASURES
    }


def is_cut_off(shot: Shot) -> bool:
    """Whether the outline reaches the edge of what the network saw, so that its size is unknown."""
    lesion = shot.lesion
    if lesion is None:
        return False
    top, left, side = images.central_square(*shot.picture.shape[:2])
    inner = (lesion - (left, top)) / side
    return bool((inner < EDGE).any() or (inner > 1 - EDGE).any())


def _scale(registered: float, marked: list[float | None], areas: float) -> float:
    """How many pixels of the earlier picture one of the later picture measures: as registered, or
    by markers in both, whichever shows more of a change.

    Where nothing but the lesion is found again, its growth looks like a step closer; and a marker
    may be printed anew, at another size. ``areas``: the later area as a share of the earlier one,
    both in their own pixels.
    """
    first, last = marked
    scales = [registered, last / first] if first and last else [registered]
    return max(scales, key=lambda scale: abs(np.log(areas * scale**2)))


def _millimetres(
    before: Shot,
    after: Shot,
    first: Measures,
    second: Measures,
    marked: list[float | None],
    scale: float,
) -> float | None:
    """How long a pixel of the earlier picture is: by a marker, else by what the person measured."""
    of_first, of_last = marked
    if of_first is not None:
        return of_first
    if of_last is not None:
        return of_last / scale
    if before.diameter_mm:
        return before.diameter_mm / first.diameter
    return after.diameter_mm / second.diameter if after.diameter_mm else None


def scaled(measures: Measures, scale: float) -> Measures:
    """The measures in pixels of which ``scale`` are one of theirs."""
    return Measures(
        measures.area * scale**2,
        measures.diameter * scale,
        measures.asymmetry,
        measures.border,
        measures.colours,
    )


def _because(comparison: Comparison, reason: str) -> Comparison:
    return Comparison(**comparison.as_dict() | {"reason": reason})
