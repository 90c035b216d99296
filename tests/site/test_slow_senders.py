"""Who sends slowly, or takes slowly what they asked for, holds up nobody else."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from django.core.files.storage import default_storage
from knox.models import AuthToken

from tests.factories import RecordFactory, UserFactory
from tests.site.conftest import IMPATIENT, ROOT, ask, wait_for

FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
UPLOAD = b"Content-Type: multipart/form-data; boundary=x\r\n"
BEGINNINGS = {
    "header": b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "form": b"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n"
    + FORM
    + b"\r\nlogin=",
    "upload": b"POST /api/v1/records/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n"
    + UPLOAD
    + b'\r\n--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n',
    "chunks": b"POST /api/v1/records/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    + UPLOAD
    + b"\r\n5\r\n--",
}
PATIENT = "from skincare_site.gunicorn import *\n"
# And with room for the bodies of two requests.
SMALL = f"{IMPATIENT}\nweb_worker.KEPT_TOGETHER = 2_000_000\n"


def test_no_header_says_where_the_site_begins(port) -> None:
    headers = {"SCRIPT_NAME": "/health", "PATH_INFO": "/admin/"}
    answer = requests.get(f"http://127.0.0.1:{port}/health/live", headers=headers, timeout=30)
    assert answer.json() == {"status": "ok"}
    page = f"http://127.0.0.1:{port}/account/login/"
    answer = requests.get(page, headers={"SCRIPT_NAME": "/account"}, timeout=30)
    assert "/account/account/" not in answer.text


def test_a_search_for_many_ids_is_read(port) -> None:
    ids = ",".join(str(uuid.UUID(int=number)) for number in range(200))
    status, said = ask(port, path=f"/api/v1/fhir/DiagnosticReport?_id={ids}")
    assert (status, json.loads(said)["resourceType"]) == (401, "OperationOutcome")


def answered(upload: Callable[[], requests.Response], status: int) -> requests.Response:
    """The answer to an upload, once the server has taken in what others began or ended."""
    end = time.monotonic() + 30
    while (answer := upload()).status_code != status:
        assert time.monotonic() < end, answer.content
        time.sleep(0.2)
    return answer


@pytest.fixture
def caddy(port: int, tmp_path: Path) -> Iterator[int]:
    """The proxy with the configuration of docker-compose.yml, without TLS, before that server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    proxy = subprocess.Popen(
        [Path(sys.executable).with_name("caddy"), "run", "--config", "deploy/Caddyfile"],
        cwd=ROOT,
        env={
            "DOMAIN": "localhost",
            "PLAIN_PORT": str(own),
            "TLS": "proxy",
            "WEB": f"127.0.0.1:{port}",
            "HOME": str(tmp_path),
            "CADDY_ADMIN": f"unix/{tmp_path}/admin",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(own)
    yield own
    proxy.terminate()
    proxy.wait(120)


@pytest.fixture
def slow(port: int) -> Iterator:
    opened = []

    def open_many(beginning: bytes, to: int = port) -> list[socket.socket]:
        for _number in range(9):
            connection = socket.create_connection(("127.0.0.1", to), timeout=30)
            connection.sendall(beginning)
            opened.append(connection)
        time.sleep(0.3)
        return opened

    yield open_many
    for connection in opened:
        connection.close()


def test_nine_slow_senders_of_each_kind_hold_up_nobody_and_are_cut_off(port: int, slow) -> None:
    for beginning in BEGINNINGS.values():
        connections = slow(beginning)
    assert ask(port)[0] == 200
    for _second in range(8):
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.send(b"1")
        time.sleep(0.5)
    for connection in connections:
        with contextlib.suppress(ConnectionError):
            # Nothing, or that the chunk is none.
            assert connection.recv(1000)[:12] in (b"", b"HTTP/1.1 400")


def test_through_the_proxy_alike(caddy: int, slow) -> None:
    for beginning in BEGINNINGS.values():
        slow(beginning, to=caddy)
    assert ask(caddy)[0] == 200


def test_who_does_not_take_the_answer_holds_up_nobody(port: int, slow) -> None:
    path = b"GET /api/v1/schema/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for connection in slow(path * 40):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    assert ask(port)[0] == 200


def test_a_steady_sender_that_needs_longer_is_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 180000\r\n"
            b"Connection: close\r\n" + FORM + b"\r\n"
        )
        for _part in range(6):
            connection.sendall(b"1" * 30_000)
            time.sleep(0.6)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_a_body_in_chunks_and_one_that_waits_to_be_asked_for_arrive(port: int) -> None:
    credentials = b'{"email": "nobody@example.org", "password": "x"}'
    headers = {"Content-Type": "application/json"}
    whole = ask(port, "POST", "/api/v1/auth/token/", body=credentials, headers=headers)
    parts = ask(port, "POST", "/api/v1/auth/token/", body=iter([credentials]), headers=headers)
    assert whole[0] == parts[0] == 400
    assert b"wrong" in whole[1]
    assert parts[1] == whole[1]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/auth/token/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Expect: 100-continue\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(credentials)}\r\n\r\n".encode()
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(credentials)
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


def test_more_than_any_upload_may_have_is_refused_with_a_sentence(port: int, alice) -> None:
    headers = {
        "Authorization": f"Token {AuthToken.objects.create(alice)[1]}",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    begin = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    body = begin + b"1" * 60_000_000 + b"\r\n--x--\r\n"
    status, answer = ask(port, "POST", "/api/v1/records/", body=body, headers=headers)
    assert status == 413
    assert b"larger than 25 MB" in answer


@pytest.mark.parametrize(("length", "kind"), [(200_000_000, UPLOAD), (3_000_000, FORM)])
def test_an_endless_request_is_refused_unread(port: int, length, kind) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/v1/records/ HTTP/1.1\r\nHost: localhost\r\n"
            + f"Content-Length: {length}\r\n".encode()
            + kind
            + b"\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("port", [PATIENT], indirect=True)
def test_a_stop_waits_for_an_upload_also_after_refusals(port: int, tmp_path: Path) -> None:
    head = b"POST /api/v1/records/ HTTP/1.1\r\nHost: localhost\r\n"
    for _number in range(3):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(head + b"Content-Length: 3000000\r\n" + FORM + b"\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 413")
    time.sleep(1)  # until the server has closed them
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        asks = b"Content-Length: 20\r\nExpect: 100-continue\r\n"
        connection.sendall(head + asks + UPLOAD + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it has begun
        connection.sendall(b"-" * 10)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(b"-" * 10)
        assert connection.recv(1000).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("port", [SMALL], indirect=True)
@pytest.mark.parametrize("door", ["port", "caddy"])
def test_bodies_that_fill_the_room_for_them_put_off_uploads_and_nothing_else(
    request, port, door, alice
) -> None:
    to = request.getfixturevalue(door)
    headers = {"Authorization": f"Token {AuthToken.objects.create(alice)[1]}"}
    upload = partial(
        requests.post,
        f"http://localhost:{to}/api/v1/records/",
        files={"image": ("a.jpg", b"1" * 900_000)},
        headers=headers,
        timeout=30,
    )
    assert upload().status_code == 400  # not a picture
    with contextlib.ExitStack() as slow_ones:
        for _number in range(10):  # until two are in: who is still sending may find no room itself
            one = slow_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
            one.sendall(BEGINNINGS["upload"] + b"1" * 700_000)
            time.sleep(0.5)
            if (answer := upload()).status_code == 503:
                break
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert ask(to)[0] == 200
        token = f"http://localhost:{to}/api/v1/auth/token/"
        assert requests.post(token, json={"email": "x"}, timeout=30).status_code == 400
    answered(upload, 400)


# And where a second is long for a client that takes nothing.
HASTY = f"{IMPATIENT}\nweb_worker.STALLED, web_worker.SLOWEST = 1, 10**9\n"


def confirmed(client, person) -> dict[str, str]:
    """The header of somebody who has just given the password again."""
    client.force_login(person)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time(), "reauthenticated": True}
    ]
    session.save()
    return {"Cookie": f"sessionid={session.session_key}"}


@pytest.mark.parametrize("port", [HASTY], indirect=True)
def test_who_takes_a_download_slowly_is_cut_off(port: int, client, alice) -> None:
    size, received = 30_000_000, 0  # more than the kernel keeps on both sides
    with default_storage.open(RecordFactory(owner=alice).image.name, "wb") as file:
        file.write(b"x" * size)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        request = "GET /account/data/download/ HTTP/1.1\r\nHost: localhost\r\nCookie: "
        connection.sendall(f"{request}{confirmed(client, alice)['Cookie']}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(300_000):
                received += len(chunk)
                time.sleep(0.1)
    assert received < size


def test_what_is_made_while_it_is_sent_is_in_the_persons_language(port: int, client) -> None:
    headers = confirmed(client, UserFactory(display_name="alice", language="fr"))
    status, answer = ask(port, path="/account/data/download/", headers=headers)
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(answer)) as archive:
        assert "contient" in archive.read("README.txt").decode()


@pytest.mark.parametrize("door", ["port", "caddy"])
def test_who_sends_far_too_much_reads_that_it_is(request, door) -> None:
    """The whole of it, as browsers and scripts do, which look for the answer after sending."""
    port = request.getfixturevalue(door)
    answer = requests.post(f"http://localhost:{port}/api/v1/records/", data=b"x" * 101_000_000)
    assert answer.status_code == 413
