"""Signatures of messages by the Standard Webhooks scheme, and the secrets behind them.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from diagnosis.webhooks.models import Webhook

SALT = "diagnosis.webhooks"
PREFIX = "whsec_"
# After a rotation, messages carry both signatures for as long as this.
OLD_SECRET_WORKS = timedelta(days=1)


def secret(webhook: Webhook) -> str:
    """The secret as its person gets it, once: ``whsec_`` and 32 bytes in base64.

    Derived from SECRET_KEY, so that neither the database nor a backup of it holds one.
    """
    return PREFIX + base64.b64encode(_key(webhook, webhook.secret_number)).decode()


def headers(webhook: Webhook, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of the scheme; ``timestamp`` is the attempt's, in Unix seconds."""
    number = webhook.secret_number
    numbers = [number]
    if webhook.rotated_at and webhook.rotated_at > timezone.now() - OLD_SECRET_WORKS:
        # And the one before: a program may have asked twice, while its receiver has the first.
        numbers += range(number - 1, max(number - 3, 0), -1)
    # A new SECRET_KEY makes new secrets; until receivers have them, the old ones sign, too.
    site_keys = (None, *settings.SECRET_KEY_FALLBACKS)
    keys = [_key(webhook, each, site_key) for site_key in site_keys for each in numbers]
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(key, content) for key in keys),
    }


def _key(webhook: Webhook, number: int, site_key: str | None = None) -> bytes:
    value = f"{webhook.pk.hex}:{number}"
    return salted_hmac(SALT, value, secret=site_key, algorithm="sha256").digest()


def _signature(key: bytes, content: bytes) -> str:
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
