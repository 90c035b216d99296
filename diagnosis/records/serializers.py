from decimal import Decimal

from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from diagnosis.language import terms
from diagnosis.moles.models import Mole
from diagnosis.records.models import MAX_SIZE_MM, Assessment, MoleRecord
from ml.decoding.kinds import NAMES


def _probabilities(name: str, keys: dict[str, str]) -> serializers.Serializer:
    fields = {key: serializers.FloatField(min_value=0, max_value=1) for key in keys}
    return type(name, (serializers.Serializer,), fields)()


class HeatmapSerializer(serializers.Serializer):
    rows = serializers.IntegerField()
    cols = serializers.IntegerField()
    values = serializers.ListField(child=serializers.FloatField())


class PictureAloneSerializer(serializers.Serializer):
    """The answer without what is known of the person."""

    malignancy = serializers.FloatField(min_value=0, max_value=1)
    risk_category = serializers.ChoiceField(terms.RISK_CATEGORIES, allow_null=True)
    uncertain = serializers.BooleanField()
    advice = serializers.ChoiceField(terms.ADVICE)


class AssessmentSerializer(serializers.ModelSerializer):
    """The assessment object that the API, the command line and the phone share."""

    diagnoses = _probabilities("Diagnoses", terms.DIAGNOSES)
    categories = _probabilities("Categories", terms.RISK_CATEGORIES)
    used = serializers.ListField(child=serializers.ChoiceField(terms.KNOWN))
    picture = PictureAloneSerializer(allow_null=True)
    heatmap = HeatmapSerializer(allow_null=True)
    outline = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2),
        allow_null=True,
    )

    class Meta:
        model = Assessment
        fields = (
            "model_version",
            "modality",
            "usable",
            "reasons",
            "warnings",
            "diagnoses",
            "categories",
            "malignancy",
            "risk_category",
            "uncertain",
            "advice",
            "used",
            "picture",
            "heatmap",
            "outline",
            "milliseconds",
        )
        read_only_fields = fields


class ReviewSerializer(serializers.Serializer):
    """A doctor's verdict, as its person may read it."""

    doctor = serializers.CharField(source="signature")
    diagnosis = serializers.ChoiceField(terms.DIAGNOSES, allow_blank=True)
    other_diagnosis = serializers.CharField()
    code = serializers.CharField()
    risk_category = serializers.ChoiceField(terms.RISK_CATEGORIES)
    urgency = serializers.ChoiceField(terms.URGENCIES)
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()


class RecordSerializer(serializers.ModelSerializer):
    failure_reason = serializers.ChoiceField(
        MoleRecord.FailureReason, allow_blank=True, read_only=True
    )
    image = serializers.HyperlinkedIdentityField(view_name="api-record-image")
    assessment = AssessmentSerializer(source="current_assessment", read_only=True, allow_null=True)
    reviews = ReviewSerializer(many=True, read_only=True)
    size_mm = serializers.DecimalField(
        max_digits=4, decimal_places=1, coerce_to_string=False, read_only=True, allow_null=True
    )

    class Meta:
        model = MoleRecord
        fields = (
            "id",
            "state",
            "failure_reason",
            "mole",
            "modality",
            "note",
            "signs",
            "size_mm",
            "image",
            "created_at",
            "finished_at",
            "assessment",
            "reviews",
        )
        read_only_fields = fields


class CreatedSerializer(RecordSerializer):
    """A record that was just made, and the last one before it of the very same picture."""

    same_picture = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta(RecordSerializer.Meta):
        fields = (*RecordSerializer.Meta.fields, "same_picture")
        read_only_fields = fields


class PictureSerializer(serializers.Serializer):
    image = serializers.FileField(help_text=format_lazy(_("{kinds}; at most 25 MB."), kinds=NAMES))


class OwnMoleField(serializers.PrimaryKeyRelatedField):
    def get_queryset(self) -> QuerySet[Mole]:
        return Mole.objects.filter(owner=self.context["request"].user)


class UploadSerializer(PictureSerializer):
    modality = serializers.ChoiceField(choices=terms.MODALITIES, default="photo")
    mole = OwnMoleField(
        queryset=Mole.objects.all(), default=None, allow_null=True, help_text=_("Of one of yours.")
    )
    note = serializers.CharField(max_length=2000, default="", allow_blank=True)
    signs = serializers.MultipleChoiceField(choices=terms.SIGNS, default=())
    size_mm = serializers.DecimalField(
        max_digits=4,
        decimal_places=1,
        min_value=Decimal("0.1"),
        max_value=MAX_SIZE_MM,
        default=None,
        allow_null=True,
        help_text=_("Where the mole is widest, in millimetres."),
    )
    phone_advice = serializers.ChoiceField(
        choices=terms.ADVICE,
        default="",
        allow_blank=True,
        help_text=_("What the camera page had shown of it."),
    )
