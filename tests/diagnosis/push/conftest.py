"""A browser with its keys, subscribed at a push service on this machine."""

import json
from dataclasses import dataclass

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid.utils import b64urlencode

from tests.diagnosis.webhooks.conftest import authority, receiver  # noqa: F401

VAPID_KEY = b64urlencode(bytes(range(1, 33)))
OTHER_VAPID_KEY = b64urlencode(bytes(range(2, 34)))


@dataclass
class Browser:
    """What Push API gives a page, and the half that never leaves the browser."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey
    secret: bytes = b"sixteen bytes..."

    @property
    def said(self) -> dict[str, str]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": b64urlencode(point), "auth": b64urlencode(self.secret)}
        return {"endpoint": self.endpoint} | keys

    def opened(self, body: bytes) -> dict[str, str]:
        return json.loads(
            http_ece.decrypt(
                body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
            )
        )


@pytest.fixture
def offered(settings):
    """The service has a key."""
    settings.VAPID_KEY = VAPID_KEY
    settings.SECURITY_CONTACT = "mailto:security@example.org"


def browser_at(endpoint: str) -> Browser:
    return Browser(endpoint, ec.generate_private_key(ec.SECP256R1()))
