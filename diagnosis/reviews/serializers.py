"""Records and verdicts as doctors' programs see them: people under pseudonyms."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.age import age_on
from diagnosis.language import terms
from diagnosis.records.models import MAX_TEXT, MoleRecord
from diagnosis.records.serializers import AssessmentSerializer
from diagnosis.reviews import looks
from diagnosis.reviews.models import DIAGNOSIS_CODE, Review

DIAGNOSES = list(terms.DIAGNOSES.items())
CATEGORIES = list(terms.RISK_CATEGORIES.items())
URGENCIES = list(terms.URGENCIES.items())


class VerdictChangesSerializer(serializers.Serializer):
    """What a doctor writes; what is left out stays."""

    diagnosis = serializers.ChoiceField(DIAGNOSES, required=False, allow_blank=True)
    other_diagnosis = serializers.CharField(max_length=200, required=False, allow_blank=True)
    code = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        validators=[DIAGNOSIS_CODE],
        help_text=_("Of ICD-10, ICD-11 or SNOMED CT."),
    )
    risk_category = serializers.ChoiceField(CATEGORIES, required=False)
    urgency = serializers.ChoiceField(URGENCIES, required=False)
    confidence = serializers.ChoiceField(Review.Confidence.choices, required=False)
    comment = serializers.CharField(
        max_length=MAX_TEXT, required=False, allow_blank=True, help_text=_("The person reads it.")
    )
    private_comment = serializers.CharField(
        max_length=MAX_TEXT, required=False, allow_blank=True, help_text=_("Only doctors see it.")
    )


class VerdictSerializer(VerdictChangesSerializer):
    risk_category = serializers.ChoiceField(CATEGORIES)
    urgency = serializers.ChoiceField(URGENCIES)
    confidence = serializers.ChoiceField(Review.Confidence.choices)
    known = serializers.IntegerField(
        min_value=0,
        max_value=10_000,
        required=False,
        help_text=_("How many verdicts you saw: one more, and yours is refused."),
    )


class WrittenVerdictSerializer(serializers.ModelSerializer):
    """A verdict, as doctors read it."""

    doctor = serializers.CharField(source="signature", read_only=True)
    diagnosis = serializers.ChoiceField(DIAGNOSES, allow_blank=True)
    risk_category = serializers.ChoiceField(CATEGORIES)
    urgency = serializers.ChoiceField(URGENCIES)
    confidence = serializers.ChoiceField(Review.Confidence.choices, allow_blank=True)

    class Meta:
        model = Review
        fields = ("id", "record", "doctor", *Review.VERDICT, "blind", "is_final", "created_at")
        read_only_fields = fields


class SkippedSerializer(serializers.Serializer):
    skip = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=1000,
        help_text=_("Records that you passed over."),
    )


class SimilarCaseSerializer(serializers.Serializer):
    """Another person's reviewed record beside one that is looked at."""

    distance = serializers.FloatField(help_text=_("0 the same picture, 1 an unrelated one."))
    month = serializers.DateField(help_text=_("The first day of the month in which it was sent."))
    picture = serializers.CharField(help_text=_("A small JPEG as a data: address, or empty."))
    diagnosis = serializers.ChoiceField(DIAGNOSES, allow_blank=True)
    risk_category = serializers.ChoiceField(CATEGORIES)
    urgency = serializers.ChoiceField(URGENCIES)


class PatientMoleSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    body_site = serializers.ChoiceField(list(terms.BODY_SITES.items()), allow_blank=True)


class PatientRecordSerializer(serializers.ModelSerializer):
    """Another person's record, before a doctor.

    ``assessment`` and ``danger`` are null while there is no answer, and for a doctor who reviews
    blind and has not written a verdict yet.
    """

    person = serializers.CharField(source="owner.pseudonym", read_only=True)
    age = serializers.SerializerMethodField()
    mole = PatientMoleSerializer(read_only=True, allow_null=True)
    size_mm = serializers.DecimalField(
        max_digits=4, decimal_places=1, coerce_to_string=False, read_only=True, allow_null=True
    )
    image = serializers.HyperlinkedIdentityField(view_name="api-queue-image")
    thumbnail = serializers.HyperlinkedIdentityField(view_name="api-queue-thumbnail")
    danger = serializers.ChoiceField(MoleRecord.Danger.choices, read_only=True, allow_null=True)
    assessment = AssessmentSerializer(source="current_assessment", read_only=True, allow_null=True)
    claimed_by = serializers.SerializerMethodField()
    reviews = WrittenVerdictSerializer(many=True, read_only=True)

    class Meta:
        model = MoleRecord
        fields = (
            *("id", "person", "age", "state", "mole", "modality", "note", "signs", "size_mm"),
            *("image", "thumbnail", "created_at", "danger", "assessment", "claimed_by", "reviews"),
        )
        read_only_fields = fields

    def get_age(self, record: MoleRecord) -> int | None:
        return age_on(timezone.localdate(), record.born) if record.born else None

    def get_claimed_by(self, record: MoleRecord) -> str | None:
        until = record.review_claimed_until
        if record.review_claimed_by is None or until is None or until < timezone.now():
            return None
        return str(record.review_claimed_by)

    def to_representation(self, record: MoleRecord) -> dict[str, Any]:
        shown = super().to_representation(record)
        if looks.is_hidden(record=record, doctor=self.context["request"].user):
            shown |= {"assessment": None, "danger": None}
        return shown
