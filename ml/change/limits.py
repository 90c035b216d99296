"""The method's own error, and what is said to have changed beyond it. Needs no OpenCV."""

import functools
import json
from pathlib import Path

ERROR = Path(__file__).with_name("error.json")  # written by ``python -m ml change``
MEASURES = ("area", "diameter", "asymmetry", "border", "colours")
RATIOS = ("area", "diameter")  # compared as ratios; of the others, the difference
# Why there is no comparison, or one without sizes.
REASONS = ("no_outline", "cut_off", "not_registered")
CHANGES = ("grew", "shrank", "asymmetry", "border", "colours")


@functools.cache
def errors() -> dict:
    """What the method itself makes of unchanged lesions, by modality; see ``ml.change.error``."""
    return json.loads(ERROR.read_text(encoding="utf-8"))


def error(modality: str) -> dict:
    """The error on pictures of a modality: ``lesions``, ``typical``, ``interval``, ``limit``."""
    return errors()["modalities"][modality]


def is_measured_with(*versions: str) -> bool:
    """Whether the error is that of outlines by these versions of the model, and no other; one that
    names none is taken for any's."""
    known = errors().get("model_version")
    return known is None or set(versions) == {known}


def beyond(changed: dict[str, float], modality: str) -> list[str]:
    """What the error of the method does not explain.

    Less asymmetry or fewer colours is not a warning; a smaller lesion is, since cancers regress.
    """
    limits = error(modality)["limit"]
    found = []
    if any(changed[name] > limits[name] for name in RATIOS):
        found.append("grew")
    elif any(changed[name] < -limits[name] for name in RATIOS):
        found.append("shrank")
    others = (name for name in MEASURES if name not in RATIOS)
    return found + [name for name in others if changed[name] > limits[name]]
