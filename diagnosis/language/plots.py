"""Size over time: where each point, line and label of the plot stands, for page and PDF alike."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format, number_format

if TYPE_CHECKING:
    from diagnosis.records.models import MoleRecord

STEPS = (1, 2, 5, 10, 20, 50, 100)
LINES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """Within 0 and 1, with y downwards."""

    x: float
    y: float
    date: str = ""
    label: str = ""

    @property
    def across(self) -> str:
        return f"{100 * self.x:.2f}%"

    @property
    def down(self) -> str:
        return f"{100 * self.y:.2f}%"


@dataclass(frozen=True, slots=True)
class Plot:
    """The sizes, and the lines of the scale in millimetres."""

    points: list[Point]
    rows: list[Point]

    @property
    def segments(self) -> list[tuple[Point, Point]]:
        return list(itertools.pairwise(self.points))


def size_plot(records: Iterable["MoleRecord"]) -> Plot | None:
    """The measured sizes, from the oldest on; None where there are fewer than two dates."""
    measured = sorted((r.created_at, r.size_mm) for r in records if r.size_mm is not None)
    if len(measured) < 2:
        return None
    begin, end = measured[0][0], measured[-1][0]
    seconds = (end - begin).total_seconds() or 1
    largest = float(max(size for _, size in measured))
    step = next((s for s in STEPS if largest <= s * LINES), STEPS[-1])
    # From zero: a scale that begins just below the smallest would show a leap where there is none.
    top = step * max(1, math.ceil(largest / step))
    return Plot(
        points=[
            Point(
                (at - begin).total_seconds() / seconds, 1 - float(size) / top, _day(at), _size(size)
            )
            for at, size in measured
        ],
        rows=[Point(0, 1 - value / top, label=str(value)) for value in range(0, top + 1, step)],
    )


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT")


def _size(size: object) -> str:
    return number_format(size, decimal_pos=1)
