"""No parameter makes any address answer with an error of ours: a walk over all, as each role."""

import re

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.factories import PASSWORD, confirmed_session
from tests.site.test_roles_walk import ADDRESSES, API, fill_in, people  # noqa: F401 fixtures

NAMES = (
    *("next", "q", "p", "o", "e", "all", "page", "cursor", "page_size", "version", "lang", "key"),
    *("looks", "again", "mole", "modality", "state", "action", "resource_type", "timestamp"),
    *("groups__id__exact", "is_active__exact", "review", "claim", "risk_category", "doctor__id"),
    *("date_joined__gte", "_popup", "_to_field", "_changelist_filters", "term", "format"),
    *("from", "to", "since", "until", "body_site", "result", "doctor", "search", "primary__exact"),
)
FIELDS = (
    *("next", "language", "token", "credential", "code", "action", "_selected_action", "post"),
    *("login", "password", "email", "name", "display_name", "days", "mole", "body_site", "key"),
    *("action_add", "action_primary", "action_remove", "action_send", "image", "demo", "note"),
    *("form-TOTAL_FORMS", "form-INITIAL_FORMS", "index", "select_across", "_save", "groups"),
    *("user", "expiry", "_confirm", "agreed", "consent", "date_of_birth", "reminder", "size_mm"),
)
VALUES = ("a\0b", "abc", "99999999999999999999", '{"id": 1}')
DEEP = "[" * 20_000  # deeper than the interpreter's stack
LISTS = re.compile(r"^/(admin/[a-z]+/[a-z]+/(export/)?|records/|moles/|api/v1/(schema|records)/)$")


def fails(session: str | None, method: str, address: str, values: dict) -> str | None:
    """The address with what was sent, where the answer is our error; what was done is undone."""
    cache.clear()
    client = Client(raise_request_exception=False)
    if session:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    before = transaction.savepoint()
    headers = {"HX-Request": "true"} if address.endswith("/state/") else {}
    response = getattr(client, method)(address, values, headers=headers)
    if response.streaming:
        list(response.streaming_content)
    transaction.savepoint_rollback(before)
    if response.status_code >= 500:
        return f"{method} {address} {values}: {response.status_code}"
    return None


@pytest.fixture
def everybody(people, admin_user):  # noqa: F811
    return people | {"superuser": admin_user}


@pytest.mark.parametrize("role", ["nobody", "alice", "superuser"])
def test_no_parameter_of_any_address_is_an_error(role, everybody, fill_in):  # noqa: F811
    session = confirmed_session(everybody[role])
    found = []
    for route in ADDRESSES:
        if route.startswith("/admin/") and role in ("nobody", "alice"):
            continue
        address = re.sub(r"\?.*", "", fill_in(route))
        for value in VALUES:
            found.append(fails(session, "get", address, dict.fromkeys(NAMES, value)))
            found.append(fails(session, "post", address, dict.fromkeys(FIELDS, value)))
        if LISTS.match(route) and role != "nobody":
            # One by one: among several, the first that is refused hides the others.
            found += [fails(session, "get", address, {name: "abc"}) for name in NAMES]
    assert not any(found), "\n" + "\n".join(filter(None, found))


def test_a_line_end_or_a_nul_in_an_address_is_refused_in_the_right_form(client):
    for address, kind in (
        ("/api/v1/schema/?version=1%0d%0aSet-Cookie:x", "application/problem+json"),
        ("/?page=%00", "text/html"),
        ("/moles/%00/", "text/html"),
    ):
        answer = client.get(address)
        assert answer.status_code == 400
        assert answer["Content-Type"].startswith(kind)


def test_a_nul_in_what_a_program_sends_is_refused(client, alice):
    client.force_login(alice)
    credentials = {"email": "a\0@example.org", "password": "\0"}
    answer = client.post("/api/v1/auth/token/", credentials, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.filterwarnings("ignore:.*received a naive datetime:RuntimeWarning")
@pytest.mark.parametrize(
    "when",
    [
        "year=10000000000000000000",
        "year=0",
        "lt=0001-01-01T00:00:00%2B14:00",
        "gte=9999-12-31T23:59:59-12:00",
        "gte=9999-12-31",
    ],
)
def test_a_time_before_or_after_all_others_is_no_error_of_the_administration(admin_client, when):
    pages = {"diagnosis/molerecord": "created_at", "diagnosis/review": "created_at",
             "auditlog/logentry": "timestamp", "accounts/user": "date_joined"}  # fmt: skip
    for page, field in pages.items():
        answer = admin_client.get(f"/admin/{page}/?{field}__{when}", follow=True)
        assert answer.status_code in (200, 400), page


def test_what_leads_nowhere_leads_home(client, alice):
    client.force_login(alice)
    for target in ("abc", "https://evil.example/", "//evil.example", "javascript:x", ""):
        answer = client.post("/account/language/", {"next": target, "language": "fr"})
        assert answer.url == "/"
        assert client.get("/account/consent/", {"next": target}).url == "/"


@pytest.mark.parametrize("door", ["account_login", "account_reauthenticate", "account_logout"])
def test_nor_does_another_name_of_this_service_lead_anywhere_else(client, alice, door):
    """127.0.0.1, which the health check in a container asks, is everybody's own machine."""
    if door != "account_login":
        client.force_login(alice)
    sent = {"login": alice.email, "password": PASSWORD, "next": "https://127.0.0.1/records/"}
    assert client.post(reverse(door), sent).url == "/"


@pytest.mark.parametrize("body", [DEEP, '{"email": ' + DEEP])
def test_nor_json_that_is_deeper_than_the_stack(db, body):
    client = Client(raise_request_exception=False)
    answer = client.post("/api/v1/auth/token/", body, content_type="application/json")
    assert answer.status_code == 400
    assert "nested too deeply" in answer.json()["detail"]


def test_nor_costs_a_name_that_is_there_twice_more_than_reading(db):
    names = [f'"k{number}": 1' for number in range(170_000)]  # looked for among all: minutes
    body = "{" + ", ".join([*names, names[-1]]) + "}"
    answer = Client().post("/api/v1/auth/token/", body, content_type="application/json")
    assert answer.json()["errors"] == {"k169999": ["It is there twice."]}


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("address", ["/api/v1/auth/token/", "/account/login/"])
def test_a_body_without_a_file_is_bounded(db, kind, address):
    body = "{" + " " * 3_000_000 + "}"
    assert Client().post(address, body, content_type=kind).status_code == 413


@pytest.mark.parametrize("role", ["nobody", "dr_chen"])
def test_nor_such_a_security_key(role, dr_chen):
    client = Client(raise_request_exception=False)
    if role == "dr_chen":
        client.force_login(dr_chen)
    name = "mfa_login_webauthn" if role == "nobody" else "mfa_reauthenticate_webauthn"
    assert client.post(reverse(name), {"credential": DEEP}).status_code < 500
