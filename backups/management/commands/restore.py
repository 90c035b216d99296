"""``manage.py restore FILE``: into an empty system; with --check only read."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from audit import service_role
from backups import archive, crypt


class Command(BaseCommand):
    help = "Fill an empty system from a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="only read all of it")
        parser.add_argument("--key", type=Path, help="a file with the key, instead of BACKUP_KEY")
        parser.add_argument(
            "--owner", type=Path, help="a file with the address of the database for its owner"
        )

    def handle(
        self,
        *args: Any,
        file: Path,
        check: bool,
        key: Path | None,
        owner: Path | None,
        **options: Any,
    ) -> None:
        try:
            word = key.read_text() if key else settings.BACKUP_KEY
            with file.open("rb") as stream:
                if check:
                    counts = archive.check(stream, word)
                else:
                    with service_role.as_owner(owner):
                        counts = archive.restore(stream, word)
        except (OSError, ValueError, crypt.KeyProblem, archive.NotRestorable) as error:
            raise CommandError(str(error)) from error
        except Error as error:
            raise CommandError(f"The database refused it: {error}") from error
        if owner and not check:
            call_command("prepare_database", str(owner), verbosity=0)
        said = "whole" if check else "restored"
        rows = sum(counts["rows"].values())
        self.stdout.write(f"{file}: {said}, {rows} rows, {counts['pictures']} pictures")
        if lost := counts["lost"]:
            self.stdout.write(f"{len(lost)} pictures were missing already when it was made.")
