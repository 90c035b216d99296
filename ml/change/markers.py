"""A printed marker of known size beside a lesion: how long a pixel is."""

import cv2
import numpy as np

SIDE_MM = 10.0  # of the printed black square; as much white around it, or it is not found
# ArUco (Garrido-Jurado et al., Pattern Recognition 47, 2014); its smallest dictionary errs least.
DICTIONARY = cv2.aruco.DICT_4X4_50
NUMBER = 7  # the one that we print


def millimetres_per_pixel(picture: np.ndarray) -> float | None:
    """Of an RGB picture (h, w, 3) in which one of our markers lies; None without one.

    Seen at an angle, a square is shortened in one direction: its area says the mean.
    """
    finder = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(DICTIONARY))
    corners, numbers, _ = finder.detectMarkers(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
    if numbers is None:
        return None
    sides = [
        float(np.sqrt(cv2.contourArea(square.reshape(-1, 2).astype(np.float32))))
        for square, number in zip(corners, numbers.ravel(), strict=True)
        if number == NUMBER
    ]
    return SIDE_MM / max(sides) if sides and max(sides) > 0 else None


def cells() -> np.ndarray:
    """The marker's cells (6, 6), True where black, to be printed SIDE_MM wide."""
    dictionary = cv2.aruco.getPredefinedDictionary(DICTIONARY)
    return cv2.aruco.generateImageMarker(dictionary, NUMBER, 6, borderBits=1) == 0
