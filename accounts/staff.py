"""Sessions of staff, who see other people's records: both steps of signing in, and an early end.

OWASP ASVS 4.0.3, 2.2 and 3.3.2 (level 2): 12 hours, or 30 minutes without a request.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from rest_framework.request import Request

from accounts.models import User
from accounts.requests import PersonRequest

LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
# For programs of staff whose roles the identity provider decides: how old its word may be.
TRUSTED = timedelta(days=7)
SIGNED_IN_AT, SEEN_AT = "signed_in_at", "seen_at"


def passed_second_step(request: HttpRequest) -> bool:
    """Whether this session was opened, or confirmed since, by a second factor that still is on.

    Where the identity provider alone decides about roles, also by a sign-in there: one that it
    took away is still here. The demo of `make run` asks for none.
    """
    if settings.DEMO:
        return True
    by_factor = _is_by_factor(request)
    return by_factor and not _lacks_provider(request) and not request.user.lacks_second_factor


def _is_by_factor(request: Any) -> bool:
    """By one that still is on, or by the identity provider's word, which names none."""
    records = get_authentication_records(request, request.user)
    passed = [record.get("id") for record in records if record["method"] == "mfa"]
    return any(factor is None or factor in request.user.factors for factor in passed)


def roles_elsewhere() -> str:
    """Say where staff whose roles the identity provider decides have to sign in."""
    provider = settings.IDENTITY_PROVIDER
    return _(
        "%(provider)s decides who is staff here. Sign out, and sign in there: then you can work as "
        "staff, and make tokens for programs on your account page."
    ) % {"provider": provider.name if provider else ""}


def may_have_left(person: User) -> bool:
    """Whether these are staff by the identity provider's word alone, and it is an old one.

    It tells nobody that it took a role away: only who can't sign in there any more shows it.
    """
    if not (person.is_staff and person.roles_are_the_providers):
        return False
    lately = timezone.now() - TRUSTED
    return not person.socialaccount_set.filter(last_login__gt=lately).exists()


def _lacks_provider(request: Any) -> bool:
    return request.user.roles_are_the_providers and "socialaccount" not in _methods(request)


def _methods(request: HttpRequest) -> set[str]:
    records = get_authentication_records(request, request.user)
    return {record["method"] for record in records}


def may(request: Request, right: str) -> bool:
    """Whether a request of the API may use this right over other people's things.

    A token was given after the second step; a browser's session need not have passed it.
    """
    if not request.user.has_perm(right):
        return False
    return request.auth is not None or passed_second_step(request._request)


def to_the_second_step(request: PersonRequest, target: str) -> HttpResponse:
    """Lead staff to the step that is missing, and from there to the page that they asked for."""
    if _lacks_provider(request):
        messages.warning(request, roles_elsewhere())
        return redirect("accounts:account")
    if request.user.lacks_second_factor:
        messages.warning(
            request, _("Staff need the second step of signing in. Switch it on, then go on here.")
        )
        return redirect("mfa_activate_totp")
    if not request.user.has_second_factor:
        provider = settings.IDENTITY_PROVIDER
        messages.warning(
            request,
            _(
                "%(provider)s did not confirm a second step for this sign-in. Sign out, and sign "
                "in there with it, or switch on a second step here."
            )
            % {"provider": provider.name if provider else ""},
        )
        return redirect("mfa_activate_totp")
    messages.info(request, _("Confirm by your second step that it is you, then go on here."))
    app = is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
    page = reverse("mfa_reauthenticate" if app else "mfa_reauthenticate_webauthn")
    return redirect(f"{page}?{urlencode({REDIRECT_FIELD_NAME: target})}")


@receiver(user_logged_in, dispatch_uid="note_the_time")
def note_the_time(request: HttpRequest, user: User, **_kwargs: Any) -> None:
    request.session[SIGNED_IN_AT] = time.time()
    if user.is_staff:
        _stay(request)


def end_early(get_response: Callable) -> Callable:
    """Middleware: sign staff out in time; everybody else stays as long as SESSION_COOKIE_AGE."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and request.user.is_staff:
            since = request.session.setdefault(SIGNED_IN_AT, time.time())
            if time.time() - since > LONGEST.total_seconds():
                # For who listens, it ran out: nobody signed out.
                of_this_browser = Session.objects.filter(pk=request.session.session_key)
                of_this_browser.update(expire_date=timezone.now())
                logout(request)
            # Not at each request: each would write the session.
            elif time.time() - request.session.get(SEEN_AT, 0) > 60:
                _stay(request)
        return get_response(request)

    return middleware


def _stay(request: HttpRequest) -> None:
    request.session[SEEN_AT] = time.time()
    request.session.set_expiry(IDLE)
