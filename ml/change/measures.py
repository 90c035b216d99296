"""What a lesion measures in one picture: size, asymmetry, border and colours of its outline.

A, B, C and D of dermatology's ABCD rule, as plain geometry and colour; no step of it is learnt.
"""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

SIDE = 320  # pixels of the lesion's longer side while it is measured, whatever the picture's size
MARGIN = 0.25  # around it, so that a turned or mirrored half still lies inside


@dataclass(frozen=True, slots=True)
class Measures:
    """``area`` in square pixels and ``diameter``, the longest, in pixels of the picture.

    ``asymmetry`` 0–1: the share of the lesion that its mirror image does not cover, mean of both
    principal axes. ``border`` from 1: the outline's length relative to that of a circle of the
    same area. ``colours``: how far its colours lie from their mean, in CIELAB (root mean square).
    """

    area: float
    diameter: float
    asymmetry: float
    border: float
    colours: float

    def as_dict(self) -> dict[str, float]:
        """Ready for JSON."""
        return asdict(self)


def measure(picture: np.ndarray, lesion: np.ndarray) -> Measures:
    """Measure the lesion of an outline (n, 2) in pixels (x, y) of an RGB picture (h, w, 3).

    Raises ValueError for an outline that encloses nothing.
    """
    hull = cv2.convexHull(lesion.astype(np.float32)).reshape(-1, 2)
    diameter = float(np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1)).max())
    area = abs(cv2.contourArea(lesion.astype(np.float32)))
    if area <= 0 or diameter <= 0:
        raise ValueError("an outline that encloses nothing")
    patch, mask = _upright(picture, lesion)
    inside = mask > 0
    length = cv2.arcLength(lesion.astype(np.float32), True)
    return Measures(
        area=float(area),
        diameter=diameter,
        asymmetry=_asymmetry(inside),
        border=float(length / np.sqrt(4 * np.pi * area)),
        colours=_spread(patch[inside]),
    )


def _upright(picture: np.ndarray, lesion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lesion's surroundings and mask, its centre in the middle and its long axis across."""
    moments = cv2.moments(lesion.astype(np.float32))
    centre = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    angle = 0.5 * np.arctan2(2 * moments["mu11"], moments["mu20"] - moments["mu02"])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    reach = np.abs((lesion - centre) @ turn.T).max()
    side = round(SIDE * (1 + 2 * MARGIN))
    scale = SIDE / (2 * reach)
    matrix = np.column_stack([scale * turn, side / 2 - scale * turn @ centre])
    patch = cv2.warpAffine(
        picture, matrix, (side, side), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    points = lesion @ matrix[:, :2].T + matrix[:, 2]
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 255)
    return patch, mask


def _asymmetry(inside: np.ndarray) -> float:
    """Stolz et al., Eur. J. Dermatol. 4 (1994) judge two axes at right angles; so does this."""
    shares = [(inside & ~np.flip(inside, axis)).sum() / inside.sum() for axis in (0, 1)]
    return float(np.mean(shares))


def _spread(colours: np.ndarray) -> float:
    """The root mean square distance of RGB colours (n, 3) from their mean, in CIELAB."""
    lab = cv2.cvtColor((colours[None] / 255).astype(np.float32), cv2.COLOR_RGB2LAB)[0]
    return float(np.sqrt(((lab - lab.mean(axis=0)) ** 2).sum(axis=1).mean()))
