"""What leaves the house, for programs: share links and the PDF."""

import uuid
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import idempotency
from accounts.requests import PersonApiRequest
from diagnosis.moles.models import Mole
from diagnosis.records.models import MoleRecord
from diagnosis.records.requests import OwnMoleField
from diagnosis.sharing import links
from diagnosis.sharing.models import Share
from diagnosis.sharing.responses import mole_pdf, record_pdf

PDF = {(200, "application/pdf"): OpenApiTypes.BINARY}


class OwnRecordField(serializers.PrimaryKeyRelatedField):
    def get_queryset(self) -> QuerySet[MoleRecord]:
        return MoleRecord.objects.of(self.context["request"].user)


class ShareSerializer(serializers.ModelSerializer):
    """A link that shows one mole, or one record, to whoever has it."""

    address = serializers.SerializerMethodField()
    opened_at = serializers.SerializerMethodField(
        help_text=_("The newest 100, newest first; what follows within a minute is left out.")
    )

    class Meta:
        model = Share
        fields = ("id", "mole", "record", "created_at", "expires_at", "address", "opened_at")
        read_only_fields = fields

    def get_address(self, share: Share) -> str:
        return links.address(share, site=self.context["request"].build_absolute_uri("/"))

    def get_opened_at(self, share: Share) -> list[str]:
        if "opened" not in self.context:  # of all that are shown, at once
            shown: Any = self.parent.instance if self.parent else [share]
            # The stubs have it read-only, though it is the view's dict.
            self.context["opened"] = links.opened_at(shown)  # type: ignore[index]
        return [at.isoformat() for at in self.context["opened"].get(str(share.pk), ())]


class ShareFilter(django_filters.FilterSet):
    """By one's own things alone: another's id and one that nothing has are refused alike."""

    mole = django_filters.ModelChoiceFilter(
        queryset=lambda request: Mole.objects.filter(owner=request.user)
    )
    record = django_filters.ModelChoiceFilter(
        queryset=lambda request: MoleRecord.objects.of(request.user)
    )


class NewShareSerializer(serializers.Serializer):
    mole = OwnMoleField(queryset=Mole.objects.all(), default=None, allow_null=True)
    record = OwnRecordField(queryset=MoleRecord.objects.all(), default=None, allow_null=True)
    days = serializers.ChoiceField(links.DAYS, default=7, help_text=_("How long the link works."))

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if (data["mole"] is None) == (data["record"] is None):
            raise serializers.ValidationError({"record": _("Name a mole or a record.")})
        return data


@extend_schema_view(
    list=extend_schema(summary="Your links that work, newest first"),
    retrieve=extend_schema(summary="One link"),
    destroy=extend_schema(summary="Make a link open nothing from now on"),
)
class ShareViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet
):
    request: PersonApiRequest
    serializer_class = ShareSerializer
    queryset = Share.objects.none()
    filterset_class = ShareFilter
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Share]:
        return links.active().filter(owner=self.request.user)

    @extend_schema(
        summary="Make a link for a doctor without an account",
        request=NewShareSerializer,
        responses={201: ShareSerializer},
    )
    def create(self, request: PersonApiRequest) -> Response:
        sent = NewShareSerializer(data=request.data, context=self.get_serializer_context())
        sent.is_valid(raise_exception=True)
        share = idempotency.once(
            request,
            make=lambda: links.create(owner=request.user, **sent.validated_data),
            again=self.get_queryset(),
        )
        return Response(self.get_serializer(share).data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, share: Share) -> None:
        links.revoke(share=share, by=self.request.user)


class RecordReportView(APIView):
    @extend_schema(operation_id="records_report", summary="A PDF of one record", responses=PDF)
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        return record_pdf(request.user, pk)


class MoleReportView(APIView):
    @extend_schema(operation_id="moles_report", summary="A PDF of a mole over time", responses=PDF)
    def get(self, request: PersonApiRequest, pk: uuid.UUID) -> HttpResponse:
        return mole_pdf(request.user, pk)
