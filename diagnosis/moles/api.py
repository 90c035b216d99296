"""Moles for programs: what the pages do, by the same functions."""

import uuid
from typing import Any

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import idempotency
from accounts.names import check_name
from accounts.requests import PersonApiRequest
from diagnosis.language import terms
from diagnosis.moles import edits
from diagnosis.moles.models import Mole


class MoleSerializer(serializers.ModelSerializer):
    """A mole, and what its pictures come to."""

    body_site = serializers.ChoiceField(list(terms.BODY_SITES.items()), allow_blank=True)
    pictures = serializers.IntegerField(read_only=True)
    last_picture_at = serializers.DateTimeField(source="last", read_only=True, allow_null=True)
    newest_record = serializers.UUIDField(source="cover", read_only=True, allow_null=True)

    class Meta:
        model = Mole
        fields = (
            *("id", "name", "body_site", "remind_after_days", "created_at"),
            *("pictures", "last_picture_at", "newest_record"),
        )
        read_only_fields = fields


class NewMoleSerializer(serializers.Serializer):
    name = serializers.CharField(
        max_length=100,
        default="",
        allow_blank=True,
        validators=[check_name],
        help_text=_("One of yours with that name, and place if given, is taken as it is."),
    )
    body_site = serializers.ChoiceField(
        list(terms.BODY_SITES.items()),
        default="",
        allow_blank=True,
        help_text=_("Alone, it gives the mole its name."),
    )
    remind_after_days = serializers.ChoiceField(Mole.Reminder.choices, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if not (data["name"] or data["body_site"]):
            raise serializers.ValidationError({"name": _("Give a name, or a place on the body.")})
        return data


class MoleChangesSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=100, required=False, validators=[check_name])
    body_site = serializers.ChoiceField(
        list(terms.BODY_SITES.items()), required=False, allow_blank=True
    )
    remind_after_days = serializers.ChoiceField(Mole.Reminder.choices, required=False)


class MoleFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label=_("In the name"), field_name="name", lookup_expr="icontains"
    )
    body_site = django_filters.ChoiceFilter(choices=list(terms.BODY_SITES.items()))
    ordering = django_filters.OrderingFilter(fields=["created_at", "name"])


@extend_schema_view(
    list=extend_schema(summary="Your moles, newest first"),
    retrieve=extend_schema(summary="One mole"),
    destroy=extend_schema(
        summary="Delete a mole with its records and their pictures",
        description="Their verdicts go with it, and what they ask for.",
    ),
)
class MoleViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet
):
    request: PersonApiRequest
    serializer_class = MoleSerializer
    queryset = Mole.objects.none()
    filterset_class = MoleFilter
    lookup_value_converter = "uuid"
    asks_again = ("destroy",)

    def get_queryset(self) -> QuerySet[Mole]:
        return self.request.user.moles.with_summary().order_by("-created_at")

    @extend_schema(
        summary="Name a mole", request=NewMoleSerializer, responses={201: MoleSerializer}
    )
    def create(self, request: PersonApiRequest) -> Response:
        sent = NewMoleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        fields = dict(sent.validated_data)
        reminder = {name: fields.pop(name) for name in ("remind_after_days",) if name in fields}

        @transaction.atomic
        def make() -> Mole:
            try:
                mole = edits.named(owner=request.user, **fields)
            except edits.SeveralMoles as several:
                raise serializers.ValidationError({"name": several.messages}) from several
            return edits.change(mole=mole, by=request.user, **reminder) if reminder else mole

        mole = idempotency.once(request, make=make, again=self.get_queryset())
        shown = self.get_queryset().get(pk=mole.pk)
        return Response(self.get_serializer(shown).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a mole", request=MoleChangesSerializer, responses={200: MoleSerializer}
    )
    def partial_update(self, request: PersonApiRequest, pk: uuid.UUID) -> Response:
        mole = self.get_object()
        sent = MoleChangesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        if sent.validated_data:
            edits.change(mole=mole, by=request.user, **sent.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    def perform_destroy(self, mole: Mole) -> None:
        edits.delete(mole=mole, by=self.request.user)
