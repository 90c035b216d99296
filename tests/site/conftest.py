"""A real web server for the tests that need more than one request at once."""

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# As `make run` starts it, but impatient, so that the test need not wait.
IMPATIENT = """
from skincare_site.gunicorn import *
from skincare_site import web_worker
web_worker.GRACE = 2
"""


@pytest.fixture
def port(request, tmp_path: Path, unused_tcp_port: int, process_environment) -> Iterator[int]:
    """By the settings that a test gives, or else IMPATIENT."""
    (tmp_path / "impatient.py").write_text(getattr(request, "param", IMPATIENT))
    command = [sys.executable, "-m", "gunicorn", "-c", str(tmp_path / "impatient.py")]
    server = subprocess.Popen(
        [
            *(*command, "-p", str(tmp_path / "pid")),
            *("-b", f"127.0.0.1:{unused_tcp_port}", "skincare_site.wsgi"),
        ],
        cwd=ROOT,
        env=process_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(unused_tcp_port)
    yield unused_tcp_port
    server.terminate()
    server.wait(120)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    return False


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 180
    while not listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ask(
    port: int, method: str = "GET", path: str = "/health/live", timeout: float = 60, **request
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    request["headers"] = {"Host": "localhost"} | request.get("headers", {})  # DOMAIN of the proxy
    connection.request(method, path, **request)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found
