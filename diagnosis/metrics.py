"""What is counted about the work: counters and histograms that every process of every host adds up.

They lie in Redis as one hash, so that one reading of /metrics at any web host gives the figures of
all (skincare_site/metrics.py). They fail open: without Redis nothing is counted, and all works. A
Redis that starts empty is a counter's reset, which Prometheus expects.
"""

import contextlib
import json
import time
from collections import Counter as Amounts
from collections.abc import Iterator
from dataclasses import dataclass

from django_redis import get_redis_connection
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from redis import RedisError

KEY = "metrics"
SECONDS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
PROBABILITIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0)
SUM = "sum"

Points = dict[str, float]


@dataclass(frozen=True)
class Counter:
    """``alarming`` are labels that count from 0 on: else the first of them, which are a new series
    for Prometheus, are not an increase, and an alert waits for more."""

    name: str
    documentation: str
    labels: tuple[str, ...]
    alarming: tuple[str, ...] = ()

    def more(self, *labels: str, amount: int = 1) -> Points:
        """To be written."""
        return {json.dumps([self.name, *labels]): amount}

    def read(self, rows: list[tuple[list[str], float]]) -> Metric:
        family = CounterMetricFamily(self.name, self.documentation, labels=self.labels)
        if self.alarming and not any(tuple(labels) == self.alarming for labels, _ in rows):
            family.add_metric(self.alarming, 0)
        for labels, amount in rows:
            family.add_metric(labels, amount)
        return family


@dataclass(frozen=True)
class Histogram:
    name: str
    documentation: str
    labels: tuple[str, ...]
    bounds: tuple[float, ...]

    def seen(self, value: float, *labels: str) -> Points:
        """One more value, to be written: in its bucket, and in the sum."""
        bound = next((str(bound) for bound in self.bounds if value <= bound), "+Inf")
        field = [self.name, *labels]
        return {json.dumps([*field, bound]): 1, json.dumps([*field, SUM]): value}

    def read(self, rows: list[tuple[list[str], float]]) -> Metric:
        """Prometheus's buckets hold all that is smaller, too."""
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.labels)
        series: dict[tuple[str, ...], Points] = {}
        for (*labels, bound), amount in rows:
            series.setdefault(tuple(labels), {})[bound] = amount
        for key, amounts in series.items():
            buckets, below = [], 0.0
            for bound in (*map(str, self.bounds), "+Inf"):
                below += amounts.get(bound, 0)
                buckets.append((bound, below))
            family.add_metric(key, buckets, sum_value=amounts.get(SUM, 0))
        return family


UPLOADS = Counter("skincare_uploads", "Pictures accepted.", ("origin", "modality"))
REFUSALS = Counter("skincare_refusals", "Pictures refused, by reason.", ("reason",), ("busy",))
ASSESSMENTS = Counter(
    "skincare_assessments",
    "Answers by outcome: done, unusable, failed, or given back to be tried again.",
    ("outcome", "model_version"),
    ("failed", ""),
)
UNUSABLE = Counter("skincare_unusable", "Reasons why pictures could not be used.", ("reason",))
ADVICE = Counter(
    "skincare_advice", "What the program advised.", ("advice", "modality", "model_version")
)
MALIGNANCY = Histogram(
    "skincare_malignancy",
    "Calibrated probability of malignancy of usable pictures.",
    ("modality", "model_version"),
    PROBABILITIES,
)
STAGES = Histogram(
    "skincare_stage_seconds",
    "Time by stage: prepare and keep in the upload; wait, read, assess and store in the worker.",
    ("stage",),
    SECONDS,
)
ALL: tuple[Counter | Histogram, ...] = (
    *(UPLOADS, REFUSALS, ASSESSMENTS, UNUSABLE, ADVICE, MALIGNANCY, STAGES),
)


class Clock:
    """Takes the time of one piece of work, stage by stage."""

    def __init__(self) -> None:
        self.points: list[Points] = []
        self._since = time.perf_counter()

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self.points.append(STAGES.seen(now - self._since, stage))
        self._since = now


def write(*points: Points) -> None:
    """Add them all, in one round trip."""
    amounts: Amounts[str] = Amounts()
    for each in points:
        amounts.update(each)
    with contextlib.suppress(RedisError):
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for field, amount in amounts.items():
            pipeline.hincrbyfloat(KEY, field, amount)
        pipeline.execute()


def read() -> Iterator[Metric]:
    """All of them as Prometheus wants them. Raises RedisError."""
    rows: dict[str, list[tuple[list[str], float]]] = {}
    for field, amount in sorted(get_redis_connection("default").hgetall(KEY).items()):
        name, *labels = json.loads(field)
        rows.setdefault(name, []).append((labels, float(amount)))
    for metric in ALL:
        yield metric.read(rows.get(metric.name, []))
