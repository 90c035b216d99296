"""For machines that watch: is the process alive, can it serve, how much does it serve."""

import secrets
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from redis import Redis, RedisError

import ml.release


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so that a database that is down restarts nobody."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """503 while the database can't be reached.

    Without the broker the answer is "degraded", but still 200: uploads are stored, and the
    sweeper sends them once it is back. To take the pages away then would lose uploads.
    """
    said = state()
    return JsonResponse(said, status=200 if said["database"] == "ok" else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus with the bearer token METRICS_TOKEN; for all others there is no page."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN or not secrets.compare_digest(given.encode(), expected.encode()):
        raise Http404
    return ExportToDjangoView(request)


def state() -> dict[str, str | None]:
    """How the service is: "ok", "degraded" or "unavailable", and each part of it."""
    checks = {"database": _database(), "broker": _broker()}
    status = "ok" if all(checks.values()) else "degraded" if checks["database"] else "unavailable"
    said = {name: "ok" if up else "down" for name, up in checks.items()}
    return {"status": status, **said, "model": _model()}


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _model() -> str | None:
    """The version of the model that answers, in every process; none where there is no release."""
    try:
        return ml.release.current().version
    except ml.release.ReleaseError:
        return None


def _broker() -> bool:
    timeouts: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
    try:
        with Redis.from_url(settings.REDIS_URL, **timeouts) as broker:
            return bool(broker.ping())
    except RedisError:
        return False
