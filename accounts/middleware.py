"""For each request: the language and time zone of the person, their name in the audit log, and a
device that keeps nothing of them once they signed out."""

from collections.abc import Callable
from typing import Any

from auditlog.middleware import AuditlogMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.functional import SimpleLazyObject

from accounts.models import User


class AuditMiddleware(AuditlogMiddleware):
    """auditlog's, which would keep e-mail addresses and miss people who come with a token."""

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        # Lazy: the API checks a token later than this.
        actor = SimpleLazyObject(lambda: self._get_actor(request))
        return super().get_extra_data(request) | {
            "actor": actor,
            "actor_email": lambda: actor.pseudonym if isinstance(actor, User) else None,
        }


def clean_device(get_response: Callable) -> Callable:
    """Whoever signs out, or deletes the account, leaves no picture behind on a shared phone.

    The browser drops what the camera page stores for times without a connection:
    https://www.w3.org/TR/clear-site-data/.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        was_signed_in = request.user.is_authenticated
        response = get_response(request)
        if was_signed_in and not request.user.is_authenticated:
            response["Clear-Site-Data"] = '"storage"'
        return response

    return middleware


def preferences(get_response: Callable) -> Callable:
    """What people chose for themselves comes before what their browser asks for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.language:
            translation.activate(user.language)
            request.LANGUAGE_CODE = user.language
        if user.is_authenticated and user.time_zone:
            with timezone.override(user.time_zone):
                return get_response(request)
        return get_response(request)

    return middleware
