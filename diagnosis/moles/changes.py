"""What changed between a mole's pictures: asked for here, measured by a worker.

The mole's first picture of a kind (``firsts``) is what its later ones are compared with, each by
itself, so that slow growth adds up.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from diagnosis import limits, mails, media, queue
from diagnosis.language import terms
from diagnosis.moles.models import MAX_ATTEMPTS, OVERDUE, WAIT, Change, EndedWait, Mole
from diagnosis.webhooks import deliveries
from diagnosis.webhooks.models import Webhook
from ml.change.limits import error as error_of
from ml.images import ImageError, decode

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from diagnosis.records.models import Assessment, MoleRecord

logger = logging.getLogger(__name__)

SWEEP_AT_MOST = 100
# Why two pictures are not even tried; the reasons of what was tried are ml.change's.
OTHER_KIND, NOT_ASSESSED, UNREADABLE = "other_kind", "not_assessed", "unreadable"
ONE_PICTURE = "one_picture"


def _is_settled(side: str) -> Q:
    """Once a picture is taken out, its answer says nothing of the next one: measured with a new
    answer. Where none comes, by the outline that is left."""
    stale_since = f"{side}__record__stale_since"
    return Q((f"{stale_since}__isnull", True)) | Q((f"{stale_since}__lte", Now() - OVERDUE))


WAITING = Q(_is_settled("before"), _is_settled("after"), result__isnull=True)


def follow_later(*mole_ids: uuid.UUID | None) -> None:
    """Call ``follow`` for these moles once the transaction is committed, and tell programs of the
    pictures that wait for a comparison by now, and for none by then.

    To be called before what may end the wait, within its transaction: both are stored, or neither.
    """
    if moles := {mole_id for mole_id in mole_ids if mole_id}:
        ended = _noted(moles)
        transaction.on_commit(lambda: _end(ended), robust=True)


def _noted(moles: set[uuid.UUID]) -> EndedWait:
    return EndedWait.objects.create(moles=list(moles), waited=list(_waiting(moles)))


def _end(ended: EndedWait) -> None:
    """Do what is noted; what fails for one mole is left to the sweep, and the others are compared
    no less."""
    told: set[uuid.UUID] = set()
    failed = []
    # What waited may have been moved meanwhile.
    of_now = _of(pk__in=ended.waited, mole__isnull=False).values_list("mole", flat=True)
    for mole_id in {*ended.moles, *of_now}:
        try:
            told |= follow(mole_id)
        except Exception:
            logger.exception("Mole %s can't be followed; the sweep tries again.", mole_id)
            failed.append(mole_id)
    waited = set(ended.waited) - told
    this = EndedWait.objects.filter(pk=ended.pk)
    if failed:
        this.update(moles=failed, waited=list(waited))
        return
    with transaction.atomic():
        if this.delete()[0]:  # nobody else was faster
            _tell(*_of(pk__in=waited, is_compared=True).order_by("created_at"))


def _waiting(moles: set[uuid.UUID]) -> set[uuid.UUID]:
    return set(_of(mole__in=moles, is_compared=False).values_list("pk", flat=True))


def _of(**which: Any) -> "QuerySet[MoleRecord]":
    """Records that are so, with ``is_compared``."""
    model: Any = apps.get_model("diagnosis", "MoleRecord")  # which stands above moles
    return model.objects.with_comparison().filter(**which)


@contextmanager
def moves(record: "MoleRecord", mole: Mole | None) -> Iterator[None]:
    """Compare anew a record that is saved here as one of ``mole``; what was found goes. Within the
    transaction that saves it."""
    mole_id = mole.pk if mole else None
    follow_later(record.mole_id, mole_id)
    with telling(record.mole_id, mole_id):
        if record.mole_id != mole_id:
            record.changes, record.moved_at = [], timezone.now()
        yield


@contextmanager
def telling(*mole_ids: uuid.UUID | None) -> Iterator[None]:
    """Tell programs of each picture of these moles of which something else is said afterwards: what
    changed, or what a doctor asked of an earlier one. Within the transaction that does it."""
    records = apps.get_model("diagnosis", "MoleRecord").objects.with_asked_before()
    records = records.only("owner", "current_assessment", "changes").order_by("created_at")
    of_moles = Q(mole__in=[key for key in mole_ids if key])
    before = {each.pk: (each.asked_before, each.changes) for each in records.filter(of_moles)}
    yield
    now = records.filter(of_moles | Q(pk__in=before))
    nothing: tuple[str, list[str]] = ("", [])
    _tell(*(r for r in now if before.get(r.pk, nothing) != (r.asked_before, r.changes)))


def forget(record: "MoleRecord") -> int:
    """Drop the comparisons with a record whose picture or size is another one now; how many."""
    of_record = Q(before__record=record.pk) | Q(after__record=record.pk)
    return Change.objects.filter(of_record).delete()[0]


def follow(mole_id: uuid.UUID) -> set[uuid.UUID]:
    """Ask for what is not measured yet, and say of each record what has changed; return those of
    which programs were told so.

    Safe to repeat: after a new answer, a deleted first picture, a record of another mole.
    """
    model = apps.get_model("diagnosis", "MoleRecord")  # which stands above moles
    fields = ("owner", "mole", "modality", "origin", "state", "current_assessment", "created_at")
    of_mole = model.objects.filter(mole=mole_id).with_asked_before()
    records = list(of_mole.only(*fields, "changes", "stale_since"))
    pairs = _pairs(records)
    known = _known(pairs.values())
    for first, last in pairs.values():
        if first != last and (first, last) not in known:
            known[first, last] = _ask(first, last)
    of_answer = {record.current_assessment_id: record for record in records}
    earlier = _found_earlier(mole_id)
    told: set[uuid.UUID] = set()
    newest: list[str] = []  # of the picture before, of any kind
    stands: dict[str, list[str]] = {}  # of the one before of each kind
    begun: dict[str, list[str]] = {}  # of the first one of each kind
    for record in _in_order(records):
        change, since, kind = None, record, record.modality
        if record in pairs:
            change, since = known.get(pairs[record]), of_answer[pairs[record][0]]
        # A version that can't judge the picture, or the first one, takes back nothing.
        found = {
            c for moment, said in earlier.get(record.pk, ()) if moment < _time(since) for c in said
        }
        if record in pairs:
            # What can't be compared is not calmer than the newest one before it that could be, nor
            # is what was compared with such a one, or with one that had grown itself.
            found.update(begun.get(kind, newest))
            if not (change and is_measured(change)):
                found.update(stands.get(kind, ()))
        else:
            found.update({*newest, *stands.get(kind, ())}.intersection(record.changes))
        if _say(record, change, found):
            told.add(record.pk)
        if record in pairs:
            begun.setdefault(kind, [*newest, *record.changes])
        if record in pairs or record.changes:
            newest = stands[kind] = record.changes
    return told


def of(records: Iterable["MoleRecord"]) -> dict["MoleRecord", Change]:
    """What is known of each of a mole's records since the first of its kind, oldest first."""
    pairs = _pairs(records)
    known = _known(pairs.values())
    return {record: known[pair] for record, pair in pairs.items() if pair in known}


def between(before: "MoleRecord", after: "MoleRecord") -> Change | str:
    """The change between two records, asked for if need be; or why there can't be one.

    Raises TryLater.
    """
    if before == after:
        return ONE_PICTURE
    if before.modality != after.modality:
        return OTHER_KIND
    first, last = before.current_assessment_id, after.current_assessment_id
    # As in _pairs: what can't be judged would be called unchanged.
    if not (first and last and is_judged(before) and is_judged(after)):
        return NOT_ASSESSED
    of_both = Change.objects.filter(before=first, after=last)
    if known := of_both.select_related("before__record", "after__record").first():
        return known
    limits.spend(after.owner, "changes")
    return _ask(first, last)


def as_dict(before: "MoleRecord", after: "MoleRecord") -> dict:
    """``between``, as the API shows it. Raises TryLater."""
    change = between(before, after)
    if isinstance(change, str):
        result: dict[str, Any] | None = {"reason": change}
    else:
        result = {"reason": UNREADABLE} if is_given_up(change) else change.result
    nothing: dict[str, Any] = {
        "reason": "",
        "matrix": None,
        "before": None,
        "after": None,
        "differences": {},
        "changes": [],
    }
    state = "waiting" if result is None else "not_compared" if result["reason"] else "measured"
    limit = error_of(before.modality)["limit"]
    return nothing | (result or {}) | {
        "since": before.pk, "state": state, "limit": limit,
    }  # fmt: skip


def run(change_id: uuid.UUID | str) -> None:
    """Measure what waits to be measured; does nothing when it is done or gone.

    While pictures can't be reached, it waits for the next sweep.
    Raises what OpenCV raises; then, and where a picture is missing, the sweeper tries again, three
    times in all.
    """
    due = Change.objects.filter(WAITING, pk=change_id, attempts__lt=MAX_ATTEMPTS)
    change = due.select_related("before__record", "after__record").first()
    if change is None:
        return
    mole_id = change.after.record.mole_id
    with transaction.atomic():
        # Before the last attempt, from which on nothing is waited for.
        ended = _noted({mole_id} if mole_id else set())
        is_due = due.update(attempts=F("attempts") + 1)
    try:
        if is_due:
            _attempt(change)
    finally:
        transaction.on_commit(lambda: _end(ended), robust=True)


def _attempt(change: Change) -> None:
    try:
        result = _measure(change.before, change.after)
    except media.UNREAD as error:
        # It may be back; until it was tried too often, and then too, what was found stands.
        logger.warning("A picture of change %s is missing: %s", change.pk, error)
        return
    except ImageError as error:
        logger.warning("The pictures of change %s can't be read: %s", change.pk, error)
        result = {"reason": UNREADABLE, "changes": []}
    except media.Unreachable as error:
        logger.warning("The pictures of change %s can't be reached: %s", change.pk, error)
        Change.objects.filter(pk=change.pk).update(attempts=F("attempts") - 1)
        return
    # Again only where nobody was faster.
    Change.objects.filter(WAITING, pk=change.pk).update(result=result)


def sweep() -> int:
    """Ask again for what waits too long, and do what a killed process left; return how many."""
    # By chance: what fails each time must not stand before the rest for ever.
    left = EndedWait.objects.filter(created_at__lt=Now() - WAIT).order_by("?")
    for ended in left[:SWEEP_AT_MOST]:
        _end(ended)
    due = Change.objects.filter(
        WAITING, attempts__lt=MAX_ATTEMPTS, created_at__lt=Now() - WAIT
    ).order_by("created_at")
    keys = list(due.values_list("pk", flat=True)[:SWEEP_AT_MOST])
    for key in keys:
        queue.measure_change(key)
    return len(keys)


def is_judged(record: "MoleRecord") -> bool:
    """Whether the program has an answer to what the record shows."""
    return record.state == "done"


def is_given_up(change: Change) -> bool:
    """Whether it was tried too often; then the pictures are shown plain."""
    return change.result is None and change.attempts >= MAX_ATTEMPTS


def is_over(change: Change) -> bool:
    """Whether nothing more is to come of it."""
    return change.result is not None or is_given_up(change)


def is_measured(change: Change) -> bool:
    """Whether it says what changed, or that nothing did."""
    return change.result is not None and not change.result["reason"]


def firsts(records: Iterable["MoleRecord"]) -> dict[str, "MoleRecord"]:
    """By kind, the picture that a mole's later ones are compared with: the first judged one with
    an outline, or with one that it gets anew. By one without, no growth would ever be seen."""
    judged = [record for record in _in_order(records) if is_judged(record)]
    model: Any = apps.get_model("diagnosis", "Assessment")
    without = model.objects.filter(current_for__in=judged, outline__isnull=True)
    plain = set(without.values_list("pk", flat=True))
    found: dict[str, MoleRecord] = {}
    for record in judged:
        is_owed = record.is_stale and not record.is_overdue
        if is_owed or record.current_assessment_id not in plain:
            found.setdefault(record.modality, record)
    return found


def _pairs(records: Iterable["MoleRecord"]) -> dict["MoleRecord", tuple[uuid.UUID, uuid.UUID]]:
    """Each judged record with the answers to the first picture of its kind, and to itself."""
    records = _in_order(records)
    first = firsts(records)
    pairs = {}
    for record in records:
        before, answer = first.get(record.modality), record.current_assessment_id
        if not (before and is_judged(record) and _time(record) >= _time(before)):
            continue
        if before.current_assessment_id and answer:
            pairs[record] = (before.current_assessment_id, answer)
    return pairs


def _in_order(records: Iterable["MoleRecord"]) -> list["MoleRecord"]:
    return sorted(records, key=_time)


def _time(record: "MoleRecord") -> tuple[datetime, uuid.UUID]:
    return (record.created_at, record.pk)


def _known(
    pairs: Iterable[tuple[uuid.UUID, uuid.UUID]],
) -> dict[tuple[uuid.UUID, uuid.UUID], Change]:
    wanted = Q(pk__in=[])
    for first, last in pairs:
        if first != last:
            wanted |= Q(before=first, after=last)
    found = Change.objects.filter(wanted).select_related("before__record").defer("before__heatmap")
    return {(each.before_id, each.after_id): each for each in found}


def _ask(first: uuid.UUID, last: uuid.UUID) -> Change:
    change = Change(before_id=first, after_id=last)
    # Somebody else may be faster; then the message is of no row, and does nothing.
    Change.objects.bulk_create([change], ignore_conflicts=True)
    transaction.on_commit(lambda: queue.measure_change(change.pk), robust=True)
    return change


def _found_earlier(mole_id: uuid.UUID) -> dict[uuid.UUID, list[tuple[tuple, list[str]]]]:
    """By record: what was found since a picture that is still of the mole, and when that came."""
    measured = Change.objects.filter(
        before__record__mole=mole_id, after__record__mole=mole_id, result__isnull=False
    )
    found: dict[uuid.UUID, list[tuple[tuple, list[str]]]] = {}
    for *before, after, said in measured.values_list(
        "before__record__created_at", "before__record", "after__record", "result__changes"
    ):
        found.setdefault(after, []).append((tuple(before), said))
    return found


def _say(record: "MoleRecord", change: Change | None, earlier: set[str]) -> bool:
    """Store what was found of the record; False where that stands already."""
    is_owed = record.stale_since and not record.is_overdue
    if is_owed or (change and not is_over(change)):
        return False  # what was found stands until it is measured anew
    new: list[str] = []
    if change:
        new = change.result["changes"] if change.result else record.changes
    found = [*new, *sorted(earlier.difference(new))]
    if found == record.changes:
        return False
    with transaction.atomic():
        is_alarm = not set(found).issubset(record.changes) and _was_calm(record)
        record.changes = found
        # Nothing else: a worker may be writing the record at this moment.
        record.save(update_fields=["changes"])
        if is_alarm:
            mails.tell_together(record)  # once the record is locked, as by reassess
        _tell(record)
    return True


def _was_calm(record: "MoleRecord") -> bool:
    """Whether its person may have read that no doctor is needed; a clinic's has many."""
    if record.is_imported or record.asked_before:
        return False
    if verdict := record.reviews.filter(is_final=True).first():
        return verdict.urgency == "none" and not record.has_new_alarm
    answer = record.current_assessment
    said = {answer.advice if answer else "", record.phone_advice}
    return not record.changes and said.isdisjoint(terms.BY_A_DOCTOR)


def _tell(*records: "MoleRecord") -> None:
    """Say to other systems that the answers are others, by what was found, asked, or is gone."""
    for record in records:
        record.mark_updated()
    for record in records:
        if record.current_assessment_id:
            deliveries.publish(
                owner_id=record.owner_id, event=Webhook.Event.ASSESSED, record_id=record.pk
            )


def _measure(before: "Assessment", after: "Assessment") -> dict:
    # OpenCV is loaded where it is needed: in the workers.
    from ml.change.comparison import Shot, compare

    shots = []
    for assessment in (before, after):
        picture = decode(media.read(assessment.record.image))
        size = assessment.record.size_mm
        shots.append(Shot(picture, assessment.outline, float(size) if size else None))
    sizes = [[shot.picture.shape[1], shot.picture.shape[0]] for shot in shots]
    return compare(shots[0], shots[1], before.modality).as_dict() | {"sizes": sizes}
