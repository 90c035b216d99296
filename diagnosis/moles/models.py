"""Moles: what a person follows over time, and what changed between two of its pictures."""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from accounts.names import check_name
from diagnosis.language import terms
from ml.taxonomy import ALARMING_SIGNS

# A doctor's verdict among the program's answers (MoleRecord.Danger), by what each asks for.
URGENT = {"none": 1, "doctor_weeks": 3, "doctor_days": 4}
TO_BE_SEEN = 2  # MoleRecord.Danger.TO_BE_SEEN
MAX_ATTEMPTS = 3  # to measure a change
WAIT = timedelta(minutes=1)  # after which the sweeper asks for it again
# What is stale for so long, as without its picture, may stay so: nothing waits for it any more.
OVERDUE = timedelta(hours=1)


# What its person or the camera page said of a record, which needs a doctor whatever it shows.
IS_TOLD = Q(signs__overlap=sorted(ALARMING_SIGNS)) | Q(phone_advice__in=terms.BY_A_DOCTOR)


def urgent_by_now() -> Case:
    """A record's ``danger``; while it waits, of which no trigger has derived it, what is told."""
    seen = When(phone_advice="doctor_days", then=Value(URGENT["doctor_days"]))
    told = When(IS_TOLD, then=Value(TO_BE_SEEN))
    return Case(When(danger__gt=0, then=F("danger")), seen, told, default=Value(0))


def open_requests(final: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of these verdicts that ask for a visit which none of them has ended, most urgent first.

    A later verdict ends it: on the same record, or on a later picture of the mole, where both
    pictures were of that mole when it was written.
    """
    written = OuterRef("news_since")
    since = Greatest(written, OuterRef("record__moved_at"), "record__moved_at")  # null counts not
    of_record = final.filter(record=OuterRef("record"), news_since__gt=written)
    of_mole = final.filter(
        record__mole=OuterRef("record__mole"),
        record__created_at__gt=OuterRef("record__created_at"),
        news_since__gt=since,
    )
    urgency = Case(*(When(urgency=asked, then=Value(URGENT[asked])) for asked in terms.BY_A_DOCTOR))
    asking = final.filter(urgency__in=terms.BY_A_DOCTOR).annotate(asks=urgency)
    return asking.filter(~Exists(of_record), ~Exists(of_mole)).order_by("-asks")


class MoleQuerySet(models.QuerySet["Mole"]):
    def with_summary(self) -> Self:
        """Moles with ``pictures``, the date of the ``last`` one and its ``cover``, newest first."""
        records: Any = self.model._meta.get_field("records").related_model
        own = records.objects.filter(mole=OuterRef("pk")).order_by()
        # Of each mole by itself: a page's are counted, not all; a join read everybody's records.
        return self.annotate(
            pictures=Coalesce(Subquery(own.values("mole").annotate(n=Count("pk")).values("n")), 0),
            last=Subquery(own.values("mole").annotate(last=Max("created_at")).values("last")),
            cover=Subquery(own.order_by("-created_at").values("pk")[:1]),
        ).order_by(F("last").desc(nulls_last=True), "-created_at")

    def by_place(self) -> Self:
        """Moles ``with_summary``, from head to foot; at each place the most urgent first, by the
        doctor's verdict or else the program's answer, then the newest.

        Each by its ``judged`` picture: a newer one that waits, or can't be used, takes no
        warning back, nor does an answer of the program take back what a doctor asked. Nor does it
        give less than a doctor where a sign needs one, or where another version of the program,
        which could judge it, or the camera page wanted one: of all these that came after it, the
        most urgent is ``told``. What was said of earlier ones (with_earlier_danger) puts it before
        those of which no more is said than of it.
        """
        records: Any = self.model._meta.get_field("records").related_model
        reviews = records._meta.get_field("reviews").related_model
        final = reviews.objects.filter(is_final=True).order_by("-news_since")
        own = records.objects.filter(mole=OuterRef("pk")).order_by("-created_at")
        is_judged = Q(state="done") | Exists(final.filter(record=OuterRef("pk")))
        judged = own.filter(is_judged)
        is_told = IS_TOLD | Q(state="unusable", danger__gt=0)
        after = records.objects.filter(
            is_judged, mole=OuterRef("mole"), created_at__gt=OuterRef("created_at")
        )
        told = own.filter(is_told, ~is_judged, ~Exists(after))
        told = told.annotate(urgent=urgent_by_now())
        told = told.order_by("-urgent", "-created_at")
        # A calm one counts no more once a sign or change came after it (verdicts.overtaken).
        sign = Greatest("record__danger", Value(TO_BE_SEEN))
        overtaken = When(urgency="none", record__has_new_alarm=True, then=sign)
        as_danger = [When(urgency=urgency, then=Value(n)) for urgency, n in URGENT.items()]
        verdict = final.filter(record=OuterRef("judged")).annotate(
            urgent=Case(overtaken, *as_danger)
        )
        of_mole = open_requests(reviews.objects.filter(is_final=True)).filter(
            record__mole=OuterRef("pk")
        )
        newest = records.objects.filter(pk=OuterRef("judged")).with_earlier_danger()
        order = {site: number for number, site in enumerate(terms.BODY_SITES)}
        places = [When(body_site=site, then=Value(number)) for site, number in order.items()]
        moles = self.with_summary().annotate(
            judged=Subquery(judged.values("pk")[:1]), told=Subquery(told.values("pk")[:1])
        )
        urgent = Greatest(
            Coalesce(
                Subquery(verdict.values("urgent")[:1]), Subquery(judged.values("danger")[:1]), 0
            ),
            Coalesce(Subquery(of_mole.values("asks")[:1]), 0),
            Coalesce(Subquery(told.values("urgent")[:1]), 0),
        )
        return moles.alias(urgent=urgent).order_by(
            Case(*places, default=Value(len(order))),
            Greatest("urgent", TO_BE_SEEN - 1).desc(),
            Coalesce(Subquery(newest.values("earlier_danger")[:1]), 0).desc(),
            F("urgent").desc(),
            F("last").desc(nulls_last=True),
            "pk",
        )


class Mole(models.Model):
    class Reminder(models.IntegerChoices):
        """After how many days without a picture the person is reminded."""

        NEVER = 0, _("never")
        MONTHLY = 30, _("every month")
        QUARTERLY = 91, _("every three months")
        HALF_YEARLY = 182, _("every six months")
        YEARLY = 365, _("every year")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="moles", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=100, validators=[check_name])
    body_site = models.CharField(
        _("body site"), max_length=20, blank=True, choices=terms.BODY_SITES
    )
    remind_after_days = models.PositiveSmallIntegerField(
        _("reminder to look again"), choices=Reminder, default=Reminder.MONTHLY
    )
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("added at"), auto_now_add=True)

    objects = MoleQuerySet.as_manager()
    cover: uuid.UUID | None  # with_summary: the newest record
    judged: uuid.UUID | None  # by_place: the newest record with a verdict or a usable answer
    told: uuid.UUID | None  # by_place: the same, or a newer one with a sign that needs a doctor

    class Meta:
        verbose_name = _("mole")
        verbose_name_plural = _("moles")
        constraints = [
            models.CheckConstraint(
                condition=Q(remind_after_days__in=[0, 30, 91, 182, 365]),
                name="mole_reminder_is_known",
            ),
            models.CheckConstraint(
                condition=Q(body_site__in=["", *terms.BODY_SITES]), name="mole_body_site_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Change(models.Model):
    """What changed between two pictures of a mole, as a worker measured it; null until then.

    Of assessments and not of records: a newer model draws another outline.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    before = models.ForeignKey("Assessment", models.CASCADE, related_name="changes_since")
    after = models.ForeignKey("Assessment", models.CASCADE, related_name="changes_until")
    # ml.change.comparison.Comparison, and the ``sizes`` of both pictures in pixels.
    result = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("change of a mole")
        verbose_name_plural = _("changes of moles")
        constraints = [
            models.UniqueConstraint(fields=["before", "after"], name="change_once_per_pair"),
            models.CheckConstraint(condition=~Q(before=F("after")), name="change_of_two_pictures"),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(result__isnull=True), name="change_to_measure"
            )
        ]

    def __str__(self) -> str:
        return f"{self.before_id} → {self.after_id}"


class EndedWait(models.Model):
    """What may have ended a wait for a comparison, until its moles are followed and programs told
    of the records that waited (``changes.follow_later``).

    No foreign keys: it says nothing of a mole or record, locks neither, and may outlive them.
    """

    moles = ArrayField(models.UUIDField())
    waited = ArrayField(models.UUIDField())
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"ended wait {self.pk}"
