"""Claims of workers on records: each step is one UPDATE that names the state it expects.

Duplicate, late and lost messages therefore do nothing.
"""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from diagnosis import queue
from diagnosis.moles import changes
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.webhooks import deliveries
from diagnosis.webhooks.models import Webhook

State, FailureReason = MoleRecord.State, MoleRecord.FailureReason

MAX_ATTEMPTS = 3
AHEAD_AT_MOST = 1000
UNCLAIMED: dict[str, Any] = {"claim_token": None, "claimed_until": None}
EXPIRED = Q(state=State.RUNNING, claimed_until__lt=Now())


def claim(record_id: uuid.UUID | str) -> MoleRecord | None:
    """Take a record that waits, or whose worker went away; None when there is nothing to do."""
    token = uuid.uuid4()
    taken = (
        MoleRecord.objects.filter(Q(state=State.QUEUED) | EXPIRED, pk=record_id)
        .filter(attempts__lt=MAX_ATTEMPTS)
        .update(
            state=State.RUNNING,
            claim_token=token,
            # The database's clock decides, not the clocks of the workers.
            claimed_until=Now() + queue.claim_time(),
            attempts=F("attempts") + 1,
        )
    )
    return MoleRecord.objects.filter(claim_token=token).first() if taken else None


def final_state(assessment: Assessment) -> str:
    """The state of a record whose answer this is."""
    return State.DONE if assessment.usable else State.UNUSABLE


def finish(record: MoleRecord, assessment: Assessment) -> bool:
    """Store the assessment with the final state; False when the claim was lost meanwhile."""
    assessment.record = record
    with transaction.atomic():
        changes.follow_later(record.mole_id)
        finished = _held(record).update(
            state=final_state(assessment),
            # The foreign key is checked on commit, so the row that wins the claim comes first.
            current_assessment=assessment.pk,
            finished_at=Now(),
            **UNCLAIMED,
        )
        if finished:
            assessment.save(force_insert=True)
            publish_assessed(record)
    return bool(finished)


def publish_assessed(record: MoleRecord) -> None:
    """Tell the webhooks of its person: within the transaction that gives it the answer."""
    deliveries.publish(owner_id=record.owner_id, event=Webhook.Event.ASSESSED, record_id=record.pk)


def release(record: MoleRecord) -> bool:
    """Give a record back after an error: to the queue, or as failed after the last attempt.

    False when the claim was lost meanwhile: deleted, or taken over.
    """
    if record.attempts >= MAX_ATTEMPTS:
        return fail(record, FailureReason.ERROR)
    return bool(_held(record).update(state=State.QUEUED, **UNCLAIMED))


def put_back(record: MoleRecord) -> bool:
    """Let a record wait on as if it had not been tried; False when the claim was lost."""
    held = _held(record)
    return bool(held.update(state=State.QUEUED, attempts=F("attempts") - 1, **UNCLAIMED))


def fail(record: MoleRecord, reason: str) -> bool:
    """End a record that no further attempt would help; False when the claim was lost."""
    return _fail(_held(record), record, reason)


def give_up_interrupted() -> int:
    """Fail the records whose last attempt was killed; return how many."""
    lost = MoleRecord.objects.filter(EXPIRED, attempts__gte=MAX_ATTEMPTS)
    return sum(
        _fail(lost.filter(pk=record.pk), record, FailureReason.INTERRUPTED) for record in lost
    )


def _fail(still: QuerySet[MoleRecord], record: MoleRecord, reason: str) -> bool:
    with transaction.atomic():
        changes.follow_later(record.mole_id)
        failed = still.update(
            state=State.FAILED, failure_reason=reason, finished_at=Now(), **UNCLAIMED
        )
    return bool(failed)


def waiting() -> QuerySet[MoleRecord]:
    """Records that a worker could claim now, oldest first."""
    return MoleRecord.objects.filter(Q(state=State.QUEUED) | EXPIRED).order_by("created_at")


def ahead(record: MoleRecord) -> int:
    """Count the records before this one, up to AHEAD_AT_MOST."""
    before = MoleRecord.objects.filter(
        state__in=MoleRecord.PENDING, created_at__lt=record.created_at
    )
    return before[:AHEAD_AT_MOST].count()


def _held(record: MoleRecord) -> QuerySet[MoleRecord]:
    return MoleRecord.objects.filter(
        pk=record.pk, state=State.RUNNING, claim_token=record.claim_token
    )
