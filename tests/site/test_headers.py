"""What every page tells the browser not to do, and what nobody may read."""

import uuid
from datetime import UTC, datetime, timedelta

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


def test_no_page_may_use_a_sensor_but_the_camera_page_the_camera(client: Client) -> None:
    policy = client.get("/").headers["Permissions-Policy"]
    assert "camera=(self)" in policy
    for feature in ("microphone", "geolocation", "payment", "usb"):
        assert f"{feature}=()" in policy


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/schema/", "/health/live", "/nothing", "/robots.txt"]
)
def test_other_sites_may_embed_nothing(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_search_engines_find_the_start_page_only(client: Client) -> None:
    rules = client.get("/robots.txt").content.decode().splitlines()
    assert rules[-1] == "Disallow: /"
    assert "Allow: /$" in rules


def test_who_finds_a_hole_learns_whom_to_tell(client: Client, settings) -> None:
    assert client.get("/.well-known/security.txt").status_code == 404
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert fields["Contact"] == "mailto:security@example.org"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=1) < left < timedelta(days=365)
    assert answer["Content-Type"].startswith("text/plain")


def test_password_managers_find_the_page_for_a_new_password(client: Client) -> None:
    assert client.get("/.well-known/change-password").url == "/account/password/change/"
