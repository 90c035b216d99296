"""While the broker is away, hangs or takes nothing, people sign in, and each limit holds."""

import socket
import time
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal import auth
from django.core.cache import caches
from django.test import Client
from django.urls import reverse
from redis import Redis

from accounts.models import User
from skincare_site import cache
from tests.factories import PASSWORD, TOTP_SECRET, UserFactory, current_code

ACCOUNT = reverse("accounts:account")
CODE = reverse("mfa_authenticate")


def at(settings, port: int) -> None:
    location = {"LOCATION": f"redis://127.0.0.1:{port}/0"}
    settings.CACHES = {"default": settings.CACHES["default"] | location}


@pytest.fixture
def silent(settings) -> Iterator[socket.socket]:
    """A broker that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        at(settings, server.getsockname()[1])
        yield server


@pytest.fixture
def gone(settings) -> None:
    at(settings, 1)


@pytest.fixture
def full(settings) -> Iterator[None]:
    """One that is read, and takes nothing more."""
    with Redis.from_url(settings.REDIS_URL) as broker:
        broker.config_set("maxmemory", 1)
        yield
        broker.config_set("maxmemory", 0)


@pytest.fixture(params=["gone", "silent", "full"])
def away(request) -> None:
    request.getfixturevalue(request.param)


def sign_in(person: User, password: str = PASSWORD) -> Client:
    browser = Client()
    browser.post(reverse("account_login"), {"login": person.email, "password": password})
    return browser


def test_people_sign_in_and_programs_get_tokens(away, alice, client):
    assert sign_in(alice).get(ACCOUNT).status_code == 200
    asked = {"email": alice.email, "password": PASSWORD}
    answer = client.post("/api/v1/auth/token/", asked, content_type="application/json")
    assert answer.status_code == 201


def test_guessing_is_limited(away, alice, bob):
    for _ in range(5):
        sign_in(alice, "not her password")
    assert sign_in(alice).get(ACCOUNT).status_code == 302
    assert sign_in(bob).get(ACCOUNT).status_code == 200


def test_a_code_works_once(away, db):
    person = UserFactory(second_factor=True)
    hers, mallorys = sign_in(person), sign_in(person)
    code = {"code": current_code(TOTP_SECRET)}
    hers.post(CODE, code)
    mallorys.post(CODE, code)
    assert hers.get(ACCOUNT).status_code == 200
    assert mallorys.get(ACCOUNT).status_code == 302


@pytest.mark.parametrize("door", ["page", "program", "proof"])
def test_nor_does_one_that_was_used_before_the_broker_went(settings, client, db, door):
    """Nor another process, whose memory is another one."""
    person = UserFactory(second_factor=True)
    hers, mallorys = sign_in(person), sign_in(person)
    code = {"code": current_code(TOTP_SECRET)}
    hers.post(CODE, code)
    assert hers.get(ACCOUNT).status_code == 200
    at(settings, 1)
    if door == "page":
        mallorys.post(CODE, code)
        assert mallorys.get(ACCOUNT).status_code == 302
        return
    if door == "proof":
        answer = hers.post(reverse("mfa_reauthenticate"), code)
        assert answer.context["form"].errors["code"]
        return
    asked = {"email": person.email, "password": PASSWORD} | code
    answer = client.post("/api/v1/auth/token/", asked, content_type="application/json")
    assert answer.status_code == 400
    assert "code" in answer.json()["errors"]


def test_nor_while_it_is_taken_for_that_of_a_clock_that_is_behind(client, db, monkeypatch):
    """It is so for a minute longer than the library remembers it."""
    person = UserFactory(second_factor=True)
    hers, mallorys = sign_in(person), sign_in(person)
    code = {"code": current_code(TOTP_SECRET)}
    hers.post(CODE, code)
    assert hers.get(ACCOUNT).status_code == 200
    caches["default"].clear()
    later = time.time() + 30
    monkeypatch.setattr(auth.time, "time", lambda: later)
    mallorys.post(CODE, code)
    assert mallorys.get(ACCOUNT).status_code == 302
    mallorys.post(CODE, {"code": current_code(TOTP_SECRET)})
    assert mallorys.get(ACCOUNT).status_code == 200


def test_a_forgotten_password_is_replaced_and_nobody_flooded(away, alice, mailoutbox):
    for number in range(7):
        stranger = Client(REMOTE_ADDR=f"203.0.113.{number}")
        stranger.post(reverse("account_reset_password"), {"email": alice.email})
    assert [mail.to for mail in mailoutbox] == [[alice.email]] * 5


def test_one_that_hangs_is_waited_for_once(silent, alice, monkeypatch):
    monkeypatch.setattr(cache, "PAUSE", 600)
    assert sign_in(alice).get(ACCOUNT).status_code == 200
    silent.accept()[0].close()
    with pytest.raises(BlockingIOError):
        silent.accept()


def test_one_that_is_read_again_takes_no_count_away(full, alice, client, monkeypatch):
    """Once it was asked again, a read that it answers would begin each count anew."""
    monkeypatch.setattr(cache, "PAUSE", 0.01)
    asked = {"email": alice.email, "password": PASSWORD}
    for _ in range(21):
        answer = client.post("/api/v1/auth/token/", asked, content_type="application/json")
    assert answer.status_code == 429


def test_one_that_is_back_counts_again(full, settings, alice, client, monkeypatch):
    monkeypatch.setattr(cache, "PAUSE", 0.01)
    sign_in(alice)
    with Redis.from_url(settings.REDIS_URL) as broker:
        broker.config_set("maxmemory", 0)
        before = broker.dbsize()
        time.sleep(0.02)
        sign_in(alice, "not her password")
        assert broker.dbsize() > before
