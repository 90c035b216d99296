"""Names of backups, by which they are sorted, and which of them stay."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

END = ".tar.gz.age"


def now() -> str:
    return at(datetime.now(UTC))


def at(moment: datetime) -> str:
    """The name of one that is made then; ``moment`` is in UTC."""
    return f"skincare-{moment:%Y%m%dT%H%M%SZ}{END}"


def within(names: Iterable[str]) -> set[str]:
    """Those that name a backup."""
    return {name for name in names if fnmatchcase(name, f"skincare-*{END}")}


def in_order(names: Iterable[str]) -> list[str]:
    """The newest last. What is named after tomorrow, by a clock that was ahead, is old."""
    tomorrow = at(datetime.now(UTC) + timedelta(days=1))
    return sorted(names, key=lambda name: (name <= tomorrow, name))


def newest(folder: Path) -> str:
    """The name of the newest backup there; empty where there is none."""
    return next(reversed(in_order(within(each.name for each in folder.iterdir()))), "")


def outdated(names: set[str], *, new: str, keep: int | None) -> list[str]:
    """The oldest, so that ``keep`` stay; never the one just made, whatever the clock said."""
    if keep is None:
        return []
    others = in_order(names - {new})
    return others[: max(0, len(others) - keep + 1)]
