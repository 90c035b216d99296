"""Pictures of one sitting: added to a record while its mole is at hand, and taken out again.

A record is one sitting. Its answer is to all of its pictures together, so each change of them has
it answered anew, by the same way as a new place of the mole.
"""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.ownership import check_owner
from diagnosis import limits, media, metrics
from diagnosis.moles import changes
from diagnosis.records import answers, uploads
from diagnosis.records.models import FurtherPicture, MoleRecord, Picture
from ml.sitting.together import MOST

LASTS = timedelta(hours=1)
FILE = ("image", "modality", "image_bytes", "picture_digest")  # what a picture is

FULL = format_lazy(_("There are {most} pictures of this mole already, which is enough."), most=MOST)
OVER = _("These pictures were sent a while ago. Send a new picture of the mole instead.")
SEEN = _("A doctor has looked at these pictures, or does so now. Send a new picture instead.")
LAST = _("This is the only picture. Delete the record instead.")


class Closed(ValidationError):
    """The record takes no more pictures; ``message`` says why and what to do."""


class AnotherPicture(Exception):
    """The picture that was seen under this id is gone, and another one has its place."""


def check_open(record: MoleRecord) -> None:
    """Raises Closed where what is said of the pictures would not hold with one more."""
    if len(record.pictures) >= MOST:
        raise Closed(FULL, code="full")
    _check_unseen(record)


def _check_unseen(record: MoleRecord) -> None:
    """Raises Closed where what is said of the pictures would not hold with others."""
    if record.origin == MoleRecord.Origin.DEMO or record.created_at < timezone.now() - LASTS:
        raise Closed(OVER, code="over")
    # A verdict that waits for a colleague is not final, and counts all the same.
    verdicts = record.reviews.model.objects.filter(record=record.pk)
    if record.holder or record.is_reviewed or verdicts.exists():
        raise Closed(SEEN, code="seen")


def is_open(record: MoleRecord) -> bool:
    """Whether another picture can be added now."""
    try:
        check_open(record)
    except Closed:
        return False
    return True


@uploads.counting_refusals()
def add(*, record: MoleRecord, by: User, file: File, modality: str = "photo") -> Picture:
    """Store another picture of the mole, and have all of them answered together.

    The very same picture again is the one that is there, whose modality is corrected where it is
    another one now. Raises PermissionDenied, Closed, PictureRefused, ValidationError for the
    modality, TryLater.
    """
    check_owner(record, by)
    limits.spend(by, "uploads")
    media.check()
    picture = FurtherPicture(record=record, modality=modality)
    picture.clean_fields(exclude=["record", "image"])
    uploads.check_judged(modality)
    content = uploads.prepare(picture, file)
    if known := _known(record, picture):
        return _as_taken(record, known, modality)
    check_open(record)
    uploads.check_quota(by)
    try:
        uploads.store(picture, content)
        with transaction.atomic(durable=True):
            record = answers.locked(record.pk)
            # Somebody may have been faster: a doctor, or the other one of a double click.
            known = _known(record, picture)
            if known is None:
                check_open(record)
                picture.save(force_insert=True)
                _answer_anew(record)
    except BaseException:
        uploads.forget(picture)
        raise
    if known:
        uploads.forget(picture)
        return known
    metrics.write(metrics.UPLOADS.more(record.origin, modality))
    return picture


def _as_taken(record: MoleRecord, picture: Picture, modality: str) -> Picture:
    """The picture, with this modality; all are answered anew where it had another one."""
    if picture.modality == modality:
        return picture
    with transaction.atomic(durable=True):
        record = answers.locked(record.pk)
        _check_unseen(record)
        picture = picture_of(record, picture.pk)
        correct(record, picture, modality)
    return picture


def correct(record: MoleRecord, picture: Picture, modality: str) -> None:
    """Give a picture of a locked record another modality, and have all of them answered anew."""
    if picture is record:
        changes.follow_later(record.mole_id)
        changes.forget(record)  # they were measured beside pictures of the other kind
    picture.modality = modality
    picture.save(update_fields=["modality"])
    _answer_anew(record)


def remove(*, record: MoleRecord, picture: Picture, by: User) -> None:
    """Delete one picture of several; the others are answered together.

    Where it is the record's own, the next one takes its place and its id: one that another
    request put there stays. Raises PermissionDenied, ValidationError for the only one.
    """
    check_owner(record, by)
    with transaction.atomic():
        record = answers.locked(record.pk)
        pictures = record.pictures
        gone = next((each for each in pictures if each.pk == picture.pk), None)
        if gone is None or gone.image != picture.image:
            return  # it is gone already
        if len(pictures) == 1:
            raise ValidationError(LAST)
        if gone is record:
            changes.follow_later(record.mole_id)
            changes.forget(record)  # they were measured in the picture that goes
        _leave_out(record, gone, heir=pictures[1])
        if gone is record:
            gone = pictures[1]
            for name in FILE:
                mine, theirs = getattr(record, name), getattr(gone, name)
                setattr(record, name, theirs)
                setattr(gone, name, mine)
            record.save(update_fields=FILE)
        gone.delete()  # with its file, on commit
        _answer_anew(record)


def _leave_out(record: MoleRecord, gone: Picture, heir: Picture) -> None:
    """Take out of the answers what they hold of a picture that goes.

    Where it is the record's own, ``heir`` gets the record's id. What the answers say stands until
    there is another.
    """
    of_record = {"heatmap": None, "outline": None, "features": None} if gone is record else {}
    for answer in record.assessments.all():
        answer.pictures = [part for part in answer.pictures if part["id"] != str(gone.pk)]
        for part in answer.pictures:
            if gone is record and part["id"] == str(heir.pk):
                part["id"] = str(record.pk)
        for name, nothing in of_record.items():
            setattr(answer, name, nothing)
        answer.save(update_fields=["pictures", *of_record])


def picture_of(record: MoleRecord, key: uuid.UUID) -> Picture:
    """The record's picture with this id. Raises Http404."""
    for picture in record.pictures:
        if picture.pk == key:
            return picture
    raise Http404


def _answer_anew(record: MoleRecord) -> None:
    if record.state == MoleRecord.State.RUNNING:
        answers.start_over(record)
    elif record.state in MoleRecord.ASSESSED:
        answers.count_anew(record)
    else:
        uploads.queue_failed(record)


def _known(record: MoleRecord, picture: Picture) -> Picture | None:
    digest = picture.picture_digest
    return next((one for one in record.pictures if one.picture_digest == digest), None)
