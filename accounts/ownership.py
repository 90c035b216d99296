"""Whose a thing is: the one check of every function that changes somebody's own things."""

from typing import Protocol
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.models import User


class Owned(Protocol):
    """A row with an owner: a record, a mole, a share link."""

    owner_id: UUID


def check_owner(thing: Owned, person: User) -> None:
    """Raises PermissionDenied for what is another's."""
    if thing.owner_id != person.pk:
        raise PermissionDenied


def take_turn(owner_id: UUID) -> None:
    """Until the transaction ends, let nobody else who asks so touch what is this person's.

    For who writes to several of their rows, each of which somebody else may hold meanwhile. To be
    asked for before any row is locked. No row's lock, for whose sake two would wait for each
    other where a person is deleted, row by row, in another order.
    """
    key = int.from_bytes(owner_id.bytes[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.callproc("pg_advisory_xact_lock", [key])
