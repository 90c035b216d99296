"""What the sandbox is tried with: imported by its child processes, so without Django."""

import os
import signal
import time

from ml.images import ImageError
from ml.reencoding import stored


def reverse(data: bytes) -> bytes:
    return data[::-1]


def compute(data: bytes) -> bytes:
    while True:
        pass


def fill_memory(data: bytes) -> bytes:
    return bytes(4 * 1024**3)


def wait(data: bytes) -> bytes:
    time.sleep(float(data))
    return b"done"


def crash(data: bytes) -> bytes:
    os.abort()


def refuse(data: bytes) -> bytes:
    raise ImageError("too_small", "Only %(width)d pixels.", width=7)


def store(data: bytes) -> bytes:
    """As served, however long a busy machine takes: all other limits hold."""
    signal.alarm(0)
    return stored(data)
