"""Which files of a folder are pictures, and which nobody meant."""

import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ml.decoding.kinds import ENDINGS

JUNK = {
    *("__macosx", "thumbs.db", "desktop.ini", "ehthumbs.db", "@eadir"),
    *("lost+found", "system volume information", "$recycle.bin"),
}
MASKS = ("masks", "_segmentations_")  # folders of HAM10000 and others: outlines, no pictures


def is_junk(path: Path) -> bool:
    """What systems put beside people's files: ._name, .DS_Store, __MACOSX, Thumbs.db."""
    return path.name.startswith(".") or path.name.lower() in JUNK


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in one, sorted by name."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not is_junk(p))


def below(folder: Path) -> Iterator[Path]:
    """Every file that somebody meant, at any depth, sorted by name within each folder; also a
    folder that may not be read, which whoever opens it as a file names."""
    try:
        inside = sorted(folder.iterdir())
    except PermissionError:
        inside = []
        yield folder
    for path in inside:
        if is_junk(path):
            continue
        if path.is_dir():
            if not (path.is_symlink() and folder.resolve().is_relative_to(path.resolve())):
                yield from below(path)  # a link to where we are would have no end
        else:
            yield path


def readable(name: str | Path) -> str:
    """A name as text: bytes that are not UTF-8 could neither be printed nor stored."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def key(name: str) -> str:
    """What two names have in common that differ in letter case, or in how an accent is written:
    macOS makes it a sign of its own (NFD), tables mostly don't (NFC)."""
    return unicodedata.normalize("NFC", name.lower())


def is_mask(path: Path, folder: Path) -> bool:
    """Whether a file below the folder lies in one for masks."""
    parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
    return any(part == MASKS[0] or MASKS[1] in part for part in parts)


def opened(path: Path) -> BinaryIO:
    """A file to read. Raises OSError, also for a named pipe, whose reader may wait for ever."""
    if path.is_fifo():
        raise OSError("This is a pipe. Name the file of a picture.")
    return path.open("rb")


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def not_read(paths: list[Path], folder: Path) -> list[str]:
    """A sentence for each other ending, so that nothing is dropped in silence."""
    endings = Counter(path.suffix.lower() or "no ending" for path in paths)
    return [f"{folder}: {count:,} files not read: {name}" for name, count in endings.most_common()]


def same_content(paths: list[Path]) -> list[list[Path]]:
    """Groups of files that are byte for byte the same; only those of one size are opened.

    What can't be opened, such as a link to nowhere, is in none: whoever decodes it names it.
    """
    sizes: dict[int, list[Path]] = {}
    for path in paths:
        with suppress(OSError):
            sizes.setdefault(path.stat().st_size, []).append(path)
    found: dict[bytes, list[Path]] = {}
    for group in sizes.values():
        if len(group) > 1:
            for path in group:
                with suppress(OSError), opened(path) as file:
                    found.setdefault(sha256(file.read()).digest(), []).append(path)
    return [group for group in found.values() if len(group) > 1]
