"""How fast pages are while others send a byte every three seconds, on a running service.

python -m benchmarks.slow_senders [--url http://localhost:8000] [--connections 9] [--seconds 30]
"""

import argparse
import socket
import ssl
import threading
import time
from urllib.parse import SplitResult, urlsplit

import requests

from benchmarks.results import keep, summary

PAGES = ("/", "/account/login/", "/health/live")


def beginnings(host: str) -> dict[str, bytes]:
    """A request's first bytes, that ends in its header, its form or its upload."""
    post = f"POST /account/login/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000000\r\n"
    return {
        "header": f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ".encode(),
        "form": f"{post}Content-Type: application/x-www-form-urlencoded\r\n\r\nlogin=".encode(),
        "upload": (
            f"{post}Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        ).encode(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--connections", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    at = urlsplit(options.url)
    results = {"alone": page_times(options.url, 5)}
    for part, beginning in beginnings(at.netloc).items():
        stop = threading.Event()
        opened = [connect(at, beginning) for _number in range(options.connections)]
        dribble = threading.Thread(target=send_slowly, args=(opened, stop), daemon=True)
        dribble.start()
        time.sleep(1)
        results[f"beside {options.connections} slow in the {part}"] = page_times(
            options.url, options.seconds / 3
        )
        stop.set()
        dribble.join()
        for connection in opened:
            connection.close()
    found = {name: summary(milliseconds) for name, milliseconds in results.items()}
    keep("slow_senders", {"milliseconds": found})


def connect(at: SplitResult, beginning: bytes) -> socket.socket:
    connection = socket.create_connection((at.hostname, at.port or 80), timeout=30)
    if at.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = context.wrap_socket(connection, server_hostname=at.hostname)
    connection.sendall(beginning)
    return connection


def send_slowly(connections: list[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(3):
        for connection in connections:
            try:
                connection.sendall(b"1")
            except OSError:
                continue  # cut off


def page_times(url: str, seconds: float) -> list[float]:
    """Milliseconds of each page, each on a connection of its own."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for page in PAGES:
            start = time.perf_counter()
            requests.get(url + page, timeout=60, verify=False).raise_for_status()
            times.append(1000 * (time.perf_counter() - start))
        time.sleep(0.5)
    return times


if __name__ == "__main__":
    main()
