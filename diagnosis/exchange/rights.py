"""Which records a system may read for the person whose token it has, and the trace of it."""

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q
from django.http import Http404
from rest_framework.request import Request

from accounts.models import User
from accounts.staff import may
from audit import log
from diagnosis.records.models import MoleRecord
from diagnosis.records.querysets import RecordQuerySet


def readable(request: Request) -> RecordQuerySet:
    """One's own records; for doctors, as in the administration, everybody's that show skin."""
    own = Q(owner=request.user)
    if may(request, "diagnosis.view_molerecord"):
        return MoleRecord.objects.filter(own | ~Q(origin=MoleRecord.Origin.DEMO))
    return MoleRecord.objects.filter(own)


def holder_of(key: uuid.UUID, records: RecordQuerySet) -> uuid.UUID:
    """The id of the record among these that holds the picture with this id. Raises Http404."""
    found = records.filter(Q(pk=key) | Q(further=key)).values_list("pk", flat=True).first()
    if found is None:
        raise Http404
    return found


def log_count(request: Request) -> None:
    """Log the search of who read how many others' records it finds, and none of them."""
    if may(request, "diagnosis.view_molerecord"):
        log.look(MoleRecord, None, details={"search": request.query_params.urlencode()})


def log_looks(person: User, records: Iterable[MoleRecord], *, hidden: bool = False) -> None:
    """Log who read others' records, each by itself: a search shows all that was said of them.

    ``hidden``: what was read does not hold the program's answer, as a picture.
    """
    others = [record for record in records if record.owner_id != person.pk]
    if others:
        with transaction.atomic():
            for record in others:
                log.look(MoleRecord, record, details=log.HIDDEN if hidden else None)
