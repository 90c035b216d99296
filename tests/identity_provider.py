"""A real OpenID Connect provider for tests, as a program of its own."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import requests

from accounts.identity_provider import IdentityProvider


class Provider:
    """Knows whoever ``let_exist`` names, and asks for no password."""

    def __init__(self, address: str) -> None:
        self.address = address

    def let_exist(self, sub: str, **claims: Any) -> None:
        requests.put(f"{self.address}/users/{sub}", json=claims).raise_for_status()

    def configure(self, settings: Any, **options: Any) -> None:
        """As skincare_site/settings.py does where OIDC_URL names it."""
        facts = {"url": self.address, "client_id": "mole-check", "client_secret": "secret"}
        named = IdentityProvider(**facts | {"name": "Clinic login"} | options)
        settings.IDENTITY_PROVIDER = named
        settings.SOCIALACCOUNT_PROVIDERS = named.for_allauth()


@contextlib.contextmanager
def running(port: int) -> Iterator[Provider]:
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    address = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{address}/.well-known/openid-configuration").raise_for_status()
                break
            assert process.poll() is None, "the provider did not start"
            assert time.monotonic() < deadline, "the provider did not start in time"
            time.sleep(0.2)
        yield Provider(address)
    finally:
        process.terminate()
        process.wait(60)
