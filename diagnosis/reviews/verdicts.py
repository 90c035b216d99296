"""Reviews: a doctor's verdict on a record."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from diagnosis import queue
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import claims
from diagnosis.reviews.models import DoctorProfile, Review
from diagnosis.webhooks import deliveries
from diagnosis.webhooks.models import Webhook


class Overtaken(Exception):
    """Another doctor has claimed the record, or written a verdict, meanwhile."""


def profile(doctor: User) -> DoctorProfile:
    """What the doctor chose for the reviews; the defaults where nothing was chosen."""
    return getattr(doctor, "doctor_profile", None) or DoctorProfile(user=doctor)


def write(
    *,
    record: MoleRecord,
    doctor: User,
    risk_category: str,
    urgency: str,
    diagnosis: str = "",
    other_diagnosis: str = "",
    code: str = "",
    confidence: str = "",
    comment: str = "",
    private_comment: str = "",
    blind: bool = False,
    known: int | None = None,
) -> Review:
    """Add a verdict, give the record back, and tell the person on commit.

    ``known``: how many verdicts the doctor saw; one more means that two would say it twice.
    The same verdict sent again, as by a double click, returns the one that it made.
    Raises PermissionDenied when not a doctor, ValidationError, Overtaken.
    """
    if not doctor.has_perm("diagnosis.add_review"):
        raise PermissionDenied
    verdict = {
        "risk_category": risk_category,
        "diagnosis": diagnosis,
        "other_diagnosis": other_diagnosis,
        "code": code,
        "urgency": urgency,
        "confidence": confidence,
        "comment": comment,
        "private_comment": private_comment,
    }
    review = Review(record=record, doctor=doctor, blind=blind, **verdict)
    review.full_clean()
    with transaction.atomic():
        # Also locks the record, so that of two verdicts sent at once the second is counted.
        if not claims.take(record_ids=[record.pk], doctor=doctor):
            raise Overtaken
        if known is not None and record.reviews.count() != known:
            newest = record.reviews.first()
            if newest not in record.reviews.filter(doctor=doctor, **verdict):
                raise Overtaken
            review = newest
        else:
            review.save(force_insert=True)
            _tell(review)
        claims.release(record_ids=[record.pk], doctor=doctor)
    return review


def correct(*, review: Review, by: User, **changes: Any) -> None:
    """Change one's own verdict, and tell the person again on commit.

    Raises PermissionDenied, ValidationError.
    """
    if review.doctor_id != by.pk or not by.has_perm("diagnosis.change_review"):
        raise PermissionDenied
    for name, value in changes.items():
        setattr(review, name, value)
    review.news_since, review.notified_at = timezone.now(), None
    review.blind = False  # by now the doctor may have seen the program's answer
    review.full_clean()
    with transaction.atomic():
        # Nothing else: a worker may be sending the e-mail about it at this moment.
        review.save(update_fields=[*Review.VERDICT, "news_since", "notified_at", "blind"])
        _tell(review)


def _tell(review: Review) -> None:
    """The person by e-mail, and their programs."""
    transaction.on_commit(lambda: queue.notify_of_verdict(review.pk), robust=True)
    deliveries.publish(
        owner_id=review.record.owner_id,
        event=Webhook.Event.REVIEWED,
        record_id=review.record_id,
    )
