"""Webhooks and their deliveries in the administration: seen, and sent again."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.admin import OfPeople, Seen
from diagnosis.webhooks import deliveries
from diagnosis.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery


@admin.register(Webhook)
class WebhookAdmin(Seen, OfPeople, admin.ModelAdmin):
    person = "owner"
    list_display = ("__str__", "url", "created_at", "failures", "failing_since", "disabled_at")
    list_filter = (("disabled_at", admin.EmptyFieldListFilter),)
    search_fields = ("id", "url", "owner__email")
    readonly_fields = ("owner", "url", "events", "created_at", "rotated_at")
    fields = (*readonly_fields, "failures", "failing_since", "disabled_at")
    show_full_result_count = False
    actions = None


class AttemptInline(Seen, admin.TabularInline):
    model = WebhookAttempt
    fields = readonly_fields = ("created_at", "status", "error", "milliseconds")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(Seen, OfPeople, admin.ModelAdmin):
    person = "webhook__owner"
    list_display = (
        *("__str__", "webhook", "event", "record_id", "created_at"),
        *("tries", "delivered_at", "next_attempt_at"),
    )
    list_filter = ("event", ("delivered_at", admin.EmptyFieldListFilter), "created_at")
    search_fields = ("id", "webhook__id", "record_id")
    fields = readonly_fields = (
        *("webhook", "event", "record_id", "created_at"),
        *("tries", "delivered_at", "next_attempt_at"),
    )
    inlines = (AttemptInline,)
    show_full_result_count = False
    actions = ("send_again",)

    @admin.action(description=_("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        number = deliveries.send_again(queryset)
        sentence = ngettext(
            "%(number)d delivery will be sent again.",
            "%(number)d deliveries will be sent again.",
            number,
        )
        self.message_user(request, sentence % {"number": number}, messages.SUCCESS)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("diagnosis.change_webhookdelivery")
