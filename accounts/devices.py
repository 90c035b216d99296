"""How a person's own devices, programs and places are known again, so that strangers who guess
hold up strangers only.

None of it opens anything: what is known is only counted apart. Device cookies are described at
https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
"""

import hashlib
import secrets
from datetime import timedelta

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from knox.crypto import hash_token
from knox.models import get_token_model

COOKIE = "known_device"
KEPT = timedelta(days=365)
PLACE_KEPT = timedelta(days=90)


def remember(response: HttpResponse, email: str) -> None:
    """Give the browser a random number that is signed for this address only."""
    response.set_signed_cookie(
        COOKIE,
        secrets.token_hex(8),
        salt=_salt(email),
        max_age=KEPT,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def known(request: HttpRequest, email: str) -> str | None:
    """A name for the browser that somebody signed in on with this address, or for the program
    that holds a token of it; None for any other."""
    return request.get_signed_cookie(COOKIE, None, salt=_salt(email)) or _token(request, email)


def remember_place(request: HttpRequest, email: str) -> None:
    """Note that the right password came from this address of the network."""
    cache.set(_place(request, email), True, PLACE_KEPT.total_seconds())


def is_known_place(request: HttpRequest, email: str) -> bool:
    """Whether the right password came from there lately; no longer where the cache is lost."""
    return bool(cache.get(_place(request, email)))


def _token(request: HttpRequest, email: str) -> str | None:
    """The digest of the token that the request carries, where it is one of this person's."""
    digest = hash_token(request.headers.get("Authorization", "").rpartition(" ")[2])
    tokens = get_token_model().objects
    return digest if tokens.filter(digest=digest, user__email=email.lower()).exists() else None


def _place(request: HttpRequest, email: str) -> str:
    text = f"{_salt(email)}:{get_ip(request)}"
    return f"places:{hashlib.sha256(text.encode()).hexdigest()}"


def _salt(email: str) -> str:
    return f"accounts.devices:{email.lower()}"
