"""How the backups are, for Prometheus: told by who makes them, who alone sees their folder."""

from contextlib import suppress
from pathlib import Path

from django.core.cache import cache

from backups import names

FAILED = ".failed"  # in the folder, where a restart finds it; docker-compose.yml looks there
GOOD = ".good"  # beside it, since the last one that was whole and copied
NOTHING = ".nothing"  # beside it, since there was neither an account nor a backup
LOST = ".lost"  # beside it, the names of the pictures that it was a failure to lack, once
TOLD = "metrics.backups"


def succeeded(folder: Path) -> None:
    """Note that one is whole, and where it is to be copied, copied."""
    (folder / GOOD).touch()
    for mark in (FAILED, NOTHING):
        (folder / mark).unlink(missing_ok=True)


def nothing_to_lose(folder: Path) -> None:
    """Note that nobody has an account and no backup is there: none is owed yet."""
    with suppress(OSError):
        (folder / NOTHING).touch()
        (folder / FAILED).unlink(missing_ok=True)


def failed(folder: Path) -> None:
    """Note that one was not made, or lacks something."""
    with suppress(OSError):  # of a folder that is gone the health check knows
        (folder / FAILED).touch()


def known_lost(folder: Path) -> set[str]:
    """The pictures of which an earlier backup has told that they are lost. Raises OSError."""
    file = folder / LOST
    return set(file.read_text().splitlines()) if file.exists() else set()


def note_lost(folder: Path, lost: set[str]) -> None:
    """Note which are lost, so that they are told once. Raises OSError."""
    (folder / LOST).write_text("".join(f"{name}\n" for name in sorted(lost)))


def tell(folder: Path) -> None:
    """Let every web host know when the last good one and the last try were (``told``).

    To be repeated: the broker forgets. While the folder is gone, what was told before stands.
    """
    with suppress(OSError):
        good, last_failed = _time(folder / GOOD), _time(folder / FAILED)
        if there := names.newest(folder):
            # Of before such notes were made.
            good = good or (None if last_failed else _time(folder / there))
        else:
            good = _time(folder / NOTHING)
        tries = [moment for moment in (good, last_failed) if moment]
        cache.set(TOLD, (good, max(tries, default=None)), timeout=None)


def told() -> tuple[float | None, float | None]:
    """The times of the last good one and of the last try; None for what is not known."""
    return cache.get(TOLD) or (None, None)


def _time(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None
