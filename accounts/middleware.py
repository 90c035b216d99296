"""For each request: the language and time zone of the person, a device that keeps nothing of them
once they signed out, a word where nothing is saved, and no page for passwords where there are none.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse_lazy
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts import devices
from accounts.targets import own_page

DEVICE_COOKIE = "device_of"  # whose pictures may wait in this browser
EVERYTHING = '"cache", "storage"'
DOORS = (reverse_lazy("account_login"), reverse_lazy("admin:login"))
NOT_SAVED = _(
    "You had been signed out meanwhile: what you just sent is not saved. Sign in, then send it "
    "again."
)


def clean_device(get_response: Callable) -> Callable:
    """Leave nothing of one person to the next on a shared phone.

    It drops what it stored when somebody signs out or deletes the account, and when somebody else
    signs in, over an open session or after one: https://www.w3.org/TR/clear-site-data/.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        # By the session: a token of the API signs nobody in on a device.
        before = request.session.get(SESSION_KEY)
        response = get_response(request)
        if before or request.user.is_authenticated:  # also by a token
            response.setdefault("Cache-Control", "private, no-store")  # nor by going back
        now = request.session.get(SESSION_KEY)
        if now == before:
            return response
        user = request.user
        if before or request.COOKIES.get(DEVICE_COOKIE, user.pseudonym) != user.pseudonym:
            response["Clear-Site-Data"] = EVERYTHING
        if not now:
            # The cookie stays: another tab may store more of this person's, until the next comes.
            return response
        response.set_cookie(
            DEVICE_COOKIE,
            user.pseudonym,
            max_age=timedelta(days=365),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        devices.remember(response, user.email)
        return response

    return middleware


def preferences(get_response: Callable) -> Callable:
    """What people chose for themselves comes before what their browser asks for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.language:
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        with timezone.override(_zone(user.time_zone) if user.is_authenticated else None):
            return get_response(request)

    return middleware


def _zone(name: str) -> ZoneInfo | None:
    """None, which stands for the service's own, also for a name that this machine doesn't know."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def tell_what_is_lost(get_response: Callable) -> Callable:
    """Say before signing in that what was sent after a session had ended is not saved, and lead
    back to the page of the form: where it was sent to may not be a page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method != "POST" or request.user.is_authenticated or response.status_code != 302:
            return response
        door, _question, query = response["Location"].partition("?")
        if door in DOORS and QueryDict(query).get("next") == request.get_full_path():
            messages.warning(request, NOT_SAVED)
            if page := own_page(request, _referer(request), otherwise=""):
                response["Location"] = f"{door}?{urlencode({'next': page})}"
        return response

    return middleware


def _referer(request: HttpRequest) -> str:
    """The page that was left, by its path where it is one of this site."""
    origin = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Referer", "").removeprefix(origin)


class ClosePages:
    """404 for pages of allauth that nobody is to reach.

    Where only the identity provider lets people in, those that sign in or change a password; where
    there is none, its own; and always the two that verified addresses make needless.
    """

    PASSWORDS = ("account_reset_password", "account_change_password", "account_set_password")
    SIGN_IN = ("account_signup", "mfa_login_webauthn", "mfa_signup_webauthn")
    PROVIDER = ("openid_connect_", "socialaccount_")
    NEVER = ("socialaccount_connections", "socialaccount_login_error")

    def __init__(self, get_response: Callable) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        """Raises Http404."""
        name = (request.resolver_match and request.resolver_match.url_name) or ""
        password = name.startswith(self.PASSWORDS) or name in self.SIGN_IN
        closed = (
            name in self.NEVER
            or (password and not settings.LOCAL_PASSWORDS)
            or (name.startswith(self.PROVIDER) and not settings.IDENTITY_PROVIDER)
        )
        if closed:
            raise Http404
