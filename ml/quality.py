"""Whether a picture can be judged: the graph's quality numbers against the limits of model.json.

The phone does the same comparisons in JavaScript; the numbers come from the one graph.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict


class Limit(TypedDict, total=False):
    """A number of ``network.QUALITY`` that must stay within ``min`` and ``max``, or else
    ``reason`` (the picture is refused) or ``warning`` (it is judged, with a remark)."""

    number: str
    min: float
    max: float
    reason: str
    warning: str


def broken(numbers: Mapping[str, float], limits: Sequence[Limit], kind: str) -> list[str]:
    """The reasons (``kind`` "reason") or warnings ("warning") of the limits that are broken, each
    once."""
    found = [
        limit[kind]
        for limit in limits
        if kind in limit
        and not limit.get("min", float("-inf"))
        <= numbers[limit["number"]]
        <= limit.get("max", float("inf"))
    ]
    return list(dict.fromkeys(found))
