"""``manage.py backup``: one file, now or each day."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from backups import archive, crypt

FAILED = Path("/tmp/backup-failed")


class Command(BaseCommand):
    help = "Back up database and pictures into one file, encrypted by BACKUP_KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=Path("/backups"), help="a folder")
        parser.add_argument("--keep", type=int, help="how many stay; the older ones are deleted")
        parser.add_argument("--daily-at", type=_time, metavar="HH:MM", help="go on, daily, UTC")

    def handle(self, *args: Any, daily_at: timedelta | None, **options: Any) -> None:
        if not settings.BACKUP_KEY:
            raise CommandError("BACKUP_KEY is not set: a key of age, as age-keygen makes it.")
        if daily_at is None:
            self._make(**options)
            return
        while True:
            time.sleep(_seconds_until(daily_at, datetime.now(UTC)))
            try:
                self._make(**options)
            except (CommandError, DatabaseError) as error:
                FAILED.touch()
                self.stderr.write(f"No backup: {error}")
            else:
                FAILED.unlink(missing_ok=True)
            connection.close()

    def _make(self, *, to: Path, keep: int | None, **_: Any) -> None:
        """Raises CommandError, also for a backup that lacks pictures, which is kept."""
        path = to / f"skincare-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz.age"
        new = path.with_suffix(".part")
        try:
            for left in to.glob("skincare-*.part"):  # by one that was killed
                left.unlink()
            with new.open("xb") as file:
                new.chmod(0o600)
                counts = archive.write(file, settings.BACKUP_KEY)
                file.flush()
                os.fsync(file.fileno())
            new.rename(path)
        except (OSError, crypt.KeyProblem) as error:
            new.unlink(missing_ok=True)
            raise CommandError(f"The backup could not be written: {error}") from error
        rows, size = sum(counts["rows"].values()), path.stat().st_size / 1e6
        self.stdout.write(f"{path}: {rows} rows, {counts['pictures']} pictures, {size:.1f} MB")
        for old in sorted(to.glob("skincare-*.tar.gz.age"))[: -keep if keep else 0]:
            old.unlink()
        if lost := counts["lost"]:
            raise CommandError(
                f"{len(lost)} pictures that the database names are missing: {lost[0]} …"
            )


def _time(text: str) -> timedelta:
    parsed = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 no day, no zone
    return timedelta(hours=parsed.hour, minutes=parsed.minute)


def _seconds_until(daily_at: timedelta, now: datetime) -> float:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    then = today + daily_at
    return ((then if then > now else then + timedelta(days=1)) - now).total_seconds()
