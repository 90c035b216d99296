"""What the released model reaches, for programs: the figures of the page of limits."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from diagnosis.language import frequencies, limits, terms

SKINS = {
    "skin_tones": "skin tone, as the program measures it",
    "skin_tones_in_set": "skin tone that came with the pictures, 0 (darkest) to 5",
    "skin_types": "skin type that came with the pictures, Fitzpatrick 1 (lightest) to 6",
}


class ShareSerializer(serializers.Serializer):
    share = serializers.FloatField()
    low = serializers.FloatField(help_text=_("Lower end of the interval that holds 95 of 100."))
    high = serializers.FloatField()

    class Meta:
        ref_name = "ShareOfPictures"


class ReachedSerializer(serializers.Serializer):
    """How often pictures of one group were sent to a doctor."""

    modality = serializers.ChoiceField(list(terms.MODALITIES.items()), allow_null=True)
    group = serializers.CharField(help_text=_("all, data set, or how the skin was told."))
    name = serializers.CharField(allow_blank=True)
    n = serializers.IntegerField(help_text=_("Pictures."))
    malignant = serializers.IntegerField(help_text=_("Malignant ones among them."))
    sensitivity = ShareSerializer(allow_null=True)
    specificity = ShareSerializer(allow_null=True)


class JudgedSerializer(serializers.Serializer):
    """What was said of lesions by one picture of each, or by all of them together."""

    by = serializers.ChoiceField([*terms.MODALITIES, limits.TOGETHER])
    refused = serializers.FloatField(help_text=_("Share that could not be judged."))
    auc = serializers.FloatField(help_text=_("1 is perfect, 0.5 is chance."))
    sensitivity = ShareSerializer(allow_null=True)
    specificity = ShareSerializer(allow_null=True)


class SeveralSerializer(serializers.Serializer):
    """What several pictures of a lesion gain over one of them."""

    kind = serializers.ChoiceField(list(limits.SEVERAL.items()))
    datasets = serializers.ListField(child=serializers.CharField())
    lesions = serializers.IntegerField()
    malignant = serializers.IntegerField(help_text=_("Malignant ones among them."))
    pictures = serializers.FloatField(help_text=_("Of each lesion, on average."))
    judged = JudgedSerializer(many=True)


class LimitsSerializer(serializers.Serializer):
    model_version = serializers.CharField(allow_null=True)
    licence = serializers.CharField(allow_blank=True)
    tested = ReachedSerializer(many=True)
    lesions_refused = serializers.DictField(
        child=serializers.FloatField(),
        help_text=_("Share of real lesions whose picture is refused, by kind of picture."),
    )
    several = SeveralSerializer(
        many=True, help_text=_("Empty where it was measured with another version.")
    )


class LimitsView(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="limits_retrieve",
        summary="What the model reaches, and on what it was tested",
        auth=[],
        responses={200: LimitsSerializer},
    )
    def get(self, request: Request) -> Response:
        card = frequencies.release()
        said = {
            "model_version": card.get("version"),
            "licence": card.get("licence", ""),
            "tested": list(_tested(card)),
            "lesions_refused": card.get("refused", {}).get("lesions", {}),
            "several": list(limits.several(card)),
        }
        return Response(LimitsSerializer(said).data)


def _tested(card: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for modality, figures in card.get("figures", {}).items():
        of = {"modality": modality}
        yield of | {"group": "all", "name": ""} | limits.reached(figures)
        for name, its in figures["datasets"].items():
            yield of | {"group": "data set", "name": name} | limits.reached(its)
    for part, group in SKINS.items():
        for name, its in (card.get(part) or {}).items():
            yield {"modality": None, "group": group, "name": name} | limits.reached(its)
