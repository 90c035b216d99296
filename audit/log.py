"""The audit log: who looked at, changed, exported or deleted what, and when.

django-auditlog writes it; a trigger keeps everybody from changing it (audit/migrations/).
"""

import csv
import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from auditlog.context import set_extra_data
from auditlog.models import LogEntry
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.models import CharField, Exists, Model, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User

CHUNK = 2000  # entries in memory at a time
REMOVED_AT_ONCE = 10_000  # in one statement, of about a second
EXPORT, LIST, REMOVED = "export", "list", "old entries removed"
RESTORED = "restored from a backup"
HIDDEN = {"answer": "hidden"}  # of a record that was read without the program's answer
SIMILAR = "similar cases"  # of a record, with the ids of those shown beside it
SIGN_IN, SIGN_OUT, REFUSED = "sign-in", "sign-out", "sign-in refused"
# What an entry's details say it is, more exactly than auditlog's four actions do.
WORDS = {
    EXPORT: _("export"),
    LIST: _("list"),
    SIMILAR: _("similar cases"),
    REMOVED: _("old entries removed"),
    RESTORED: _("restored from a backup"),
    SIGN_IN: _("sign-in"),
    SIGN_OUT: _("sign-out"),
    REFUSED: _("sign-in refused"),
}
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


def decision(person: User | None, what: str, *, actor: User | None = None, **details: str) -> None:
    """One about who gets in; None for an address that nobody here has."""
    _create(
        User,
        person,
        action=LogEntry.Action.UPDATE,
        actor=actor,
        actor_email=actor and actor.pseudonym,
        additional_data={"action": what, **details},
    )


def restored(*, made_at: str, version: str) -> None:
    """Log that all is as it was then: what was done since, and its entries, are not here."""
    details = {"action": RESTORED, "made_at": made_at, "version": version}
    _create(LogEntry, None, action=LogEntry.Action.UPDATE, additional_data=details)


def restored_within(seconds: float) -> bool:
    """Whether there was a restore in the last ``seconds``."""
    since = timezone.now() - timedelta(seconds=seconds)
    return LogEntry.objects.filter(timestamp__gt=since, additional_data__action=RESTORED).exists()


def saw_all_go(model: type[Model]) -> bool:
    """Whether rows of this model were deleted here, and each that the log has seen come."""
    entries = LogEntry.objects.get_for_model(model)
    gone = entries.filter(action=LogEntry.Action.DELETE)
    came = entries.filter(action=LogEntry.Action.CREATE)
    lost = came.exclude(Exists(gone.filter(object_pk=OuterRef("object_pk"))))
    return gone.exists() and not lost.exists()


def look(
    model: type[Model],
    row: Model | None,
    shown: Iterable[str] = (),
    details: dict[str, Any] | None = None,
) -> None:
    """That somebody read a row, or, where it is None, a list with the ``shown`` ids."""
    data: dict[str, Any] | None = details
    if row is None:
        data = {"action": LIST, "shown": list(shown), **(details or {})}
    _create(model, row, action=LogEntry.Action.ACCESS, additional_data=data)


def _create(model: type[Model], row: Model | None, **fields: Any) -> None:
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(model),
        object_pk=row.pk if row else "",
        object_repr=str(row) if row else "–",
        changes={},
        **fields,
    )


def remove_old() -> int:
    """Remove what is older than settings.AUDIT_LOG_DAYS, and return how many entries that were.

    In batches; each is logged with its number by the transaction that removes it, since the task
    that calls this may be cut off at any time.
    """
    removed = 0
    while count := _remove_batch():
        removed += count
        if count < REMOVED_AT_ONCE:
            break
    return removed


@transaction.atomic
def _remove_batch() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT auditlog_remove_older_than(%s, %s)",
            [settings.AUDIT_LOG_DAYS, REMOVED_AT_ONCE],
        )
        count = cursor.fetchone()[0]
    if count:
        details = {"action": REMOVED, "entries": count, "days": settings.AUDIT_LOG_DAYS}
        _create(LogEntry, None, action=LogEntry.Action.DELETE, additional_data=details)
    return count


def about(person: User, theirs: Iterable[QuerySet]) -> Iterator[dict[str, Any]]:
    """What the log keeps of a person: what they did, and what was done with their account and with
    the rows that are ``theirs``."""
    of_rows = [LogEntry.objects.filter(actor=person)]
    for rows in (User.objects.filter(pk=person.pk), *theirs):
        keys = rows.order_by().annotate(key=Cast("pk", CharField())).values("key")
        kind = ContentType.objects.get_for_model(rows.model)
        of_rows.append(LogEntry.objects.filter(content_type=kind, object_pk__in=keys))
    # One by one, so that each is found by its own index.
    first, *others = (entries.order_by().values("pk") for entries in of_rows)
    for entry in _read(LogEntry.objects.filter(pk__in=first.union(*others)).order_by("id")):
        yield {
            "time": entry.timestamp,
            "by": actor(entry) if entry.actor_id == person.pk or not entry.actor else "staff",
            "action": _special(entry) or ACTIONS[entry.action],
            "kind": entry.content_type.model,
            "id": entry.object_pk,
        }


def action(entry: LogEntry) -> str:
    """Say in a word what was done."""
    return str(WORDS.get(_special(entry)) or entry.get_action_display())


def _special(entry: LogEntry) -> str | None:
    return (entry.additional_data or {}).get("action")


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
                _as_text(actor(entry)),
                _special(entry) or ACTIONS[entry.action],
                entry.content_type.model,
                entry.object_pk,
                _as_text(entry.object_repr),
                json.dumps(entry.changes) if entry.changes else "",
                json.dumps(entry.additional_data) if entry.additional_data else "",
            )
        )


def _as_text(name: str) -> str:
    """A name that a spreadsheet does not take for a formula (OWASP, CSV Injection)."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def _read(entries: QuerySet[LogEntry]) -> Iterable[LogEntry]:
    return entries.select_related("content_type", "actor").iterator(chunk_size=CHUNK)


class _Lines:
    """A file that hands each line back to its writer."""

    def write(self, line: str) -> str:
        return line
