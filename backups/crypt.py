"""Streams through age (https://age-encryption.org/v1), so that the tool of that name opens them."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyrage

SECRET = "AGE-SECRET-KEY-"


class KeyProblem(Exception):
    """The key is missing, is not one of age, or does not open this file."""


def recipient(key: str) -> pyrage.x25519.Recipient:
    """The public half of a key, or the key that is one already. Raises KeyProblem."""
    key = next(iter(_keys(key)), "")
    try:
        if key.startswith(SECRET):
            return pyrage.x25519.Identity.from_str(key).to_public()
        return pyrage.x25519.Recipient.from_str(key)
    except (pyrage.IdentityError, pyrage.RecipientError) as error:
        raise KeyProblem("BACKUP_KEY is not a key of age: AGE-SECRET-KEY-1… or age1….") from error


@contextmanager
def encrypted(file: BinaryIO, key: str) -> Iterator[BinaryIO]:
    """What is written into it arrives in ``file``, for whoever has the key.

    Raises KeyProblem, and the OSError of a file that takes no more. A public key, age1…, is enough.
    """
    public = recipient(key)
    reader, writer = _pipe()
    kept = _Kept(file)
    work = _Thread(lambda: pyrage.encrypt_io(reader, kept, [public]), reader)
    try:
        with writer:
            yield writer
    finally:
        work.join()
        if kept.error:
            raise kept.error
    work.check()


@contextmanager
def decrypted(file: BinaryIO, key: str) -> Iterator[BinaryIO]:
    """Read what was written into it. Raises KeyProblem, ValueError for a file that was changed.

    The end of the block raises ValueError also for a file that was cut off.
    """
    try:
        identities = [pyrage.x25519.Identity.from_str(each) for each in _keys(key) or [""]]
    except pyrage.IdentityError as error:
        raise KeyProblem("To open a backup BACKUP_KEY has to be AGE-SECRET-KEY-1….") from error
    reader, writer = _pipe()
    work = _Thread(lambda: pyrage.decrypt_io(file, writer, identities), writer)
    try:
        with reader:
            yield reader
            while reader.read(1 << 20):
                pass  # the end tells whether all of it was there
    except Exception:
        work.join()
        work.check()  # says it better than what the reader made of it
        raise
    work.join()
    work.check()


def _keys(text: str) -> list[str]:
    """The key, or those of a file that age-keygen wrote: one a line, with comments above."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _pipe() -> tuple[BinaryIO, BinaryIO]:
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


class _Kept:
    """Keeps its error: pyrage loses that of the last piece, and a broken pipe says less."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


class _Thread(threading.Thread):
    """Does the work beside, since pyrage pulls and pushes by itself, and closes its end."""

    def __init__(self, work: Callable[[], None], end: BinaryIO) -> None:
        super().__init__(daemon=True)
        self.work, self.end = work, end
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:
            self.error = error
        finally:
            try:
                self.end.close()
            except OSError as error:
                self.error = self.error or error

    def check(self) -> None:
        """Raises what the work raised, in our words."""
        try:
            if self.error:
                raise self.error
        except BrokenPipeError:
            pass  # the other end has told why it stopped
        except pyrage.DecryptError as error:
            if "key" in str(error):
                raise KeyProblem("BACKUP_KEY does not open this backup.") from error
            raise ValueError(f"The backup is damaged: {error}") from error
        except OSError as error:
            if error.errno is not None:
                raise
            # pyrage's own, of a piece that is not as it was, or of an end that is missing.
            raise ValueError("The backup is damaged: it was cut off, or changed.") from error
