"""Notifications: noted with a doctor's answer, and sent by workers until the push service has it.

The database is the memory, messages to workers are hints. A browser that missed several answers
is told once: the notification says the same of each, and leads to the last one.
"""

import json
import logging
import time
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from py_vapid import Vapid02, VapidException
from py_vapid.utils import b64urldecode, b64urlencode

from diagnosis import queue
from diagnosis.push.models import PushSubscription
from diagnosis.webhooks import outbound

logger = logging.getLogger(__name__)

SENTENCE = _("A doctor has answered. Sign in to read it.")
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 360))
# RFC 8030, 7.3: the push service has forgotten the browser, or the browser its person.
GONE = (404, 410)
KEPT_FOR = timedelta(days=3)  # by the push service, for a browser that is switched off
SIGNED_FOR = timedelta(hours=12)  # RFC 8292, 2: at most 24 hours
SWEEP_AT_MOST = 200


class UnusableKeys(Exception):
    """A browser's keys, or its address, that nothing can be encrypted or signed for."""


def tell(*, person_id: uuid.UUID, record_id: uuid.UUID) -> None:
    """Note that a doctor has answered, and wake the workers on commit.

    To be called within the transaction of the answer: both are stored, or neither.
    """
    if not settings.VAPID_KEY:
        return
    browsers = PushSubscription.objects.filter(person=person_id)
    browsers.update(record_id=record_id, due_at=Now(), tries=0)
    for key in browsers.values_list("pk", flat=True):
        _send_on_commit(key)


def _send_on_commit(key: uuid.UUID) -> None:
    transaction.on_commit(lambda: queue.send_push(key), robust=True)


def sweep() -> None:
    """Give what is due to the workers again."""
    if settings.VAPID_KEY:
        due = PushSubscription.objects.filter(due_at__lte=Now()).order_by("due_at")
        for key in due.values_list("pk", flat=True)[:SWEEP_AT_MOST]:
            queue.send_push(key)


def send(subscription_id: uuid.UUID | str) -> None:
    """Make one attempt at what this browser is to be told; nothing where another worker does."""
    this = PushSubscription.objects.filter(pk=subscription_id)
    claimed = timezone.now() + queue.claim_time()
    due = this.filter(due_at__lte=Now())
    if not settings.VAPID_KEY or not due.update(due_at=claimed, tries=F("tries") + 1):
        return
    subscription = this.select_related("person").first()
    if subscription is None:
        return  # turned off meanwhile
    # Unless there was another answer meanwhile.
    ours = this.filter(due_at=claimed)
    if not subscription.person.is_active:
        ours.update(record_id=None, due_at=None)
        return
    outcome = outbound.post(subscription.endpoint, *sealed(subscription, _content(subscription)))
    if outcome.status in GONE:
        # Unless the browser has told its new address meanwhile.
        this.filter(endpoint=subscription.endpoint).delete()
    elif outcome.is_accepted:
        ours.update(record_id=None, due_at=None)
    else:
        # Neither its address, which is as good as a key, nor whose browser it is.
        why = outcome.status or outcome.error
        logger.warning("A push service did not take a notification: %s", why)
        if subscription.tries > len(PAUSES):
            ours.update(record_id=None, due_at=None)
        else:
            ours.update(due_at=timezone.now() + PAUSES[subscription.tries - 1])


def public_key() -> str:
    """What a browser subscribes with, so that nobody but this service can send to it."""
    point = _vapid().public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return b64urlencode(point)


def sealed(subscription: PushSubscription, content: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """Body and headers: encrypted for the browser (RFC 8291), signed for its push service (8292).

    Raises UnusableKeys.
    """
    claims = {
        "aud": f"https://{urlsplit(subscription.endpoint).netloc}",
        "exp": int(time.time() + SIGNED_FOR.total_seconds()),
        "sub": settings.SECURITY_CONTACT or settings.SITE_URL,
    }
    try:
        body = http_ece.encrypt(
            json.dumps(content).encode(),
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=b64urldecode(subscription.p256dh.encode()),
            auth_secret=_secret(subscription.auth),
            version="aes128gcm",
        )
        signature = _vapid().sign(claims)
    except (ValueError, http_ece.ECEException, VapidException) as error:
        raise UnusableKeys from error
    return body, signature | {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(int(KEPT_FOR.total_seconds())),
        # A later one takes the place of one that waits.
        "Topic": "answer",
    }


def _content(subscription: PushSubscription) -> dict[str, str]:
    """What the service worker shows, in the person's language; it names no mole and no result."""
    language = subscription.person.language or settings.LANGUAGE_CODE
    with translation.override(language):
        return {
            "title": gettext("Skincare mole check"),
            "body": str(SENTENCE),
            "lang": language,
            "page": reverse("diagnosis:record_detail", args=[subscription.record_id]),
        }


def _vapid() -> Vapid02:
    vapid = Vapid02.from_string(settings.VAPID_KEY)
    vapid.conf = {"no-strict": True}  # its check of the contact refuses ports and paths
    return vapid


def _secret(text: str) -> bytes:
    """Raises UnusableKeys, ValueError."""
    secret = b64urldecode(text.encode())
    if len(secret) != 16:  # RFC 8291, 3.2
        raise UnusableKeys
    return secret
