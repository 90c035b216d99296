"""The features of a picture: a hundred and some numbers of the network, by which pictures are
compared. Only those of one model version mean the same."""

import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

STORED = np.dtype("<f2")
NEIGHBOURS = Path(__file__).with_name("neighbours.json")  # by ``python -m ml neighbours``


def pack(features: np.ndarray) -> bytes:
    """Features (d,) as they are stored: float16, low byte first, 2 d bytes."""
    return features.astype(STORED).tobytes()


def unpack(stored: Sequence[bytes | memoryview]) -> np.ndarray:
    """What ``pack`` made of n pictures → (n, d) float32."""
    joined = np.frombuffer(b"".join(stored), STORED)
    return joined.reshape(len(stored), -1).astype(np.float32)


def distances(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Cosine distances of features (d,) to (n, d): 0 the same, 1 unrelated, 2 the opposite; (n,).

    Of the angle alone: how far a picture lies from the middle says how clear its case is.
    """
    lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(one)
    return 1 - others @ one / np.maximum(lengths, 1e-9)


@functools.cache
def neighbours() -> dict:
    """What the nearest pictures have in common, on test pictures; see ``ml.measure.neighbours``."""
    return json.loads(NEIGHBOURS.read_text(encoding="utf-8"))
