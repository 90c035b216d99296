"""The files of pictures whose rows go, on commit: all of one transaction together.

A person may have thousands, each of which a store on the network takes a moment to delete. What
can't be deleted is what ``pictures.remove_orphans`` finds later.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from django.core.files.storage import default_storage
from django.db import transaction

from diagnosis.records import media

logger = logging.getLogger(__name__)

AT_ONCE = 8


class _Removal:
    """What runs on commit."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self) -> None:
        remove(self.names)


def on_commit(name: str) -> None:
    """Delete this file with the others whose rows go in the same transaction, or savepoint."""
    connection = transaction.get_connection()
    scope = set(connection.savepoint_ids)
    for savepoints, planned, *_ in reversed(connection.run_on_commit):
        if isinstance(planned, _Removal) and savepoints == scope:
            planned.names.append(name)
            return
    removal = _Removal()
    removal.names.append(name)
    transaction.on_commit(removal, robust=True)


def remove(names: list[str]) -> None:
    """Delete the files, several at once; of a store that does not answer, no more are asked for."""
    is_down = Event()

    def one(name: str) -> None:
        if is_down.is_set():
            return
        try:
            default_storage.delete(name)
        except OSError as error:
            logger.warning("A deleted picture's file stays for now: %s", type(error).__name__)
            if isinstance(error, media.Unreachable):
                is_down.set()

    with ThreadPoolExecutor(min(AT_ONCE, len(names))) as pool:
        list(pool.map(one, names))
