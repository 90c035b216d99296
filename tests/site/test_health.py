"""What an orchestrator and a load balancer read."""

import time
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

import ml.release
from diagnosis.records import assessments
from skincare_site import health

pytestmark = pytest.mark.django_db


def test_live_asks_nothing_else(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/health/live")
    assert response.status_code == 200


def test_ready_names_what_it_asked(client: Client) -> None:
    assessments.sweep()
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "broker": "ok",
        "media": "ok",
        "mail": "ok",
        "worker": "ok",
        "model": ml.release.current().version,
    }


def test_ready_without_a_broker_is_degraded_since_uploads_still_work(client, settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/health/ready")
    assert response.status_code == 200
    expected = {"status": "degraded", "database": "ok", "broker": "down"}
    assert response.json().items() >= expected.items()


def test_ready_without_a_model_is_degraded_since_no_picture_is_answered(
    client, monkeypatch
) -> None:
    def none() -> None:
        raise ml.release.ReleaseError("There is none.")

    monkeypatch.setattr(ml.release, "current", none)
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json().items() >= {"status": "degraded", "model": None}.items()


def test_ready_while_no_worker_does_anything_is_degraded_since_no_picture_is_judged(
    client, monkeypatch
) -> None:
    monkeypatch.setattr(health, "swept_at", 0)  # the process has been up for long
    cache.set(assessments.SWEPT_AT, time.time() - 200, timeout=None)
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json().items() >= {"status": "degraded", "worker": "silent"}.items()
    assessments.sweep()
    assert client.get("/health/ready").json()["worker"] == "ok"
    cache.delete(assessments.SWEPT_AT)  # a broker that starts again remembers nothing
    assert client.get("/health/ready").json()["worker"] == "ok"


def test_ready_is_not_degraded_before_a_first_sweep_could_come(client, monkeypatch) -> None:
    monkeypatch.setattr(health, "swept_at", time.time() - 60)
    cache.delete(assessments.SWEPT_AT)
    assert client.get("/health/ready").json()["worker"] == "ok"


@pytest.mark.parametrize("ahead", ["the worker's", "this process's, as it started"])
def test_a_clock_that_was_ahead_hides_no_silence(client, monkeypatch, ahead) -> None:
    now = time.time()
    tomorrow = now + 24 * 3600
    if ahead == "the worker's":
        cache.set(assessments.SWEPT_AT, tomorrow, timeout=None)
    else:
        monkeypatch.setattr(health, "swept_at", tomorrow)
    assert client.get("/health/ready").json()["worker"] == "ok"
    cache.set(assessments.SWEPT_AT, now, timeout=None)  # it is put right, and the worker stops
    monkeypatch.setattr(health, "time", SimpleNamespace(time=lambda: now + 200))
    assert client.get("/health/ready").json()["worker"] == "silent"


def test_ready_with_a_database_that_takes_nothing_is_degraded(client) -> None:
    """As a standby that was not promoted, or a disk that its host has made read-only."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json().items() >= {"status": "degraded", "database": "read-only"}.items()
