"""A call in a child process of its own, with limits: for decoders that read what strangers send.

The child is forked from a clean server process that has the modules already (multiprocessing's
"forkserver"), does one call and ends, so that its memory goes back to the system.
"""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection

import psutil

from ml.costly import too_costly
from ml.images import ImageError

CPU_SECONDS = 5  # 25 megapixels of 16 bits in a profile take 1.8, and took over 3 beside other work
WALL_SECONDS = 20  # of a machine that does much else meanwhile
MEMORY = 448 * 1024**2  # beyond what the modules take
PATIENCE = 25  # seconds that a call waits for its turn

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["__main__", "ml.sandbox", "ml.reencoding"])


class Busy(Exception):
    """So many calls are waiting that this one would take too long."""


class Sandbox:
    """At most ``at_once`` children at a time, and at most ``waiting`` calls that wait for them."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._turns = threading.BoundedSemaphore(at_once)

    def call(self, function: Callable[[bytes], bytes], data: Callable[[], bytes]) -> bytes:
        """``function(data())``, whose modules must be preloaded above; data is read when its turn
        has come.

        Raises ImageError (the function's own, and ``too_costly`` for a broken limit) and Busy.
        """
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            if not self._turns.acquire(timeout=PATIENCE):
                raise Busy
            try:
                return _call(function, data())
            finally:
                self._turns.release()
        finally:
            self._places.release()


def close() -> None:
    """End the server process and multiprocessing's tracker, which would outlive this one."""
    # No public way yet; both are there from Python 3.11 to 3.13.
    forkserver._forkserver._stop()
    resource_tracker._resource_tracker._stop()


def _call(function: Callable[[bytes], bytes], data: bytes) -> bytes:
    ours, theirs = _context.Pipe()
    child = _context.Process(target=_work, args=(theirs, function), daemon=True)
    child.start()
    theirs.close()
    try:
        # A child that ends early closes its end, at the latest by its own alarm.
        with contextlib.suppress(BrokenPipeError):
            ours.send_bytes(data)
        failure = ours.recv()
        if failure is None:
            return ours.recv_bytes()
    except (EOFError, ConnectionError):
        raise too_costly() from None
    finally:
        ours.close()
        child.kill()
        child.join()
        child.close()
    code, message, params = failure
    raise ImageError(code, message, **params)


def _work(pipe: Connection, function: Callable[[bytes], bytes]) -> None:
    """In the child: a broken limit ends it, by a signal or by MemoryError."""
    signal.alarm(WALL_SECONDS)
    os.nice(5)  # pages come first
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    if sys.platform == "linux":  # elsewhere not kept
        _limit(resource.RLIMIT_AS, psutil.Process().memory_info().vms + MEMORY)
    try:
        answer = function(pipe.recv_bytes())
    except ImageError as error:
        # A decoder that gets no memory may call the picture damaged.
        starved = isinstance(error.__cause__, MemoryError)
        error = too_costly() if starved else error
        pipe.send((error.code, error.message, error.params))
    except MemoryError:
        pass
    else:
        pipe.send(None)
        pipe.send_bytes(answer)


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))
