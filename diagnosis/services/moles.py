"""Moles: named by the person, so that records of the same one belong together."""

import uuid

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery

from accounts.models import User
from diagnosis.models import Mole, MoleRecord


def of(user: User) -> QuerySet[Mole]:
    """A person's moles with ``pictures``, the date of the ``last`` one and its ``cover``."""
    newest = MoleRecord.objects.filter(mole=OuterRef("pk")).order_by("-created_at")
    return user.moles.annotate(
        pictures=Count("records"),
        last=Max("records__created_at"),
        cover=Subquery(newest.values("pk")[:1]),
    ).order_by(F("last").desc(nulls_last=True), "-created_at")


def named(*, owner: User, name: str, key: uuid.UUID, body_site: str = "") -> Mole:
    """The person's mole of that name and place, added when there is none.

    ``key`` is the request's: of two equal requests at the same moment, one adds it.
    Raises ValidationError.
    """
    known = owner.moles.filter(name__iexact=name, body_site=body_site).first()
    if known:
        return known
    mole = Mole(id=uuid.uuid5(owner.pk, str(key)), owner=owner, name=name, body_site=body_site)
    mole.clean_fields(exclude=["owner"])
    return Mole.objects.get_or_create(
        id=mole.id, defaults={"owner": owner, "name": name, "body_site": body_site}
    )[0]


def change(*, mole: Mole, by: User, **fields: object) -> Mole:
    """Another name, body site or reminder. Raises PermissionDenied, ValidationError."""
    _check_owner(mole, by)
    for name, value in fields.items():
        setattr(mole, name, value)
    mole.clean_fields(exclude=["owner"])
    mole.save(update_fields=fields.keys())
    return mole


def assign(*, record: MoleRecord, mole: Mole | None, by: User) -> None:
    """Say which mole a record shows; None for none of them. Raises PermissionDenied."""
    if record.owner_id != by.pk:
        raise PermissionDenied
    if mole is not None:
        _check_owner(mole, by)
    record.mole = mole
    # Nothing else: a worker may be writing the record at this moment.
    record.save(update_fields=["mole"])


def delete(*, mole: Mole, by: User) -> None:
    """Delete a mole with its records, and their pictures on commit. Raises PermissionDenied."""
    _check_owner(mole, by)
    with transaction.atomic():
        # Locked first: neither a new picture nor an assessment can be added meanwhile.
        list(Mole.objects.select_for_update().filter(pk=mole.pk))
        list(mole.records.select_for_update().values_list("pk"))
        mole.records.all().delete()
        mole.delete()


def _check_owner(mole: Mole, user: User) -> None:
    if mole.owner_id != user.pk:
        raise PermissionDenied
