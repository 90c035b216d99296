"""gunicorn's threaded worker, where clients are waited for in many threads and served in few.

In the original, whoever sends a byte every few seconds keeps one of the few threads that work.
Here a thread that waits costs some kilobytes; the application gets a request once it is whole.
"""

import errno
import io
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from struct import pack
from typing import Any, BinaryIO, NoReturn

from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.gthread import TConn, ThreadWorker

# Threads that run the application; of these, ten at most wait for a picture.
WORKING = int(os.environ.get("WEB_THREADS", "16"))
GRACE = 20  # seconds for the header, and for the body's beginning; from then on
SLOWEST = 10_000  # bytes a second that a body, or what is made while it is sent, has on average
STALLED = 30  # seconds in which a client takes nothing of its answer
CHUNK = 65_536
# Bytes of a body, more than pictures.MAX_TOGETHER; of a larger one, to be refused, only the end.
KEPT = 64 * 1024**2
# And of all bodies in files of one process; of each part that is a picture, a copy lies beside it
# while it is read. docker-compose.yml has room in /tmp for two processes.
KEPT_TOGETHER = 256 * 1024**2
UNREAD = 1024**3  # bytes that a refused client may go on sending, for STALLED seconds
IN_MEMORY = 512 * 1024  # what is larger waits in a file without a name, gone with the process


class Worker(ThreadWorker):
    """Set ``threads`` to how many connections may be in flight."""

    def init_process(self) -> None:
        self.working = ThreadPoolExecutor(WORKING, thread_name_prefix="working")
        self.cut_off_at: dict[TConn, float] = {}
        self.kept: dict[TConn, int] = {}  # bytes in a file
        super().init_process()

    def set_accept_enabled(self, enabled: bool) -> None:
        """Refuse at once while it stops, so that the proxy keeps new requests for the next one.

        In the original they queue in the kernel until the last answer is out, and are cut off then.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def enqueue_req(self, conn: TConn) -> None:
        self.cut_off_at[conn] = time.monotonic() + GRACE
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, future: Any) -> None:
        self.cut_off_at.pop(conn, None)
        if conn.sock.fileno() == -1:  # closed with a refusal; gunicorn would count it out twice
            self.nr_conns -= 1
            return
        super().finish_request(conn, future)

    def murder_pending(self) -> None:
        """Called about once a second: also cut off who sends too slowly."""
        super().murder_pending()
        now = time.monotonic()
        for conn, limit in list(self.cut_off_at.items()):
            if now > limit:
                try:
                    conn.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
                except OSError:
                    self.cut_off_at.pop(conn, None)  # gone already

    def handle_request(self, req: Any, conn: TConn) -> bool:
        if req._expected_100_continue and not _is_flood(req):
            conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            req._expected_100_continue = False
        try:
            has_room = self.take_body(req, conn)
            self.cut_off_at.pop(conn, None)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pack("ll", STALLED, 0))
            stays_open = super().handle_request(req, conn)
        finally:
            self.kept.pop(conn, None)
            if isinstance(req.body, tempfile.SpooledTemporaryFile):
                req.body.close()  # now: the request may live on in a cycle, or the connection
            req.body = io.BytesIO()
        if _is_flood(req) or not has_room:
            # Else the client, which goes on sending, would never read that it is too much.
            util.close_graceful(conn.sock, STALLED, UNREAD)
            return False
        return stays_open

    def take_body(self, req: Any, conn: TConn) -> bool:
        """Put all of the body in its place; False where there is no room, which its reader hears.

        Raises NoMoreData.
        """
        try:
            req.body = self.whole_body(req, conn)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self.log.warning("There is no room for the body of a request")
            self.kept.pop(conn, None)
            req.body = _NoRoom()
            if "CONTENT-LENGTH" not in dict(req.headers):
                req.headers.append(("CONTENT-LENGTH", "1"))  # so that Django asks for it
            return False
        return True

    def whole_body(self, req: Any, conn: TConn) -> BinaryIO:
        """All of the body, to be read again; of what no request may have, zeros and the end.

        Raises NoMoreData where the client ends early, or is cut off; OSError without room for it.
        """
        from django.conf import settings

        headers = dict(req.headers)
        file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115
        if _is_flood(req):
            return file  # is refused unread
        most = min(KEPT, _most_bytes(req))
        start, received, tail = time.monotonic(), 0, b""
        while chunk := req.body.read(CHUNK):
            received += len(chunk)
            self.cut_off_at[conn] = start + GRACE + received / SLOWEST
            if received <= most:
                self.count(conn, received)
                file.write(chunk)
            else:
                tail = (tail + chunk)[-CHUNK:]
            if received > settings.MAX_REQUEST_BYTES:
                raise NoMoreData
        if received < int(headers.get("CONTENT-LENGTH", 0)):
            raise NoMoreData
        if received > most:  # leaves a hole, which takes no disk
            file.seek(received - len(tail))
            file.write(tail)
        if "CONTENT-LENGTH" not in headers:
            req.headers.append(("CONTENT-LENGTH", str(received)))  # Django needs to know
        file.seek(0)
        return file

    def count(self, conn: TConn, received: int) -> None:
        """Count what lies in the connection's file. Raises OSError where all have too much."""
        if received > IN_MEMORY:
            self.kept[conn] = received
            if sum(list(self.kept.values())) > KEPT_TOGETHER:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def load_wsgi(self) -> None:
        super().load_wsgi()
        application = self.wsgi
        from diagnosis.records import waiting

        waiters = waiting.Waiters(is_open=lambda: self.alive)

        def answer_with_language(*request: Any) -> tuple[Any, str]:
            from django.utils import translation

            return application(*request), translation.get_language()

        def in_few_threads(environ: dict[str, Any], start_response: Callable) -> Any:
            begun: list[tuple] = []
            request = environ, lambda *head: begun.append(head)
            answer, language = self.working.submit(answer_with_language, *request).result()
            if wait := environ.pop(waiting.ASKED, None):
                answer.close()
                waiters.wait(*wait)  # here, where only clients are waited for
                environ[waiting.WAITED] = True
                answer, language = self.working.submit(answer_with_language, *request).result()
            start_response(*begun[-1])
            return _Streamed(answer, language) if getattr(answer, "streaming", False) else answer

        self.wsgi = in_few_threads


def _is_flood(req: Any) -> bool:
    """Whether the site refuses it by its length alone."""
    return int(dict(req.headers).get("CONTENT-LENGTH", 0)) > _most_bytes(req)


def _most_bytes(req: Any) -> int:
    from skincare_site.middleware import most_bytes

    kind = dict(req.headers).get("CONTENT-TYPE", "")
    return most_bytes(kind.partition(";")[0].strip().lower())


class _NoRoom:
    """In place of a body that could not be kept: who asks for it hears that it may come again."""

    def read(self, *_: int) -> NoReturn:
        from diagnosis.limits import Busy
        from diagnosis.records.pictures import BUSY_SECONDS

        raise Busy(BUSY_SECONDS)

    readline = read


class _Streamed:
    """An answer that is made while it is sent: in the thread that sends, in the same language.

    Raises ConnectionResetError for a client that takes it too slowly, since each keeps a connection
    to the database.
    """

    def __init__(self, answer: Any, language: str) -> None:
        self.answer, self.language = answer, language

    def __iter__(self) -> Iterator[bytes]:
        from django.utils import translation

        taken, sent = 0.0, 0
        with translation.override(self.language):
            for part in self.answer:
                begin = time.monotonic()
                yield part
                taken, sent = taken + time.monotonic() - begin, sent + len(part)
                if taken > STALLED + sent / SLOWEST:
                    raise ConnectionResetError(errno.ECONNRESET, "taken too slowly")

    def close(self) -> None:
        from django.db import connections

        self.answer.close()
        connections.close_all()  # this thread's: there are many such threads
