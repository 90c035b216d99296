from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.requests import ChoicesField
from diagnosis.webhooks import signatures
from diagnosis.webhooks.models import MAX_URL, Webhook, WebhookAttempt, WebhookDelivery


class WebhookSerializer(serializers.ModelSerializer):
    """An address that hears of events; its secret is not shown again."""

    url = serializers.CharField(
        max_length=MAX_URL,
        help_text=_("https, on the public internet. Redirects are not followed."),
    )
    events = ChoicesField(
        choices=Webhook.Event.choices,
        default=sorted(Webhook.Event.values),  # type: ignore[arg-type]  # a set has no order
        allow_empty=False,
    )

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "url", "events", "created_at"),
            *("failures", "failing_since", "disabled_at"),
        )
        read_only_fields = ("id", "created_at", "failures", "failing_since", "disabled_at")

    def to_representation(self, webhook: Webhook) -> dict[str, Any]:
        return super().to_representation(webhook) | {"events": sorted(webhook.events)}


class WebhookWithSecretSerializer(WebhookSerializer):
    """With the secret by which its messages are verified: now, and never again."""

    secret = serializers.SerializerMethodField()

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")

    def get_secret(self, webhook: Webhook) -> str:
        return signatures.secret(webhook)


class WebhookAttemptSerializer(serializers.ModelSerializer):
    error = serializers.ChoiceField(WebhookAttempt.Error.choices, allow_blank=True, read_only=True)

    class Meta:
        model = WebhookAttempt
        fields = ("created_at", "status", "error", "milliseconds")
        read_only_fields = fields


class WebhookDeliverySerializer(serializers.ModelSerializer):
    """One event on its way; its id is the ``webhook-id`` of the message."""

    event = serializers.ChoiceField(WebhookDelivery.EVENTS, read_only=True)
    record = serializers.UUIDField(source="record_id", read_only=True, allow_null=True)
    state = serializers.ChoiceField(["waiting", "delivered", "given_up"], read_only=True)
    attempts = WebhookAttemptSerializer(many=True, read_only=True)

    class Meta:
        model = WebhookDelivery
        fields = ("id", "event", "record", "state", "created_at", "next_attempt_at", "attempts")
        read_only_fields = fields
