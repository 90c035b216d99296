"""Requests that are sent twice and make one thing: the header ``Idempotency-Key``.

As in draft-ietf-httpapi-idempotency-key-header-07; a picture has its own way (records/uploads.py),
since its request is too large to be read twice.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from rest_framework.exceptions import ValidationError

from accounts.models import IdempotencyKey
from accounts.requests import PersonApiRequest

HEADER = "Idempotency-Key"
KEPT = timedelta(days=1)
LONGEST = 255

Made = TypeVar("Made", bound=Model)


class KeyUsed(Exception):
    """The key was sent with another request before."""


class MadeBefore(Exception):
    """The same request made something before that can't be shown again."""


def once(
    request: PersonApiRequest, *, make: Callable[[], Made], again: QuerySet[Made] | None
) -> Made:
    """Return what ``make`` makes, or what it made when this request was sent before.

    Of two at once the second waits for the first; what fails frees its key. ``again`` holds what
    may be shown again, None: nothing.
    Raises ValidationError for the header, KeyUsed, MadeBefore, and what ``make`` raises.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return make()
    if len(key) > LONGEST or not key.isprintable():
        raise ValidationError({HEADER: [f"At most {LONGEST} characters that can be printed."]})
    digest = _digest(request)
    with transaction.atomic():
        sent, is_new = IdempotencyKey.objects.get_or_create(
            person=request.user, key=key, defaults={"request_digest": digest}
        )
        if is_new:
            thing = make()
            sent.made = str(thing.pk)
            sent.save(update_fields=["made"])
            return thing
    if sent.request_digest != digest:
        raise KeyUsed
    known = None if again is None else again.filter(pk=sent.made).first()
    if known is None:
        raise MadeBefore
    return known


def remove_expired() -> None:
    """Delete the keys of requests that nobody sends again."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _digest(request: PersonApiRequest) -> str:
    body = json.dumps(request.data, sort_keys=True, default=str)
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode()).hexdigest()
