"""Reviews: a doctor's verdict on a record."""

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.ownership import take_turn
from diagnosis import mails
from diagnosis.language import terms
from diagnosis.moles import changes
from diagnosis.moles.models import URGENT, open_requests
from diagnosis.push import notifications
from diagnosis.records import answers
from diagnosis.records.models import MoleRecord
from diagnosis.reviews import claims, opinions
from diagnosis.reviews.models import DoctorProfile, Review
from diagnosis.webhooks import deliveries
from diagnosis.webhooks.models import Webhook
from ml.sitting.together import MOST

OWN_FIRST = gettext_lazy(
    "A colleague waits for your own opinion on an earlier picture of this mole. Write that first. "
    "Nothing of this verdict is saved yet."
)


class Overtaken(Exception):
    """Another doctor has claimed the record, or a verdict was written, meanwhile."""


class ShownBefore(Exception):
    """The record is not what the doctor was shown: other pictures, words, changes or answer, or
    another doctor's request."""


def profile(doctor: User) -> DoctorProfile:
    """What the doctor chose for the reviews; the defaults where nothing was chosen."""
    return getattr(doctor, "doctor_profile", None) or DoctorProfile(user=doctor)


def shown_of(record: MoleRecord) -> list[str]:
    """What a verdict on the record rests on: a name for each picture, and one for all that the
    person says of it, that was measured, that the program answers, and that doctors ask; of a
    record that was read ``with_asked_before``."""
    site = record.mole.body_site if record.mole else ""
    answer = record.current_assessment
    answered = (answer.risk_category or "", answer.advice) if answer else ()
    # Who saw fewer verdicts than there are is told by their number.
    corrected = (
        str(review.news_since)
        for review in record.reviews.all()
        if review.is_final and review.news_since > review.created_at
    )
    said = (answers.tag(record), site, record.asked_before, *record.changes, *answered, *corrected)
    digest = sha256("\0".join(said).encode()).hexdigest()[:32]
    return [*(picture.file_name for picture in record.pictures), f"said-{digest}"]


def write(
    *,
    record: MoleRecord,
    doctor: User,
    blind: bool = False,
    known: int | None = None,
    seen: int | None = None,
    shown: Collection[str] | None = None,
    ask: User | None = None,
    question: str = "",
    **verdict: str,
) -> Review:
    """Add a verdict, give the record back, and tell the person of the final one.

    ``verdict``: what Review.VERDICT names.
    ``known``: how many verdicts the doctor saw; one more means that two would say it twice.
    ``seen``: how many pictures the doctor saw, since a verdict is on all of them; ``shown``: what
    ``shown_of`` gave for the record that the doctor saw.
    ``ask``: a colleague, whose opinion the verdict waits for unless it is urgent.
    The same verdict sent again, as by a double click, returns the one that it made, unless it asks
    for a visit that another verdict has ended since.
    Raises PermissionDenied when not a doctor, or on their own record, ValidationError, Overtaken,
    ShownBefore.
    """
    if not doctor.has_perm("diagnosis.add_review") or record.owner_id == doctor.pk:
        raise PermissionDenied
    review = Review(record=record, doctor=doctor, blind=blind, **verdict)
    review.full_clean()
    with transaction.atomic():
        # Of two verdicts at once, on whichever pictures of the mole, one reads of the other.
        take_turn(record.owner_id)
        # Also locks the record, so that of two verdicts sent at once the second is counted.
        if not claims.take(record_ids=[record.pk], doctor=doctor):
            raise Overtaken
        review.news_since = timezone.now()  # not from before the wait for the two
        now = MoleRecord.objects.with_asked_before(doctor).select_related("mole").get(pk=record.pk)
        asked = MoleRecord.objects.with_asked_before().get(pk=record.pk).asked_before
        newest = record.reviews.order_by("-created_at").first()
        said = {name: getattr(review, name) for name in Review.VERDICT}
        is_same = newest in record.reviews.filter(doctor=doctor, **said) and not _is_ended(newest)
        if known is None:
            # Who does not say what they saw means no second word, unless something new came.
            is_again = is_same and not (ask or now.has_new_alarm)
        else:
            is_again = record.reviews.count() != known
        is_new = shown is not None and not set(shown_of(now)).issubset(shown)
        if newest and is_again and is_same:
            review = newest
        elif is_new or len(now.pictures) > (seen or MOST):
            raise ShownBefore
        elif is_again:
            raise Overtaken
        elif asked != now.asked_before and URGENT[review.urgency] < URGENT.get(asked, 0):
            raise ValidationError(OWN_FIRST)
        else:
            with changes.telling(now.mole_id):
                final = _add(review, ask=ask, question=question)
            if final:
                _tell(final)
        claims.release(record_ids=[record.pk], doctor=doctor)
    return review


def _is_ended(review: Review | None) -> bool:
    """Whether a later verdict has ended the visit that this one asks for."""
    if not (review and review.is_final and review.urgency in terms.BY_A_DOCTOR):
        return False
    return review not in open_requests(Review.objects.filter(is_final=True)).filter(pk=review.pk)


def _add(review: Review, *, ask: User | None, question: str) -> Review | None:
    """Store a verdict; return the one that it makes final. Raises as opinions.ask does."""
    open_one = opinions.open_on(review.record)
    if ask and not opinions.may_ask(record=review.record, doctor=review.doctor):
        raise ValidationError({"ask": _("A colleague is asked about this record already.")})
    is_answer = open_one and open_one.second is None and open_one.asked_id == review.doctor_id
    review.is_final = not (is_answer or ask) or review.urgency == opinions.URGENT
    review.save(force_insert=True)
    final: Review | None = review if review.is_final else None
    if open_one and is_answer:
        final = opinions.answer(opinion=open_one, review=review)
    elif open_one and ask:
        opinions.ask_another(opinion=open_one, review=review)
    elif open_one:
        opinions.settle(opinion=open_one, final=review)
    if ask:
        opinions.ask(review=review, of=ask, question=question)
    return final


def correct(*, review: Review, by: User, **said: Any) -> None:
    """Change one's own verdict, and tell the person again of what they read.

    Saying the same as before is not a correction: it tells nothing. One that leaves risk category
    and urgency as they were comes before no later verdict, and none ends a sooner visit that
    another verdict asks for, as a new verdict does. One that is not final becomes so once it is
    urgent, or says what the colleague says; one that was final as urgent alone waits for the
    colleague again once it wants no visit.
    Raises PermissionDenied, ValidationError, Http404 where the record was deleted meanwhile.
    """
    if review.doctor_id != by.pk or not by.has_perm("diagnosis.change_review"):
        raise PermissionDenied
    with transaction.atomic():
        # As for a new verdict: which one is final is decided with the record locked.
        take_turn(get_object_or_404(MoleRecord, pk=review.record_id).owner_id)
        record = answers.locked(review.record_id)
        review.refresh_from_db()  # what another correction changed meanwhile stays
        changed = {name: new for name, new in said.items() if getattr(review, name) != new}
        if not changed:
            return
        is_news = not changed.keys() <= set(Review.FOR_DOCTORS)
        for name, value in changed.items():
            setattr(review, name, value)
        later = Review.objects.filter(news_since__gt=review.news_since, is_final=True)
        of_mole = Q(record__mole=record.mole_id) if record.mole_id else Q()
        sooner = _sooner_visit_since(review, record)
        asks_the_same = changed.keys().isdisjoint({"risk_category", "urgency"})
        if sooner and not asks_the_same:  # beneath that, yet above what was written before it
            review.news_since = max(review.news_since, sooner - timedelta(microseconds=1))
        keeps_its_place = bool(sooner) or (
            asks_the_same and later.filter(Q(record=record) | of_mole).exists()
        )
        if is_news and not keeps_its_place:
            review.news_since = timezone.now()
        review.blind = False  # by now the doctor may have seen the program's answer
        was_final = review.is_final
        if "urgency" in changed:
            # One that still wants a visit stays: without it the program's answer would stand.
            waits = review.urgency == "none" and opinions.is_open_about(review)
            review.is_final = review.urgency == opinions.URGENT or (was_final and not waits)
        review.full_clean()
        with changes.telling(record.mole_id):
            review.save(update_fields=[*Review.VERDICT, "news_since", "blind", "is_final"])
            final: Review | None = review if review.is_final else None
            open_one = opinions.open_on(record)  # with the new words
            if open_one and open_one.second and not open_one.differs:
                is_new = final and review.pk == open_one.first_id
                at = review.news_since if keeps_its_place else None
                final = opinions.agree(opinion=open_one, at=at) or (review if is_new else None)
        # A correction is not another look at the record: what came after the verdict still waits.
        MoleRecord.objects.filter(pk=record.pk).update(has_new_alarm=record.has_new_alarm)
        if final and is_news:
            if keeps_its_place:
                record.mark_updated()  # its own moment says nothing of the new words
            _tell(final)
        elif was_final and not final:
            # For systems that keep it; the person has nothing new to read yet.
            record.mark_updated()
            _publish(record)


def _sooner_visit_since(review: Review, record: MoleRecord) -> datetime | None:
    """Find since when a sooner visit is asked for, the first of those that the verdict would end as
    the newest one."""
    earlier = Q(record__mole=record.mole_id, record__created_at__lt=record.created_at)
    asking = open_requests(Review.objects.filter(is_final=True)).exclude(pk=review.pk)
    sooner = asking.filter(asks__gt=URGENT[review.urgency])
    ended = sooner.filter(Q(record=record) | (earlier if record.mole_id else Q()))
    return ended.order_by("news_since").values_list("news_since", flat=True).first()


def _tell(review: Review) -> None:
    """The person by e-mail and in their browsers, and their programs."""
    mails.tell(review.record)
    notifications.tell(person_id=review.record.owner_id, record_id=review.record_id)
    _publish(review.record)


def _publish(record: MoleRecord) -> None:
    deliveries.publish(owner_id=record.owner_id, event=Webhook.Event.REVIEWED, record_id=record.pk)
