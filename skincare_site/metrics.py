"""What Prometheus reads at /metrics of any web host: see docs/scaling.md, “Watching”.

HTTP figures are of that host (django-prometheus). Everything named skincare_ is of the whole
service: counted in Redis (diagnosis/metrics.py), or looked up here at the time of reading.
"""

import logging
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from kombu.exceptions import OperationalError
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from redis import Redis, RedisError

import diagnosis.metrics
import ml.release
from accounts.models import OutgoingMail
from backups import watching
from diagnosis import media
from diagnosis.models import MoleRecord
from diagnosis.records import assessments, claims
from skincare_site.celery import app

STATES_FOR = 60  # seconds; counting millions of records takes some of them
PING_FOR = 0.5  # seconds in which workers answer

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus with the bearer token METRICS_TOKEN; for all others there is no page."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN or not secrets.compare_digest(given.encode(), expected.encode()):
        raise Http404
    response = ExportToDjangoView(request)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Service())
    response.content += generate_latest(registry)
    return response


class Service:
    """A collector: each source is asked apart, and one that is down costs its own figures only."""

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("skincare_up", "Whether a part answers.", labels=["part"])
        for part, read in SOURCES.items():
            try:
                # A source that fails half-way gives nothing: half a figure misleads.
                yield from list(read())
            except (DatabaseError, RedisError, OperationalError, OSError) as error:
                logger.warning("No figures of the %s: %s", part, error)
                up.add_metric([part], 0)
            else:
                up.add_metric([part], 1)
        yield up


def _database() -> Iterator[Metric]:
    waiting = claims.waiting().aggregate(number=Count("pk"), oldest=Min("created_at"))
    yield _gauge("skincare_queue_records", "Records that wait for a worker.", waiting["number"])
    yield _gauge(
        "skincare_queue_oldest_seconds", "Age of the oldest of them.", _age(waiting["oldest"])
    )
    states = GaugeMetricFamily("skincare_records", "Records by state.", labels=["state"])
    # The stubs also have it return None, which it does only for a default of None.
    counted = cache.get_or_set("metrics.states", _states, STATES_FOR)
    for state, number in counted.items():  # type: ignore[union-attr]
        states.add_metric([state], number)
    yield states
    mails = OutgoingMail.objects.aggregate(number=Count("pk"), oldest=Min("created_at"))
    yield _gauge("skincare_mails", "E-mails that the mail server has not taken.", mails["number"])
    yield _gauge(
        "skincare_mails_oldest_seconds", "Age of the oldest of them.", _age(mails["oldest"])
    )


def _states() -> dict[str, int]:
    counted = MoleRecord.objects.order_by().values_list("state").annotate(Count("pk"))
    return dict.fromkeys(MoleRecord.State.values, 0) | dict(counted)


def _broker() -> Iterator[Metric]:
    yield from diagnosis.metrics.read()
    messages = GaugeMetricFamily(
        "skincare_messages", "Messages that no worker has taken.", labels=["queue"]
    )
    with Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as broker:
        for queue in settings.CELERY_TASK_QUEUES:
            messages.add_metric([queue.name], broker.llen(queue.name))
    yield messages
    if swept_at := cache.get(assessments.SWEPT_AT):
        yield _gauge(
            "skincare_last_sweep_timestamp_seconds",
            "When a worker last did what beat sends every 10 s: beat, broker and worker live.",
            swept_at,
        )
    good, tried = watching.told()
    if good:
        yield _gauge(
            "skincare_last_backup_timestamp_seconds",
            "When the last backup was made that lacks nothing and is copied where it should be.",
            good,
        )
    if tried:
        yield _gauge(
            "skincare_last_backup_try_timestamp_seconds",
            "When one was last tried; it failed where this is later.",
            tried,
        )


def _workers() -> Iterator[Metric]:
    answers = app.control.ping(timeout=PING_FOR)
    yield _gauge("skincare_workers", "Worker hosts that answer.", len(answers))


def _model() -> Iterator[Metric]:
    model = InfoMetricFamily("skincare_model", "The released model, and what runs it.")
    try:
        version = ml.release.current().version
    except ml.release.ReleaseError as error:
        raise OSError(error) from error
    model.add_metric([], {"version": version, "engine": settings.ML_ENGINE})
    yield model


def _media() -> Iterator[Metric]:
    # Of a full one its figures tell.
    if (trouble := media.trouble()) not in ("", "full"):
        raise OSError(trouble)
    if not media.is_a_folder():
        return
    usage = shutil.disk_usage(settings.MEDIA_ROOT)
    yield _gauge("skincare_media_size_bytes", "Size of the disk with the pictures.", usage.total)
    yield _gauge("skincare_media_free_bytes", "Of it, what is free.", usage.free)


SOURCES: dict[str, Callable[[], Iterator[Metric]]] = {
    "database": _database,
    "broker": _broker,
    "workers": _workers,
    "model": _model,
    "media": _media,
}


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(name, documentation, value=value)


def _age(since: datetime | None) -> float:
    return (timezone.now() - since).total_seconds() if since else 0
