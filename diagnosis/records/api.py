"""Records for programs: what the pages do, by the same functions."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import idempotency
from accounts.requests import PersonApiRequest
from diagnosis import limits
from diagnosis.moles import changes
from diagnosis.records import (
    answers,
    assessments,
    pictures,
    responses,
    sittings,
    uploads,
    waiting,
)
from diagnosis.records.filters import ProgramFilter
from diagnosis.records.models import MoleRecord, Picture
from diagnosis.records.requests import (
    AnswersSerializer,
    EarlierSerializer,
    FurtherPictureSerializer,
    PictureSerializer,
    UploadSerializer,
    WaitSerializer,
)
from diagnosis.records.serializers import ChangeSerializer, CreatedSerializer, RecordSerializer

JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY}
FOR_PROGRAMS = MoleRecord.objects.for_programs()  # built once: it took half of a request's time


DAYS = [
    OpenApiParameter(
        name,
        OpenApiTypes.DATE,
        description=f"{which} day, for a token in the service's time zone (`TIME_ZONE`).",
    )
    for name, which in (("since", "First"), ("until", "Last"))
]


@extend_schema_view(
    list=extend_schema(summary="Your records, newest first", parameters=DAYS),
    destroy=extend_schema(
        summary="Delete a record and its picture",
        description="Its verdicts go with it, and what they ask for: `asked_before` of the mole's "
        "later records no longer says it.",
    ),
)
class RecordViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet
):
    request: PersonApiRequest
    serializer_class = RecordSerializer
    queryset = MoleRecord.objects.none()  # the schema's; requests see their own person's
    filterset_class = ProgramFilter
    lookup_value_converter = "uuid"
    asks_again = ("destroy",)

    def get_queryset(self) -> QuerySet[MoleRecord]:
        records = FOR_PROGRAMS if self.action in ("list", "retrieve") else MoleRecord.objects
        return records.of(self.request.user)

    def shown(self, pk: uuid.UUID) -> Any:
        """The record as it is by now, with what the API says of it. Raises Http404."""
        return get_object_or_404(FOR_PROGRAMS.of(self.request.user), pk=pk)

    def answer(self, pk: uuid.UUID, status: int = 200) -> Response:
        return Response(self.get_serializer(self.shown(pk)).data, status=status)

    @extend_schema(
        summary="One record, with its assessment and reviews", parameters=[WaitSerializer]
    )
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = WaitSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        record = self.get_object()
        waiting.ask(request._request, record, asked.validated_data["wait"])
        return Response(self.get_serializer(record).data)

    def get_parsers(self) -> list:
        # Pictures come as forms, all else as JSON.
        if self.action_map and self.action_map.get("post") in ("create", "preview", "further"):
            return [MultiPartParser()]
        return super().get_parsers()

    @extend_schema(
        summary="Send a picture, or several of one mole",
        request={"multipart/form-data": UploadSerializer},
        responses={201: CreatedSerializer},
    )
    def create(self, request: PersonApiRequest) -> Response:
        upload = UploadSerializer(data=request.data, context=self.get_serializer_context())
        upload.is_valid(raise_exception=True)
        record = uploads.submit(
            owner=request.user,
            idempotency_key=request.headers.get("Idempotency-Key"),
            **upload.validated_data,
        )
        shown = self.shown(record.pk)
        earlier = uploads.same_picture(record, [record, *shown.others])
        same = {"same_picture": str(earlier.pk) if earlier else None}
        return Response(self.get_serializer(shown).data | same, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Say more of the mole, or say it anew",
        description="What is left out stays. The answer counts it at once, or is assessed anew.",
        request=AnswersSerializer,
        responses={200: RecordSerializer},
    )
    def partial_update(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        context = self.get_serializer_context()
        sent = AnswersSerializer(data=request.data, context=context, partial=True)
        sent.is_valid(raise_exception=True)
        if sent.validated_data:
            # It may name a new mole.
            idempotency.once(
                request,
                make=lambda: answers.give(record=record, by=request.user, **sent.validated_data),
                again=self.get_queryset(),
            )
        return self.answer(pk)

    @extend_schema(
        summary="See a picture as it would be stored; nothing is kept",
        request={"multipart/form-data": PictureSerializer},
        responses=JPEG,
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: PersonApiRequest) -> HttpResponse:
        upload = PictureSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        limits.spend(request.user, "previews")
        picture = pictures.reencode(upload.validated_data["image"])
        return HttpResponse(picture.read(), content_type="image/jpeg")

    def perform_destroy(self, instance: MoleRecord) -> None:
        uploads.delete(record=instance, by=self.request.user)

    @extend_schema(summary="The picture as it is stored", responses=JPEG)
    @action(detail=True)
    def image(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        return responses.picture(request, self.get_object())

    @extend_schema(summary="The picture in small", responses=JPEG)
    @action(detail=True)
    def thumbnail(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        return responses.thumbnail(request, self.get_object())

    @extend_schema(
        summary="The picture with what the answer rests on",
        description="404 while there is no answer. The numbers are in the assessment, too.",
        responses=JPEG,
    )
    @action(detail=True)
    def heatmap(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        return responses.heatmap(self.get_object())

    @extend_schema(
        summary="What changed since an earlier picture of the mole, else since its first",
        parameters=[EarlierSerializer],
        responses={200: ChangeSerializer},
    )
    @action(detail=True)
    def change(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        # As a dict, of which an empty one is refused as well.
        asked = EarlierSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        of_mole = MoleRecord.objects.of(request.user).filter(mole=record.mole_id)
        # Only what grew or spread is said: backwards, it would be a false calm.
        earlier = of_mole.filter(mole__isnull=False, created_at__lt=record.created_at)
        if "earlier" in asked.validated_data:
            before = earlier.filter(pk=asked.validated_data["earlier"]).first()
        else:
            kept = earlier.filter(state=MoleRecord.State.DONE, modality=record.modality)
            kept = kept.order_by("created_at")
            before = changes.firsts(kept).get(record.modality) or kept.first()
        if before is None:
            raise NotFound
        return Response(ChangeSerializer(changes.as_dict(before, record)).data)

    @extend_schema(
        summary="Add a picture of the same mole, which is answered together with the others",
        description="Within an hour, until a doctor looks at it. The record keeps its answer until "
        "there is another; the very same picture again corrects its modality, and changes nothing "
        "else.",
        request={"multipart/form-data": FurtherPictureSerializer},
        responses={201: RecordSerializer},
    )
    @action(detail=True, methods=["post"], url_path="pictures", url_name="pictures")
    def further(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        upload = FurtherPictureSerializer(data=request.data)
        upload.is_valid(raise_exception=True)
        sittings.add(
            record=record,
            by=request.user,
            file=upload.validated_data["image"],
            modality=upload.validated_data["modality"],
        )
        return self.answer(pk, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Delete one of several pictures",
        description="Where it is the record's own, the next one gets its id: sent again after a "
        "lost answer, the request deletes that one, too, unless If-Match says which was meant.",
        parameters=[
            OpenApiParameter(
                "If-Match", location="header", description="The ETag of the picture's image."
            )
        ],
        responses={204: None},
    )
    @action(detail=True, methods=["delete"], url_path="pictures/<uuid:picture>", url_name="picture")
    def remove(self, request: PersonApiRequest, pk: uuid.UUID, picture: uuid.UUID) -> Response:
        record, one = self._picture(picture)
        meant = parse_etags(request.headers.get("If-Match", "*"))
        if not {"*", responses.tag(one)}.intersection(meant):
            raise sittings.AnotherPicture
        sittings.remove(record=record, picture=one, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="One of several pictures as it is stored", responses=JPEG)
    @action(detail=True, url_path="pictures/<uuid:picture>/image", url_name="picture-image")
    def picture_image(self, request: Request, pk: uuid.UUID, picture: uuid.UUID) -> HttpResponse:
        return responses.picture(request, self._picture(picture)[1])

    @extend_schema(summary="One of several pictures in small", responses=JPEG)
    @action(detail=True, url_path="pictures/<uuid:picture>/thumbnail", url_name="picture-thumbnail")
    def picture_thumbnail(
        self, request: Request, pk: uuid.UUID, picture: uuid.UUID
    ) -> HttpResponse:
        return responses.thumbnail(request, self._picture(picture)[1])

    def _picture(self, key: uuid.UUID) -> tuple[MoleRecord, Picture]:
        record = self.get_object()
        return record, sittings.picture_of(record, key)

    @extend_schema(
        summary="Assess a failed record again", request=None, responses={200: RecordSerializer}
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        uploads.retry(record=self.get_object(), by=request.user)
        return self.answer(pk)

    @extend_schema(
        summary="Ask for an answer of the model that is released now",
        description="The record keeps its answer until there is another.",
        request=None,
        responses={202: RecordSerializer},
    )
    @action(detail=True, methods=["post"])
    def reassess(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        if not assessments.ask_again(record=record, by=request.user):
            raise limits.Busy(limits.BROKER_DOWN)
        return self.answer(pk, status.HTTP_202_ACCEPTED)


@extend_schema_view(
    get=extend_schema(operation_id="moles_timeline_list", summary="A mole's records, oldest first")
)
class TimelineView(ListAPIView):
    request: PersonApiRequest
    serializer_class = RecordSerializer
    queryset = MoleRecord.objects.none()
    filter_backends = ()

    def get_queryset(self) -> QuerySet[MoleRecord]:
        mole = get_object_or_404(self.request.user.moles, pk=self.kwargs["pk"])
        return FOR_PROGRAMS.filter(mole=mole).order_by("created_at")
