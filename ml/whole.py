"""Files that are there whole or not at all, whatever ends their writing."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to, which takes the place of ``path`` at the end; its folder is made.

    A kill or a full disk leaves what was there before.
    """
    if path.exists() and not path.is_file():  # a device, such as /dev/null, or a pipe
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.resolve()  # what a link leads to
    partial = whole.with_name(f"partial.{whole.name}")
    try:
        yield partial
        partial.replace(whole)
    finally:
        partial.unlink(missing_ok=True)


def check_file(path: Path) -> None:
    """Before long work: raise OSError where ``written`` could put no file; make nothing."""
    if path.is_dir():
        raise _refused(errno.EISDIR, path)
    if path.exists() and not path.is_file():
        if not os.access(path, os.W_OK):
            raise _refused(errno.EACCES, path)
        return
    check_folder(path.resolve().parent)


def check_folder(path: Path) -> None:
    """Before long work: raise OSError for a folder, there or to be made, that takes no files; make
    nothing."""
    path = path.absolute()
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    if not there.is_dir():
        raise _refused(errno.ENOTDIR, there)
    if not os.access(there, os.W_OK | os.X_OK):
        raise _refused(errno.EACCES, there)


def _refused(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, by ``written``."""
    with written(path) as part:
        part.write_text(text, encoding="utf-8")
