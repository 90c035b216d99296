"""Every error of the API is a problem detail (RFC 9457)."""

import pytest
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from diagnosis.records.querysets import RecordQuerySet

URL = "/api/v1/records/"


@pytest.fixture
def api(alice):
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(alice)
    return client


def check(response, status, title):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem.items() >= {"type": "about:blank", "title": title, "status": status}.items()
    assert problem["detail"]
    return problem


def test_an_unknown_record(api):
    problem = check(api.get(f"{URL}00000000-0000-4000-8000-000000000000/"), 404, "Not Found")
    assert problem["detail"] == "Not found."


@pytest.mark.parametrize("path", ["", "nothing/", "records/not-an-id/", "records/1/image/"])
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_unknown_address(db, path, method):
    check(getattr(APIClient(), method)(f"/api/v1/{path}"), 404, "Not Found")


def test_a_method_that_the_address_does_not_know(api):
    check(api.put(URL), 405, "Method Not Allowed")


@pytest.mark.parametrize("path", ["docs/", "redoc/", "schema/"])
@pytest.mark.parametrize("method", ["post", "options"])
def test_what_the_pages_of_the_description_can_not_be_asked(api, path, method):
    address = f"/api/v1/{path}"
    assert api.get(address).status_code == 200
    check(getattr(api, method)(address), 405, "Method Not Allowed")


def test_a_kind_of_description_that_is_not_there(api):
    check(api.get("/api/v1/schema/", HTTP_ACCEPT="application/pdf"), 406, "Not Acceptable")


def test_a_body_of_another_kind(api):
    check(api.post(URL, {"image": "x"}, format="json"), 415, "Unsupported Media Type")


def test_a_body_that_can_not_be_parsed(api):
    broken = {"data": b"{", "content_type": "application/json"}
    check(api.post("/api/v1/auth/token/", **broken), 400, "Bad Request")
    response = api.post(URL, data=b"--x", content_type="multipart/form-data")
    check(response, 400, "Bad Request")


def test_more_fields_than_a_form_has(api):
    response = api.post(URL, {f"field{n}": "x" for n in range(1001)}, format="multipart")
    check(response, 400, "Bad Request")


def test_fields_that_are_wrong_are_named(api):
    response = api.post(URL, {"modality": "x-ray"}, format="multipart")
    problem = check(response, 400, "Bad Request")
    assert set(problem["errors"]) == {"image", "modality"}


def test_no_token(db):
    check(APIClient().get(URL), 401, "Unauthorized")


def test_an_invalid_page(api):
    check(api.get(URL, {"cursor": "nonsense"}), 404, "Not Found")


def test_too_many_requests_say_when_to_come_back(api, monkeypatch):
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "1/min"})
    api.get(URL)
    response = api.get(URL)
    check(response, 429, "Too Many Requests")
    assert 0 < int(response["Retry-After"]) <= 60


def test_the_unexpected_is_logged_and_keeps_its_details_to_itself(api, monkeypatch, caplog):
    def broken(queryset, person):
        raise RuntimeError("secret")

    monkeypatch.setattr(RecordQuerySet, "of", broken)
    problem = check(api.get(URL), 500, "Internal Server Error")
    assert "secret" not in str(problem)
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("path", "kind"), [(URL, "application/problem+json"), ("/account/login/", "text/html")]
)
def test_a_host_that_is_not_ours(client, path, kind):
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith(kind)


@pytest.mark.parametrize("path", [URL, "/account/login/"])
def test_too_much_text_is_too_large(client, alice, path):
    client.force_login(alice)
    answer = client.post(path, {"note": "x" * 3_000_000})
    assert answer.status_code == 413
