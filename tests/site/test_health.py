"""What an orchestrator and a load balancer read."""

import pytest
from django.test import Client

import ml.release

pytestmark = pytest.mark.django_db


def test_live_asks_nothing_else(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        response = client.get("/health/live")
    assert response.status_code == 200


def test_ready_names_what_it_asked(client: Client) -> None:
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "database": "ok",
        "broker": "ok",
        "media": "ok",
        "mail": "ok",
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
