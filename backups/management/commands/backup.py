"""``manage.py backup``: one file, now or each day."""

import argparse
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.files.storage import default_storage, storages
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connection

from backups import archive, crypt, names, room, watching

if TYPE_CHECKING:
    from backups.bucket import Bucket

PARTS = "skincare-*.part"
SOON = 60  # seconds in which a database that starts with its machine is there
PATIENCE = 6 * 60  # minutes that the daily one waits for one by hand


class Command(BaseCommand):
    help = (
        "Back up database and pictures into one file, encrypted by BACKUP_KEY, and copy it to"
        " BACKUP_S3_BUCKET where that is set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--to", type=Path, default=Path("/backups"), help="a folder")
        parser.add_argument(
            "--keep", type=_number, help="how many stay in each place; the older ones are deleted"
        )
        parser.add_argument("--daily-at", type=_time, metavar="HH:MM", help="go on, daily, UTC")
        parser.add_argument(
            "--fetch",
            nargs="?",
            const="",
            metavar="NAME",
            help="only bring one from the bucket into the folder, else the newest",
        )

    def handle(
        self, *args: Any, daily_at: timedelta | None, fetch: str | None, to: Path, **options: Any
    ) -> None:
        if fetch is not None:
            with _alone(to):
                self._fetch(fetch, to)
            return
        if not settings.BACKUP_KEY:
            raise CommandError("BACKUP_KEY is not set: a key of age, as age-keygen makes it.")
        try:
            crypt.recipient(settings.BACKUP_KEY)
        except crypt.KeyProblem as error:
            raise CommandError(str(error)) from error
        if daily_at is None:
            with _alone(to):
                self._make(to, options["keep"])
            watching.succeeded(to)
            watching.tell(to)
            return
        left = _seconds_until(daily_at, datetime.now(UTC))
        with suppress(CommandError), _alone(to):
            if any(to.glob(PARTS)):  # by one that was killed
                watching.failed(to)
            with suppress(Error):  # of a database that starts with its machine
                _is_empty(to)
            connection.close()
            # On a machine that is off at that time each day's would be.
            if left > SOON and _is_overdue(to, left):
                left = SOON
        while True:
            watching.tell(to)
            # In short steps, and by what the clock says after each: it may have been put right.
            time.sleep(min(left, 60))
            before, left = left, _seconds_until(daily_at, datetime.now(UTC))
            if left <= before:
                continue
            try:
                with _alone(to, PATIENCE):
                    # An empty one has nothing to lose, and is perhaps to be restored: the newest
                    # backup, in the bucket too, is to stay the one with something in it.
                    if _is_empty(to):
                        self.stdout.write("Nobody has an account here: no backup was made.")
                    else:
                        self._make(to, options["keep"])
                        watching.succeeded(to)
            except (CommandError, Error, OSError) as error:
                self.stderr.write(f"Failed: {error}")
                watching.failed(to)
            connection.close()

    def _make(self, to: Path, keep: int | None) -> None:
        """Raises CommandError, also for a backup that lacks pictures or its copy: it is kept."""
        path = to / names.now()
        new = path.with_suffix(".part")
        try:
            for left in to.glob(PARTS):
                left.unlink()
            _check_room(to)
            with room.file(new) as file:
                new.chmod(0o600)
                counts = archive.write(file, settings.BACKUP_KEY)
                file.flush()
                os.fsync(file.fileno())
            new.rename(path)
        except (OSError, crypt.KeyProblem, Error) as error:
            new.unlink(missing_ok=True)
            raise CommandError(f"The backup could not be written: {error}") from error
        rows, size = sum(counts["rows"].values()), path.stat().st_size / 1e6
        lost, pictures = set(counts["lost"]), counts["pictures"]
        self.stdout.write(
            f"{path}: {rows} rows, {pictures} pictures, {len(lost)} lost, {size:.1f} MB"
        )
        problems = []
        try:
            # As where their disk is not there, which is told each time.
            are_most = len(lost) > pictures
            told = sorted(lost if are_most else lost - watching.known_lost(to))
            if told:
                problems.append(
                    f"{len(told)} pictures that the database names are missing, or can't be read:"
                    f" {told[0]} …"
                )
            # Older ones have them: of a disk that is not there, or with a bad sector.
            if are_most or any(map(default_storage.exists, told)):
                keep = None
            if not are_most:
                watching.note_lost(to, lost)
            there = names.within(each.name for each in to.iterdir())
            for name in names.outdated(there, new=path.name, keep=keep):
                (to / name).unlink()
            if bucket := _bucket():
                for name in bucket.mirror(folder=to, new=path.name, keep=keep):
                    self.stdout.write(f"Copied {name} to the bucket.")
        except OSError as error:
            problems.append(str(error))
        if problems:
            raise CommandError(f"{path} is there, but: {' And: '.join(problems)}")

    def _fetch(self, name: str, to: Path) -> None:
        bucket = _bucket()
        if not bucket:
            raise CommandError("BACKUP_S3_BUCKET is not set: there is no bucket to fetch from.")
        try:
            path = bucket.fetch(name=name, folder=to)
        except OSError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def _is_empty(folder: Path) -> bool:
    """Whether nobody has an account. With backups there, it may be a database that was lost, of
    which alerts go on telling; without, nothing is owed. Raises Error."""
    if not archive.is_empty():
        return False
    if not names.newest(folder):
        watching.nothing_to_lose(folder)
    return True


def _is_overdue(folder: Path, left: float) -> bool:
    """Whether none was made since it last was the time; the next is in ``left`` seconds."""
    last = datetime.now(UTC) + timedelta(seconds=left) - timedelta(days=1)
    return names.newest(folder) < names.at(last)


def _check_room(folder: Path) -> None:
    """Raise CommandError where a backup as large as the newest one would fill the disk."""
    there = names.newest(folder)
    needed = room.LEFT_FREE + ((folder / there).stat().st_size if there else 0)
    if shutil.disk_usage(folder).free < needed:
        raise CommandError(
            f"The backup was not begun: it needs about {needed / 1e6:.0f} MB on the disk of"
            f" {folder}. {room.ADVICE}"
        )


@contextmanager
def _alone(folder: Path, minutes: int = 0) -> Iterator[None]:
    """Keep others from writing into the folder; wait so long for one that does.

    By a lock that ends with its process, however that ends. Raises CommandError.
    """
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise CommandError(f"The backup could not be written: {error}") from error
    try:
        while not _locked(lock):
            if not minutes:
                raise CommandError(
                    f"Another backup, or a --fetch, is writing into {folder}. Try again after it."
                )
            time.sleep(60)
            minutes -= 1
        yield
    finally:
        os.close(lock)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _bucket() -> "Bucket | None":
    """None where BACKUP_S3_BUCKET is not set, and where its packages need not be there."""
    return cast("Bucket", storages["backups"]) if "backups" in settings.STORAGES else None


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on (BACKUPS_KEPT)")
    return int(text)


def _time(text: str) -> timedelta:
    try:
        parsed = datetime.strptime(text, "%H:%M")  # noqa: DTZ007 no day, no zone
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 02:30 (BACKUP_AT)") from None
    return timedelta(hours=parsed.hour, minutes=parsed.minute)


def _seconds_until(daily_at: timedelta, now: datetime) -> float:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    then = today + daily_at
    return ((then if then > now else then + timedelta(days=1)) - now).total_seconds()
