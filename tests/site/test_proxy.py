"""The proxy behind another one: whose word about the client counts, and what the others hear."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]


class Echo(BaseHTTPRequestHandler):
    """In place of web: answers with the address that it was told, or with a long file."""

    def do_GET(self) -> None:
        said = self.headers["X-Forwarded-For"].encode()
        if self.path.startswith("/long"):
            said *= 2**22
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def behind(tmp_path: Path, unused_tcp_port: int) -> Iterator[Callable[[str], str]]:
    """Starts the proxy, with TLS=proxy, for those PROXY_ADDRESSES; returns its address."""
    with contextlib.ExitStack() as ends:
        web = ends.enter_context(HTTPServer(("127.0.0.1", 0), Echo))
        threading.Thread(target=web.serve_forever).start()
        ends.callback(web.shutdown)

        def start(addresses: str) -> str:
            proxy = subprocess.Popen(
                [Path(sys.executable).with_name("caddy"), "run", "--config", "deploy/Caddyfile"],
                cwd=ROOT,
                env={
                    "DOMAIN": "localhost",
                    "TLS": "proxy",
                    "PROXY_ADDRESSES": addresses,
                    "PLAIN_PORT": str(unused_tcp_port),
                    "WEB": f"127.0.0.1:{web.server_port}",
                    "HOME": str(tmp_path),
                    "CADDY_ADMIN": f"unix/{tmp_path}/admin",
                },
                stderr=ends.enter_context((tmp_path / "log").open("wb")),
            )
            ends.callback(proxy.wait, 60)
            ends.callback(proxy.terminate)
            deadline = time.monotonic() + 180
            while time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", unused_tcp_port)).close()
                    break
                time.sleep(0.1)
            return f"http://127.0.0.1:{unused_tcp_port}/"

        yield start


@pytest.mark.parametrize(
    ("sent", "counts"),
    [
        ("203.0.113.7", "203.0.113.7"),
        # The client's own header, to which the proxy in front has added.
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 10.0.0.7", "203.0.113.7"),
        ("unknown, 203.0.113.7", "203.0.113.7"),
        (None, "127.0.0.1"),
    ],
)
def test_what_the_client_says_of_its_address_does_not_count(behind, sent, counts) -> None:
    headers = {"Host": "localhost"} | ({"X-Forwarded-For": sent} if sent else {})
    answer = requests.get(behind("127.0.0.1 10.0.0.7"), headers=headers, timeout=30)
    assert answer.text == counts


def test_a_stranger_is_refused_by_the_address_that_is_missing(behind) -> None:
    headers = {"Host": "localhost", "X-Forwarded-For": "10.0.0.7"}
    answer = requests.get(behind("10.0.0.7"), headers=headers, timeout=30)
    assert (answer.status_code, answer.text) == (403, "127.0.0.1 is not among PROXY_ADDRESSES")


def test_a_name_that_is_not_the_domain_is_an_error(behind) -> None:
    answer = requests.get(behind("127.0.0.1"), headers={"Host": "web"}, timeout=30)
    assert answer.status_code == 421
    assert answer.text.startswith("web is not DOMAIN")


def test_who_leaves_a_page_midway_leaves_neither_key_nor_address_in_the_log(
    behind, tmp_path: Path
) -> None:
    """The key of a doctor's link stands in its query; each answer that breaks off is logged."""
    headers = {"Host": "localhost", "X-Forwarded-For": "203.0.113.7", "Referer": "https://x/?k=key"}
    with requests.get(
        behind("127.0.0.1") + "long?k=key", headers=headers, stream=True, timeout=30
    ) as answer:
        next(answer.iter_content(1000))
        answer.raw.close()
    deadline = time.monotonic() + 180
    while "incomplete response" not in (said := (tmp_path / "log").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    line = next(line for line in said.splitlines() if "incomplete response" in line)
    assert "/long" in line
    assert "k=key" not in line
    assert "203.0.113.7" not in line
    assert "127.0.0.1" not in line.replace("127.0.0.1:", "")  # but for web's own
