"""What allauth keeps to itself: refusals of a security key, of an old password, and by a limit.

They are told by Django's own signal of a failed sign-in, as those of passwords are; the audit log
listens (audit/decisions.py).
"""

from typing import Any

from django.contrib.auth.signals import user_login_failed
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User

APART = 60  # seconds between two entries about tries that a limit stops before an account is asked


def tell(
    request: HttpRequest, *, email: str = "", person: User | None = None, **details: str
) -> None:
    """Send the signal; ``details`` say by what somebody was refused, and where."""
    user_login_failed.send(
        sender=__name__,
        credentials={"email": email},
        request=request,
        person=person,
        details=details,
    )


def tell_of_limit(request: HttpRequest, at: str) -> None:
    """Of a limit that stops a request whatever it says: once a minute, or it would fill the log."""
    person = request.user if isinstance(request.user, User) else None
    if cache.add(f"refusals:{person.pk if person else ''}", True, APART):
        tell(request, person=person, by="limit", at=at)


def too_many_requests(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """allauth's answer where one of its limits stops a request: the project's handler429."""
    tell_of_limit(request, at=request.resolver_match.url_name)
    return render(request, "429.html", status=429)
