"""Alice's program at the proxy, by HTTPS and the API."""

import io
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
from PIL import Image, ImageDraw

from deploy.check.services import VOLUMES

SITE, PASSWORD = "https://localhost", "a long enough passphrase"
TRUST = str(VOLUMES / "certificates/caddy/pki/authorities/local/root.crt")


class Site:
    token = ""

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(SITE + path, verify=TRUST, timeout=120, headers=self.headers, **more)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"} if self.token else {}

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                if self.get("/health/ready").status_code == 200:
                    return
            except (requests.RequestException, OSError):
                pass
            assert time.monotonic() < deadline, "the site does not answer"
            time.sleep(0.5)

    def sign_in(self) -> None:
        login = {"email": "alice@example.org", "password": PASSWORD}
        answer = requests.post(f"{SITE}/api/v1/auth/token/", data=login, verify=TRUST)
        assert answer.ok, answer.text
        self.token = answer.json()["token"]

    def upload(self, **more: Any) -> str:
        answer = requests.post(
            f"{SITE}/api/v1/records/",
            files={"image": ("mole.jpg", mole())},
            headers=self.headers,
            verify=TRUST,
            timeout=120,
            **more,
        )
        assert answer.status_code == 201, (answer.status_code, answer.text[:200])
        return answer.json()["id"]

    def record(self, key: str) -> dict:
        return self.get(f"/api/v1/records/{key}/").json()

    def wait_for(self, keys: list[str], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        waiting = set(keys)
        while waiting:
            waiting = {
                key for key in waiting if self.record(key)["state"] not in ("done", "unusable")
            }
            assert time.monotonic() < deadline, f"{len(waiting)} are not assessed"
            time.sleep(0.5)


@contextmanager
def requests_meanwhile(site: Site) -> Iterator[dict]:
    """Pages, the API and uploads in loops meanwhile; what failed, and the longest answer."""
    stop, given = threading.Event(), {"answers": Counter(), "longest": 0.0, "records": []}

    def page() -> str:
        return str(site.get("/account/login/").status_code)

    def listing() -> str:
        return str(site.get("/api/v1/records/").status_code)

    def upload() -> str:
        try:
            given["records"].append(site.upload())
        except AssertionError as error:
            return f"upload {error}"
        return "201"

    def loop(what: Callable[[], str], pause: float) -> None:
        while not stop.is_set():
            begun = time.monotonic()
            try:
                said = what()
            except requests.RequestException as error:
                said = type(error).__name__
            given["answers"][said] += 1
            given["longest"] = max(given["longest"], time.monotonic() - begun)
            time.sleep(pause)

    threads = [
        threading.Thread(target=loop, args=how)
        for how in ((page, 0.05), (listing, 0.15), (upload, 1.5))
    ]
    for thread in threads:
        thread.start()
    yield given
    time.sleep(2)
    stop.set()
    for thread in threads:
        thread.join()


def csrf(page: str) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]


def mole() -> bytes:
    image = Image.new("RGB", (600, 500), (224, 172, 150))
    ImageDraw.Draw(image).ellipse((220, 170, 380, 330), fill=(92, 52, 40))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return stream.getvalue()
