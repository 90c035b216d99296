"""For machines that watch: is the process alive, can it serve."""

from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from accounts import outbox
from diagnosis import media
from diagnosis.language import frequencies


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
    return JsonResponse(said, status=200 if said["database"] == "ok" else 503)


def state() -> dict[str, str | None]:
    """How the service is: "ok", "degraded" or "unavailable", and each part of it."""
    up = _database()
    said = {
        "database": "ok" if up else "down",
        "broker": "ok" if _broker() else "down",
        "media": media.trouble() or "ok",
        "mail": (outbox.trouble() or "ok") if up else "unknown",
    }
    model = frequencies.release().get("version")
    well = model is not None and set(said.values()) == {"ok"}
    status = "ok" if well else "degraded" if up else "unavailable"
    return {"status": status, **said, "model": model}


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _broker() -> bool:
    timeouts: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
    try:
        with Redis.from_url(settings.REDIS_URL, **timeouts) as broker:
            return bool(broker.ping())
    except RedisError:
        return False
