"""A real receiver on this machine, behind TLS, that answers as a test says."""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest
import trustme

NAME = "receiver.example.org"


@dataclass
class Receiver:
    port: int
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    behave: Callable[[BaseHTTPRequestHandler], None] | None = None
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook?from=here"


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def receiver(authority, settings, monkeypatch, tmp_path):
    """Listens on loopback, which only a setting allows to be told anything."""
    settings.WEBHOOK_NETWORKS = [ip_network("127.0.0.0/8")]
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append((self.path, dict(self.headers), body))
            if receiver.behave:
                return receiver.behave(self)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            return None

        do_GET = do_POST

        def log_message(self, *args) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *args: None  # who hangs up early is part of the tests
    receiver = Receiver(server.server_address[1])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", NAME).configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: receiver.server_names.append(name)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def worker(monkeypatch):
    """Does at once what it is sent."""
    from diagnosis import queue, tasks

    monkeypatch.setattr(queue, "tell_webhook", tasks.tell_webhook)


@pytest.fixture
def webhook(alice, receiver):
    from diagnosis.webhooks import registrations

    return registrations.create(
        owner=alice, url=receiver.url, events=["record.assessed", "record.reviewed"]
    )


def drip(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, for ever: no pause is long, the answer never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(600):
        handler.wfile.write(b"x")
        time.sleep(0.02)
