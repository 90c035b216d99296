"""Records: sent, retried and deleted by the person they belong to."""

import contextlib
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, Sum
from django.forms import ModelChoiceField
from django.utils.formats import date_format
from django.utils.text import format_lazy
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.ownership import check_owner, take_turn
from diagnosis import limits, mails, media, metrics, queue
from diagnosis.language import frequencies, terms
from diagnosis.moles import changes, edits
from diagnosis.moles.models import Mole
from diagnosis.records import pictures
from diagnosis.records.models import (
    MAX_SIZE_MM,
    FurtherPicture,
    MoleRecord,
    Picture,
    random_name,
)
from ml.sitting.together import MOST

logger = logging.getLogger(__name__)

# What form and API say alike.
NO_SIZE = format_lazy(
    _("Enter the size in millimetres as a number up to {limit}, such as 4 or 4.5."),
    limit=MAX_SIZE_MM,
)
ELSEWHERE = _("That mole is not at this place. Leave the place out, or name a new mole.")
ONE_MOLE = _("Choose one of your moles, or name a new one, but not both.")
TOO_MANY = format_lazy(_("Send at most {most} pictures of one mole together."), most=MOST)
NOT_JUDGED = _("%(kind)s: pictures of this kind are not judged here.")
TWICE = _("The same picture is there twice. Send pictures that were taken one after the other.")


class ConsentMissing(PermissionDenied):
    """The person has not agreed yet that pictures are stored and assessed."""


class SentBefore(Exception):
    """The person sent the same picture before, as ``record``; of several, the one of ``number``."""

    def __init__(self, record: MoleRecord, number: int | None = None) -> None:
        super().__init__(record, number)
        self.record, self.number = record, number

    def __str__(self) -> str:
        day = date_format(localtime(self.record.created_at), "DATE_FORMAT")
        sentence = _("You sent this very picture before, on %(day)s.") % {"day": day}
        return _numbered(sentence, self.number)


class ImportedBefore(Exception):
    """The very file was imported as ``record``, when its folder said something else of it."""

    def __init__(self, record: MoleRecord, idempotency_key: str) -> None:
        super().__init__(record)
        self.record, self.idempotency_key = record, idempotency_key


class NotRetryable(Exception):
    """The record has not failed, so there is nothing to try again."""


@contextmanager
def counting_refusals() -> Iterator[None]:
    """Each refusal in the metrics, by its reason."""
    try:
        yield
    except pictures.PictureRefused as refusal:
        metrics.write(metrics.REFUSALS.more(str(refusal.code)))
        raise
    except media.NoStorage:
        metrics.write(metrics.REFUSALS.more("no_storage"))
        raise
    except limits.TryLater as later:
        busy = isinstance(later, limits.Busy)
        metrics.write(metrics.REFUSALS.more("busy" if busy else "too_many"))
        raise


@counting_refusals()
def submit(
    *,
    owner: User,
    file: File,
    mole: Mole | None = None,
    mole_name: str = "",
    mole_is_new: bool = False,
    body_site: str = "",
    modality: str = "photo",
    further: Sequence[tuple[File, str]] = (),
    note: str = "",
    signs: Iterable[str] = (),
    size_mm: Decimal | None = None,
    phone_advice: str | None = None,
    origin: str = MoleRecord.Origin.UPLOAD,
    idempotency_key: str | None = None,
    only_new: bool = False,
) -> MoleRecord:
    """Check, re-encode and store a picture as a queued record, and tell the workers on commit.

    ``further``: other pictures of the same mole, taken at the same time, each with its modality;
    all of them are stored as one record, or none.
    Without ``mole``, a name finds or adds one, and one that is new or a place alone adds one,
    together with the record or not at all (edits.named).
    The same request sent again with the same ``idempotency_key`` returns the record it made.
    Raises PictureRefused, ValidationError for other fields, PermissionDenied for another's mole,
    ConsentMissing, TryLater (also where nothing can be stored); with ``only_new``, SentBefore for
    a picture that the person sent before; ImportedBefore.
    """
    if not owner.consent_version:
        raise ConsentMissing
    if mole is not None:
        check_owner(mole, owner)
    if len(further) >= MOST:
        raise pictures.PictureRefused(TOO_MANY, code="too_many")
    files = (file, *(each for each, _kind in further))
    check_judged(modality, *(kind for _file, kind in further))
    pictures.check_together(files)
    if origin != MoleRecord.Origin.IMPORT:
        for _file in files:
            limits.spend(owner, "uploads")
    media.check()
    clock = metrics.Clock()
    record = MoleRecord(
        owner=owner,
        mole=mole,
        modality=modality,
        note=note,
        signs=sorted(set(signs)),
        size_mm=size_mm,
        phone_advice=phone_advice or "",
        # The camera page says what it had shown, also where that was nothing.
        origin=origin if phone_advice is None else MoleRecord.Origin.CAMERA,
    )
    others = [FurtherPicture(record=record, modality=kind) for _file, kind in further]
    whole: list[Picture] = [record, *others]
    numbers = range(1, 1 + len(files)) if further else (None,)
    contents = [prepare(*each) for each in zip(whole, files, numbers, strict=True)]
    clock.end("prepare")
    if len({picture.picture_digest for picture in whole}) < len(whole):
        raise pictures.PictureRefused(TWICE, code="twice")
    if idempotency_key:
        record.idempotency_key = _digest(
            (idempotency_key, mole_name, body_site), record, others, is_new=mole_is_new
        )
        if known := _known(record):
            return known
        if known := _imported(record):
            raise ImportedBefore(known, record.idempotency_key)
    if origin != MoleRecord.Origin.IMPORT:
        check_quota(owner)
    for number, picture in zip(numbers, whole, strict=True) if only_new else ():
        if earlier := same_picture(record, [picture]):
            raise SentBefore(earlier, number)
    record.clean_fields(exclude=["owner", "mole", "image"])
    for picture in others:
        picture.clean_fields(exclude=["record", "image"])
    try:
        for each, content in zip(whole, contents, strict=True):
            store(each, content)
        # Durable: an outer transaction that fails later would leave the file without a row.
        with transaction.atomic(durable=True):
            if mole is None and (mole_name or body_site):
                record.mole = edits.named(
                    owner=owner,
                    name=mole_name,
                    body_site=body_site,
                    is_new=mole_is_new,
                    imported=origin == MoleRecord.Origin.IMPORT,
                )
            record.save(force_insert=True)
            for picture in others:
                picture.save(force_insert=True)
            # Robust: once the row is committed, no error may reach the clean-up below.
            transaction.on_commit(lambda: queue.send(record.pk), robust=True)
    except BaseException as error:
        forget(*whole)
        if isinstance(error, IntegrityError):
            if known := _known(record):
                return known  # the other one of a double click was faster
            _check_still_there(owner, mole)
        raise
    clock.end("keep")
    accepted = (metrics.UPLOADS.more(record.origin, each.modality) for each in whole)
    metrics.write(*accepted, *clock.points)
    return record


def not_judged(modalities: Iterable[str]) -> str:
    """Say which of these kinds of pictures the released model was not made for; else empty."""
    not_for = frequencies.kinds_not_judged()
    for kind in modalities:
        if kind in not_for:
            return NOT_JUDGED % {"kind": terms.MODALITIES[kind]}
    return ""


def check_judged(*modalities: str) -> None:
    """Raises PictureRefused for a kind of pictures that no worker could answer."""
    if sentence := not_judged(modalities):
        raise pictures.PictureRefused(sentence, code="not_judged")


def prepare(picture: Picture, file: File, number: int | None = None) -> File:
    """What is to be stored of a picture's file. Raises PictureRefused, which names the ``number``
    of one of several, and TryLater."""
    try:
        content = pictures.reencode(file)
    except pictures.PictureRefused as refused:
        if number is None:
            raise
        sentence = _numbered(str(refused.message), number)
        raise pictures.PictureRefused(sentence, code=refused.code) from refused
    picture.image_bytes = content.size
    picture.picture_digest = hashlib.sha256(content.read()).hexdigest()
    content.seek(0)
    return content


def store(picture: Picture, content: File) -> None:
    """Write the file of a row that is not there yet. Raises NoStorage."""
    picture.image.name = random_name(picture, "")
    try:
        picture.image.name = picture.image.storage.save(picture.image.name, content)
    except OSError as error:
        logger.exception("A picture could not be stored")
        raise media.NoStorage(full=error.errno in media.FULL) from error


def forget(*of: Picture) -> None:
    """Delete the files of rows that were not made."""
    for picture in of:
        if picture.image.name:
            with contextlib.suppress(OSError):  # then remove_orphans deletes it
                picture.image.storage.delete(picture.image.name)


def same_picture(record: MoleRecord, of: Iterable[Picture]) -> MoleRecord | None:
    """The person's last other record with the very same picture as one ``of`` these, or None."""
    digests = {picture.picture_digest for picture in of} - {""}
    if not digests:
        return None
    same = Q(picture_digest__in=digests) | Q(
        pk__in=FurtherPicture.objects.filter(picture_digest__in=digests).values("record")
    )
    found = MoleRecord.objects.of(record.owner).filter(same)
    return found.exclude(pk=record.pk).order_by("-created_at").first()


def retry(*, record: MoleRecord, by: User) -> None:
    """Queue a failed record again.

    Raises PermissionDenied, NotRetryable, PictureRefused for a kind that is not judged, TryLater.
    """
    check_owner(record, by)
    limits.spend(by, "uploads")
    if record.state == MoleRecord.State.FAILED:
        check_judged(*(each.modality for each in record.pictures))
    with transaction.atomic():
        if not queue_failed(record):
            raise NotRetryable


def queue_failed(record: MoleRecord) -> bool:
    """Let a failed record wait again, from the commit on; False where it has not failed."""
    # Not attempts=0: what was tried before has no first wait to be counted.
    queued = MoleRecord.objects.filter(pk=record.pk, state=MoleRecord.State.FAILED).update(
        state=MoleRecord.State.QUEUED,
        failure_reason="",
        attempts=1,
        finished_at=None,
        stale_since=None,  # what comes counts all that was changed by now
    )
    if queued:
        transaction.on_commit(lambda: queue.send(record.pk), robust=True)
    return bool(queued)


def delete(*, record: MoleRecord, by: User) -> None:
    """Delete a record with its assessments and reviews, and its picture on commit.

    Raises PermissionDenied.
    """
    check_owner(record, by)
    with transaction.atomic():
        take_turn(record.owner_id)  # with doctors, whose words it had ended
        # Locked first: a worker that finishes now would add an assessment meanwhile.
        for locked in MoleRecord.objects.select_for_update().filter(pk=record.pk):
            changes.follow_later(locked.mole_id)
            with changes.telling(locked.mole_id):
                locked.delete()
            mails.forget(by, [record.pk])  # its link would lead nowhere


def check_quota(owner: User) -> None:
    """Raises PictureRefused for a person who keeps as much as one may."""
    own = MoleRecord.objects.of(owner).aggregate(pictures=Count("pk"), size=Sum("image_bytes"))
    further = FurtherPicture.objects.filter(record__owner=owner).aggregate(
        pictures=Count("pk"), size=Sum("image_bytes")
    )
    kept = own["pictures"] + further["pictures"]
    megabytes = ((own["size"] or 0) + (further["size"] or 0)) / 1024**2
    if kept >= settings.MAX_RECORDS or megabytes >= settings.MAX_MEGABYTES:
        raise pictures.PictureRefused(
            _("You keep as many pictures here as one person may. Delete some to send new ones."),
            code="quota",
        )


def _numbered(problem: str, number: int | None) -> str:
    """The problem of one of several pictures."""
    if number is None:
        return problem
    return _("Picture %(number)d: %(problem)s") % {"number": number, "problem": problem}


def _digest(
    request: Iterable[str], record: MoleRecord, others: Iterable[Picture], *, is_new: bool
) -> str:
    """The whole request, so that a key used again for another picture makes another record."""
    facts = (str(record.mole_id), record.modality, record.note, str(record.size_mm))
    further = (part for each in others for part in (each.picture_digest, each.modality))
    # Only where they say something: as it was before them, a key that is on its way still fits.
    rest = filter(None, (record.phone_advice, "new" if is_new else ""))
    digest = hashlib.sha256(record.picture_digest.encode())
    for part in (*request, *facts, *record.signs, *further, *rest):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def _check_still_there(owner: User, mole: Mole | None) -> None:
    """Raises PermissionDenied, and ValidationError for the mole, for what was deleted meanwhile."""
    if not User.objects.filter(pk=owner.pk).exists():
        raise PermissionDenied
    if mole is not None and not Mole.objects.filter(pk=mole.pk).exists():
        raise ValidationError({"mole": ModelChoiceField.default_error_messages["invalid_choice"]})


def _known(record: MoleRecord) -> MoleRecord | None:
    if not record.idempotency_key:
        return None
    return MoleRecord.objects.filter(
        owner=record.owner, idempotency_key=record.idempotency_key
    ).first()


def _imported(record: MoleRecord) -> MoleRecord | None:
    """The stored record of the same file; another file with the same picture is another record."""
    if not record.is_imported:
        return None
    same = {name: getattr(record, name) for name in ("origin", "note", "picture_digest")}
    return MoleRecord.objects.of(record.owner).filter(**same).order_by("created_at").first()
