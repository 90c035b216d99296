"""Doctors' work for programs: the queue, one record before one doctor, verdicts."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django_filters
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import idempotency
from accounts.requests import PersonApiRequest
from diagnosis.language import terms
from diagnosis.records import responses, sittings
from diagnosis.records.models import Assessment, MoleRecord
from diagnosis.reviews import claims, looks, opinions, similar, verdicts
from diagnosis.reviews.models import Review, SecondOpinion
from diagnosis.reviews.permissions import IsDoctor
from diagnosis.reviews.serializers import (
    ColleagueSerializer,
    OpinionSerializer,
    PatientRecordSerializer,
    SimilarCaseSerializer,
    SkippedSerializer,
    VerdictChangesSerializer,
    VerdictSerializer,
    WrittenVerdictSerializer,
)

# What a record and a question are shown with, by as few queries.
WHOLE = ("mole", "owner", "review_claimed_by")
OPINION = ("second_opinion__asked", "second_opinion__second__doctor__doctor_profile")
JPEG = {(200, "image/jpeg"): OpenApiTypes.BINARY}


class QueueFilter(django_filters.FilterSet):
    """What the administration's list is filtered by."""

    modality = django_filters.ChoiceFilter(choices=list(terms.MODALITIES.items()))
    claim = django_filters.ChoiceFilter(
        choices=[("own", "own"), ("free", "free"), ("others", "others")], method="by_claim"
    )
    danger = django_filters.ChoiceFilter(choices=MoleRecord.Danger.choices, method="by_danger")

    def by_claim(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return claims.by_holder(queryset, value, doctor=self.request.user)

    def by_danger(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if verdicts.profile(self.request.user).blind_review:
            raise serializers.ValidationError({name: [_("You review blind: this would tell.")]})
        return queryset.filter(danger=value)


@extend_schema_view(
    list=extend_schema(summary="Records that wait for a verdict, most dangerous first"),
    retrieve=extend_schema(summary="One record, under a pseudonym"),
)
class QueueViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    request: PersonApiRequest
    serializer_class = PatientRecordSerializer
    queryset = MoleRecord.objects.none()
    filterset_class = QueueFilter
    permission_classes = (*GenericViewSet.permission_classes, IsDoctor)
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[MoleRecord]:
        everything = Review.objects.select_related(*OPINION)
        records = MoleRecord.objects.real().select_related(*WHOLE)
        whole = records.with_assessment_json(self.request.user)
        answer = Assessment.objects.only("risk_category", "advice")  # for verdicts.shown_of
        whole = whole.prefetch_related(
            "further", Prefetch("current_assessment", answer), Prefetch("reviews", everything)
        )
        if self.action == "list":
            return whole.awaiting_review().order_by(*claims.QUEUE)
        return whole

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        looks.several(page or [])
        return page

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.show(self.get_object())

    def show(self, record: MoleRecord, status: int = 200) -> Response:
        """Answer with the record, and log that it was read."""
        looks.one(record, hidden=looks.is_hidden(record=record, doctor=self.request.user))
        return Response(self.get_serializer(record).data, status=status)

    @extend_schema(
        summary="Claim the next record that no other doctor has",
        description="204 when nothing is left. Called again, it may claim another one; to have one "
        "that you hold for longer, claim it by its id.",
        request=SkippedSerializer,
        responses={200: PatientRecordSerializer, 204: None},
    )
    @action(detail=False, methods=["post"])
    def next(self, request: PersonApiRequest) -> Response:
        sent = SkippedSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        while record := claims.take_next(doctor=request.user, skip=sent.validated_data["skip"]):
            # Deleted by now, the following one comes.
            if whole := self.get_queryset().filter(pk=record.pk).first():
                return self.show(whole)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Claim a record for twenty minutes",
        request=None,
        responses={200: PatientRecordSerializer},
    )
    @action(detail=True, methods=["post"])
    def claim(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        if record.owner_id == request.user.pk:
            raise PermissionDenied
        with self._not_found_if_deleted():
            if not claims.take(record_ids=[record.pk], doctor=request.user):
                raise verdicts.Overtaken
        return self.show(self.get_object())

    @extend_schema(summary="Give a record back to the queue", request=None, responses={204: None})
    @claim.mapping.delete
    def release(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        claims.release(record_ids=[self.get_object().pk], doctor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Write a verdict, which the person reads",
        description="Gives the record back. 409: another doctor has it, or was faster.",
        request=VerdictSerializer,
        responses={201: WrittenVerdictSerializer},
    )
    @action(detail=True, methods=["post"])
    def reviews(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        record = self.get_object()
        sent = VerdictSerializer(data=request.data, context=self.get_serializer_context())
        sent.is_valid(raise_exception=True)
        blind = looks.is_blind(record=record, doctor=request.user)
        with self._not_found_if_deleted():
            review = idempotency.once(
                request,
                make=lambda: verdicts.write(
                    record=record, doctor=request.user, blind=blind, **sent.validated_data
                ),
                again=Review.objects.filter(doctor=request.user),
            )
        # Which of two verdicts is final may be decided by both of them.
        stored = get_object_or_404(Review, pk=review.pk)
        return Response(WrittenVerdictSerializer(stored).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Similar reviewed records of other people, nearest first",
        description="Only where the service has it on, of people who allow it, and without an id.",
        responses=SimilarCaseSerializer(many=True),
        filters=False,
    )
    @action(detail=True, pagination_class=None)
    def similar(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        if not settings.SIMILAR_CASES:
            raise Http404
        record = self.get_object()
        if looks.is_hidden(record=record, doctor=request.user):
            raise PermissionDenied(_("You review blind: this would tell."))
        return Response(SimilarCaseSerializer(similar.cases(record), many=True).data)

    @extend_schema(summary="The picture of a record", responses=JPEG)
    @action(detail=True)
    def image(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        return responses.picture(request, self._looked_at())

    @extend_schema(summary="The picture of a record in small", responses=JPEG)
    @action(detail=True)
    def thumbnail(self, request: Request, pk: uuid.UUID) -> HttpResponse:
        return responses.thumbnail(request, self._looked_at())

    @extend_schema(summary="One of a record's several pictures", responses=JPEG)
    @action(detail=True, url_path="pictures/<uuid:picture>/image", url_name="picture-image")
    def picture_image(self, request: Request, pk: uuid.UUID, picture: uuid.UUID) -> HttpResponse:
        return responses.picture(request, sittings.picture_of(self._looked_at(), picture))

    @extend_schema(summary="One of a record's several pictures in small", responses=JPEG)
    @action(detail=True, url_path="pictures/<uuid:picture>/thumbnail", url_name="picture-thumbnail")
    def picture_thumbnail(
        self, request: Request, pk: uuid.UUID, picture: uuid.UUID
    ) -> HttpResponse:
        return responses.thumbnail(request, sittings.picture_of(self._looked_at(), picture))

    @contextmanager
    def _not_found_if_deleted(self) -> Iterator[None]:
        """What stands against it is not said of a record that its person deleted meanwhile."""
        try:
            yield
        except (verdicts.Overtaken, ValidationError):
            self.get_object()
            raise

    def _looked_at(self) -> MoleRecord:
        """The record whose picture is asked for; the look is logged."""
        record = self.get_object()
        looks.one(record, hidden=True)
        return record


@extend_schema_view(
    list=extend_schema(summary="Verdicts that you wrote, newest first"),
    retrieve=extend_schema(summary="One of your verdicts"),
)
class VerdictViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    request: PersonApiRequest
    serializer_class = WrittenVerdictSerializer
    queryset = Review.objects.none()
    filterset_fields = ("record", "risk_category", "urgency")
    permission_classes = (*GenericViewSet.permission_classes, IsDoctor)
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Review]:
        return Review.objects.filter(doctor=self.request.user).order_by("-created_at")

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        looks.own_verdicts(page or [])
        return page

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        review = self.get_object()
        looks.own_verdict(review)
        return Response(self.get_serializer(review).data)

    @extend_schema(
        summary="Correct a verdict of yours; the person is told again",
        request=VerdictChangesSerializer,
        responses={200: WrittenVerdictSerializer},
    )
    def partial_update(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        review = self.get_object()
        sent = VerdictChangesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        verdicts.correct(review=review, by=request.user, **sent.validated_data)
        return Response(self.get_serializer(self.get_object()).data)


class OpinionFilter(django_filters.FilterSet):
    """By whose word a question waits for: "nobody" where it has its final verdict."""

    waits_for = django_filters.ChoiceFilter(
        choices=[("me", "me"), ("others", "others"), ("nobody", "nobody")], method="by_whom"
    )

    def by_whom(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if value == "nobody":
            return queryset.filter(final__isnull=False)
        mine = opinions.waiting(self.request.user).values("pk")
        if value == "me":
            return queryset.filter(pk__in=mine)
        return queryset.filter(final__isnull=True).exclude(pk__in=mine)


@extend_schema_view(
    list=extend_schema(summary="Questions that you asked a colleague or were asked, newest first"),
    retrieve=extend_schema(summary="One question to a colleague"),
)
class OpinionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet):
    """Asked and answered by verdicts: ``ask`` in one, and the colleague's own on that record."""

    request: PersonApiRequest
    serializer_class = OpinionSerializer
    queryset = SecondOpinion.objects.none()
    filterset_class = OpinionFilter
    permission_classes = (*GenericViewSet.permission_classes, IsDoctor)
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[SecondOpinion]:
        verdicts_of = (f"{name}__doctor__doctor_profile" for name in ("first", "second", "final"))
        return opinions.of(self.request.user).select_related("asked", "first__record", *verdicts_of)

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        page = super().paginate_queryset(queryset)
        looks.several(opinion.first.record for opinion in page or [])
        return page

    def get_object(self) -> SecondOpinion:
        opinion = super().get_object()
        looks.one(opinion.first.record, hidden=True)
        return opinion

    @extend_schema(
        summary="The other doctors, whom you can ask",
        responses={200: ColleagueSerializer(many=True)},
        filters=False,
    )
    @action(detail=False)
    def colleagues(self, request: PersonApiRequest) -> Response:
        page = super().paginate_queryset(opinions.colleagues(request.user))
        return self.get_paginated_response(ColleagueSerializer(page, many=True).data)
