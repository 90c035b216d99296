"""Migrate as the owner of the tables, and let the service work as a role that is not."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from audit import service_role


class Command(BaseCommand):
    help = "Migrate; with the owner's address, also prepare the role that DATABASE_URL names."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "owner", type=Path, help="a file with the address of the database for its owner"
        )

    def handle(self, *args: Any, owner: Path, **options: Any) -> None:
        with service_role.as_owner(owner) as service:
            call_command("migrate", interactive=False, stdout=self.stdout)
            if not owner.exists():
                self.stderr.write(
                    "The service owns its tables. Set DATABASE_OWNER_URL to change that."
                )
                return
            try:
                service_role.prepare(service["USER"], service["PASSWORD"])
            except ValueError as error:
                raise CommandError(str(error)) from error
            except ProgrammingError as error:
                raise CommandError(
                    f"The owner of the database may not prepare {service['USER']}: {error}"
                ) from error
