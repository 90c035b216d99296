"""The doctors' verdicts, and what each doctor chose for them."""

import uuid
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.names import check_name
from diagnosis.language import terms
from diagnosis.records.models import TEXT_LIMIT, MoleRecord
from ml import taxonomy

# Told apart by their shape: ICD-10 has a digit in the second place, ICD-11 a letter there.
DIAGNOSIS_CODE = RegexValidator(
    r"^([A-Z]\d[\dA-Z](\.[\dA-Z]{1,4})?|[\dA-Z][A-Z]\d[\dA-Z](\.[\dA-Z]{1,2})?|\d{6,18})\Z",
    _("This is not an ICD-10 code (D22.5), ICD-11 code (2C30.0) or SNOMED CT code (400096001)."),
)


class ReviewManager(models.Manager["Review"]):
    def get_queryset(self) -> models.QuerySet["Review"]:
        """Each with its doctor, whose name stands below the verdict wherever it is shown."""
        return super().get_queryset().select_related("doctor__doctor_profile")


class Review(models.Model):
    """A doctor's verdict on a record; the person sees it above the model's."""

    # What the doctor writes; all else is kept by the service.
    VERDICT = (
        *("diagnosis", "other_diagnosis", "code", "risk_category", "urgency", "confidence"),
        *("comment", "private_comment"),
    )
    FOR_DOCTORS = ("confidence", "private_comment")  # of it, what the person does not read

    class Confidence(models.TextChoices):
        LOW = "low", _("low")
        MEDIUM = "medium", _("medium")
        HIGH = "high", _("high")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record = models.ForeignKey(
        MoleRecord, models.CASCADE, related_name="reviews", verbose_name=_("record")
    )
    # A verdict keeps its author: a doctor who leaves is deactivated, not deleted.
    doctor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="reviews", verbose_name=_("doctor")
    )
    diagnosis = models.CharField(_("diagnosis"), max_length=20, blank=True, choices=terms.DIAGNOSES)
    other_diagnosis = models.CharField(
        _("another diagnosis"),
        max_length=200,
        blank=True,
        validators=[check_name],
        help_text=_("In your own words, where none of the above fits."),
    )
    code = models.CharField(
        _("code"),
        max_length=20,
        blank=True,
        validators=[DIAGNOSIS_CODE],
        help_text=_("Of ICD-10, ICD-11 or SNOMED CT."),
    )
    risk_category = models.CharField(
        _("risk category"), max_length=20, choices=terms.RISK_CATEGORIES
    )
    # No default: "no visit needed" has to be said, not left standing.
    urgency = models.CharField(_("urgency"), max_length=20, choices=terms.URGENCIES)
    # Empty in verdicts from before it was asked for.
    confidence = models.CharField(
        _("confidence"), max_length=20, choices=Confidence, blank=True, default=""
    )
    comment = models.TextField(_("comment to the person"), validators=[TEXT_LIMIT], blank=True)
    private_comment = models.TextField(
        _("private comment"),
        validators=[TEXT_LIMIT],
        blank=True,
        help_text=_("Only doctors see it."),
    )
    blind = models.BooleanField(
        _("blind"),
        default=False,
        editable=False,
        help_text=_("Written without a look at the program's answer."),
    )
    # Not while a colleague is asked, nor where another verdict took its place: for doctors only.
    is_final = models.BooleanField(_("final"), default=True, db_default=True, editable=False)
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)
    # Written, last corrected, or made final: which of several verdicts is the newest.
    news_since = models.DateTimeField(default=timezone.now, editable=False)

    objects = ReviewManager()

    @property
    def changed_at(self) -> datetime:
        """When it was written, last corrected, or made final."""
        return max(self.created_at, self.news_since)

    def clean(self) -> None:
        """What its person reads as “No visit needed” is not said of a melanoma."""
        super().clean()
        if self.risk_category == taxonomy.HIGH_RISK and self.urgency == "none":
            raise ValidationError(
                {"urgency": _("A high-risk cancer has to be seen: say how soon.")}
            )

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["-news_since"]
        constraints = [
            models.CheckConstraint(
                condition=Q(risk_category__in=list(terms.RISK_CATEGORIES)),
                name="review_category_is_known",
            ),
            models.CheckConstraint(
                condition=Q(urgency__in=list(terms.URGENCIES)),
                name="review_urgency_is_known",
            ),
            models.CheckConstraint(
                condition=Q(confidence__in=["", "low", "medium", "high"]),
                name="review_confidence_is_known",
            ),
            models.CheckConstraint(
                condition=Q(diagnosis="")
                | Q(risk_category=taxonomy.BENIGN, diagnosis__in=list(taxonomy.BENIGN_DIAGNOSES))
                | Q(
                    risk_category=taxonomy.LOW_RISK, diagnosis__in=list(taxonomy.LOW_RISK_DIAGNOSES)
                )
                | Q(
                    risk_category=taxonomy.HIGH_RISK,
                    diagnosis__in=list(taxonomy.ALLOWED[taxonomy.HIGH_RISK]),
                ),
                name="review_diagnosis_fits_the_category",
                violation_error_message=_("This diagnosis belongs to another risk category."),
            ),
            models.CheckConstraint(
                condition=Q(diagnosis="") | Q(other_diagnosis=""),
                name="review_one_diagnosis",
                violation_error_message=_("Choose a diagnosis or write another one, not both."),
            ),
            models.CheckConstraint(
                condition=Q(code="") | ~Q(diagnosis="", other_diagnosis=""),
                name="review_code_of_a_diagnosis",
                violation_error_message=_("A code needs the diagnosis that it stands for."),
            ),
        ]

    def __str__(self) -> str:
        return _("review of %(id)s") % {"id": str(self.record_id)[:8]}

    @property
    def signature(self) -> str:
        """The doctor's name as the doctor chose to show it; never the e-mail address."""
        profile = getattr(self.doctor, "doctor_profile", None)
        return (profile and profile.shown_name) or self.doctor.display_name

    @property
    def diagnosis_in_words(self) -> str:
        return self.other_diagnosis or self.get_diagnosis_display()


class SecondOpinion(models.Model):
    """A question of one doctor to another about a verdict, until there is a final one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    first = models.OneToOneField(
        Review, models.CASCADE, related_name="second_opinion", verbose_name=_("verdict")
    )
    asked = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="asked_opinions",
        verbose_name=_("asked doctor"),
    )
    question = models.TextField(_("question"), validators=[TEXT_LIMIT], blank=True)
    second = models.OneToOneField(
        Review,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="given_as_second",
        verbose_name=_("second verdict"),
    )
    # As the second one was written: by a later correction, one doctor has read the other.
    is_same_category = models.BooleanField(_("same risk category"), null=True, editable=False)
    final = models.ForeignKey(
        Review,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="settles",
        verbose_name=_("final verdict"),
    )
    created_at = models.DateTimeField(_("asked at"), auto_now_add=True)

    class Meta:
        verbose_name = _("second opinion")
        verbose_name_plural = _("second opinions")

    def __str__(self) -> str:
        return _("second opinion on %(id)s") % {"id": str(self.first.record_id)[:8]}

    @property
    def state(self) -> str:
        """``waiting`` for the colleague, ``differs`` between the two, or ``settled``."""
        if self.final_id:
            return "settled"
        return "differs" if self.second_id else "waiting"

    @property
    def differs(self) -> list[str]:
        """The names of what both doctors say differently; empty while the second is missing."""
        if self.second is None:
            return []
        compared = ("risk_category", "urgency")
        return [n for n in compared if getattr(self.first, n) != getattr(self.second, n)]


class DoctorProfile(models.Model):
    """What a doctor chose for the reviews."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="doctor_profile",
        verbose_name=_("doctor"),
    )
    shown_name = models.CharField(
        _("name shown to people"),
        max_length=100,
        blank=True,
        validators=[check_name],
        help_text=_("Above your verdicts. Empty: the name of your account."),
    )
    blind_review = models.BooleanField(
        _("blind review"),
        default=False,
        help_text=_(
            "Hides the program's answer until you ask for it, "
            "so that it does not lead your own judgement."
        ),
    )
    shortcuts = models.BooleanField(
        _("keyboard shortcuts"),
        default=True,
        help_text=_("Single keys, such as 1 for benign, on the page of a record."),
    )

    class Meta:
        verbose_name = _("settings for reviews")
        verbose_name_plural = _("settings for reviews")

    def __str__(self) -> str:
        return str(self.user)
