"""Files that are there whole or not at all, whatever ends their writing."""

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


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, by ``written``."""
    with written(path) as part:
        part.write_text(text, encoding="utf-8")
