"""Reviewed pictures as a data set to train on."""

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from diagnosis.services import teaching


class Command(BaseCommand):
    help = (
        "Write the reviewed pictures of those who allow it as a data set: metadata.csv, images/. "
        "The same folder again is brought up to date; pictures whose person withdrew are removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")

    def handle(self, *args: Any, directory: Path, **options: Any) -> None:
        try:
            count = teaching.export(
                directory, partial(tqdm, desc="Exporting", unit="picture", file=self.stderr)
            )
        except teaching.NotAnExport:
            raise CommandError(
                f"{directory} is neither empty nor an earlier export; choose another folder."
            ) from None
        self.stdout.write(f"{count:,} pictures in {directory}")
