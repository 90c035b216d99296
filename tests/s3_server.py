"""moto's server of S3, as a program of its own."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import requests


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Its address, while the block lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 180
    try:
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{port}/moto-api/")
                break
            assert server.poll() is None, "moto did not start"
            assert time.monotonic() < deadline, "moto did not start in time"
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(60)
