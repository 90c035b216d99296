"""Migrate as the owner of the tables, and let the service work as a role that is not."""

import time
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, OperationalError, ProgrammingError, connection
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from audit import service_role

# Whoever asks for a table meanwhile waits behind a statement that waits for it: the whole site.
LOCK_TIMEOUT = "3s"
TRIES, PAUSE = 40, 12  # seconds; in all as long as a backup of large tables, or a report, may take


class Command(BaseCommand):
    help = "Migrate; with the owner's address, also prepare the role that DATABASE_URL names."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "owner",
            type=Path,
            nargs="?",
            help="a file with the address of the database for its owner; without, only migrate",
        )

    def handle(self, *args: Any, owner: Path | None, **options: Any) -> None:
        with service_role.as_owner(owner) as service:
            try:
                connection.ensure_connection()
            except Error as error:
                raise CommandError(f"The database can't be used: {error}") from error
            for left in reversed(range(TRIES)):
                try:
                    with connection.cursor() as cursor:
                        cursor.execute("SET lock_timeout = %s", [LOCK_TIMEOUT])
                    # Goes on after the last migration that was whole.
                    call_command(
                        "migrate",
                        interactive=False,
                        stdout=self.stdout,
                        verbosity=options["verbosity"],
                    )
                    if owner:
                        self._prepare(owner, service)
                except OperationalError as error:
                    if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                        raise
                    if not left:
                        raise CommandError(
                            "A long query or transaction holds a table that is to be changed: look"
                            " for it in pg_stat_activity, let it end, and start this again."
                        ) from error
                else:
                    return
                self.stderr.write(f"A table is in use; trying again in {PAUSE} s.")
                time.sleep(PAUSE)

    def _prepare(self, owner: Path, service: dict[str, Any]) -> None:
        if not owner.exists():
            self.stderr.write("The service owns its tables. Set DATABASE_OWNER_URL to change that.")
            return
        try:
            service_role.prepare(service["USER"], service["PASSWORD"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            raise CommandError(
                f"The owner of the database may not prepare {service['USER']}: {error}"
            ) from error
