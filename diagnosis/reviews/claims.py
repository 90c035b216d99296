"""Claims of doctors on records: each step is one UPDATE that names what it expects."""

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import opinions

# Long enough for a hard one; whoever leaves keeps nobody waiting for long.
LASTS = timedelta(minutes=20)
UNCLAIMED: dict[str, Any] = {"review_claimed_by": None, "review_claimed_until": None}
# The most dangerous first, then those that were sent first.
QUEUE = ("-danger", "created_at", "-pk")
HELD = Q(review_claimed_by__isnull=False, review_claimed_until__gt=Now())


def counts(doctor: User) -> dict[str, Any]:
    """Count what waits, by danger, when the oldest was sent, and what this doctor has claimed."""
    each = (
        MoleRecord.objects.awaiting_review()
        .exclude(owner=doctor)
        .order_by("-danger")
        .values("danger")
        .annotate(
            count=Count("pk"),
            since=Min("created_at"),
            own=Count("pk", filter=HELD & Q(review_claimed_by=doctor)),
        )
    )
    return {
        "total": sum(group["count"] for group in each),
        "by_danger": [(group["danger"], group["count"]) for group in each],
        "since": min((group["since"] for group in each), default=None),
        "own": sum(group["own"] for group in each),
        "asked": opinions.waiting_for(doctor).count(),
    }


def by_holder(queryset: QuerySet, whose: str, *, doctor: User) -> QuerySet:
    """Records that this doctor has claimed ("own"), nobody ("free"), or "others"."""
    match whose:
        case "own":
            return queryset.filter(HELD, review_claimed_by=doctor)
        case "free":
            return queryset.exclude(HELD)
        case "others":
            return queryset.filter(HELD).exclude(review_claimed_by=doctor)
    return queryset


def take(*, record_ids: Collection[uuid.UUID], doctor: User) -> int:
    """Claim records, or claim them for longer; return how many: those that no other doctor has,
    and not the doctor's own.

    Raises PermissionDenied when not a doctor.
    """
    _check_doctor(doctor)
    free = MoleRecord.objects.filter(~HELD | Q(review_claimed_by=doctor), pk__in=record_ids)
    others = free.exclude(owner=doctor)
    # The database's clock decides.
    return others.update(review_claimed_by=doctor, review_claimed_until=Now() + LASTS)


def take_next(*, doctor: User, skip: Collection[uuid.UUID | str] = ()) -> MoleRecord | None:
    """Claim the first record of the queue that no other doctor has, of somebody else; or None.

    Raises PermissionDenied when not a doctor.
    """
    _check_doctor(doctor)
    for free in _free(doctor):
        queue = free.exclude(pk__in=skip)
        while record := queue.order_by(*QUEUE).first():
            if take(record_ids=[record.pk], doctor=doctor):
                return record
            # Another doctor was faster, so the next one comes first now.
    return None


def left_over(*, doctor: User, skip: Collection[uuid.UUID | str]) -> tuple[int, int]:
    """Count what waits although ``take_next`` finds nothing: passed over, and with colleagues."""
    passed_over = {
        key
        for free in _free(doctor)
        for key in free.filter(pk__in=skip).values_list("pk", flat=True)
    }
    waiting = MoleRecord.objects.awaiting_review().exclude(owner=doctor)
    return len(passed_over), waiting.exclude(pk__in=passed_over).count()


def _free(doctor: User) -> list[QuerySet[MoleRecord]]:
    """What this doctor may take: first what colleagues wait for, or waited for too long."""
    with_others = opinions.with_colleagues(doctor).values("first__record")
    waiting = MoleRecord.objects.awaiting_review().exclude(pk__in=with_others)
    return [
        turn.filter(~HELD | Q(review_claimed_by=doctor)).exclude(owner=doctor)
        for turn in (opinions.waiting_for(doctor), opinions.overdue(), waiting)
    ]


def release(*, record_ids: Collection[uuid.UUID], doctor: User) -> int:
    """Give records back to the queue; return how many: those that this doctor had claimed."""
    own = MoleRecord.objects.filter(pk__in=record_ids, review_claimed_by=doctor)
    return own.update(**UNCLAIMED)


def _check_doctor(user: User) -> None:
    if not user.has_perm("diagnosis.add_review"):
        raise PermissionDenied
