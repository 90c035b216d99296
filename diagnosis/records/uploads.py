"""Records: sent, retried and deleted by the person they belong to."""

import contextlib
import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils.formats import date_format
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.ownership import check_owner
from diagnosis import limits, metrics, queue
from diagnosis.moles import edits
from diagnosis.moles.models import Mole
from diagnosis.records import media, pictures
from diagnosis.records.models import MAX_SIZE_MM, MoleRecord, random_name

logger = logging.getLogger(__name__)

# What form and API say alike.
NO_SIZE = format_lazy(
    _("Enter the size in millimetres as a number up to {limit}, such as 4 or 4.5."),
    limit=MAX_SIZE_MM,
)
ONE_MOLE = _("Choose one of your moles, or name a new one, but not both.")


class ConsentMissing(PermissionDenied):
    """The person has not agreed yet that pictures are stored and assessed."""


class SentBefore(Exception):
    """The person sent the same picture before, as ``record``."""

    def __init__(self, record: MoleRecord) -> None:
        super().__init__(record)
        self.record = record

    def __str__(self) -> str:
        day = date_format(localtime(self.record.created_at), "DATE_FORMAT")
        return _("You sent this very picture before, on %(day)s.") % {"day": day}


class NotRetryable(Exception):
    """The record has not failed, so there is nothing to try again."""


@contextmanager
def _counting_refusals() -> Iterator[None]:
    try:
        yield
    except pictures.PictureRefused as refusal:
        metrics.write(metrics.REFUSALS.more(str(refusal.code)))
        raise
    except limits.TryLater as later:
        metrics.write(metrics.REFUSALS.more("busy" if later.status == 503 else "too_many"))
        raise


@_counting_refusals()
def submit(
    *,
    owner: User,
    file: File,
    mole: Mole | None = None,
    mole_name: str = "",
    body_site: str = "",
    modality: str = "photo",
    note: str = "",
    signs: Iterable[str] = (),
    size_mm: Decimal | None = None,
    phone_advice: str = "",
    origin: str = MoleRecord.Origin.UPLOAD,
    idempotency_key: str | None = None,
    only_new: bool = False,
) -> MoleRecord:
    """Check, re-encode and store a picture as a queued record, and tell the workers on commit.

    Without ``mole``, a name finds or adds one and a place alone adds one, together with the record
    or not at all.
    The same request sent again with the same ``idempotency_key`` returns the record it made.
    Raises PictureRefused, ValidationError for other fields, PermissionDenied for another's mole,
    ConsentMissing, TryLater (also where nothing can be stored); with ``only_new``, SentBefore for
    a picture that the person sent before.
    """
    if not owner.consent_version:
        raise ConsentMissing
    if mole is not None:
        check_owner(mole, owner)
    if origin != MoleRecord.Origin.IMPORT:
        limits.spend(owner, "uploads")
        _check_quota(owner)
    media.check()
    clock = metrics.Clock()
    content = pictures.reencode(file)
    clock.end("prepare")
    digest = hashlib.sha256(content.read())
    content.seek(0)
    record = MoleRecord(
        owner=owner,
        mole=mole,
        modality=modality,
        note=note,
        signs=sorted(set(signs)),
        size_mm=size_mm,
        phone_advice=phone_advice,
        image_bytes=content.size,
        origin=MoleRecord.Origin.CAMERA if phone_advice else origin,
        picture_digest=digest.hexdigest(),
    )
    if idempotency_key:
        request = (idempotency_key, mole_name, body_site)
        record.idempotency_key = _digest(request, record, digest)
        if known := _known(record):
            return known
    if only_new and (earlier := same_picture(record)):
        raise SentBefore(earlier)
    record.clean_fields(exclude=["owner", "mole", "image"])
    record.image.name = _store(record, content)
    try:
        # Durable: an outer transaction that fails later would leave the file without a row.
        with transaction.atomic(durable=True):
            if mole is None and (mole_name or body_site):
                record.mole = edits.named(owner=owner, name=mole_name, body_site=body_site)
            record.save(force_insert=True)
            # Robust: once the row is committed, no error may reach the clean-up below.
            transaction.on_commit(lambda: queue.send(record.pk), robust=True)
    except BaseException as error:
        with contextlib.suppress(OSError):  # then remove_orphans deletes it
            record.image.storage.delete(record.image.name)
        if isinstance(error, IntegrityError) and (known := _known(record)):
            return known  # the other one of a double click was faster
        raise
    clock.end("keep")
    metrics.write(metrics.UPLOADS.more(record.origin, record.modality), *clock.points)
    return record


def _store(record: MoleRecord, content: File) -> str:
    """Raises NoStorage, having left nothing behind."""
    name = random_name(record, "")
    try:
        return record.image.storage.save(name, content)
    except OSError as error:
        logger.exception("A picture could not be stored")
        with contextlib.suppress(OSError):
            record.image.storage.delete(name)
        raise media.NoStorage(full=error.errno in media.FULL) from error


def same_picture(record: MoleRecord) -> MoleRecord | None:
    """The person's last other record of the very same picture, or None."""
    if not record.picture_digest:
        return None
    same = MoleRecord.objects.of(record.owner).filter(picture_digest=record.picture_digest)
    return same.exclude(pk=record.pk).order_by("-created_at").first()


def retry(*, record: MoleRecord, by: User) -> None:
    """Queue a failed record again. Raises PermissionDenied, NotRetryable, TryLater."""
    check_owner(record, by)
    limits.spend(by, "uploads")
    with transaction.atomic():
        queued = MoleRecord.objects.filter(pk=record.pk, state=MoleRecord.State.FAILED).update(
            state=MoleRecord.State.QUEUED, failure_reason="", attempts=0, finished_at=None
        )
        if not queued:
            raise NotRetryable
        transaction.on_commit(lambda: queue.send(record.pk), robust=True)


def delete(*, record: MoleRecord, by: User) -> None:
    """Delete a record with its assessments and reviews, and its picture on commit.

    Raises PermissionDenied.
    """
    check_owner(record, by)
    with transaction.atomic():
        # Locked first: a worker that finishes now would add an assessment meanwhile.
        for locked in MoleRecord.objects.select_for_update().filter(pk=record.pk):
            locked.delete()


def _check_quota(owner: User) -> None:
    """Raises PictureRefused for a person who keeps as much as one may."""
    kept = MoleRecord.objects.of(owner).aggregate(records=Count("pk"), size=Sum("image_bytes"))
    megabytes = (kept["size"] or 0) / 1024**2
    if kept["records"] >= settings.MAX_RECORDS or megabytes >= settings.MAX_MEGABYTES:
        raise pictures.PictureRefused(
            _("You keep as many pictures here as one person may. Delete some to send new ones."),
            code="quota",
        )


def _digest(request: Iterable[str], record: MoleRecord, digest: "hashlib._Hash") -> str:
    """The whole request, so that a key used again for another picture makes another record."""
    facts = (str(record.mole_id), record.modality, record.note, str(record.size_mm))
    for part in (*request, *facts, *record.signs):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def _known(record: MoleRecord) -> MoleRecord | None:
    if not record.idempotency_key:
        return None
    return MoleRecord.objects.filter(
        owner=record.owner, idempotency_key=record.idempotency_key
    ).first()
