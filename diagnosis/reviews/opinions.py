"""A second doctor's opinion on a record: asked for, given, and brought to one final verdict.

The first doctor's verdict waits for the colleague, unless it is urgent. If both say the same, it
is the final one; else whoever of the two writes again writes the final one. The person sees that.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.records.models import MoleRecord
from diagnosis.records.querysets import RecordQuerySet, without_echo
from diagnosis.reviews.models import Review, SecondOpinion

URGENT = "doctor_days"
# After that the record is anybody's again, so that no person waits for one doctor on holiday.
WAITS_AT_MOST = timedelta(hours=48)


def colleagues(doctor: User) -> QuerySet[User]:
    """The other doctors, who can be asked."""
    doctors = User.objects.filter(is_active=True, is_staff=True, groups__name="doctor")
    return doctors.exclude(pk=doctor.pk).order_by("display_name")


def open_on(record: MoleRecord) -> SecondOpinion | None:
    """The question about the record that has no final verdict yet."""
    unsettled = SecondOpinion.objects.filter(first__record=record, final__isnull=True)
    return unsettled.select_related("first__doctor", "asked", "second").first()


def open_among(reviews: Iterable[Review]) -> SecondOpinion | None:
    """As ``open_on``, where all verdicts of a record are read with their questions already."""
    asked = (getattr(review, "second_opinion", None) for review in reviews)
    return next((opinion for opinion in asked if opinion and opinion.final_id is None), None)


def is_open_about(review: Review) -> bool:
    """Whether the verdict is one of two that have no final one yet."""
    of_it = Q(first=review) | Q(second=review)
    return SecondOpinion.objects.filter(of_it, final__isnull=True).exists()


def hides_verdicts(opinion: SecondOpinion | None, doctor: User) -> bool:
    """Whether a colleague waits for this doctor's own opinion: one is worth more than an echo."""
    return bool(opinion and opinion.state == "waiting" and opinion.asked_id == doctor.pk)


def may_ask(*, record: MoleRecord, doctor: User) -> bool:
    """Whether the doctor may ask a colleague about the record: nobody's word is waited for by now,
    this doctor's least of all."""
    own = Q(asked=doctor, second__isnull=True)
    waited_for = SecondOpinion.objects.filter(~_is_anybodys() | own, final__isnull=True)
    return not waited_for.filter(first__record=record).exists()


def of(doctor: User) -> QuerySet[SecondOpinion]:
    """Questions that this doctor asked, or was asked, newest first."""
    return SecondOpinion.objects.filter(Q(asked=doctor) | Q(first__doctor=doctor)).order_by(
        "-created_at"
    )


def waiting(doctor: User) -> QuerySet[SecondOpinion]:
    """Questions for this doctor's word: asked for it, or to end their own disagreement."""
    asked = Q(asked=doctor, second__isnull=True)
    differing = Q(first__doctor=doctor, second__isnull=False)
    return SecondOpinion.objects.filter(asked | differing, final__isnull=True)


def waiting_for(doctor: User) -> RecordQuerySet:
    """Records on which this doctor's word is asked for, or whose disagreement is theirs to end."""
    return _records(waiting(doctor))


def overdue() -> RecordQuerySet:
    """Records whose question has waited too long, or for who is not a doctor any more: any
    doctor's now."""
    # An urgent verdict is final at once, whatever the colleague says later.
    undecided = SecondOpinion.objects.exclude(first__is_final=True).exclude(second__is_final=True)
    return _records(undecided.filter(_is_anybodys(), final__isnull=True))


def with_colleagues(doctor: User) -> QuerySet[SecondOpinion]:
    """Questions whose records are not for this doctor to review now: nobody waits for their word.

    Who gave the second opinion has said it: the first doctor speaks next.
    """
    fresh = SecondOpinion.objects.filter(~_is_anybodys(), final__isnull=True)
    return fresh.exclude(pk__in=waiting(doctor).values("pk"))


def _is_anybodys() -> Q:
    """Whether an open question has waited too long, or who is to speak next no longer can."""
    doctors = User.objects.filter(
        Q(groups__name="doctor") | Q(is_superuser=True), is_active=True, is_staff=True
    ).values("pk")
    asked_is_gone = Q(second__isnull=True) & ~Q(asked__in=doctors)
    first_is_gone = Q(second__isnull=False) & ~Q(first__doctor__in=doctors)
    return Q(created_at__lte=Now() - WAITS_AT_MOST) | asked_is_gone | first_is_gone


def readable(doctor: User) -> QuerySet[Review]:
    """Verdicts, without colleagues' on records on which they wait for this doctor's own, nor those
    on the doctor's own mole, of which every person reads the final one, without notes."""
    return without_echo(Review.objects.exclude(record__owner=doctor), doctor)


def _records(questions: QuerySet[SecondOpinion]) -> RecordQuerySet:
    """Those that the questions are about, whatever became of their pictures since."""
    return MoleRecord.objects.real().filter(pk__in=questions.values("first__record"))


def ask(*, review: Review, of: User, question: str = "") -> SecondOpinion:
    """Ask a colleague about a verdict that was just written; they hear of it by e-mail.

    For the caller's transaction. Raises PermissionDenied when that is not a doctor,
    ValidationError for oneself, or for the person in the picture.
    """
    if of.pk == review.doctor_id:
        raise ValidationError({"ask": _("Ask a colleague, not yourself.")})
    if not of.has_perm("diagnosis.add_review"):
        raise PermissionDenied
    if of.pk == review.record.owner_id:
        raise ValidationError({"ask": _("This colleague can’t be asked here. Ask another one.")})
    opinion = SecondOpinion(first=review, asked=of, question=question)
    opinion.full_clean()
    opinion.save(force_insert=True)
    _mail(of, review.record, "asked")
    return opinion


def ask_another(*, opinion: SecondOpinion, review: Review) -> None:
    """End a question that waited in vain by a verdict that waits for another colleague itself.

    For the caller's transaction, with the record locked.
    """
    opinion.final = review
    opinion.save(update_fields=["final"])


def answer(*, opinion: SecondOpinion, review: Review) -> Review | None:
    """Take the colleague's verdict; return the one that the person has to hear of.

    For the caller's transaction, with the record locked.
    """
    opinion.second = review
    opinion.is_same_category = review.risk_category == opinion.first.risk_category
    opinion.save(update_fields=["second", "is_same_category"])
    if not opinion.differs:
        return agree(opinion=opinion)
    _mail(opinion.first.doctor, review.record, "differs")
    return review if review.is_final else None


def agree(*, opinion: SecondOpinion, at: datetime | None = None) -> Review | None:
    """Let the first verdict count, since both say the same; return it unless it did before.

    ``at``: as for ``settle``.

    For the caller's transaction, with the record locked.
    """
    was_final = opinion.first.is_final
    settle(opinion=opinion, final=opinion.first, at=at)
    return None if was_final else opinion.first


def settle(*, opinion: SecondOpinion, final: Review, at: datetime | None = None) -> None:
    """Let one verdict count, and the others of the two doctors stand beside it for doctors only.

    ``at``: since when, where it did not count before; now, where that is not said.
    For the caller's transaction, with the record locked.
    """
    of_both = Review.objects.filter(record_id=opinion.first.record_id).filter(
        Q(pk=opinion.first_id) | Q(pk=opinion.second_id)
    )
    of_both.exclude(pk=final.pk).update(is_final=False)
    if not final.is_final:
        final.is_final, final.news_since = True, at or timezone.now()
    Review.objects.filter(pk=final.pk).update(is_final=True, news_since=final.news_since)
    opinion.final = final
    opinion.save(update_fields=["final"])


def _mail(doctor: User, record: MoleRecord, why: str) -> None:
    """Into the outbox, with the caller's transaction; it names neither the person nor a verdict.

    Nothing to who is not a doctor any more: then the record is any doctor's.
    """
    if not doctor.has_perm("diagnosis.add_review"):
        return
    page = reverse("admin:diagnosis_molerecord_change", args=[record.pk])
    with translation.override(doctor.language or settings.LANGUAGE_CODE):
        EmailMessage(
            subject=_("A colleague asks for your opinion")
            if why == "asked"
            else _("A colleague has another opinion"),
            body=render_to_string(
                "diagnosis/email/opinion.txt", {"why": why, "address": settings.SITE_URL + page}
            ),
            to=[doctor.email],
        ).send()
