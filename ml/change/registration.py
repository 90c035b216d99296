"""One picture brought onto an earlier one of the same lesion: scale, turn and shift."""

from dataclasses import dataclass

import cv2
import numpy as np

cv2.setNumThreads(1)  # the worker has as many processes as it wants cores

SIDE = 512  # pixels at most of a picture's long side while features are looked for
FEATURES = 2000
# Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60 (2004), 7.1
RATIO = 0.8
TOLERANCE = 0.008  # of the long side, between a feature and where the transform puts its partner
# Below them different lesions are taken for the same; measured by ``ml.change.error``.
MIN_INLIERS = 8
MIN_SHARE = 0.1
MAX_SCALE = 5.0


@dataclass(frozen=True, slots=True)
class Registration:
    """How the later picture lies on the earlier one.

    ``matrix`` (2, 3) takes pixels (x, y) of the later picture to those of the earlier one: a
    turn, a scale and a shift. ``inliers`` is the number of features that agree on it, ``on_skin``
    how many of them lie outside of the lesion.
    """

    matrix: np.ndarray
    inliers: int
    on_skin: int

    @property
    def scale(self) -> float:
        """How many pixels of the earlier picture one of the later picture measures."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))


def register(
    before: np.ndarray, after: np.ndarray, lesion: np.ndarray | None = None
) -> Registration | None:
    """Bring RGB pictures (h, w, 3) uint8 of one lesion onto each other; None where too few
    features of skin and lesion agree.

    ``lesion`` is its outline (n, 2) in pixels of ``before``, by which features on the skin are
    told from those on the lesion. SIFT features (Lowe, 2004) matched one to one, and the
    similarity transform that most of them agree on (RANSAC; Fischler and Bolles, 1981).
    """
    (points, descriptors, unit), (others, other_descriptors, other_unit) = map(
        _features, (before, after)
    )
    if min(len(points), len(others)) < MIN_INLIERS:
        return None
    pairs = _matches(descriptors, other_descriptors)
    if len(pairs) < MIN_INLIERS:
        return None
    to, of = points[pairs[:, 0]], others[pairs[:, 1]]
    cv2.setRNGSeed(0)
    matrix, agree = cv2.estimateAffinePartial2D(
        of,
        to,
        method=cv2.RANSAC,
        ransacReprojThreshold=TOLERANCE * max(before.shape[:2]) / unit,
        maxIters=2000,
        confidence=0.995,
    )
    if matrix is None:
        return None
    chosen = to[agree.ravel().astype(bool)]
    # From the reduced pictures back to the pixels of the pictures themselves.
    matrix = matrix * unit
    matrix[:, :2] /= other_unit
    on_skin = len(chosen)
    if lesion is not None:
        contour = lesion.astype(np.float32)
        on_skin = sum(
            cv2.pointPolygonTest(contour, tuple(map(float, point * unit)), False) < 0
            for point in chosen
        )
    found = Registration(matrix, len(chosen), on_skin)
    relative = found.scale * other_unit / unit
    plausible = 1 / MAX_SCALE < relative < MAX_SCALE
    enough = len(chosen) >= max(MIN_INLIERS, MIN_SHARE * len(pairs))
    return found if plausible and enough else None


def _features(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(points (n, 2), descriptors (n, 128), pixels of the picture that one of the points' is)."""
    unit = max(1.0, max(picture.shape[:2]) / SIDE)
    size = (round(picture.shape[1] / unit), round(picture.shape[0] / unit))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    # Light falls off towards the edge: contrast is raised by neighbourhood.
    grey = cv2.createCLAHE(clipLimit=3, tileGridSize=(8, 8)).apply(grey)
    finder = cv2.SIFT.create(nfeatures=FEATURES, contrastThreshold=0.015)
    found, descriptors = finder.detectAndCompute(grey, None)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32), unit
    # RootSIFT (Arandjelović and Zisserman, CVPR 2012): Hellinger's distance separates better.
    descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-7))
    return np.array([k.pt for k in found], np.float32), descriptors.astype(np.float32), unit


def _matches(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Pairs of numbers (n, 2) of features that are each other's nearest, by far."""
    alike = these @ those.T  # of unit length, so that the squared distance is 2 − 2 alike
    nearest, back = alike.argmax(axis=1), alike.argmax(axis=0)
    numbers = np.arange(len(these))
    second, first = np.partition(alike, -2, axis=1)[:, -2:].T
    clear = 1 - first < RATIO**2 * (1 - second)
    keep = clear & (back[nearest] == numbers)
    return np.column_stack([numbers, nearest])[keep]
