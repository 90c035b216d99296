"""Alice's program at the proxy, by HTTPS and the API."""

import io
import time
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


def mole() -> bytes:
    image = Image.new("RGB", (600, 500), (224, 172, 150))
    ImageDraw.Draw(image).ellipse((220, 170, 380, 330), fill=(92, 52, 40))
    stream = io.BytesIO()
    image.save(stream, "JPEG")
    return stream.getvalue()
