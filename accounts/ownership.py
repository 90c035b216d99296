"""Whose a thing is: the one check of every function that changes somebody's own things."""

from typing import Protocol
from uuid import UUID

from django.core.exceptions import PermissionDenied

from accounts.models import User


class Owned(Protocol):
    """A row with an owner: a record, a mole, a share link."""

    owner_id: UUID


def check_owner(thing: Owned, person: User) -> None:
    """Raises PermissionDenied for what is another's."""
    if thing.owner_id != person.pk:
        raise PermissionDenied
