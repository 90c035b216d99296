"""What every page tells the browser not to do, and what nobody may read."""

import uuid

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_pages_forbid_scripts_and_styles_from_elsewhere_and_inline(client: Client) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy + ";"
    assert "unsafe-inline" not in policy


def test_pages_may_not_be_framed_nor_sniffed(client: Client) -> None:
    headers = client.get("/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_metrics_exist_only_for_who_has_the_token(client: Client, settings) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = "collector"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 404
    response = client.get("/metrics", headers={"Authorization": "Bearer collector"})
    assert b"django_http_requests" in response.content


def test_the_admin_logs_in_by_the_site_s_own_page(client: Client) -> None:
    response = client.get("/admin/login/?next=/admin/", follow=True)
    assert response.redirect_chain[0][0].startswith("/account/login/")


def test_a_forged_forwarded_address_breaks_nothing(client: Client, alice) -> None:
    client.force_login(alice)
    form = {"demo": "even_mole", "key": uuid.uuid4()}
    response = client.post("/records/new/", form, headers={"X-Forwarded-For": "foo"})
    assert response.status_code == 302
