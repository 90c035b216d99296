from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import idempotency
from accounts.requests import PersonApiRequest
from diagnosis.webhooks import registrations
from diagnosis.webhooks.models import Webhook, WebhookDelivery
from diagnosis.webhooks.serializers import (
    WebhookDeliverySerializer,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)


@extend_schema_view(
    list=extend_schema(summary="Your webhooks"),
    retrieve=extend_schema(summary="One webhook, and whether it works"),
    destroy=extend_schema(summary="Remove a webhook"),
)
class WebhookViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet
):
    """Addresses that hear that a record was assessed or reviewed: docs/integrations.md."""

    request: PersonApiRequest
    serializer_class = WebhookSerializer
    queryset = Webhook.objects.none()  # the schema's; requests see their own person's
    lookup_value_converter = "uuid"
    asks_again = ("create", "rotate")

    def get_queryset(self) -> QuerySet[Webhook]:
        return self.request.user.webhooks.all()

    @extend_schema(
        summary="Add a webhook; the answer holds its secret, this once",
        request=WebhookSerializer,
        responses={201: WebhookWithSecretSerializer},
    )
    def create(self, request: PersonApiRequest) -> Response:
        fields = self.get_serializer(data=request.data)
        fields.is_valid(raise_exception=True)
        webhook = idempotency.once(
            request,
            make=lambda: registrations.create(owner=request.user, **fields.validated_data),
            again=self.get_queryset(),
        )
        return self._with_secret(webhook, status.HTTP_201_CREATED)

    def perform_destroy(self, instance: Webhook) -> None:
        registrations.delete(webhook=instance, by=self.request.user)

    @extend_schema(
        summary="Give it a new secret; for a day the old one signs, too",
        request=None,
        responses={200: WebhookWithSecretSerializer},
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: PersonApiRequest, pk: str) -> Response:
        webhook = self.get_object()
        rotated = idempotency.once(
            request,
            make=lambda: registrations.rotate(webhook=webhook, by=request.user),
            again=self.get_queryset(),
        )
        return self._with_secret(rotated)

    @extend_schema(
        summary="Send a test; one that arrives switches the webhook on again",
        request=None,
        responses={202: WebhookDeliverySerializer},
    )
    @action(detail=True, methods=["post"])
    def test(self, request: PersonApiRequest, pk: str) -> Response:
        delivery = registrations.test(webhook=self.get_object(), by=request.user)
        return Response(WebhookDeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="What it was told in the last 30 days, newest first, with every attempt",
        responses={200: WebhookDeliverySerializer(many=True)},
    )
    @action(detail=True)
    def deliveries(self, request: Request, pk: str) -> Response:
        rows = WebhookDelivery.objects.filter(webhook=self.get_object())
        page = self.paginate_queryset(rows.prefetch_related("attempts"))
        return self.get_paginated_response(WebhookDeliverySerializer(page, many=True).data)

    def _with_secret(self, webhook: Webhook, status: int = 200) -> Response:
        data = WebhookWithSecretSerializer(webhook).data
        return Response(data, status=status, headers={"Cache-Control": "no-store"})
