"""Assessments: the model's answer to a record's pictures, stored with its final state."""

import functools
import logging
import time
import uuid
from collections.abc import Collection, Iterable

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

import ml.release
from accounts.age import age_on
from accounts.models import User
from accounts.ownership import check_owner
from diagnosis import limits, mails, media, metrics, queue
from diagnosis.language import frequencies, results, verdicts
from diagnosis.moles import changes
from diagnosis.moles.models import OVERDUE
from diagnosis.records import claims, uploads
from diagnosis.records.models import Assessment, MoleRecord, Picture
from ml import features
from ml.classifier import Classifier, NotJudged, load_release
from ml.images import ImageError, decode
from ml.person import Person
from ml.sitting import together
from ml.taxonomy import ADVICE, advice_with_signs

logger = logging.getLogger(__name__)

SWEPT_AT = "metrics.swept_at"
SWEEP_AT_MOST = 200  # the oldest come first; the next sweep sends the rest
OVERDUE_EVERY = 600  # seconds, after which what is overdue is asked for again
OVERDUE_ASKED = "assessments.overdue_asked"


def classifier() -> Classifier:
    """The released model, loaded once per process and release."""
    return _loaded(ml.release.current())


@functools.lru_cache(maxsize=1)
def _loaded(release: ml.release.Release) -> Classifier:
    return load_release(release, settings.ML_ENGINE)


def warm() -> None:
    """Load the model and let it answer once, so that no record waits for that."""
    classifier().warm()


def run(record_id: uuid.UUID | str) -> None:
    """Claim the record, assess its picture, and store the answer.

    Does nothing when there is nothing to claim; while pictures can't be reached, the record waits
    for the next sweep; for one that alone can't be, an hour and some attempts at most. Raises what
    the classifier raises, after giving the record back.
    """
    record = claims.claim(record_id)
    if record is None:
        return
    clock = metrics.Clock()
    try:
        answer = _answer(record, clock)
        finished = claims.finish(record, answer)
        clock.end("store")
    except media.Unreachable:
        claims.put_back(record)
    except media.UNREAD as error:
        if record.created_at > timezone.now() - OVERDUE:
            claims.put_back(record)  # a disk may be mended, or mounted
        elif record.attempts >= claims.MAX_ATTEMPTS:
            _give_up(record, error)
        elif claims.release(record):  # of a store that was away so long, not all is back at once
            metrics.write(metrics.ASSESSMENTS.more("given back", ""))
    except ImageError as error:
        _give_up(record, error)
    except NotJudged as error:
        # Sent before such a release came: nothing failed here, and the page says why.
        logger.warning("%s can't be assessed: %s", record.pk, error)
        claims.fail(record, MoleRecord.FailureReason.ERROR)
    except Exception:
        # Whoever deletes a record takes the picture from under the task, which is not an error.
        if claims.release(record):
            outcome = "failed" if record.attempts >= claims.MAX_ATTEMPTS else "given back"
            metrics.write(metrics.ASSESSMENTS.more(outcome, ""))
            raise
    else:
        if finished:
            _count(record, answer, clock)


def _give_up(record: MoleRecord, error: Exception) -> None:
    if claims.fail(record, MoleRecord.FailureReason.UNREADABLE):
        logger.error("%s is given up, its picture can't be read: %s", record.pk, error)
        metrics.write(metrics.ASSESSMENTS.more("failed", ""))


def _count(record: MoleRecord, answer: Assessment, clock: metrics.Clock) -> None:
    version = answer.model_version
    points = [
        *clock.points,
        metrics.ASSESSMENTS.more(claims.final_state(answer), version),
        metrics.ADVICE.more(answer.advice, record.modality, version),
        *(metrics.UNUSABLE.more(reason) for reason in answer.reasons),
    ]
    if answer.usable:
        points.append(metrics.MALIGNANCY.seen(answer.malignancy, record.modality, version))
    if record.attempts == 1 and record.claimed_until:
        waited = record.claimed_until - queue.claim_time() - record.created_at
        points.append(metrics.STAGES.seen(max(waited.total_seconds(), 0), "wait"))
    metrics.write(*points)


def is_outdated(record: MoleRecord) -> bool:
    """Whether the record's answer is of another version than the released model, which has one."""
    assessment, version = record.current_assessment, frequencies.release().get("version")
    if assessment is None or not version or assessment.model_version == version:
        return False
    return not uploads.not_judged(each.modality for each in record.pictures)


def ask_again(*, record: MoleRecord, by: User) -> bool:
    """Ask a worker to reassess; False when none can be reached now.

    Raises PermissionDenied, PictureRefused for a kind that is not judged, TryLater.
    """
    check_owner(record, by)
    limits.spend(by, "reassessments")
    uploads.check_judged(*(each.modality for each in record.pictures))
    return queue.send_again(record.pk)


def run_again(record_id: uuid.UUID | str) -> None:
    """Reassess the record where it is still there.

    While its picture can't be read, which may be back later, or is of a kind that this release does
    not judge, the answer stays as it is: the sweep asks for what is stale again.
    """
    known = MoleRecord.objects.with_asked_before().select_related("current_assessment")
    record = known.filter(pk=record_id).first()
    if record is None:
        return
    try:
        reassess(record=record)
    except (ImageError, *media.UNREAD, media.Unreachable, NotJudged) as error:
        logger.warning("The picture of %s can't be assessed again: %s", record_id, error)


def reassess(*, record: MoleRecord) -> Assessment | None:
    """Assess an assessed record with the released model; other versions' answers stay stored.

    The record never waits again: its person has an answer all the time. None when it was
    deleted, or got another answer, meanwhile; what is up to date is left as it is.
    An earlier answer of the same version gives way to the new one: the place that it rests on, or
    the pictures, may be others now. Where the new one wants a doctor who has not looked, or wants
    one sooner, the person is told by e-mail, unless a page shows it first: nobody else would.
    Raises ImageError, FileNotFoundError, Unreadable and Unreachable for its picture, and what the
    classifier raises.
    """
    current = record.current_assessment
    if current is None:
        return None
    version = classifier().version
    seen = record.stale_since
    if current.model_version == version and seen is None:
        return current
    rests_on = {part["id"] for part in current.pictures} or {str(record.pk)}
    assessment = _answer(record, metrics.Clock(), rests_on)
    if known := record.assessments.filter(model_version=version).first():
        assessment.pk, assessment.created_at = known.pk, timezone.now()
    assessment.record = record
    with transaction.atomic():
        # It may be of another mole by now, and moves to none while this is stored.
        of_now = MoleRecord.objects.select_for_update(no_key=True).filter(pk=record.pk)
        changes.follow_later(*of_now.values_list("mole", flat=True))
        # One final state may give way to the other, as the answer says.
        moved = MoleRecord.objects.filter(
            pk=record.pk,
            current_assessment=current.pk,
            stale_since=seen,
            signs=record.signs,
        ).update(
            current_assessment=assessment.pk,
            state=claims.final_state(assessment),
            stale_since=None,
        )
        if moved:
            assessment.save(force_insert=not known, force_update=bool(known))
            if _is_alarming(record, current, assessment):
                mails.tell_together(record)
            if seen:
                changes.forget(record)  # they may be of a picture that is gone
            claims.publish_assessed(record)
    return assessment if moved else None


def _is_alarming(record: MoleRecord, before: Assessment, after: Assessment) -> bool:
    """Whether the later answer asks for a doctor, and sooner, of whom the person has not heard."""
    told = record.reviews.filter(is_final=True)
    # A calm one holds no more where a visit was asked for since.
    if record.is_imported or verdicts.is_settled(record, told):  # a clinic's, with many
        return False
    # Where the later one can't judge the picture, what other versions said is told by the danger.
    now = MoleRecord.objects.with_asked_before().get(pk=record.pk)
    pairs = ((before, record), (after, now))
    earlier, later = (ADVICE.index(results.advice_that_holds(*pair)) for pair in pairs)
    return later > max(earlier, ADVICE.index("retake"))


def _answer(record: MoleRecord, clock: metrics.Clock, rests_on: Collection[str] = ()) -> Assessment:
    """The answer to what can be read of the pictures, of which those in ``rests_on`` have to be.

    Raises ImageError, FileNotFoundError or Unreadable where that is none, or one of these can't,
    and Unreachable.
    """
    pictures = record.pictures
    taken = _shots(pictures, rests_on)
    clock.end("read")
    look = together.look(classifier(), list(taken.values()), _person(record))
    clock.end("assess")
    facts, stored = look.assessment.as_dict(), look.features
    if len(taken) == 1 < len(pictures):
        facts["pictures"] = [{name: facts[name] for name in together.PART}]
    for picture, part in zip(taken, facts["pictures"], strict=bool(facts["pictures"])):
        part["id"] = str(picture.pk)
    if record not in taken:
        facts["heatmap"] = facts["outline"] = stored = None  # they are of another picture
    facts["advice"] = advice_with_signs(facts["advice"], record.signs)
    return Assessment(**facts, features=None if stored is None else features.pack(stored))


def _shots(pictures: Iterable[Picture], rests_on: Collection[str]) -> dict[Picture, together.Shot]:
    """What can be read of the pictures. Raises as ``_answer`` says."""
    shots, errors = {}, []
    for picture in pictures:
        try:
            shots[picture] = (decode(media.read(picture.image)), picture.modality)
        except (ImageError, *media.UNREAD) as error:
            if str(picture.pk) in rests_on:
                raise
            logger.warning("The picture of %s can't be read: %s", picture, error)
            errors.append(error)
    if not shots:
        raise errors[0]
    return shots


def _person(record: MoleRecord) -> Person:
    """What is known of whom the picture shows: of an imported or a drawn one, only the site."""
    known = {"body_site": (record.mole and record.mole.body_site) or None}
    if record.is_of_its_owner:
        born = record.owner.date_of_birth
        known["age"] = age_on(timezone.localdate(record.created_at), born) if born else None
        known["sex"] = record.owner.sex_at_birth or None
    return Person(**known)


def sweep() -> int:
    """Send again what waits or was interrupted, fail what was so too often; return how many."""
    if given_up := claims.give_up_interrupted():
        metrics.write(metrics.ASSESSMENTS.more("failed", "", amount=given_up))
    due = list(claims.waiting().values_list("pk", flat=True)[:SWEEP_AT_MOST])
    for record_id in due:
        queue.send(record_id)
    stale = MoleRecord.objects.assessed().filter(stale_since__isnull=False)
    if not cache.add(OVERDUE_ASKED, True, timeout=OVERDUE_EVERY):
        stale = stale.filter(stale_since__gt=Now() - OVERDUE)
    # By chance: what can't be looked at must not stand before the rest for ever.
    for record_id in stale.order_by("?").values_list("pk", flat=True)[:SWEEP_AT_MOST]:
        queue.send_again(record_id)
    cache.set(SWEPT_AT, time.time(), timeout=None)
    return len(due)
