"""What programs send of records: checked, and handed on to the services by their names."""

from typing import Any

from django.db.models import QuerySet
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.names import check_name
from accounts.requests import ChoicesField, FormSerializer
from diagnosis.language import terms
from diagnosis.moles.models import Mole
from diagnosis.records import pictures, waiting
from diagnosis.records.models import MAX_SIZE_MM, MAX_TEXT, MIN_SIZE_MM
from diagnosis.records.uploads import ELSEWHERE, NO_SIZE, ONE_MOLE, TOO_MANY
from ml.decoding.kinds import NAMES
from ml.sitting.together import MOST

EACH_KIND = _("Send it once for all pictures, or once for each of them.")
SIZE_ERRORS: dict[str, Any] = dict.fromkeys(
    (
        *("invalid", "min_value", "max_value", "max_digits", "max_decimal_places"),
        *("max_whole_digits", "max_string_length"),
    ),
    NO_SIZE,
)


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


class EarlierSerializer(serializers.Serializer):
    earlier = serializers.UUIDField(
        required=False, error_messages={"invalid": _("This is not the id of a record.")}
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
        validators=[check_name],
        help_text=_("In place of mole: that of one of yours, or of a new one."),
    )
    mole_is_new = serializers.BooleanField(
        required=False,
        help_text=_(
            "The named mole is a new one: where one of yours has that name, it gets a number."
        ),
    )
    body_site = serializers.ChoiceField(
        choices=list(terms.BODY_SITES.items()),
        required=False,
        allow_blank=True,
        help_text=_("Where the named mole is; alone, it makes a new one."),
    )
    note = serializers.CharField(max_length=MAX_TEXT, required=False, allow_blank=True)
    signs = ChoicesField(choices=list(terms.SIGNS.items()), required=False)
    size_mm = serializers.DecimalField(
        max_digits=4,
        decimal_places=1,
        min_value=MIN_SIZE_MM,
        max_value=MAX_SIZE_MM,
        required=False,
        allow_null=True,
        help_text=_("Where the mole is widest, in millimetres."),
        error_messages=SIZE_ERRORS,
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("mole") and data.get("mole_name"):
            raise serializers.ValidationError({"mole_name": ONE_MOLE})
        site = data.get("body_site")
        if data.get("mole") and site and site != data["mole"].body_site:
            raise serializers.ValidationError({"body_site": ELSEWHERE})
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
        required=False,
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
