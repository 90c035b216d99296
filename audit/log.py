"""The audit log: who looked at, changed, exported or deleted what, and when.

django-auditlog writes it; a trigger keeps everybody from changing it (audit/migrations/0001).
"""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from auditlog.context import set_extra_data
from auditlog.models import LogEntry
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User

CHUNK = 2000  # entries in memory at a time
EXPORT = "export"
ACTIONS = ("create", "update", "delete", "access")  # in the file, which programs read


def acting(person: User) -> AbstractContextManager:
    """Log what a command does inside as done by this person."""
    return set_extra_data({"actor": person, "actor_email": person.pseudonym})


def log_export(thing: Model, *, to: str) -> None:
    """Log that something left the service, for example into a data set."""
    LogEntry.objects.log_create(
        thing,
        force_log=True,
        action=LogEntry.Action.ACCESS,
        changes={},
        additional_data={"action": EXPORT, "to": to},
    )


def action(entry: LogEntry) -> str:
    """Say in a word what was done."""
    return _("export") if is_export(entry) else entry.get_action_display()


def is_export(entry: LogEntry) -> bool:
    return (entry.additional_data or {}).get("action") == EXPORT


def actor(entry: LogEntry) -> str:
    """Name who did it; by a pseudonym once the account is gone, empty for the service itself."""
    return str(entry.actor or entry.actor_email or "")


def as_csv(entries: QuerySet[LogEntry]) -> Iterator[str]:
    """The entries line by line, as they come from the database."""
    writer = csv.writer(_Lines())
    yield writer.writerow(("time", "actor", "action", "kind", "id", "name", "changes", "details"))
    for entry in _read(entries):
        yield writer.writerow(
            (
                entry.timestamp.isoformat(),
                actor(entry),
                EXPORT if is_export(entry) else ACTIONS[entry.action],
                entry.content_type.model,
                entry.object_pk,
                entry.object_repr,
                json.dumps(entry.changes) if entry.changes else "",
                json.dumps(entry.additional_data) if entry.additional_data else "",
            )
        )


def _read(entries: QuerySet[LogEntry]) -> Iterable[LogEntry]:
    return entries.select_related("content_type", "actor").iterator(chunk_size=CHUNK)


class _Lines:
    """A file that hands each line back to its writer."""

    def write(self, line: str) -> str:
        return line
