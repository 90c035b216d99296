"""Whether pictures can be stored and read: the folder, and room in it."""

import errno
import logging
import os
import shutil
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from diagnosis.limits import TryLater

logger = logging.getLogger(__name__)

# Less than this counts as full: a database on the same disk goes on, and somebody has time to act.
MINIMUM_FREE = 200 * 1024**2
NOT_WRITABLE = "MEDIA_ROOT is not a folder that this process may write to."
FULL = (errno.ENOSPC, errno.EDQUOT)
PATIENCE = 2  # seconds for a folder on the network: a health check gives up after 5


class NoStorage(TryLater):
    """Pictures can't be stored now, or there is no room for them (507, RFC 4918)."""

    def __init__(self, *, full: bool) -> None:
        super().__init__(300)
        self.status = 507 if full else 503
        self.sentence = (
            _("There is no room for new pictures. The people who run this service must make some.")
            if full
            else _("Pictures can't be stored at the moment. Try again in a few minutes.")
        )
        self.args = (self.sentence,)


class Unreachable(NoStorage, OSError):
    """The store of pictures does not answer: they are there, and can't be had at the moment."""

    def __init__(self) -> None:
        super().__init__(full=False)
        self.sentence = _("Pictures can't be reached at the moment. Try again in a few minutes.")
        self.args = (self.sentence,)


class Unreadable(OSError):
    """One file can't be read, as on a bad block, though others can: it may stay so."""


UNREAD = (FileNotFoundError, Unreadable)  # what one picture has; Unreachable has all of them


def read(image: FieldFile) -> bytes:
    """A stored picture, whole. Raises FileNotFoundError, Unreadable, and Unreachable for a store
    or folder in trouble, which no number of attempts would help."""
    try:
        with image.open() as file:
            return file.read()
    except (*UNREAD, Unreachable):  # a store on the network says itself what it is
        raise
    except OSError as error:
        logger.warning("%s can't be read: %s", image.name, error)
        is_one = trouble() in ("", "full")  # what has no room for new ones can still be read
        raise (Unreadable(image.name) if is_one else Unreachable()) from error


def is_a_folder() -> bool:
    """Whether pictures lie in MEDIA_ROOT, not in a store on the network."""
    return isinstance(default_storage, FileSystemStorage)


def trouble() -> str:
    """Say in a word or two why no picture can be stored; empty while they can."""
    storage: Any = default_storage
    if not is_a_folder():
        return storage.trouble()
    try:
        return _looked_at(Path(storage.location)).result(PATIENCE)
    except TimeoutError:
        return "unreachable"


_looks: dict[Path, Future[str]] = {}
# The thread of one that is under way is not there in a child.
os.register_at_fork(after_in_child=_looks.clear)


def _looked_at(folder: Path) -> Future[str]:
    """What a thread says of it: the one that is under way, since one that hangs can't be ended."""
    known = _looks.get(folder)
    if known is None or known.done():
        known = Future()
        threading.Thread(target=_look_into, args=(folder, known), daemon=True).start()
        _looks[folder] = known
    return known


def _look_into(folder: Path, said: Future[str]) -> None:
    try:
        said.set_result(_look(folder))
    except Exception as error:  # else whoever asks would take it for one that hangs
        said.set_exception(error)


def _look(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            os.write(file.fileno(), b"written")
        return "full" if shutil.disk_usage(folder).free < MINIMUM_FREE else ""
    except OSError as error:
        return "full" if error.errno in FULL else "not writable"


def check() -> None:
    """Look before the work: a store on the network says so itself. Raises NoStorage."""
    if is_a_folder() and (said := trouble()):
        raise NoStorage(full=said == "full")


def check_readable() -> None:
    """Before an answer that is written while pictures are read. Raises Unreachable."""
    if not is_a_folder() and trouble():
        raise Unreachable
