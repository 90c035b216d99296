"""What the person says of a mole once its picture is sent: the answer then counts it, too."""

import hashlib
import uuid
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.ownership import check_owner, take_turn
from diagnosis import limits, queue
from diagnosis.moles import changes, edits
from diagnosis.moles.models import Mole
from diagnosis.records import claims
from diagnosis.records.models import MoleRecord
from ml.taxonomy import ALARMING_SIGNS, advice_of, advice_with_signs

State = MoleRecord.State
SAID = ("mole", "signs", "size_mm", "note")


class SaidMeanwhile(ValidationError):
    """Something else was said of the mole since what is said now was begun."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "Something else was saved here meanwhile, as in another tab. Nothing of this "
                "form is saved yet: compare it with what is saved now, and save it again."
            )
        )


def tag(record: MoleRecord) -> str:
    """A digest of what is said of the mole, which tells it from what is said later."""
    said = (str(record.mole_id), str(record.size_mm), *sorted(record.signs), record.note)
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def give(
    *,
    record: MoleRecord,
    by: User,
    mole_name: str = "",
    mole_is_new: bool = False,
    body_site: str = "",
    seen: str | None = None,
    **said: Any,
) -> MoleRecord:
    """Store what the person says of the mole; what is not in ``said`` of SAID stays as it is.

    A picture that waits is assessed with it; one that is being assessed is so from the start
    again; a stored answer takes the signs at once, and a new place by the workers.
    ``seen``: the tag of what the person had before them. Raises SaidMeanwhile where it differs,
    PermissionDenied, ValidationError, TryLater, Http404 where it was deleted meanwhile.
    """
    check_owner(record, by)
    mole: Mole | None = said.get("mole")
    if mole:
        check_owner(mole, by)
    with transaction.atomic():
        take_turn(record.owner_id)  # with doctors, whose words may come to hold for other pictures
        if mole:
            # Before its records, as where it is deleted; others put records into it meanwhile.
            said["mole"] = mole = edits.locked(mole, no_key=True)
        record = locked(record.pk)
        now = {name: getattr(record, name) for name in SAID}
        said = now | said
        said["signs"] = sorted(set(said["signs"]))
        if seen not in (None, tag(record)):
            named = _is_mole(record.mole, mole, mole_name, body_site, mole_is_new)
            if named and now == said | {"mole": record.mole}:
                return record  # the same form, which came twice
            raise SaidMeanwhile
        if not mole and (mole_name or body_site):
            said["mole"] = edits.named(
                owner=by, name=mole_name, body_site=body_site, is_new=mole_is_new
            )
        _store(record, **said)
    return record


def locked(record_id: uuid.UUID) -> MoleRecord:
    """The record as it is now: no worker finishes, and no doctor claims, between what is read of
    it and what is written, and of two who say something at once, neither takes back the other's.

    Without its mole, which a join would read as it was before the lock.
    """
    return get_object_or_404(MoleRecord.objects.select_for_update(), pk=record_id)


def _store(
    record: MoleRecord,
    *,
    mole: Mole | None,
    signs: list[str],
    size_mm: Decimal | None,
    note: str,
) -> None:
    """Write what is said of a locked record, and have its answer count it."""
    is_elsewhere = _site(record.mole) != _site(mole)
    earlier_signs = record.signs
    with changes.moves(record, mole):
        if record.size_mm != size_mm and (forgotten := changes.forget(record)):
            limits.spend(record.owner, "changes", forgotten)  # all of them are measured anew
        record.mole, record.note, record.size_mm, record.signs = mole, note, size_mm, signs
        fields = ["mole", "moved_at", "note", "size_mm", "signs", "changes"]
        record.clean_fields(exclude={f.name for f in record._meta.fields} - set(fields))
        record.save(update_fields=fields)
    _count_signs(record)
    if record.signs != earlier_signs:
        record.mark_updated()
        is_alarm = not ALARMING_SIGNS.isdisjoint({*record.signs} ^ {*earlier_signs})
        if is_alarm and record.current_assessment_id:
            # Also where the advice stays: a sign may stand against a calm verdict.
            claims.publish_assessed(record)
    if is_elsewhere:
        count_anew(record)


def _is_mole(
    known: Mole | None, mole: Mole | None, name: str, body_site: str, is_new: bool
) -> bool:
    """Whether the known mole is the one that is chosen, or named, as edits.named names it."""
    if mole:  # the place beside it is its own
        return known == mole and not name
    if known is None or not (name or body_site):
        return not (known or name or body_site)
    theirs, said = known.name.lower(), name.lower()
    is_name = theirs.startswith(said) if is_new or not name else theirs == said
    return is_name and known.body_site == body_site


def count_anew(record: MoleRecord) -> None:
    """Have the answer rest on the place and the pictures of now; until then the old one stands."""
    begun = MoleRecord.objects.filter(pk=record.pk).exclude(state=State.QUEUED)
    if begun.update(stale_since=Now()):
        transaction.on_commit(lambda: queue.send_again(record.pk), robust=True)


def _count_signs(record: MoleRecord) -> None:
    """Have the answer, stored or to come, rest on the signs that the record has now."""
    start_over(record)
    for assessment in record.assessments.all():
        advice = advice_of(assessment.risk_category, uncertain=assessment.uncertain)
        advice = advice_with_signs(advice, record.signs)
        if advice != assessment.advice:
            assessment.advice = advice
            assessment.save(update_fields=["advice"])


def start_over(record: MoleRecord) -> None:
    """Take the record from a worker that has read what it was; that attempt does not count."""
    running = MoleRecord.objects.filter(pk=record.pk, state=State.RUNNING)
    if running.update(
        state=State.QUEUED, attempts=Greatest(F("attempts") - 1, 0), **claims.UNCLAIMED
    ):
        transaction.on_commit(lambda: queue.send(record.pk), robust=True)


def _site(mole: Mole | None) -> str:
    return mole.body_site if mole else ""
