"""How the program's answers compare with the doctors' verdicts, and how its scores drift.

A record counts with its newest verdict, and once for each version of the model that assessed it.
All is counted by the database, in a constant number of queries.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    FloatField,
    IntegerField,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
)
from django.db.models.functions import Cast, Floor, Least, TruncWeek

from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.records.querysets import RecordQuerySet
from diagnosis.reviews.models import Review, SecondOpinion
from ml.taxonomy import BENIGN, HIGH_RISK, RISK_CATEGORIES

BINS = 10
QUARTILES = (0.25, 0.5, 0.75)
WAITING = (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``n``."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval (Wilson 1927), which holds for small numbers and near 0 and 1 too."""
        if not self.n:
            return None
        z, n, p = 1.959964, self.n, self.hits / self.n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of nearly the same malignancy: their mean, and how many doctors called malignant."""

    mean: float
    malignant: Share


@dataclass(frozen=True, slots=True)
class Week:
    """Pictures of one week, from its Monday on; quartiles of the malignancy of those answered."""

    monday: date
    refused: Share
    flagged: Share
    quartiles: list[float] | None


@dataclass(frozen=True, slots=True)
class Wait:
    """The time from upload to first verdict, median and 90th percentile; what still waits, and
    when the oldest of it was sent."""

    danger: int
    reviewed: int = 0
    median: timedelta | None = None
    ninetieth: timedelta | None = None
    waiting: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """``confusion[verdict][answer]`` counts records, both in the order of RISK_CATEGORIES."""

    confusion: list[list[int]]
    rates: dict[str, Share]
    bins: list[Bin]
    weeks: list[Week]
    waits: list[Wait] = field(default_factory=list)

    @property
    def reviewed(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def refused(self) -> Share:
        """The share that was refused, of all pictures."""
        shares = [week.refused for week in self.weeks]
        return Share(sum(s.hits for s in shares), sum(s.n for s in shares))


class Percentiles(Aggregate):
    """PostgreSQL's continuous percentiles of one expression."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(ARRAY[%(shares)s]) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: object, shares: Iterable[float], **extra: Any) -> None:
        super().__init__(expression, shares=", ".join(map(str, shares)), **extra)


def model_versions() -> list[str]:
    """List the versions that have assessed a record, the latest first."""
    used = _answers().values("model_version").annotate(last=Max("created_at"))
    return list(used.order_by("-last").values_list("model_version", flat=True))


def measure(*, model_version: str, modality: str = "", blind: bool = False) -> Agreement:
    """Everything about one version; of one modality, and of blind verdicts only, when asked."""
    answers = _answers().filter(model_version=model_version)
    records = MoleRecord.objects.real().filter(current_assessment__model_version=model_version)
    if modality:
        answers, records = answers.filter(modality=modality), records.filter(modality=modality)
    verdicts = Review.objects.filter(is_final=True, **({"blind": True} if blind else {}))
    cells = _cells(answers, verdicts)
    counts: Counter[tuple[str, str]] = Counter()
    for cell in cells:
        counts[cell.verdict, cell.answer] += cell.n
    return Agreement(
        confusion=[[counts[v, a] for a in RISK_CATEGORIES] for v in RISK_CATEGORIES],
        rates=_rates(cells),
        bins=_bins(cells),
        weeks=_weeks(answers),
        waits=_waits(records),
    )


def second_opinions() -> Share:
    """Of second opinions, those in the first doctor's category, before either corrected theirs;
    whatever the version."""
    answered = SecondOpinion.objects.filter(is_same_category__isnull=False)
    same = Q(is_same_category=True)
    return Share(**answered.aggregate(hits=Count("pk", filter=same), n=Count("pk")))


def _answers() -> QuerySet[Assessment]:
    """Assessments of pictures, without the drawn ones."""
    return Assessment.objects.exclude(record__origin=MoleRecord.Origin.DEMO)


@dataclass(frozen=True, slots=True)
class _Cell:
    """Reviewed answers that are alike."""

    answer: str
    uncertain: bool
    verdict: str
    bin: int
    n: int
    total: float

    @property
    def is_malignant(self) -> bool:
        return self.verdict != BENIGN

    @property
    def is_flagged(self) -> bool:
        return self.answer != BENIGN

    @property
    def is_sent(self) -> bool:
        return self.is_flagged or self.uncertain


def _cells(answers: QuerySet[Assessment], verdicts: QuerySet[Review]) -> list[_Cell]:
    newest = verdicts.filter(record=OuterRef("record")).order_by("-news_since")
    alike = (
        answers.filter(usable=True, record__is_reviewed=True)
        .annotate(
            verdict=Subquery(newest.values("risk_category")[:1]),
            bin=Cast(Least(Floor(F("malignancy") * BINS), BINS - 1), IntegerField()),
        )
        .filter(verdict__isnull=False)
        .values_list("risk_category", "uncertain", "verdict", "bin")
        .annotate(n=Count("pk"), total=Sum("malignancy"))
        .order_by()
    )
    return [_Cell(*row) for row in alike]


def _count(cells: list[_Cell], holds: Callable[[_Cell], bool]) -> int:
    return sum(cell.n for cell in cells if holds(cell))


def _rates(cells: list[_Cell]) -> dict[str, Share]:
    def share(hit: Callable[[_Cell], bool], among: Callable[[_Cell], bool]) -> Share:
        return Share(_count(cells, lambda c: among(c) and hit(c)), _count(cells, among))

    def high_risk(cell: _Cell) -> bool:
        return cell.verdict == HIGH_RISK

    return {
        "same_category": share(lambda c: c.answer == c.verdict, lambda c: True),
        "sensitivity": share(lambda c: c.is_flagged, lambda c: c.is_malignant),
        "specificity": share(lambda c: not c.is_flagged, lambda c: not c.is_malignant),
        "sensitivity_sent": share(lambda c: c.is_sent, lambda c: c.is_malignant),
        "specificity_sent": share(lambda c: not c.is_sent, lambda c: not c.is_malignant),
        "high_risk_flagged": share(lambda c: c.is_flagged, high_risk),
        "high_risk_named": share(lambda c: c.answer == HIGH_RISK, high_risk),
    }


def _bins(cells: list[_Cell]) -> list[Bin]:
    n: Counter[int] = Counter()
    malignant: Counter[int] = Counter()
    total: dict[int, float] = defaultdict(float)
    for cell in cells:
        n[cell.bin] += cell.n
        malignant[cell.bin] += cell.n if cell.is_malignant else 0
        total[cell.bin] += cell.total
    return [Bin(total[key] / n[key], Share(malignant[key], n[key])) for key in sorted(n)]


def _weeks(answers: QuerySet[Assessment]) -> list[Week]:
    usable = Q(usable=True)
    rows = (
        answers.annotate(week=TruncWeek("record__created_at"))
        .values("week")
        .annotate(
            n=Count("pk"),
            answered=Count("pk", filter=usable),
            flagged=Count("pk", filter=usable & ~Q(risk_category=BENIGN)),
            quartiles=Percentiles(
                "malignancy", QUARTILES, filter=usable, output_field=ArrayField(FloatField())
            ),
        )
        .order_by("week")
    )
    return [
        Week(
            monday=row["week"].date(),
            refused=Share(row["n"] - row["answered"], row["n"]),
            flagged=Share(row["flagged"], row["answered"]),
            quartiles=row["quartiles"],
        )
        for row in rows
    ]


def _waits(records: RecordQuerySet) -> list[Wait]:
    """Waiting times by danger, the greatest first."""
    first = Review.objects.filter(record=OuterRef("pk")).order_by("created_at")
    waited = ExpressionWrapper(
        Subquery(first.values("created_at")[:1]) - F("created_at"), output_field=DurationField()
    )
    found: dict[int, dict] = {}  # by danger
    for row in (
        records.filter(is_reviewed=True)
        .annotate(waited=waited)
        .values("danger")
        .annotate(
            reviewed=Count("pk"),
            percentiles=Percentiles("waited", WAITING, output_field=ArrayField(DurationField())),
        )
        .order_by()
    ):
        median, ninetieth = row["percentiles"]
        found[row["danger"]] = {
            "reviewed": row["reviewed"],
            "median": median,
            "ninetieth": ninetieth,
        }
    for row in (
        records.awaiting_review()
        .values("danger")
        .annotate(waiting=Count("pk"), oldest=Min("created_at"))
        .order_by()
    ):
        now = {"waiting": row["waiting"], "oldest": row["oldest"]}
        found.setdefault(row["danger"], {}).update(now)
    return [Wait(danger=danger, **found[danger]) for danger in sorted(found, reverse=True)]
