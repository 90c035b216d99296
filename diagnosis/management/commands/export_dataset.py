"""Reviewed pictures as a data set to train on."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.models import User
from audit import log
from diagnosis.reviews import teaching


class Command(BaseCommand):
    help = (
        "Write the reviewed pictures of those who allow it as a data set: metadata.csv, images/. "
        "The same folder again is brought up to date; pictures whose person withdrew, or is "
        "deactivated, are removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--by", metavar="EMAIL", help="who does it, for the audit log")

    def handle(self, *args: Any, directory: Path, by: str | None, **options: Any) -> None:
        person = User.objects.filter(email=by.strip().lower()).first() if by else None
        if by and person is None:
            raise CommandError(f"No account has the e-mail address {by}.")
        progress = partial(tqdm, desc="Exporting", unit="picture")
        try:
            with log.acting(person) if person else nullcontext():
                count, missing = teaching.export(directory, progress)
        except teaching.NotAnExport:
            raise CommandError(
                f"{directory} is neither empty nor an earlier export; choose another folder."
            ) from None
        except OSError as error:
            raise CommandError(
                f"{error.strerror or error}\n"
                "The export is not complete. The same command goes on where this one stopped."
            ) from error
        self.stdout.write(f"{count:,} pictures in {directory}")
        if missing:
            self.stdout.write(
                f"{missing:,} reviewed pictures are left out: their files can't be read"
            )
