"""Size and change over time: where each point, line and label of a plot stands, for page and PDF
alike."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from diagnosis.language.changes import day, growth
from diagnosis.language.figures import number, percent

if TYPE_CHECKING:
    from diagnosis.moles.models import Change
    from diagnosis.records.models import MoleRecord

STEPS = (1, 2, 5, 10, 20, 50, 100)
FACTORS = (2, 5, 10, 100)
LINES = 4


@dataclass(frozen=True, slots=True)
class Point:
    """Within 0 and 1, with y downwards."""

    x: float
    y: float
    date: str = ""
    label: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def error_bar(self) -> tuple[str, str] | None:
        """From where to where the error lets it lie, as shares of the height."""
        if self.low is None or self.high is None:
            return None
        return f"{100 * self.low:.2f}%", f"{100 * self.high:.2f}%"

    @property
    def across(self) -> str:
        return f"{100 * self.x:.2f}%"

    @property
    def down(self) -> str:
        return f"{100 * self.y:.2f}%"


@dataclass(frozen=True, slots=True)
class Plot:
    """The points, the lines of the scale, and what they mean."""

    name: str
    points: list[Point]
    rows: list[Point]
    title: str
    column: str
    hint: str

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
    largest = float(max(size for _at, size in measured))
    step = next((s for s in STEPS if largest <= s * LINES), STEPS[-1])
    # From zero: a scale that begins just below the smallest would show a leap where there is none.
    top = step * max(1, math.ceil(largest / step))
    points = [
        Point(
            (at - begin).total_seconds() / seconds,
            1 - float(size) / top,
            day(at),
            number(size, 1),
        )
        for at, size in measured
    ]
    title = _("Size in millimetres: %(from)s on %(from_date)s, %(to)s on %(to_date)s")
    return Plot(
        name="size",
        points=points,
        rows=[Point(0, 1 - value / top, label=str(value)) for value in range(0, top + 1, step)],
        title=title % _ends(points),
        column=_("Millimetres"),
        hint=_(
            "Millimetres, as measured by hand. A difference of 1 mm can come from the measuring."
        ),
    )


def area_plot(found: Mapping["MoleRecord", "Change"]) -> Plot | None:
    """The areas relative to the first picture, with what the method's error lets them be, from
    the first picture on; None where nothing was measured. Of two kinds, the one with more."""
    kinds: dict[str, list[tuple[datetime, tuple[float, float, float]]]] = {}
    for record, change in found.items():
        if grown := growth(change):
            first = (change.before.record.created_at, (1.0, 1.0, 1.0))
            kinds.setdefault(record.modality, [first]).append((record.created_at, grown))
    if not kinds:
        return None
    measured = max(kinds.values(), key=len)
    begin, end = measured[0][0], measured[-1][0]
    seconds = (end - begin).total_seconds() or 1
    extremes = [share for _at, shares in measured for share in shares]
    rows = _rows(min(extremes), max(extremes))

    def down(share: float) -> float:
        return 1 - math.log(share / rows[0]) / math.log(rows[-1] / rows[0])

    points = [
        Point(
            (at - begin).total_seconds() / seconds,
            down(share),
            day(at),
            percent(share),
            down(low),
            down(high),
        )
        for at, (share, low, high) in measured
    ]
    title = _(
        "Area compared with the first picture: %(from)s on %(from_date)s, %(to)s on %(to_date)s"
    )
    return Plot(
        name="area",
        points=points,
        rows=[Point(0, down(share), label=percent(share)) for share in rows],
        title=title % _ends(points),
        column=_("Area"),
        hint=_(
            "Area as the program measures it, compared with the first picture. Within the bars "
            "the area of a mole that did not change can lie."
        ),
    )


def _rows(low: float, high: float) -> list[float]:
    """The lines of a scale by factors, with 1 among them, between which all shares lie.

    Not from zero: the error is a factor, and of photographs so large that on even steps its upper
    end alone would have the room, and a mole twice as large would lie on the line of the first.
    """
    for factor in FACTORS:
        lowest = math.floor(math.log(low, factor))
        highest = max(math.ceil(math.log(high, factor)), lowest + 1)
        if highest - lowest <= LINES:
            break
    return [float(factor) ** power for power in range(lowest, highest + 1)]


def _ends(points: list[Point]) -> dict[str, str]:
    first, last = points[0], points[-1]
    return {
        "from": first.label,
        "from_date": first.date,
        "to": last.label,
        "to_date": last.date,
    }
