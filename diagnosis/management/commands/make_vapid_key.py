"""A new key for notifications in browsers: a line for settings.env."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management.base import BaseCommand
from py_vapid.utils import b64urlencode


class Command(BaseCommand):
    help = "Write a new VAPID_KEY. Browsers that turned notifications on by an old one forget it."

    def handle(self, *args: Any, **options: Any) -> None:
        number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
        self.stdout.write(f"VAPID_KEY={b64urlencode(number.to_bytes(32, 'big'))}")
