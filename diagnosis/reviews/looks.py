"""What doctors read of other people's records: logged, and remembered for those who review blind.

Here by programs; the administration's pages are logged by their addresses (audit/middleware.py).
"""

from collections.abc import Iterable

from auditlog.models import LogEntry
from django.db.models import Q

from accounts.models import User
from audit import log
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import verdicts
from diagnosis.reviews.models import Review


def is_hidden(*, record: MoleRecord, doctor: User) -> bool:
    """Whether this doctor, who reviews blind, has to judge first."""
    if not verdicts.profile(doctor).blind_review:
        return False
    return not any(review.doctor_id == doctor.pk for review in record.reviews.all())


def is_blind(*, record: MoleRecord, doctor: User) -> bool:
    """Whether the doctor has never opened the record with the program's answer, by any door.

    Lists, which show a line of many, do not count.
    """
    if not is_hidden(record=record, doctor=doctor):
        return False
    own = LogEntry.objects.get_for_object(record).filter(
        actor=doctor, action=LogEntry.Action.ACCESS
    )
    # Not by exclude(): it leaves out, too, what has details without this key.
    answer = Q(additional_data__answer=log.HIDDEN["answer"])
    return not own.filter(~answer | Q(additional_data__answer__isnull=True)).exists()


def one(record: MoleRecord, *, hidden: bool = False) -> None:
    """Log that a doctor read a record, or looked at its picture."""
    log.look(MoleRecord, record, details=log.HIDDEN if hidden else None)


def several(records: Iterable[MoleRecord]) -> None:
    """Log which records a list showed."""
    log.look(MoleRecord, None, shown=[str(record.pk) for record in records])


def own_verdict(review: Review) -> None:
    """Log that a doctor read a verdict again, as the administration's pages do."""
    log.look(Review, review)


def own_verdicts(reviews: Iterable[Review]) -> None:
    """Log which verdicts a list showed."""
    log.look(Review, None, shown=[str(review.pk) for review in reviews])
