import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from diagnosis import limits
from diagnosis.moles import changes
from diagnosis.records import pictures, responses, uploads
from diagnosis.records.models import MoleRecord
from diagnosis.records.serializers import (
    ChangeSerializer,
    CreatedSerializer,
    PictureSerializer,
    RecordSerializer,
    UploadSerializer,
)


class OneRepresentation(DefaultContentNegotiation):
    """Each address has one representation, whatever the client says it accepts (RFC 9110, 12.1)."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class NewestFirst(CursorPagination):
    ordering = "-created_at"
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


@extend_schema_view(
    list=extend_schema(summary="Your records, newest first"),
    retrieve=extend_schema(summary="One record, with its assessment and reviews"),
    destroy=extend_schema(summary="Delete a record and its picture"),
)
class RecordViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet
):
    serializer_class = RecordSerializer
    queryset = MoleRecord.objects.none()  # the schema's; requests see their own person's
    parser_classes = (MultiPartParser,)
    content_negotiation_class = OneRepresentation
    pagination_class = NewestFirst
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[MoleRecord]:
        return MoleRecord.objects.of(self.request.user).with_answers()

    @extend_schema(
        summary="Send a picture",
        request={"multipart/form-data": UploadSerializer},
        responses={201: CreatedSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                description="The same request sent again with the same key makes no second record.",
            )
        ],
    )
    def create(self, request: Request) -> Response:
        upload = UploadSerializer(data=request.data, context=self.get_serializer_context())
        upload.is_valid(raise_exception=True)
        fields = dict(upload.validated_data)
        record = uploads.submit(
            owner=request.user,
            file=fields.pop("image"),
            idempotency_key=request.headers.get("Idempotency-Key"),
            **fields,
        )
        earlier = uploads.same_picture(record)
        same = {"same_picture": str(earlier.pk) if earlier else None}
        return Response(self.get_serializer(record).data | same, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="See a picture as it would be stored; nothing is kept",
        request={"multipart/form-data": PictureSerializer},
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> HttpResponse:
        upload = PictureSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        limits.spend(request.user, "previews")
        picture = pictures.reencode(upload.validated_data["image"])
        return HttpResponse(picture.read(), content_type="image/jpeg")

    def perform_destroy(self, instance: MoleRecord) -> None:
        uploads.delete(record=instance, by=self.request.user)

    @extend_schema(
        summary="The picture as it is stored",
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    @action(detail=True)
    def image(self, request: Request, pk: str) -> HttpResponse:
        return responses.picture(request, self.get_object())

    @extend_schema(
        summary="What changed since an earlier picture of the mole, else since its first",
        parameters=[OpenApiParameter("since", OpenApiTypes.UUID)],
        responses={200: ChangeSerializer},
    )
    @action(detail=True)
    def change(self, request: Request, pk: str) -> Response:
        record, since = self.get_object(), request.query_params.get("since")
        of_mole = MoleRecord.objects.of(request.user).filter(mole=record.mole_id)
        earlier = of_mole.filter(mole__isnull=False).exclude(pk=record.pk)
        if since is None:
            kept = earlier.filter(state=MoleRecord.State.DONE, modality=record.modality)
            kept = kept.filter(created_at__lt=record.created_at)
            before = kept.order_by("created_at").first()
        else:
            before = earlier.filter(pk=_uuid(since)).first()
        if before is None:
            raise NotFound
        return Response(ChangeSerializer(changes.as_dict(before, record)).data)

    @extend_schema(
        summary="Assess a failed record again", request=None, responses={200: RecordSerializer}
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        uploads.retry(record=self.get_object(), by=request.user)
        return Response(self.get_serializer(self.get_object()).data)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise ValidationError({"since": "This is not the id of a record."}) from error
