"""What the API answers of records, written plainly: field by field took most of a page's time."""

import uuid
from collections.abc import Iterable
from typing import Any

import orjson
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.reverse import reverse

from diagnosis.language import results, terms, verdicts
from diagnosis.records.models import Assessment, FurtherPicture, MoleRecord, Picture
from diagnosis.records.querysets import CONTRACT

CHANGES_FOUND = _(
    "What measurably changed since the mole's first picture: the advice is then never less than "
    "doctor_weeks."
)
PHONE_ADVICE = _(
    "What the camera page had shown of it; empty for every other upload. Where that is more than "
    "the assessment's advice, a doctor should look at the mole."
)
IS_STALE = _(
    "The pictures or the place of the mole were changed since the assessment, which does not count "
    "that: an advice of watch is then not to be told. Another assessment is to come, unless "
    "`is_left_uncounted`."
)
IS_LEFT_UNCOUNTED = _(
    "`is_stale`, and no other assessment is to be waited for: the pictures are of a kind that is "
    "not judged any more, or could not be judged for an hour. Pages say that what was changed is "
    "not counted, and ask for a new picture."
)
IS_COMPARED = _(
    "False while a change since the mole's first picture may still be found: an advice of watch is "
    "then not to be told yet."
)
IS_COMPARABLE = _(
    "False where the picture could not be compared with the mole's first one: it can't be said "
    "whether it shows a change, which is to be told beside the advice."
)
IS_REVIEWED = _(
    "A doctor's final verdict holds. Not so where a sign or a change came after it: then the "
    "record waits for a doctor again; nor where `asked_before` asks for more since. Either way the "
    "assessment's advice is what to tell."
)
ASKED_BEFORE = _(
    "The soonest visit that a verdict on an earlier picture of the mole asks for; else empty. It "
    "holds until a doctor writes otherwise of that picture or of a later one, or that picture is "
    "deleted, also while there is no assessment."
)
VISITS = [(urgency, terms.URGENCIES[urgency]) for urgency in terms.BY_A_DOCTOR]
NOTHING, NO_PICTURE = str(uuid.UUID(int=0)), str(uuid.UUID(int=1))
as_time = serializers.DateTimeField().to_representation


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
    risk_category = serializers.ChoiceField(list(terms.RISK_CATEGORIES.items()), allow_null=True)
    uncertain = serializers.BooleanField()
    advice = serializers.ChoiceField(list(terms.ADVICE.items()))


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
    advice = serializers.ChoiceField(
        list(terms.ADVICE.items()),
        read_only=True,
        help_text=_("With the person's signs and the record's changes: the one that holds."),
    )
    used = serializers.ListField(child=serializers.ChoiceField(list(terms.KNOWN.items())))
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


def assessment_of(record: Any) -> orjson.Fragment | None:
    """The assessment object of a record that was read ``with_assessment_json``."""
    return record.assessment_json and orjson.Fragment(record.assessment_json)


class ReviewSerializer(serializers.Serializer):
    """A doctor's verdict, as its person may read it."""

    doctor = serializers.CharField(
        source="signature", help_text=_("Empty where the doctor's account has no name.")
    )
    diagnosis = serializers.ChoiceField(list(terms.DIAGNOSES.items()), allow_blank=True)
    other_diagnosis = serializers.CharField()
    code = serializers.CharField()
    risk_category = serializers.ChoiceField(list(terms.RISK_CATEGORIES.items()))
    urgency = serializers.ChoiceField(list(terms.URGENCIES.items()))
    comment = serializers.CharField()
    created_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField(
        help_text=_(
            "When it was written or last corrected; newest first. Beneath a later verdict a "
            "correction counts where it changes the risk category or the urgency, unless it would "
            "end a sooner visit that another verdict asks for."
        )
    )

    def to_representation(self, review: Any) -> dict[str, Any]:
        return {
            "doctor": review.signature,
            "diagnosis": review.diagnosis,
            "other_diagnosis": review.other_diagnosis,
            "code": review.code,
            "risk_category": review.risk_category,
            "urgency": review.urgency,
            "comment": review.comment,
            "created_at": as_time(review.created_at),
            "changed_at": as_time(review.changed_at),
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

    room = "api-record"  # where the names of its addresses begin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._of_nothing: dict[str, str] = {}

    id = serializers.UUIDField(source="pk")
    modality = serializers.ChoiceField(list(terms.MODALITIES.items()))
    created_at = serializers.DateTimeField()
    image = serializers.URLField()
    thumbnail = serializers.URLField()

    def to_representation(self, picture: Picture) -> dict[str, Any]:
        return {
            "id": str(picture.pk),
            "modality": picture.modality,
            "created_at": as_time(picture.created_at),
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
        child=serializers.ChoiceField(list(terms.CHANGES.items())),
        read_only=True,
        help_text=CHANGES_FOUND,
    )
    phone_advice = serializers.ChoiceField(
        list(terms.ADVICE.items()),
        allow_blank=True,
        read_only=True,
        help_text=PHONE_ADVICE,
    )
    failure_reason = serializers.ChoiceField(
        MoleRecord.FailureReason.choices, allow_blank=True, read_only=True
    )
    image = serializers.URLField(read_only=True)
    thumbnail = serializers.URLField(read_only=True)
    assessment = AssessmentSerializer(source="current_assessment", read_only=True, allow_null=True)
    is_stale = serializers.BooleanField(read_only=True, help_text=IS_STALE)
    is_left_uncounted = serializers.BooleanField(read_only=True, help_text=IS_LEFT_UNCOUNTED)
    is_compared = serializers.BooleanField(read_only=True, help_text=IS_COMPARED)
    is_comparable = serializers.BooleanField(read_only=True, help_text=IS_COMPARABLE)
    is_reviewed = serializers.BooleanField(read_only=True, help_text=IS_REVIEWED)
    asked_before = serializers.ChoiceField(
        VISITS, allow_blank=True, read_only=True, help_text=ASKED_BEFORE
    )
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
            "phone_advice",
            "image",
            "thumbnail",
            "pictures",
            "created_at",
            "finished_at",
            "assessment",
            "is_stale",
            "is_left_uncounted",
            "is_compared",
            "is_comparable",
            "is_reviewed",
            "asked_before",
            "reviews",
        )
        read_only_fields = fields

    def to_representation(self, record: Any) -> dict[str, Any]:
        """Of a record that was read ``for_programs``."""
        sitting = (record, *record.others)
        pictures = [self._picture.to_representation(one) for one in sitting]
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
            "phone_advice": record.phone_advice,
            "image": pictures[0]["image"],
            "thumbnail": pictures[0]["thumbnail"],
            "pictures": pictures,
            "created_at": as_time(record.created_at),
            "finished_at": record.finished_at and as_time(record.finished_at),
            "assessment": assessment_of(record),
            "is_stale": record.is_stale,
            "is_left_uncounted": results.is_left_uncounted(record, sitting),
            "is_compared": record.is_compared,
            "is_comparable": record.is_comparable,
            "is_reviewed": verdicts.is_settled(record, record.verdicts),
            "asked_before": record.asked_before,
            "reviews": [_review(review) for review in record.verdicts],
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
