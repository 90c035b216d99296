"""Devices that a person has signed in on: a cookie that outlives the session and opens nothing."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "known_device"


def remember(response: HttpResponse, email: str) -> None:
    """Give the browser a random number that is signed for this address only."""
    response.set_signed_cookie(
        COOKIE,
        secrets.token_hex(8),
        salt=_salt(email),
        max_age=timedelta(days=365),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known(request: HttpRequest, email: str) -> str | None:
    """The device's number, where somebody signed in on it with this address."""
    return request.get_signed_cookie(COOKIE, None, salt=_salt(email))


def _salt(email: str) -> str:
    return f"accounts.devices:{email.lower()}"
