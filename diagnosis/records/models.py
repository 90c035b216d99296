"""Uploaded records, and the model's assessments."""

import json
import uuid
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import (
    MaxLengthValidator,
    MaxValueValidator,
    MinValueValidator,
)
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from diagnosis.language import terms
from diagnosis.moles.models import OVERDUE, Mole
from diagnosis.records.querysets import CONTRACT, NOTE_WORDS, RecordQuerySet

# Django checks a TextField's max_length in forms only.
MAX_TEXT = 2000
TEXT_LIMIT = MaxLengthValidator(MAX_TEXT)
MIN_SIZE_MM, MAX_SIZE_MM = Decimal("0.1"), 300


def random_name(picture: "Picture", filename: str) -> str:
    """Name a picture's file so that nothing tells whose it is, or of what."""
    name = uuid.uuid4().hex
    return f"records/{name[:2]}/{name}.jpg"


class FastDecoder(json.JSONDecoder):
    """Reads what the database holds in a fraction of the time: a page of records has hundreds."""

    def decode(self, text: str, *_: Any) -> Any:
        return orjson.loads(text)


class Picture(models.Model):
    """A stored picture: a record's own, or a further one of the same sitting."""

    image = models.FileField(_("picture"), upload_to=random_name, max_length=100)
    modality = models.CharField(
        _("kind of picture"), max_length=20, choices=terms.MODALITIES, default="photo"
    )
    image_bytes = models.PositiveIntegerField(default=0, editable=False)
    # Of the picture as it is stored, so that the same one is known again; earlier ones have none.
    picture_digest = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField(_("sent at"), auto_now_add=True)

    class Meta:
        abstract = True

    @property
    def file_name(self) -> str:
        """Without its ending: what a file holds never changes, but a record may get another."""
        return Path(str(self.image.name)).stem


class MoleRecord(Picture):
    """One sitting: a picture of a mole, or up to five, on the way to one assessment or there."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("being assessed")
        DONE = "done", _("assessed")
        UNUSABLE = "unusable", _("picture can't be used")
        FAILED = "failed", _("failed")

    class FailureReason(models.TextChoices):
        INTERRUPTED = "interrupted", _("The assessment was interrupted several times.")
        ERROR = "error", _("Something went wrong while the picture was assessed.")
        UNREADABLE = "unreadable", _("The stored picture can't be read.")

    class Danger(models.IntegerChoices):
        UNKNOWN = 0, _("not assessed")
        BENIGN = 1, _("benign")
        # The program is not sure, or a sign, a change or what the camera page saw needs a doctor
        # whatever the picture shows. Without an answer, or where it can't be judged, what is most
        # urgent of these, of other versions' answers, and of what the camera page said counts.
        TO_BE_SEEN = 2, _("to be seen by a doctor")
        LOW_RISK = 3, _("malignant, low risk")
        HIGH_RISK = 4, _("malignant, high risk")

    class Origin(models.TextChoices):
        UPLOAD = "upload"
        CAMERA = "camera"
        # By manage.py import_records: the account may stand for a clinic, with many people.
        IMPORT = "import"
        # Drawn by our own code (demos.py).
        DEMO = "demo"

    # Of an imported or a drawn picture nobody knows whom it shows.
    OF_ITS_OWNER = (Origin.UPLOAD, Origin.CAMERA)
    ASSESSED = (State.DONE, State.UNUSABLE)
    FINISHED = (State.DONE, State.FAILED, State.UNUSABLE)
    PENDING = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="records", verbose_name=_("person")
    )
    mole = models.ForeignKey(
        Mole,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="records",
        verbose_name=_("mole"),
    )
    # Since when it is one of this mole, where it was sent as another's or as nobody's.
    moved_at = models.DateTimeField(null=True, editable=False)
    note = models.TextField(_("note"), validators=[TEXT_LIMIT], blank=True)
    signs = ArrayField(
        models.CharField(max_length=20, choices=terms.SIGNS),
        verbose_name=_("signs"),
        default=list,
        blank=True,
    )
    size_mm = models.DecimalField(
        _("size in millimetres"),
        max_digits=4,
        decimal_places=1,
        null=True,
        blank=True,
        validators=[MinValueValidator(MIN_SIZE_MM), MaxValueValidator(MAX_SIZE_MM)],
    )
    # What measurably changed since the mole's first picture (diagnosis.moles.changes).
    changes = ArrayField(
        models.CharField(max_length=20, choices=terms.CHANGES),
        verbose_name=_("changes"),
        default=list,
        db_default=[],
        blank=True,
        editable=False,
    )
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.QUEUED)
    failure_reason = models.CharField(
        _("reason of the failure"), max_length=20, choices=FailureReason, blank=True
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claim_token = models.UUIDField(null=True, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    origin = models.CharField(max_length=20, choices=Origin, default=Origin.UPLOAD, editable=False)
    # What the camera page had shown when the person saved; empty for every other upload.
    phone_advice = models.CharField(
        _("advice shown on the phone"), max_length=20, choices=terms.ADVICE, blank=True
    )
    # A digest of the whole request: sent twice, it makes one record. Empty: not asked for.
    idempotency_key = models.CharField(max_length=64, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    # Since when the answer rests on another place of the mole, or other pictures, than now.
    stale_since = models.DateTimeField(
        null=True, blank=True, editable=False, db_column="place_changed_at"
    )
    current_assessment = models.OneToOneField(
        "Assessment",
        models.RESTRICT,
        null=True,
        blank=True,
        related_name="current_for",
        verbose_name=_("current assessment"),
    )
    # Set by a trigger of the database once a sign or change that needs a doctor comes after a
    # verdict, until the next one is final.
    has_new_alarm = models.BooleanField(default=False, db_default=False, editable=False)
    # Derived from assessment and reviews by the same trigger, whatever is written here.
    danger = models.PositiveSmallIntegerField(
        _("danger"), choices=Danger, default=Danger.UNKNOWN, editable=False
    )
    is_reviewed = models.BooleanField(_("reviewed"), default=False, editable=False)
    review_claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="review_claims",
        verbose_name=_("claimed by"),
    )
    review_claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("record")
        verbose_name_plural = _("records")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="record_history"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["queued", "running"]),
                name="record_pending",
            ),
            models.Index(
                fields=["-danger", "created_at", "-id"],
                condition=Q(state__in=["done", "failed", "unusable"], is_reviewed=False)
                & ~Q(origin="demo"),
                name="record_review_queue",
            ),
            models.Index(
                fields=["stale_since"],
                condition=Q(stale_since__isnull=False),
                name="record_place_changed",
            ),
            GinIndex(NOTE_WORDS, name="record_note_words"),
            models.Index(
                fields=["owner", "picture_digest"],
                condition=~Q(picture_digest=""),
                name="record_same_picture",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running", "done", "unusable", "failed"]),
                name="record_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(modality__in=list(terms.MODALITIES)), name="record_modality_is_known"
            ),
            models.CheckConstraint(condition=~Q(image=""), name="record_has_a_picture"),
            models.CheckConstraint(
                condition=Q(size_mm__gt=0, size_mm__lte=MAX_SIZE_MM), name="record_size_is_possible"
            ),
            models.CheckConstraint(
                condition=Q(origin__in=["upload", "camera", "import", "demo"]),
                name="record_origin_is_known",
            ),
            models.CheckConstraint(
                condition=Q(phone_advice__in=["", *terms.ADVICE]),
                name="record_phone_advice_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "unusable"], current_assessment__isnull=False)
                | (~Q(state__in=["done", "unusable"]) & Q(current_assessment__isnull=True)),
                name="record_assessment_exactly_when_assessed",
            ),
            models.CheckConstraint(
                condition=(
                    Q(state="failed", failure_reason__in=["interrupted", "error", "unreadable"])
                    | (~Q(state="failed") & Q(failure_reason=""))
                ),
                name="record_reason_exactly_when_failed",
            ),
            models.CheckConstraint(
                condition=Q(state="running", claim_token__isnull=False, claimed_until__isnull=False)
                | (~Q(state="running") & Q(claim_token__isnull=True, claimed_until__isnull=True)),
                name="record_claim_exactly_when_running",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | (~Q(state__in=["queued", "running"]) & Q(finished_at__isnull=False)),
                name="record_finished_exactly_when_not_pending",
            ),
            models.CheckConstraint(
                condition=Q(review_claimed_by__isnull=True) | Q(review_claimed_until__isnull=False),
                name="record_review_claim_ends",
            ),
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="record_once_per_request",
            ),
        ]

    def __str__(self) -> str:
        return _("record %(id)s") % {"id": str(self.id)[:8]}

    @property
    def is_pending(self) -> bool:
        return self.state in self.PENDING

    @property
    def is_stale(self) -> bool:
        """Whether its answer rests on another place of the mole, or other pictures, than now."""
        return self.state in self.ASSESSED and self.stale_since is not None

    @property
    def is_overdue(self) -> bool:
        """Whether it is owed another answer for so long that its person is told."""
        since = self.stale_since
        return self.is_stale and since is not None and since <= timezone.now() - OVERDUE

    is_compared = True  # with_comparison says otherwise, while a change may be found
    is_comparable = True  # the same, where it could not be compared with the mole's first picture
    waits_for_reader = False  # with_answers(reader): whether a colleague asks for their opinion
    earlier_danger = 0  # with_earlier_danger: of earlier pictures that no doctor has seen
    asked_before = ""  # with_answers: the visit that a verdict on an earlier picture asks for

    @property
    def holder(self) -> User | None:
        """The doctor whose claim on it holds now."""
        until = self.review_claimed_until
        return self.review_claimed_by if until and until > timezone.now() else None

    @property
    def pictures(self) -> "list[Picture]":
        """All of the sitting: the record's own first, then the others as they came."""
        return [self, *self.further.all()]

    def mark_updated(self) -> None:
        """Note that what is said of it is another thing now, for systems that keep what it was."""
        self.assessments.filter(current_for=self.pk).update(created_at=Now())
        failed = MoleRecord.objects.filter(pk=self.pk, state=self.State.FAILED)
        failed.update(finished_at=Now())  # it has no other moment

    @property
    def is_imported(self) -> bool:
        return self.origin == self.Origin.IMPORT

    @property
    def is_of_its_owner(self) -> bool:
        return self.origin in self.OF_ITS_OWNER

    @property
    def born(self) -> date | None:
        """The birthday of the person in the picture; nobody knows it of an imported one."""
        return None if self.is_imported else self.owner.date_of_birth


class FurtherPicture(Picture):
    """Another picture of a record's mole, from the same sitting."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record = models.ForeignKey(MoleRecord, models.CASCADE, related_name="further")

    class Meta:
        verbose_name = _("further picture")
        verbose_name_plural = _("further pictures")
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(image=""), name="further_has_a_picture"),
            models.CheckConstraint(
                condition=Q(modality__in=list(terms.MODALITIES)), name="further_modality_is_known"
            ),
            models.UniqueConstraint(
                fields=["record", "picture_digest"], name="further_picture_once"
            ),
        ]
        indexes = [models.Index(fields=["picture_digest"], name="further_same_picture")]

    def __str__(self) -> str:
        return f"{self.record}, {str(self.pk)[:8]}"


class Assessment(models.Model):
    """What one version of the model said about one record.

    Signs are counted in its advice (``answers``), and it loses what it holds of a picture that is
    taken out (``sittings``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record = models.ForeignKey(
        MoleRecord, models.CASCADE, related_name="assessments", verbose_name=_("record")
    )
    model_version = models.CharField(_("version of the model"), max_length=50)
    modality = models.CharField(_("kind of picture"), max_length=20, choices=terms.MODALITIES)
    usable = models.BooleanField(_("usable"))
    reasons = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    warnings = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    diagnoses = models.JSONField(_("probability of each diagnosis"), decoder=FastDecoder)
    categories = models.JSONField(_("probability of each risk category"), decoder=FastDecoder)
    malignancy = models.FloatField(_("probability of malignancy"))
    # Null, not "": the same object in the API, on the command line and on the phone.
    risk_category = models.CharField(  # noqa: DJ001
        _("risk category"), max_length=20, choices=terms.RISK_CATEGORIES, null=True
    )
    uncertain = models.BooleanField(_("uncertain"))
    advice = models.CharField(_("advice"), max_length=20, choices=terms.ADVICE)
    # What beside the picture entered, and the answer to the picture alone; null where nothing did.
    used = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    picture = models.JSONField(_("answer to the picture alone"), null=True, decoder=FastDecoder)
    # The parts of an answer to several pictures, each with the ``id`` of its picture; else empty.
    pictures = models.JSONField(
        _("answers to the single pictures"),
        default=list,
        db_default=[],
        blank=True,
        decoder=FastDecoder,
    )
    heatmap = models.JSONField(_("heatmap"), null=True, decoder=FastDecoder)
    outline = models.JSONField(_("outline"), null=True, decoder=FastDecoder)
    # ml.features, comparable with those of the same model version; null of a model that gives none.
    features = models.BinaryField(null=True)
    milliseconds = models.FloatField(_("milliseconds"))
    # Or since when it says something else, by signs or changes (MoleRecord.mark_updated).
    created_at = models.DateTimeField(_("assessed at"), auto_now_add=True)

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        indexes = [
            # The queue's filter and order by these need not read the heatmaps beside them.
            models.Index(
                fields=["id"], include=["malignancy", "uncertain"], name="assessment_figures"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["record", "model_version"], name="assessment_once_per_model_version"
            ),
            models.CheckConstraint(
                condition=Q(usable=True, risk_category__isnull=False, reasons=[])
                | (Q(usable=False, risk_category__isnull=True) & ~Q(reasons=[])),
                name="assessment_category_exactly_when_usable",
            ),
            models.CheckConstraint(
                condition=Q(risk_category__in=list(terms.RISK_CATEGORIES)),
                name="assessment_category_is_known",
            ),
            models.CheckConstraint(
                condition=Q(malignancy__gte=0, malignancy__lte=1),
                name="assessment_malignancy_is_a_probability",
            ),
            models.CheckConstraint(
                condition=Q(advice__in=list(terms.ADVICE)), name="assessment_advice_is_known"
            ),
        ]

    def __str__(self) -> str:
        return _("assessment of %(id)s by %(version)s") % {
            "id": str(self.record_id)[:8],
            "version": self.model_version,
        }

    def as_dict(self) -> dict[str, Any]:
        """The assessment object that the API, the command line and the phone share."""
        return {name: getattr(self, name) for name in CONTRACT}
