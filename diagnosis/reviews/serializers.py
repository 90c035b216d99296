"""Records and verdicts as doctors' programs see them: people under pseudonyms."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.age import age_on
from accounts.models import User
from diagnosis.language import results, terms
from diagnosis.records.models import MAX_TEXT, MoleRecord
from diagnosis.records.serializers import (
    ASKED_BEFORE,
    CHANGES_FOUND,
    IS_COMPARABLE,
    IS_COMPARED,
    IS_LEFT_UNCOUNTED,
    IS_STALE,
    PHONE_ADVICE,
    VISITS,
    AssessmentSerializer,
    SittingPictureSerializer,
    as_time,
    assessment_of,
)
from diagnosis.reviews import looks, opinions, verdicts
from diagnosis.reviews.models import DIAGNOSIS_CODE, Review, SecondOpinion
from ml.sitting.together import MOST

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


class ColleagueField(serializers.PrimaryKeyRelatedField):
    def get_queryset(self) -> QuerySet[User]:
        return opinions.colleagues(self.context["request"].user)


class VerdictSerializer(VerdictChangesSerializer):
    risk_category = serializers.ChoiceField(CATEGORIES)
    urgency = serializers.ChoiceField(URGENCIES)
    confidence = serializers.ChoiceField(Review.Confidence.choices)
    known = serializers.IntegerField(
        min_value=0,
        max_value=10_000,
        required=False,
        help_text=_("As the record said it: with one verdict more by now, yours is refused."),
    )
    ask = ColleagueField(
        queryset=User.objects.none(),
        required=False,
        allow_null=True,
        help_text=_("A colleague for whose opinion the verdict waits, unless it is urgent."),
    )
    question = serializers.CharField(
        max_length=MAX_TEXT,
        required=False,
        allow_blank=True,
        help_text=_("To the colleague. Only doctors see it."),
    )
    seen = serializers.IntegerField(
        min_value=1,
        max_value=MOST,
        required=False,
        help_text=_("How many pictures you saw: one more, and your verdict is refused."),
    )
    shown = serializers.ListField(
        child=serializers.CharField(max_length=100),
        max_length=MOST + 1,
        allow_empty=False,
        required=False,
        help_text=_(
            "As the record said it: with another picture, answer or words of the person by now, "
            "your verdict is refused."
        ),
    )


class WrittenVerdictSerializer(serializers.ModelSerializer):
    """A verdict, as doctors read it."""

    doctor = serializers.CharField(source="signature", read_only=True)
    diagnosis = serializers.ChoiceField(DIAGNOSES, allow_blank=True)
    risk_category = serializers.ChoiceField(CATEGORIES)
    urgency = serializers.ChoiceField(URGENCIES)
    confidence = serializers.ChoiceField(Review.Confidence.choices, allow_blank=True)
    changed_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = Review
        fields = (
            *("id", "record", "doctor", *Review.VERDICT, "blind", "is_final", "created_at"),
            "changed_at",
        )
        read_only_fields = fields


class ColleagueSerializer(serializers.Serializer):
    """Another doctor, who can be asked."""

    id = serializers.UUIDField()
    name = serializers.CharField(source="get_full_name")


class OpinionSerializer(serializers.ModelSerializer):
    """A question to a colleague about a verdict.

    ``first`` is null for the colleague who has not written a verdict yet.
    """

    record = serializers.UUIDField(source="first.record_id")
    asked_by = serializers.CharField(source="first.doctor.get_full_name")
    asked = serializers.CharField(source="asked.get_full_name")
    state = serializers.ChoiceField(["waiting", "differs", "settled"])
    differs = serializers.ListField(child=serializers.ChoiceField(["risk_category", "urgency"]))
    first = WrittenVerdictSerializer(allow_null=True)
    second = WrittenVerdictSerializer(allow_null=True)
    final = WrittenVerdictSerializer(allow_null=True)

    class Meta:
        model = SecondOpinion
        fields = (
            *("id", "record", "asked_by", "asked", "question", "created_at", "state", "differs"),
            *("first", "second", "final"),
        )
        read_only_fields = fields

    def to_representation(self, opinion: SecondOpinion) -> dict[str, Any]:
        shown = super().to_representation(opinion)
        if opinions.hides_verdicts(opinion, self.context["request"].user):
            shown["first"] = None
        return shown


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


class PatientPictureSerializer(SittingPictureSerializer):
    room = "api-queue"


class PatientRecordSerializer(serializers.ModelSerializer):
    """Another person's record, before a doctor.

    ``assessment`` is null, and ``changes`` is empty, while there is no answer, and for a doctor who
    reviews blind and has not written a verdict yet, who reads neither ``danger`` (null) nor
    ``phone_advice``; ``reviews`` is empty for one whose own opinion a colleague waits for,
    and ``known`` counts them all the same.
    """

    person = serializers.CharField(source="owner.pseudonym", read_only=True)
    age = serializers.IntegerField(read_only=True, allow_null=True)
    mole = PatientMoleSerializer(read_only=True, allow_null=True)
    size_mm = serializers.DecimalField(
        max_digits=4, decimal_places=1, coerce_to_string=False, read_only=True, allow_null=True
    )
    image = serializers.URLField(read_only=True)
    thumbnail = serializers.URLField(read_only=True)
    pictures = PatientPictureSerializer(
        many=True, read_only=True, help_text=_("All of the sitting, the record's own first.")
    )
    danger = serializers.ChoiceField(MoleRecord.Danger.choices, read_only=True, allow_null=True)
    changes = serializers.ListField(
        child=serializers.ChoiceField(list(terms.CHANGES.items())),
        read_only=True,
        help_text=CHANGES_FOUND,
    )
    phone_advice = serializers.ChoiceField(
        list(terms.ADVICE.items()), allow_blank=True, read_only=True, help_text=PHONE_ADVICE
    )
    assessment = AssessmentSerializer(source="current_assessment", read_only=True, allow_null=True)
    is_stale = serializers.BooleanField(read_only=True, help_text=IS_STALE)
    is_left_uncounted = serializers.BooleanField(read_only=True, help_text=IS_LEFT_UNCOUNTED)
    is_compared = serializers.BooleanField(read_only=True, help_text=IS_COMPARED)
    is_comparable = serializers.BooleanField(read_only=True, help_text=IS_COMPARABLE)
    asked_before = serializers.ChoiceField(
        VISITS, allow_blank=True, read_only=True, help_text=ASKED_BEFORE
    )
    claimed_by = serializers.CharField(read_only=True, allow_null=True)
    known = serializers.IntegerField(
        read_only=True,
        help_text=_("How many verdicts there are, hidden ones too; send it with yours."),
    )
    shown = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text=_(
            "Which pictures it has now, and what is said of it; send it with your verdict."
        ),
    )
    opinion = OpinionSerializer(
        read_only=True,
        allow_null=True,
        help_text=_("The question to a colleague that has no final verdict yet."),
    )
    reviews = WrittenVerdictSerializer(many=True, read_only=True)

    class Meta:
        model = MoleRecord
        fields = (
            *("id", "person", "age", "state", "mole", "modality", "note", "signs", "size_mm"),
            *("changes", "image", "thumbnail", "pictures", "created_at", "danger", "phone_advice"),
            *("assessment", "is_stale", "is_left_uncounted", "is_compared", "is_comparable"),
            *("asked_before", "claimed_by", "known", "shown", "opinion", "reviews"),
        )
        read_only_fields = fields

    def to_representation(self, record: Any) -> dict[str, Any]:
        """Of a record that was read ``with_assessment_json``."""
        doctor = self.context["request"].user
        mole, reviews = record.mole, record.reviews.all()
        is_own = record.owner_id == doctor.pk  # as opinions.readable says
        opinion = None if is_own else opinions.open_among(reviews)
        is_hiding = is_own or opinions.hides_verdicts(opinion, doctor)
        is_hidden = looks.is_hidden(record=record, doctor=doctor)
        pictures = [self._picture.to_representation(one) for one in record.pictures]
        return {
            "id": str(record.pk),
            "person": record.owner.pseudonym,
            "age": age_on(timezone.localdate(), record.born) if record.born else None,
            "state": record.state,
            "mole": mole and {"id": str(mole.pk), "name": mole.name, "body_site": mole.body_site},
            "modality": record.modality,
            "note": record.note,
            "signs": record.signs,
            "size_mm": record.size_mm,
            "changes": [] if is_hidden else record.changes,
            "image": pictures[0]["image"],
            "thumbnail": pictures[0]["thumbnail"],
            "pictures": pictures,
            "created_at": as_time(record.created_at),
            "danger": None if is_hidden else record.danger,
            "phone_advice": "" if is_hidden else record.phone_advice,
            "assessment": None if is_hidden else assessment_of(record),
            "is_stale": record.is_stale,
            "is_left_uncounted": results.is_left_uncounted(record),
            "is_compared": record.is_compared,
            "is_comparable": record.is_comparable,
            "asked_before": record.asked_before,
            "claimed_by": record.holder and record.holder.get_full_name(),
            "known": len(reviews),
            "shown": verdicts.shown_of(record),
            "opinion": opinion and OpinionSerializer(opinion, context=self.context).data,
            "reviews": [] if is_hiding else WrittenVerdictSerializer(reviews, many=True).data,
        }

    @cached_property
    def _picture(self) -> PatientPictureSerializer:
        return PatientPictureSerializer(context=self.context)
