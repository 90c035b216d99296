"""A person's archive over HTTP: only for views that had the password confirmed."""

import threading
from collections.abc import Generator, Iterator

from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts.models import User
from audit import log
from diagnosis import limits, media
from diagnosis.own_data import archive

# Archives that one process sends at a time: each keeps a connection to the database.
PLACES = threading.BoundedSemaphore(4)
BUSY_SECONDS = 60


class _InPlace:
    """An iterator that has one of PLACES until it is closed, or gone. Raises Busy where all are
    taken."""

    def __init__(self, parts: Generator[bytes, None, None]) -> None:
        self.parts, self.is_open = parts, False
        if not PLACES.acquire(blocking=False):
            raise limits.Busy(BUSY_SECONDS)
        self.is_open = True

    def __iter__(self) -> Iterator[bytes]:
        return self.parts

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            try:
                self.parts.close()
            finally:
                PLACES.release()

    __del__ = close  # where no response came of it


def zip_answer(person: User) -> StreamingHttpResponse:
    """Send everything about the person while it is read, and log that it left.

    Raises TryLater, also where the pictures can't be reached.
    """
    parts = _InPlace(archive.archive(person))
    media.check_readable()
    limits.spend(person, "downloads")
    log.log_export(person, to="own data")
    name = f"mole-check-{timezone.localdate():%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        parts,
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )
