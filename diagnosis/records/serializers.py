import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import cached_property
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.reverse import reverse

from diagnosis.language import terms
from diagnosis.moles.models import Mole
from diagnosis.records import pictures, waiting
from diagnosis.records.models import (
    CONTRACT,
    MAX_SIZE_MM,
    MAX_TEXT,
    MIN_SIZE_MM,
    Assessment,
    FurtherPicture,
    MoleRecord,
    Picture,
)
from diagnosis.records.uploads import NO_SIZE, ONE_MOLE, TOO_MANY
from ml.decoding.kinds import NAMES
from ml.sitting.together import MOST

EACH_KIND = _("Send it once for all pictures, or once for each of them.")

NOTHING, NO_PICTURE = str(uuid.UUID(int=0)), str(uuid.UUID(int=1))
_time = serializers.DateTimeField().to_representation


def _probabilities(name: str, keys: Iterable[str]) -> type[serializers.Serializer]:
    fields = {key: serializers.FloatField(min_value=0, max_value=1) for key in keys}
    return type(name, (serializers.Serializer,), fields)


Diagnoses = _probabilities("Diagnoses", terms.DIAGNOSES)
Categories = _probabilities("Categories", terms.RISK_CATEGORIES)


class OutlineField(serializers.ListField):
    """Corners as shares of the picture's width and height."""

    child = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)


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


class PartSerializer(serializers.Serializer):
    """The answer to one of several pictures: what it would be alone."""

    id = serializers.UUIDField(help_text=_("Of the picture; the record's for its own."))
    modality = serializers.ChoiceField(list(terms.MODALITIES.items()))
    usable = serializers.BooleanField(help_text=_("Where it is not, it is left out of the mean."))
    reasons = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    diagnoses = Diagnoses()
    malignancy = serializers.FloatField(min_value=0, max_value=1)
    risk_category = serializers.ChoiceField(list(terms.RISK_CATEGORIES.items()), allow_null=True)
    uncertain = serializers.BooleanField()
    advice = serializers.ChoiceField(list(terms.ADVICE.items()))
    heatmap = HeatmapSerializer(allow_null=True)
    outline = OutlineField(allow_null=True)


class AssessmentSerializer(serializers.ModelSerializer):
    """The assessment object that the API, the command line and the phone share."""

    diagnoses = Diagnoses()
    categories = Categories()
    used = serializers.ListField(child=serializers.ChoiceField(terms.KNOWN))
    picture = PictureAloneSerializer(allow_null=True)
    pictures = PartSerializer(
        many=True,
        help_text=_("The parts of an answer to several pictures, whose mean it is; else empty."),
    )
    heatmap = HeatmapSerializer(allow_null=True)
    outline = OutlineField(allow_null=True)

    class Meta:
        model = Assessment
        fields = CONTRACT
        read_only_fields = fields

    def to_representation(self, assessment: Assessment) -> dict[str, Any]:
        """As it is stored: field by field, the heatmaps of a page took most of its time."""
        return assessment.as_dict()


class ReviewSerializer(serializers.Serializer):
    """A doctor's verdict, as its person may read it."""

    doctor = serializers.CharField(source="signature")
    diagnosis = serializers.ChoiceField(list(terms.DIAGNOSES.items()), allow_blank=True)
    other_diagnosis = serializers.CharField()
    code = serializers.CharField()
    risk_category = serializers.ChoiceField(list(terms.RISK_CATEGORIES.items()))
    urgency = serializers.ChoiceField(list(terms.URGENCIES.items()))
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()

    def to_representation(self, review: Any) -> dict[str, Any]:
        return {
            "doctor": review.signature,
            "diagnosis": review.diagnosis,
            "other_diagnosis": review.other_diagnosis,
            "code": review.code,
            "risk_category": review.risk_category,
            "urgency": review.urgency,
            "comment": review.comment,
            "created_at": _time(review.created_at),
        }


_review = ReviewSerializer().to_representation


class MeasuresSerializer(serializers.Serializer):
    """Of the mole in one picture; area and diameter of both in pixels of the earlier one."""

    area = serializers.FloatField()
    diameter = serializers.FloatField()
    asymmetry = serializers.FloatField()
    border = serializers.FloatField()
    colours = serializers.FloatField()
    mm = serializers.FloatField(
        allow_null=True, help_text=_("The longest diameter in millimetres, where a size is known.")
    )


class ChangeSerializer(serializers.Serializer):
    """What changed between two pictures of a mole; ``differences`` are logarithms of ratios for
    area and diameter, and ``limit`` is what they must exceed to be in ``changes``."""

    since = serializers.UUIDField(help_text=_("The earlier record."))
    state = serializers.ChoiceField(["waiting", "measured", "not_compared"])
    reason = serializers.CharField()
    matrix = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), allow_null=True
    )
    before = MeasuresSerializer(allow_null=True)
    after = MeasuresSerializer(allow_null=True)
    differences = serializers.DictField(child=serializers.FloatField())
    limit = serializers.DictField(child=serializers.FloatField())
    changes = serializers.ListField(child=serializers.ChoiceField(list(terms.CHANGES.items())))


class SittingPictureSerializer(serializers.Serializer):
    """One picture of a record."""

    room = "api-record"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._of_nothing: dict[str, str] = {}

    id = serializers.UUIDField(source="pk")
    modality = serializers.ChoiceField(list(terms.MODALITIES.items()))
    created_at = serializers.DateTimeField()
    image = serializers.URLField()
    thumbnail = serializers.URLField()

    def to_representation(self, picture: Picture) -> dict[str, Any]:
        """Plainly, as ``RecordSerializer`` does."""
        return {
            "id": str(picture.pk),
            "modality": picture.modality,
            "created_at": _time(picture.created_at),
            "image": self._address(picture, "image"),
            "thumbnail": self._address(picture, "thumbnail"),
        }

    def _address(self, picture: Picture, what: str) -> str:
        """Looked up once for all rows of an answer."""
        is_further = isinstance(picture, FurtherPicture)
        name = f"{self.room}-picture-{what}" if is_further else f"{self.room}-{what}"
        if name not in self._of_nothing:
            keys = {"pk": NOTHING} | ({"picture": NO_PICTURE} if is_further else {})
            self._of_nothing[name] = reverse(name, kwargs=keys, request=self.context["request"])
        record = picture.record_id if isinstance(picture, FurtherPicture) else picture.pk
        address = self._of_nothing[name].replace(NOTHING, str(record))
        return address.replace(NO_PICTURE, str(picture.pk))


class RecordSerializer(serializers.ModelSerializer):
    pictures = SittingPictureSerializer(
        many=True,
        read_only=True,
        help_text=_("All of the sitting, the record's own first."),
    )
    changes = serializers.ListField(
        child=serializers.ChoiceField(list(terms.CHANGES.items())), read_only=True
    )
    failure_reason = serializers.ChoiceField(
        MoleRecord.FailureReason.choices, allow_blank=True, read_only=True
    )
    image = serializers.URLField(read_only=True)
    thumbnail = serializers.URLField(read_only=True)
    assessment = AssessmentSerializer(source="current_assessment", read_only=True, allow_null=True)
    reviews = ReviewSerializer(many=True, read_only=True)
    size_mm = serializers.DecimalField(
        max_digits=4, decimal_places=1, coerce_to_string=False, read_only=True, allow_null=True
    )

    class Meta:
        model = MoleRecord
        fields: tuple[str, ...] = (
            "id",
            "state",
            "failure_reason",
            "mole",
            "modality",
            "note",
            "signs",
            "size_mm",
            "changes",
            "image",
            "thumbnail",
            "pictures",
            "created_at",
            "finished_at",
            "assessment",
            "reviews",
        )
        read_only_fields = fields

    def to_representation(self, record: MoleRecord) -> dict[str, Any]:
        """As the fields above describe it: one by one they took a third of a page's time."""
        pictures = [self._picture.to_representation(one) for one in record.pictures]
        assessment = record.current_assessment
        return {
            "id": str(record.pk),
            "state": record.state,
            "failure_reason": record.failure_reason,
            "mole": record.mole_id and str(record.mole_id),
            "modality": record.modality,
            "note": record.note,
            "signs": record.signs,
            "size_mm": record.size_mm,
            "changes": record.changes,
            "image": pictures[0]["image"],
            "thumbnail": pictures[0]["thumbnail"],
            "pictures": pictures,
            "created_at": _time(record.created_at),
            "finished_at": record.finished_at and _time(record.finished_at),
            "assessment": assessment and assessment.as_dict(),
            "reviews": [_review(review) for review in record.reviews.all()],
        }

    @cached_property
    def _picture(self) -> SittingPictureSerializer:
        return SittingPictureSerializer(context=self.context)


class CreatedSerializer(RecordSerializer):
    """A record that was just made, and the last one before it of the very same picture."""

    same_picture = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta(RecordSerializer.Meta):
        fields = (*RecordSerializer.Meta.fields, "same_picture")
        read_only_fields = fields


class OwnMoleField(serializers.PrimaryKeyRelatedField):
    def get_queryset(self) -> QuerySet[Mole]:
        return Mole.objects.filter(owner=self.context["request"].user)


class WaitSerializer(serializers.Serializer):
    wait = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=waiting.LONGEST,
        help_text=_("Seconds that the answer may be held while the record is not assessed."),
    )


class AnswersSerializer(serializers.Serializer):
    """What the person says of the mole, with its picture or later."""

    mole = OwnMoleField(
        queryset=Mole.objects.all(),
        required=False,
        allow_null=True,
        help_text=_("Of one of yours."),
    )
    mole_name = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text=_("In place of mole: that of one of yours, or of a new one."),
    )
    body_site = serializers.ChoiceField(
        choices=list(terms.BODY_SITES.items()),
        required=False,
        allow_blank=True,
        help_text=_("Where the named mole is; alone, it makes a new one."),
    )
    note = serializers.CharField(max_length=MAX_TEXT, required=False, allow_blank=True)
    signs = serializers.MultipleChoiceField(choices=list(terms.SIGNS.items()), required=False)
    size_mm = serializers.DecimalField(
        max_digits=4,
        decimal_places=1,
        min_value=MIN_SIZE_MM,
        max_value=MAX_SIZE_MM,
        required=False,
        allow_null=True,
        help_text=_("Where the mole is widest, in millimetres."),
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places"), NO_SIZE
        )
        | {"max_whole_digits": NO_SIZE, "max_string_length": NO_SIZE},
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("mole") and data.get("mole_name"):
            raise serializers.ValidationError({"mole_name": ONE_MOLE})
        return data


class SeveralField(serializers.ListField):
    """A field of a form that may be there several times; what is wrong is said without numbers."""

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        try:
            return super().run_child_validation(data)
        except serializers.ValidationError as error:
            by_number: Any = error.detail
            raise serializers.ValidationError(
                [sentence for sentences in by_number.values() for sentence in sentences]
            ) from error


class FormSerializer(serializers.Serializer):
    """A form in which only the fields of ``several`` may be there more than once."""

    several: tuple[str, ...] = ()

    def to_internal_value(self, data: QueryDict) -> dict[str, Any]:
        twice = [n for n in data if n not in self.several and len(data.getlist(n)) > 1]
        if twice:
            raise serializers.ValidationError({name: [_("It is there twice.")] for name in twice})
        return super().to_internal_value(data)


class PictureSerializer(FormSerializer):
    image = serializers.FileField(
        help_text=format_lazy(
            _("{kinds}; at most {limit} MB."), kinds=NAMES, limit=pictures.MAX_BYTES // 1024**2
        )
    )


class FurtherPictureSerializer(PictureSerializer):
    modality = serializers.ChoiceField(choices=list(terms.MODALITIES.items()), default="photo")


class UploadSerializer(FormSerializer, AnswersSerializer):
    several = ("image", "modality", "signs")

    image = SeveralField(
        child=serializers.FileField(),
        max_length=MOST,
        allow_empty=False,
        error_messages={
            "max_length": TOO_MANY,
            "required": serializers.FileField.default_error_messages["required"],
        },
        help_text=format_lazy(
            _(
                "{kinds}; at most {limit} MB. Sent up to {most} times: pictures of one mole, taken "
                "one after the other, which give one answer."
            ),
            kinds=NAMES,
            limit=pictures.MAX_BYTES // 1024**2,
            most=MOST,
        ),
    )
    modality = SeveralField(
        child=serializers.ChoiceField(choices=list(terms.MODALITIES.items())),
        default=lambda: ["photo"],
        max_length=MOST,
        help_text=_("Of all pictures; or sent as often as image, and in the same order."),
    )
    only_new = serializers.BooleanField(
        default=False,
        help_text=_("Refuse the very same picture as one before, and say which that is."),
    )
    phone_advice = serializers.ChoiceField(
        choices=list(terms.ADVICE.items()),
        default="",
        allow_blank=True,
        help_text=_("What the camera page had shown of it."),
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        data = super().validate(data)
        file, *others = data.pop("image")
        kinds = data.pop("modality")
        if len(kinds) == 1:
            kinds *= 1 + len(others)
        if len(kinds) != 1 + len(others):
            raise serializers.ValidationError({"modality": [EACH_KIND]})
        kind, *their_kinds = kinds
        return data | {
            "file": file,
            "modality": kind,
            "further": list(zip(others, their_kinds, strict=True)),
        }
