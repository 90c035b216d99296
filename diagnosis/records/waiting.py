"""Programs that wait for an answer: held by threads that only wait, asked for by one look for all.

A view says by ``ask`` that its request may be held. skincare_site/web_worker.py does so, and then
has the request answered anew; another server answers at once, which a client has to expect anyway.
"""

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection
from django.http import HttpRequest

from diagnosis.records.models import MoleRecord

LONGEST = 20  # seconds; proxies and clients give up after 30 or more
PAUSE = 0.25  # seconds between two looks
AT_MOST = 256  # that wait in one process; who comes later is answered at once
# What the request's environment says: which record for how long, and that it was waited for.
ASKED, WAITED = "mole_check.wait", "mole_check.waited"

logger = logging.getLogger(__name__)


def ask(request: HttpRequest, record: MoleRecord, seconds: int) -> None:
    """Have the request held until the record is no longer pending, once."""
    if seconds and record.is_pending and WAITED not in request.META:
        request.META[ASKED] = (record.pk, seconds)


class Waiters:
    """Those who wait in one process. One thread looks, while anybody waits."""

    def __init__(self, is_open: Callable[[], bool]) -> None:
        self.is_open = is_open
        self.changed = threading.Lock()
        self.events: dict[uuid.UUID, list[threading.Event]] = {}
        self.looking = False

    def wait(self, record_id: uuid.UUID, seconds: float) -> None:
        """Return when the record is assessed or deleted, the time is over, or the server stops."""
        event = threading.Event()
        with self.changed:
            if sum(map(len, self.events.values())) >= AT_MOST:
                return
            self.events.setdefault(record_id, []).append(event)
            if not self.looking:
                self.looking = True
                threading.Thread(target=self._look, name="looking", daemon=True).start()
        event.wait(seconds)
        with self.changed:
            events = self.events.get(record_id, [])
            if event in events:
                events.remove(event)
            if not events:
                self.events.pop(record_id, None)

    def _look(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(PAUSE)
            with self.changed:
                ids = set(self.events)
                if not ids:
                    self.looking = False
                    break
            for record_id in self._settled(ids):
                with self.changed:
                    for event in self.events.get(record_id, ()):
                        event.set()
        connection.close()

    def _settled(self, ids: set[uuid.UUID]) -> set[Any]:
        if not self.is_open():
            return ids
        try:
            pending = MoleRecord.objects.filter(pk__in=ids, state__in=MoleRecord.PENDING)
            return ids - set(pending.values_list("pk", flat=True))
        except DatabaseError as error:
            logger.warning("Nobody can look now: %s", error)
            connection.close()
            return set()
