"""For machines that watch: is the process alive, can it serve."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from accounts import outbox
from diagnosis import media
from diagnosis.language import frequencies
from diagnosis.records import assessments

SILENT = 180  # seconds; deploy/prometheus/alerts.yml has the same
# When this process last knew of a sweep; at its start it can't have missed one.
swept_at = time.time()


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so that a database that is down restarts nobody."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """503 while the database can't be reached.

    Anything else makes it "degraded", but still 200: without the broker uploads are stored, and
    the sweeper sends them once it is back; without room for pictures people still read their
    results. To take the pages away then would lose more.
    """
    said = state()
    return JsonResponse(said, status=503 if said["database"] == "down" else 200)


def state() -> dict[str, str | None]:
    """How the service is: "ok", "degraded" or "unavailable", and each part of it."""
    database, broker = _database(), _broker()
    up = database != "down"
    said = {
        "database": database,
        "broker": "ok" if broker else "down",
        "media": media.trouble() or "ok",
        "mail": (outbox.trouble() or "ok") if up else "unknown",
        "worker": "ok" if _sweeps(broker) else "silent",
    }
    model = frequencies.release().get("version")
    well = model is not None and set(said.values()) == {"ok"}
    status = "ok" if well else "degraded" if up else "unavailable"
    return {"status": status, **said, "model": model}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return "read-only" if cursor.fetchone()[0] == "on" else "ok"
    except DatabaseError:
        return "down"


def _broker() -> bool:
    timeouts: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
    try:
        with Redis.from_url(settings.REDIS_URL, **timeouts) as broker:
            return bool(broker.ping())
    except RedisError:
        return False


def _sweeps(broker: bool) -> bool:
    """Whether a worker did in the last minutes what beat sends every 10 s, as far as is known here.

    A broker that starts again remembers nothing; one that is down is not asked a second time.
    """
    global swept_at
    now = time.time()
    told = (broker and cache.get(assessments.SWEPT_AT)) or 0
    swept_at = min(max(swept_at, told), now)  # either clock may have been ahead
    return now - swept_at < SILENT
