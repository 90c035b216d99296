"""Tokens of programs: made, listed and revoked by the person they act for."""

import uuid
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from knox.models import get_token_model

from accounts.models import TokenDetails, User

Scope = TokenDetails.Scope
DAYS = 30
MOST_DAYS = 365


def create(
    *, person: User, name: str = "", scope: str = Scope.FULL, days: int = DAYS
) -> tuple[Any, str]:
    """Make a token; return it and its text, which is shown this once: only a digest is stored.

    Raises ValidationError for a name; PermissionDenied where what the person proved has ended.
    """
    with transaction.atomic():
        User.objects.lock(person)
        token, text = get_token_model().objects.create(person, expiry=timedelta(days=days))
        details = TokenDetails(token=token, name=name, scope=scope)
        details.clean_fields(exclude=["token"])
        details.save(force_insert=True)
    return token, text


def active(person: User) -> QuerySet:
    """List the tokens that still work, newest first."""
    own = person.auth_token_set.filter(expiry__gt=timezone.now())
    return own.select_related("details").order_by("-created")


def id_of(token: Any) -> uuid.UUID:
    """Name a token in an address: the start of its digest, which opens nothing."""
    return uuid.UUID(token.digest[:32])


def by_id(person: User, token_id: uuid.UUID) -> Any | None:
    """Find the person's token of that name, or None."""
    return active(person).filter(digest__startswith=token_id.hex).first()


def name_of(token: Any) -> str:
    return token.details.name if hasattr(token, "details") else ""


def scope_of(token: Any) -> str:
    """Say what the token may do; None, of a session, may do everything."""
    return token.details.scope if token and hasattr(token, "details") else Scope.FULL
