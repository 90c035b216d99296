"""Verdicts that teach: reviewed pictures as a data set that ``ml.datasets`` reads.

Only of people who allow it at that moment, and are not deactivated; under pseudonyms that are the
same in each export as long as SECRET_KEY is, so that splits hold, and that nobody without it leads
back to a person. What a new key does to an export: docs/operations.md, keys.
"""

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.age import age_on
from audit import log
from diagnosis import media
from diagnosis.records.models import MoleRecord, Picture
from diagnosis.reviews.models import Review

TABLE, PICTURES = "metadata.csv", "images"
COLUMNS = ["image_id", "lesion_id", "patient_id", "dx", "modality", "localization", "age"]
COLUMNS += ["confidence", "blind"]  # which ml ignores; to choose pictures by
# What data sets call our body sites, where they don't call them the same.
LOCALIZATIONS = {
    "shoulder": "upper extremity",
    "upper_arm": "arm",
    "palm": "palms/soles",
    "buttock": "buttocks",
    "lower_leg": "leg",
    "sole": "palms/soles",
    "nail": "acral",
    "mucosa": "oral/genital",
}
UNREAD = ("heatmap", "outline", "features")  # of an answer, what is large
OLDEST = 85  # years; few people are older, and could be told by it


class NotAnExport(Exception):
    """The folder holds something else, which an export would mix with or delete."""


def export(directory: Path, progress: Callable[[list], Iterable] = iter) -> tuple[int, int]:
    """Bring the folder up to date; return how many pictures it holds, and how many are missing.

    The table comes first: until the last picture is there, readers refuse the folder, and the
    same call goes on where it was stopped. Pictures that may no longer be in it are removed.
    Raises NotAnExport.
    """
    _check(directory)
    pictures = directory / PICTURES
    pictures.mkdir(parents=True, exist_ok=True)
    rows, of = {}, {}
    for review in _newest_allowed():
        whole = pseudonym("record", review.record_id)
        for one in _judged(review.record):
            image_id = whole if one.pk == review.record_id else pseudonym("picture", one.pk)
            rows[image_id] = _row(image_id, whole, one, review)
            of[image_id] = (review.record_id, one.pk)
    _write(directory / TABLE, rows)
    for picture in pictures.iterdir():
        if picture.suffix != ".jpg" or picture.stem not in rows:
            picture.unlink()
    missing = 0
    for image_id in progress(sorted(rows)):
        path = pictures / f"{image_id}.jpg"
        try:
            copied = _copy(*of[image_id], path)
        except media.UNREAD:
            copied, missing = False, missing + 1
        if not copied:
            path.unlink(missing_ok=True)
            del rows[image_id]
    _write(directory / TABLE, rows)
    return len(rows), missing


def pseudonym(kind: str, key: UUID) -> str:
    """Make a name that is stable as long as SECRET_KEY is, and not reversible without it."""
    return salted_hmac("diagnosis.teaching", f"{kind}:{key}", algorithm="sha256").hexdigest()[:16]


def _newest_allowed() -> Iterable[Review]:
    """The newest final verdict on each usable picture of people who allow it, if it holds: of what
    came after it, such as a bleeding, it knows nothing."""
    done = MoleRecord.objects.real().filter(state=MoleRecord.State.DONE)
    reviewed = done.with_asked_before().with_settled().filter(Q(is_settled=True)).values("pk")
    return (
        Review.objects.filter(
            is_final=True,
            record__in=reviewed,
            record__owner__teaching_consented_at__isnull=False,
            record__owner__is_active=True,  # else they could not withdraw
        )
        .order_by("record_id", "-news_since")
        .distinct("record_id")
        .select_related("record__owner", "record__mole", "record__current_assessment")
        .defer(*(f"record__current_assessment__{name}" for name in UNREAD))
        .prefetch_related("record__further")
        .iterator(chunk_size=2000)
    )


def _judged(record: MoleRecord) -> list[Picture]:
    """The record's pictures, without those that its answer left out."""
    parts = record.current_assessment.pictures if record.current_assessment else []
    judged = {part["id"] for part in parts if part["usable"]}
    return [one for one in record.pictures if not parts or str(one.pk) in judged]


def _row(image_id: str, whole: str, picture: Picture, review: Review) -> dict[str, object]:
    record = review.record
    mole, born = record.mole, record.born
    age = age_on(record.created_at.date(), born) if born else None
    site = mole.body_site if mole else ""
    return {
        "image_id": image_id,
        # The pictures of no named mole are of one of their own.
        "lesion_id": pseudonym("mole", mole.pk) if mole else whole,
        # Whose pictures a clinic imported is not known.
        "patient_id": "" if record.is_imported else pseudonym("person", record.owner_id),
        # A diagnosis in the doctor's own words has no code in the taxonomy, but a category.
        "dx": review.diagnosis or review.risk_category,
        "modality": picture.modality,
        "localization": LOCALIZATIONS.get(site, site),
        "age": "" if age is None else min(OLDEST, age // 5 * 5),
        "confidence": review.confidence,
        "blind": int(review.blind),
    }


def _check(directory: Path) -> None:
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    try:
        header = (directory / TABLE).read_text(encoding="utf-8").splitlines()[:1]
    except (OSError, UnicodeDecodeError):
        header = []
    if header != [",".join(COLUMNS)]:
        raise NotAnExport


def _write(path: Path, rows: dict[str, dict[str, object]]) -> None:
    temporary = path.with_suffix(".part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[image_id] for image_id in sorted(rows))
    temporary.replace(path)


def _copy(key: UUID, picture_key: UUID, path: Path) -> bool:
    """Copy a picture and log it; False when the person withdrew, was deactivated, or deleted
    it, meanwhile.

    Raises FileNotFoundError, Unreadable and Unreachable.
    """
    allowed = MoleRecord.objects.filter(
        pk=key, owner__teaching_consented_at__isnull=False, owner__is_active=True
    )
    with transaction.atomic():
        record = allowed.select_for_update(of=["self"]).first()
        found = [one for one in record.pictures if one.pk == picture_key] if record else []
        if record is None or not found:
            return False
        content = media.read(found[0].image)
        # A record whose own picture was deleted has come to have another under the same name.
        if path.exists() and path.read_bytes() == content:
            return True
        temporary = path.with_suffix(".part")
        temporary.write_bytes(content)
        log.log_export(record, to="data set")
    temporary.replace(path)
    return True
