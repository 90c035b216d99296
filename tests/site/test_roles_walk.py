"""Who may do what: docs/roles.md, compared with what every address really answers."""

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.cache import cache
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from knox.models import AuthToken

from accounts import tokens
from accounts.models import User
from diagnosis.camera import build
from diagnosis.models import DoctorProfile, SecondOpinion, Share, Webhook
from diagnosis.sharing import links
from tests.factories import (
    SECURITY_KEY,
    FurtherPictureFactory,
    MoleFactory,
    ReviewFactory,
    assessed,
)

TABLE = Path(__file__).parents[2] / "docs/roles.md"
ROLES = ("nobody", "alice", "bob", "doctor", "administrator")
API = "/api/v1/"
# Where the admin first sends to, before it says what one may do there.
ADMIN_REDIRECT = re.compile(r"^/admin/(login/|.*/change/$)")
YES, SIGN_IN, NO, HIDDEN, NOT_ALLOWED = "yes", "sign in", "no", "hidden", "–"


# --- the table in the document -------------------------------------------------------------------


def tables(first_header: str) -> Iterator[list[str]]:
    """The cells of each row, of all tables that begin with this header."""
    inside = False
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_header:
            inside = True
        elif inside and not set(cells[0]) <= {"-", " ", ":"}:
            yield cells


def documented() -> dict[tuple[str, str], tuple[str, ...]]:
    """(address, method) → what each role gets."""
    found = {}
    for _what, addresses, methods, *cells in tables("what"):
        for address, method in product(re.findall("`(.+?)`", addresses), methods.split(", ")):
            assert (address, method) not in found, f"twice: {address} {method}"
            found[address, method] = tuple(cells)
    return found


def row_of(route: str, method: str, table: dict) -> tuple[str, ...] | None:
    """A row that ends with * stands for all below, and then gives nobody anything."""
    if (route, method) in table:
        return table[route, method]
    for (address, of), cells in table.items():
        if address.endswith("*") and of == method and route.startswith(address[:-1]):
            assert YES not in cells, f"{address} opens addresses that it does not name"
            return cells
    return None


# --- the addresses and what they answer ----------------------------------------------------------


def addresses(resolver: URLResolver, before: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield named(route)
        else:
            yield from addresses(pattern, route)


def named(route: str) -> str:
    """The few addresses that Django and allauth write as regular expressions, as the others are."""
    if route.endswith("$"):
        route = re.sub(r"\(\?P(<\w+>)[^)]+\)", r"\1", route)
    return route.replace("^", "").rstrip("$")


ADDRESSES = sorted(set(addresses(get_resolver())))


@pytest.fixture
def people(alice, bob, dr_chen, frank):
    return {"nobody": None, "alice": alice, "bob": bob, "doctor": dr_chen, "administrator": frank}


@pytest.fixture
def fill_in(people, client, dr_okafor):
    """fill_in(route): the address of something of alice's, or a page about it in the admin."""
    alice, dr_chen = people["alice"], people["doctor"]
    mole = MoleFactory(owner=alice)
    assessed(owner=alice, mole=mole)  # the earlier picture, since which it changed
    record = assessed(owner=alice, mole=mole)
    further = FurtherPictureFactory(record=record)
    review = ReviewFactory(record=record, doctor=dr_chen)
    opinion = SecondOpinion.objects.create(first=review, asked=dr_okafor)
    share = Share.objects.create(
        owner=alice, mole=mole, expires_at=timezone.now() + timedelta(days=1)
    )
    webhook = Webhook.objects.create(owner=alice, url="https://example.org/", events=[])
    delivery = webhook.deliveries.create(event="webhook.test")
    key = Authenticator.objects.create(
        user=alice, type="webauthn", data={"name": "her key", "credential": SECURITY_KEY}
    )
    session = UserSession.objects.create(
        user=alice, session_key="k", ip="127.0.0.1", user_agent="", data={}
    )
    token_id = tokens.id_of(AuthToken.objects.create(alice)[0])
    in_admin = {
        "accounts/user": alice,
        "account/emailaddress": alice.emailaddress_set.get(),
        "auditlog/logentry": LogEntry.objects.first(),
        "auth/group": Group.objects.get(name="doctor"),
        "diagnosis/doctorprofile": DoctorProfile.objects.create(user=dr_chen),
        "diagnosis/molerecord": record,
        "diagnosis/review": review,
        "diagnosis/webhook": webhook,
        "diagnosis/webhookdelivery": delivery,
        "knox/authtoken": AuthToken.objects.create(alice)[0],
        "mfa/authenticator": key,
        "usersessions/usersession": session,
    }
    in_fhir = {
        "Observation": f"risk-category-{record.pk}",
        "Patient": alice.pk,
        "BodyStructure": mole.pk,
        "Device": "model-test",
    }
    some_script, model_file = next(iter(build.scripts())), next(iter(build.model().files))

    def fill(route: str) -> str:
        if route.startswith("/admin/"):
            model = "/".join(route.split("/")[2:4])
            values = {
                "path:object_id": in_admin[model].pk if model in in_admin else record.pk,
                "id": alice.pk,
                "uuid:record_id": record.pk,
                "uuid:picture": further.pk,
                "path:content_type_id": ContentType.objects.get_for_model(record).pk,
                "app_label": "auth",
                "url": "nothing",
            }
        else:
            owned = {"moles": mole, "shares": share, "shared": record, "reviews": review}
            owned["opinions"] = opinion
            if "/webhooks/" in route:
                owned |= {"webhooks": webhook, route.split("/")[1]: webhook}
            room = route.removeprefix(API).strip("/").split("/")[0]
            values = {
                "uuid:pk": token_id if room == "tokens" else owned.get(room, record).pk,
                "uuid:picture": further.pk,
                "int:pk": session.pk if "/sessions/" in route else key.pk,
                "slug:name": "even_mole",
                "slug:provider_id": "clinic",
                "uidb36": "x",
                "key": "x",
                "str:pk": in_fhir.get(route.split("/")[-2], record.pk),
                "slug:version": build.build(),
                "path:path": model_file if "/model/" in route else some_script,
            }
        address = re.sub(r"<([\w:]+)>", lambda found: str(values[found[1]]), route)
        return f"{address}?key={links.key(share)}" if route.startswith("/shared/") else address

    return fill


def ask(role: str, person: User | None, method: str, address: str) -> str:
    """What the role gets; whatever the request did is undone."""
    cache.clear()
    before = transaction.savepoint()
    client = Client(raise_request_exception=False)
    headers = {}
    if person and address.startswith(API):
        headers["Authorization"] = f"Token {AuthToken.objects.create(person)[1]}"
    elif person:
        client.force_login(person)
        # The password was just asked for, so that what lies behind that question is seen.
        session = client.session
        session["account_authentication_methods_user"] = str(person.pk)
        session["account_authentication_methods"] = [
            {"method": "mfa", "at": time.time()},
            {"method": "password", "at": time.time(), "reauthenticated": True},
        ]
        session.save()
    if address.endswith("/state/"):
        headers["HX-Request"] = "true"
    response = client.generic(method, address, headers=headers)
    if response.status_code == 302 and ADMIN_REDIRECT.search(response["Location"]):
        response = client.get(response["Location"])
    if response.streaming:
        list(response.streaming_content)
    transaction.savepoint_rollback(before)
    return outcome(response)


def outcome(response) -> str:
    status = response.status_code
    elsewhere = response.get("Location", "").startswith("/account/login/")
    if status == 401 or elsewhere or (status == 200 and "HX-Refresh" in response):
        return SIGN_IN
    if status in (403, 404, 405):
        return {403: NO, 404: HIDDEN, 405: NOT_ALLOWED}[status]
    # A form that is not filled in is refused for its content, so it was open.
    return YES if status in (200, 201, 202, 204, 301, 302, 400, 409, 503) else str(status)


def methods(route: str) -> tuple[str, ...]:
    return ("GET", "POST", "PUT", "PATCH", "DELETE") if route.startswith(API) else ("GET", "POST")


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_as_the_table_says(role, people, fill_in, settings):
    settings.SIMILAR_CASES = True
    settings.VAPID_KEY = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
    table, wrong = documented(), []
    for route in ADDRESSES:
        address = fill_in(route)
        if not any(row_of(route, method, table) for method in methods(route)):
            wrong.append(f"{route}: no row")
        for method in methods(route):
            got = ask(role, people[role], method, address)
            cells = row_of(route, method, table)
            said = cells[ROLES.index(role)] if cells else "no row"
            # What is refused to everybody alike needs no row of its own.
            if got != said and not (cells is None and got in (SIGN_IN, NO, HIDDEN, NOT_ALLOWED)):
                wrong.append(f"{method} {route}: {role} gets “{got}”, the table says “{said}”")
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_row_is_about_an_address_that_exists():
    for address, method in documented():
        if address.endswith("*"):
            assert any(route.startswith(address[:-1]) for route in ADDRESSES), address
        else:
            assert address in ADDRESSES, address
        assert method in ("GET", "POST", "PUT", "PATCH", "DELETE")


# --- actions on lists in the admin ---------------------------------------------------------------


def test_every_action_of_every_list_is_offered_as_the_table_says(people, admin_user):
    said = {(page.strip("`"), action.strip("`")): cells for page, action, *cells in tables("list")}
    found = {}
    for model, model_admin in admin.site._registry.items():
        page = f"/admin/{model._meta.label_lower.replace('.', '/')}/"
        everybody = {**people, "superuser": admin_user}
        offered = {}
        for role, person in everybody.items():
            request = RequestFactory().get(page)
            request.user = person
            if person and person.is_staff and model_admin.has_view_permission(request):
                for action in model_admin.get_actions(request):
                    offered.setdefault(action, set()).add(role)
        for action, roles in offered.items():
            if roles != {"superuser"}:
                found[page, action] = [YES if role in roles else NO for role in ROLES[1:]]
    assert found == said
