"""A whole day by the API alone: a person follows a mole, a doctor reviews it, and all is deleted.

    python docs/examples/whole_day.py --url http://localhost:8000 --doctor doctor@example.org

With --webhook https://host:port/ and --certificate (a PEM file with its key), the script listens
there, and hears that its records are assessed and reviewed; the service has to reach it.
Needs httpx. The doctor's password is read from DOCTOR_PASSWORD (in the demo of `make run`:
mole-check-demo), a code of the second step from DOCTOR_CODE. Where sign-up has the address
confirmed, set CONFIRM_EMAIL: the end of the mailed link is then asked for.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx

DRAWN = ("even_mole", "irregular_mole", "crusty_patch")  # that the service offers to try


class Client(httpx.Client):
    """Says what the service said, where it refused."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Token {token}"} if token else {}
        super().__init__(base_url=f"{url}/api/v1/", headers=headers, timeout=60)

    def send(self, request: httpx.Request, **options: object) -> httpx.Response:
        answer = super().send(request, **options)
        if answer.is_error:
            sys.exit(f"{request.method} {request.url}: {answer.read().decode()}")
        return answer


def sign_up(url: str, email: str, password: str) -> Client:
    """Make an account that agreed to the consent, and a token for it."""
    with Client(url) as nobody:
        print(nobody.get("auth/signup/").json()["text"])
        person = {"email": email, "password": password}
        agreed = {"display_name": "Dana", "date_of_birth": "1990-05-17", "consent": True}
        nobody.post("auth/signup/", json=person | agreed)
        if "CONFIRM_EMAIL" in os.environ:
            key = input("The end of the link in the e-mail: ")
            nobody.post("auth/confirm-email/", json={"key": key})
        token = nobody.post("auth/token/", json=person | {"name": "whole day"}).json()["token"]
    return Client(url, token)


def sign_in(url: str, email: str, **secret: str) -> Client:
    with Client(url) as nobody:
        answer = nobody.post("auth/token/", json={"email": email, "scope": "write"} | secret)
    return Client(url, answer.json()["token"])


def send(person: Client, picture: bytes, **said: str) -> dict:
    """Send a picture and wait for the answer: each request is held until there is one."""
    record = person.post(
        "records/",
        files={"image": ("mole.jpg", picture, "image/jpeg")},
        data=said,
        # Sent again after a lost connection, it makes no second record.
        headers={"Idempotency-Key": str(uuid.uuid4())},
    ).json()
    while record["state"] in ("queued", "running"):
        record = person.get(f"records/{record['id']}/", params={"wait": 20}).json()
    return record


def review(doctor: Client, record: str) -> dict:
    """Claim a record and write a verdict on it."""
    shown = doctor.post(f"queue/{record}/claim/").json()
    print(f"The doctor sees {shown['person']}, {shown['age']} years old.")
    verdict = {
        "risk_category": "benign",
        "diagnosis": "nv",
        "urgency": "none",
        "confidence": "high",
        "comment": "An ordinary mole. Look again in a month.",
        "known": shown["known"],
        "shown": shown["shown"],
    }
    return doctor.post(
        f"queue/{record}/reviews/", json=verdict, headers={"Idempotency-Key": record}
    ).json()


class Receiver:
    """Hears of events, and believes those whose signature is right (Standard Webhooks)."""

    def __init__(self, address: str, certificate: Path) -> None:
        self.address, self.secret = address, ""
        self.heard: dict[str, str] = {}  # of a record, by the name of the event
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_right = receiver.is_signed(self.headers, body)
                if is_right:
                    event = json.loads(body)
                    receiver.heard[event["type"]] = event["data"].get("record")
                self.send_response(204 if is_right else 400)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("", urlsplit(address).port or 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def is_signed(self, headers: dict[str, str], body: bytes) -> bool:
        """Whether one of the signatures is ours, of these five minutes."""
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        sent = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = b"v1," + base64.b64encode(hmac.digest(key, sent, hashlib.sha256))
        given = headers["webhook-signature"].encode().split()
        is_fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 300
        return is_fresh and any(hmac.compare_digest(right, one) for one in given)

    def register(self, person: Client) -> None:
        self.secret = person.post("webhooks/", json={"url": self.address}).json()["secret"]

    def wait_for(self, *events: str) -> None:
        deadline = time.monotonic() + 60
        while not set(events) <= self.heard.keys():
            if time.monotonic() > deadline:
                sys.exit(f"Only heard of {self.heard}")
            time.sleep(0.2)
        print(f"Heard, and signed: {', '.join(sorted(self.heard))}")


def spend(
    url: str, doctor: Client, pictures: Iterable[bytes], folder: Path, receiver: Receiver | None
) -> None:
    email, password = f"dana-{secrets.token_hex(4)}@example.org", secrets.token_urlsafe(16)
    with sign_up(url, email, password) as person:
        if receiver:
            receiver.register(person)
        for picture in pictures:
            record = send(person, picture, mole_name="left shoulder", body_site="shoulder")
            answer = record["assessment"] or {}
            is_final = record["is_compared"] and not record["is_stale"]
            print(record["state"], answer.get("advice"), answer.get("reasons"))
            if answer.get("advice") == "watch" and not is_final:
                print("That is so far: a change or a warning sign may still be found.")
            if record["state"] == "done":
                review(doctor, record["id"])
        if receiver:
            receiver.wait_for("record.assessed", "record.reviewed")
        [mole] = person.get("moles/").json()["results"]
        timeline = person.get(f"moles/{mole['id']}/timeline/").json()["results"]
        for record in timeline:
            for verdict in record["reviews"]:
                print(f"{record['created_at']}: {verdict['doctor']}: {verdict['comment']}")
        report = person.get(f"fhir/DiagnosticReport/{timeline[-1]['id']}").json()
        print(report["resourceType"], report["status"], len(report["result"]), "observations")
        (folder / "mole.pdf").write_bytes(person.get(f"moles/{mole['id']}/report/").content)
        confirmed = {"password": password}
        archive = person.post("account/export/", json=confirmed)
        (folder / "everything.zip").write_bytes(archive.content)
        person.post("account/deletion/", json=confirmed)
        print(f"{len(timeline)} pictures, the report and the archive are in {folder}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--doctor", default="doctor@example.org", help="e-mail address")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--webhook", help="where this script is reached, https://host:port/")
    parser.add_argument("--certificate", type=Path, help="of that host, a PEM file with its key")
    parser.add_argument("pictures", nargs="*", type=Path, help="three drawn ones where none")
    asked = parser.parse_args()
    pictures = [path.read_bytes() for path in asked.pictures] or [
        httpx.get(f"{asked.url}/demo/{name}.jpg", timeout=60).raise_for_status().content
        for name in DRAWN
    ]
    secret = {"password": os.environ["DOCTOR_PASSWORD"]}
    if code := os.environ.get("DOCTOR_CODE"):
        secret["code"] = code
    with sign_in(asked.url, asked.doctor, **secret) as doctor:
        receiver = Receiver(asked.webhook, asked.certificate) if asked.webhook else None
        spend(asked.url, doctor, pictures, asked.folder, receiver)


if __name__ == "__main__":
    main()
