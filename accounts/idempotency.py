"""Requests that are sent twice and make one thing: the header ``Idempotency-Key``.

As in draft-ietf-httpapi-idempotency-key-header-07; a picture has its own way (records/uploads.py),
since its request is too large to be read twice.
"""

import json
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError

from accounts.models import IdempotencyKey
from accounts.requests import PersonApiRequest

HEADER = "Idempotency-Key"
KEPT = timedelta(days=1)
LONGEST = 255
SALT = "accounts.idempotency"

Made = TypeVar("Made", bound=Model)


class KeyUsed(Exception):
    """The key was sent with another request before."""


class MadeBefore(Exception):
    """The same request made something before that can't be shown again."""


def once(
    request: PersonApiRequest,
    *,
    make: Callable[[], Made],
    again: QuerySet[Made] | None,
    proof: Collection[str] = (),
) -> Made:
    """Return what ``make`` makes, or what it made when this request was sent before.

    Of two at once the second waits for the first; what fails frees its key. ``again`` holds what
    may be shown again, None: nothing. ``proof`` names what only proves who asks, such as a
    password: the request is the same without it, and nothing of it is kept.
    Raises ValidationError for the header, KeyUsed, MadeBefore, and what ``make`` raises.
    """
    key = request.headers.get(HEADER, "")
    if not key:
        return make()
    if len(key) > LONGEST or not key.isprintable():
        sentence = _("At most %(most)s characters that can be printed.") % {"most": LONGEST}
        raise ValidationError({HEADER: [sentence]})
    digests = _digests(request, without=proof)
    with transaction.atomic():
        sent, is_new = IdempotencyKey.objects.get_or_create(
            person=request.user, key=key, defaults={"request_digest": digests[0]}
        )
        if is_new:
            thing = make()
            sent.made = str(thing.pk)
            sent.save(update_fields=["made"])
            return thing
    if sent.request_digest not in digests:
        raise KeyUsed
    known = None if again is None else again.filter(pk=sent.made).first()
    if known is None:
        raise MadeBefore
    return known


def remove_expired() -> None:
    """Delete the keys of requests that nobody sends again."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()


def _digests(request: PersonApiRequest, *, without: Collection[str]) -> list[str]:
    """By the service's secret key, then by those before: no backup lets a request be guessed."""
    said: Any = request.data.copy()
    for name in without:
        said.pop(name, None)
    body = json.dumps(said, sort_keys=True, default=str)
    text = f"{request.method} {request.path}\n{body}"
    return [
        salted_hmac(SALT, text, secret=key, algorithm="sha256").hexdigest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
