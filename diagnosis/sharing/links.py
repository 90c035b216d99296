"""Share links: one mole, or one record, for a doctor without an account, for some days."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from auditlog.models import LogEntry
from auditlog.signals import accessed
from django.core import signing
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, F, Max, QuerySet, Window
from django.db.models.functions import RowNumber
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notices
from accounts.models import User
from accounts.ownership import check_owner
from diagnosis import limits
from diagnosis.moles.models import Mole
from diagnosis.records.models import MoleRecord
from diagnosis.sharing.models import Share

SALT = "diagnosis.shares"
DAYS = (1, 7, 30)
SENT_TWICE_WITHIN = timedelta(minutes=10)
MOST_OPENINGS = 100  # of one link, that programs are told
MADE = _(
    "A link was made that shows one of your moles or pictures to whoever has it. It works on with "
    "a new password, too; if you did not make it, withdraw it on your account page."
)


def create(
    *, owner: User, days: int, mole: Mole | None = None, record: MoleRecord | None = None
) -> Share:
    """Make one, and mail its person.

    Raises PermissionDenied for what is another's, TryLater, Http404 where it was deleted.
    """
    things: list[Mole | MoleRecord] = [thing for thing in (mole, record) if thing is not None]
    for thing in things:
        check_owner(thing, owner)
    limits.spend(owner, "shares")
    with transaction.atomic():
        for thing in things:
            _lock(thing)
        notices.send(owner, MADE)
        return Share.objects.create(
            owner=owner, mole=mole, record=record, expires_at=timezone.now() + timedelta(days=days)
        )


def create_once(*, owner: User, days: int, **what: Any) -> Share | None:
    """``create``; None where there is a link to the same for as long, made so lately that the form
    came twice."""
    with transaction.atomic():
        for thing in what.values():
            _lock(thing)  # else neither of two posts at one moment sees the other's link
        ends = timezone.now() + timedelta(days=days)
        lately = active().filter(expires_at__range=(ends - SENT_TWICE_WITHIN, ends))
        if lately.filter(owner=owner, **what).exists():
            return None
        return create(owner=owner, days=days, **what)


def _lock(thing: Mole | MoleRecord) -> None:
    get_object_or_404(type(thing).objects.select_for_update(no_key=True), pk=thing.pk)


def revoke(*, share: Share, by: User) -> None:
    """Make the link open nothing from now on. Raises PermissionDenied."""
    check_owner(share, by)
    share.delete()


def active() -> QuerySet[Share]:
    """The links that have not expired, newest first."""
    return Share.objects.filter(expires_at__gt=timezone.now(), owner__is_active=True).order_by(
        "-created_at"
    )


def key(share: Share) -> str:
    """Sign what the link carries, so that nobody can guess one, or make one from a backup."""
    return signing.Signer(salt=SALT).sign(share.pk.hex)


def address(share: Share, *, site: str) -> str:
    """The link itself; ``site`` is the service's own, such as https://example.org."""
    return f"{site.rstrip('/')}{reverse('diagnosis:shared')}?{urlencode({'key': key(share)})}"


def openings(shown: Iterable[Share]) -> dict[str, dict[str, Any]]:
    """Find how often each share was opened, and when last, by its id."""
    found = _openings(shown).values("object_pk").annotate(times=Count("pk"), last=Max("timestamp"))
    return {row["object_pk"]: row for row in found}


def opened_at(shown: Iterable[Share]) -> dict[str, list[datetime]]:
    """Find when each share was opened, MOST_OPENINGS at most, by its id, newest first."""
    nth = Window(RowNumber(), partition_by="object_pk", order_by=F("timestamp").desc())
    newest = _openings(shown).annotate(nth=nth).filter(nth__lte=MOST_OPENINGS)
    opened: dict[str, list[datetime]] = {}
    for key, at in newest.order_by("-timestamp").values_list("object_pk", "timestamp"):
        opened.setdefault(key, []).append(at)
    return opened


def _openings(shown: Iterable[Share]) -> QuerySet[LogEntry]:
    keys = [str(share.pk) for share in shown]
    looks = LogEntry.objects.get_for_model(Share).filter(action=LogEntry.Action.ACCESS)
    return looks.filter(object_pk__in=keys)


def opened_by(key: str) -> Share | None:
    """The share that this key opens; None when it was revoked, has expired or never was."""
    try:
        pk = uuid.UUID(signing.Signer(salt=SALT).unsign(key))
    except (signing.BadSignature, ValueError):
        return None
    return active().filter(pk=pk).select_related("owner", "mole", "record").first()


def log(share: Share) -> None:
    """Log that it was opened; by whom, only its person knows.

    Once a minute: whoever has the link could fill the log, which nobody can empty.
    """
    if cache.add(f"shares:{share.pk}:opened", True, 60):
        accessed.send(Share, instance=share)


def records_of(share: Share) -> QuerySet[MoleRecord]:
    """The records that its holder may read, oldest first."""
    own = MoleRecord.objects.of(share.owner).with_answers().with_earlier_danger()
    everything = own.order_by("created_at")
    if share.mole_id:
        return everything.filter(mole=share.mole_id)
    return everything.filter(pk=share.record_id)


def remove_expired() -> int:
    """Delete the links that no longer open anything; return how many."""
    return Share.objects.filter(expires_at__lte=timezone.now()).delete()[0]
