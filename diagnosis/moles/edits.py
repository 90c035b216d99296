"""Moles: named by the person, so that records of the same one belong together."""

import itertools
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.shortcuts import get_object_or_404
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.ownership import check_owner, take_turn
from diagnosis import mails
from diagnosis.language import terms
from diagnosis.moles.models import Mole


class SeveralMoles(ValidationError):
    """Several of the person's moles have the name that should say which one is meant."""

    def __init__(self) -> None:
        super().__init__(_("Several of your moles have this name. Say where on the body it is."))


def named(
    *, owner: User, name: str, body_site: str = "", is_new: bool = False, imported: bool = False
) -> Mole:
    """The person's mole of that name and place, or of that name alone; added when there is none.

    A place alone always adds one: two moles at one place are not the same. So does a name that
    ``is_new``, as one that nobody typed. Capitals count where it is ``imported``: by them alone the
    pseudonyms of two patients may differ. Of two that come at once, the second finds the first
    one's.
    Raises ValidationError, unless ``imported`` also for one more than a person may have, and
    SeveralMoles for a name alone.
    """
    take_turn(owner.pk)
    by_name = name and not is_new
    # The very name first: of imported ones, two may differ by capitals.
    ways = ["name"] if imported else ["name", "name__iexact"]
    for way in ways if by_name else ():
        if known := _known(owner.moles.filter(**{way: name}), body_site):
            return known
    if not imported and owner.moles.count() >= settings.MAX_RECORDS:
        raise ValidationError(
            _("You have as many moles here as one person may. Delete some to add new ones.")
        )
    if not by_name:
        name = _free_name(owner, name or str(capfirst(terms.BODY_SITES[body_site])))
    mole = Mole(owner=owner, name=name, body_site=body_site)
    if imported:  # a clinic does not follow its patients' moles, unless it says so
        mole.remind_after_days = Mole.Reminder.NEVER
    mole.clean_fields(exclude=["owner"])
    mole.save(force_insert=True)
    return mole


def change(*, mole: Mole, by: User, **fields: object) -> Mole:
    """Change name, body site or reminder.

    Raises PermissionDenied, ValidationError, Http404 where it was deleted meanwhile.
    """
    check_owner(mole, by)
    with transaction.atomic():
        take_turn(mole.owner_id)  # with doctors, who write to several of its records
        mole = locked(mole)
        earlier_site = mole.body_site
        for name, value in fields.items():
            setattr(mole, name, value)
        mole.clean_fields(exclude=["owner"])
        if mole.body_site != earlier_site:
            _lock_records(mole)
            # The sweeper has them assessed with the new place.
            mole.records.exclude(state="queued").update(stale_since=Now())
        mole.save(update_fields=fields.keys())
    return mole


def locked(mole: Mole, *, no_key: bool = False) -> Mole:
    """The mole as it is now, which nobody changes or deletes until the transaction ends, nor, but
    for ``no_key``, puts a picture into. Raises Http404 where it is gone."""
    return get_object_or_404(Mole.objects.select_for_update(no_key=no_key), pk=mole.pk)


def delete(*, mole: Mole, by: User) -> None:
    """Delete a mole with its records, and their pictures on commit.

    Raises PermissionDenied, Http404 where it was deleted meanwhile.
    """
    check_owner(mole, by)
    with transaction.atomic():
        take_turn(mole.owner_id)  # as ``change`` does
        locked(mole)
        gone = _lock_records(mole)
        mole.records.all().delete()
        mole.delete()
        mails.forget(by, gone)  # their links would lead nowhere


def _known(moles: QuerySet[Mole], body_site: str) -> Mole | None:
    of_name = list(moles.order_by("created_at"))
    known = [mole for mole in of_name if mole.body_site == body_site]
    if not known and not body_site:
        known = of_name
        if len(known) > 1:
            raise SeveralMoles
    return known[0] if known else None


def _lock_records(mole: Mole) -> list[uuid.UUID]:
    """Until the transaction ends, let no worker claim or finish a record of it; return which."""
    return list(mole.records.select_for_update().values_list("pk", flat=True))


def _free_name(owner: User, wanted: str) -> str:
    """That name, or with the first free number: "Back", then "Back 2", as the body map does."""
    taken = {name.lower() for name in owner.moles.values_list("name", flat=True)}
    further = (f"{wanted} {number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wanted], further) if name.lower() not in taken)
