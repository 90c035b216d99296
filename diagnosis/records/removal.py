"""The files of pictures whose rows go, on commit: all of one transaction together.

A person may have thousands, each of which a store on the network takes a moment to delete. What
can't be deleted is what ``pictures.remove_orphans`` finds later.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from django.core.files.storage import default_storage
from django.db import transaction

from diagnosis import media

logger = logging.getLogger(__name__)

AT_ONCE = 8


class _Removal:
    """The names of one transaction, or savepoint."""

    def __init__(self, name: str) -> None:
        self.names = [name]

    def run(self) -> None:
        remove(self.names)


def on_commit(name: str) -> None:
    """Delete this file with the others whose rows go in the same transaction, or savepoint."""
    connection = transaction.get_connection()
    scope = set(connection.savepoint_ids)
    for savepoints, planned, *_ in reversed(connection.run_on_commit):
        removal = getattr(planned, "__self__", None)
        if isinstance(removal, _Removal) and savepoints == scope:
            removal.names.append(name)
            return
    # A method, since Django names what failed by its __qualname__.
    transaction.on_commit(_Removal(name).run, robust=True)


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
