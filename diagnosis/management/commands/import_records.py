"""A clinic's folder, as records of one account."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from accounts.models import User
from audit import log
from diagnosis import limits
from diagnosis.records import imports, uploads
from ml.datasets import DatasetError
from ml.taxonomy import DEFAULT_MODALITY, MODALITIES


class Command(BaseCommand):
    help = (
        "Make a record of every picture in a folder. Stopped and started again, it goes on: "
        "what is stored already is not stored twice. Every file that is refused is named, "
        "and the status is then 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--owner", required=True, metavar="EMAIL", help="of the account")
        parser.add_argument(
            "--modality", choices=MODALITIES,
            help="how pictures were taken, where the folder doesn't say (default: as is known of a "
            f"published set, else {DEFAULT_MODALITY})",
        )  # fmt: skip

        parser.add_argument(
            "--strict", action="store_true",
            help="import nothing where a table of the folder, or a row of one, can't be read",
        )  # fmt: skip

    def handle(
        self,
        *args: Any,
        directory: Path,
        owner: str,
        modality: str | None,
        strict: bool = False,
        **options: Any,
    ) -> None:
        if not directory.is_dir():
            raise CommandError(f"{directory} is not a folder.")
        person = User.objects.filter(email=owner.strip().lower(), is_active=True).first()
        if person is None:
            raise CommandError(f"No account has the e-mail address {owner}.")
        try:
            pictures, faults = imports.pictures(directory, modality)
        except (DatasetError, OSError) as error:
            raise CommandError(str(error)) from error
        for fault in faults:
            self.stderr.write(f"error: {fault}")
        if faults and strict:
            raise CommandError("Nothing was imported, since --strict stops at what is named above.")
        before, refused, left, stopped = person.records.count(), [], len(pictures), ""
        assumed = 0
        with (
            log.acting(person),
            tqdm(pictures, desc="Importing", unit="picture") as bar,
        ):
            for picture in bar:
                try:
                    result = imports.submit(picture, owner=person)
                except uploads.ConsentMissing:
                    raise CommandError(
                        f"{owner} has not agreed yet that pictures are stored here: "
                        "sign in once with that account, and agree."
                    ) from None
                except limits.TryLater as later:
                    stopped = later.sentence
                    break
                left -= 1
                if isinstance(result, imports.Refused):
                    refused.append(result)
                    with tqdm.external_write_mode():
                        self.stderr.write(f"refused: {result.name}: {result.reason}")
                elif not picture.is_kind_said and result.modality == picture.modality:
                    assumed += 1
        new = person.records.count() - before
        self.stdout.write(
            f"{len(pictures):,} files: {new:,} new records, "
            f"{len(pictures) - left - new - len(refused):,} stored before, "
            f"{len(refused):,} refused" + (f", {left:,} not tried" if stopped else "")
        )
        if assumed:
            self.stdout.write(
                f"warning: {assumed:,} are taken as {DEFAULT_MODALITY}, which nothing here says: "
                "where they are another kind, import them again with --modality"
            )
        if stopped:
            raise CommandError(stopped)
        if refused:
            raise CommandError(f"{len(refused):,} files were refused; they are named above.")
        if faults:
            raise CommandError(
                f"{len(faults):,} rows or tables could not be read; they are named above."
            )
