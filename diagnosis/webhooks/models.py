"""Where a person's programs listen, what each is to hear, and every attempt to tell it."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MAX_URL = 500


class Webhook(models.Model):
    """An address at which a program of one person listens."""

    class Event(models.TextChoices):
        ASSESSED = "record.assessed", _("A picture was assessed")
        REVIEWED = "record.reviewed", _("A doctor has written or corrected a verdict")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks", verbose_name=_("person")
    )
    url = models.CharField(_("address"), max_length=MAX_URL)
    events = ArrayField(
        models.CharField(max_length=30, choices=Event.choices), verbose_name=_("events")
    )
    # The secret itself is stored nowhere: signatures.py derives it from this number.
    secret_number = models.PositiveIntegerField(default=1, editable=False)
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    # While a worker sends, and while a receiver that fails is left alone.
    busy_until = models.DateTimeField(null=True, blank=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    disabled_at = models.DateTimeField(_("switched off at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("added at"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(events__contained_by=["record.assessed", "record.reviewed"]),
                name="webhook_events_are_known",
            ),
            models.CheckConstraint(
                condition=Q(url__startswith="https://"), name="webhook_speaks_tls"
            ),
            models.CheckConstraint(
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
                name="webhook_failing_exactly_when_it_fails",
            ),
        ]

    def __str__(self) -> str:
        """Without its address, which the audit log would keep longer than the account."""
        return _("webhook %(id)s") % {"id": str(self.id)[:8]}


class WebhookDelivery(models.Model):
    """One event on its way to one webhook; its id is the same in every attempt."""

    TEST = "webhook.test"
    EVENTS = [*Webhook.Event.choices, (TEST, _("Test"))]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(
        Webhook, models.CASCADE, related_name="deliveries", verbose_name=_("webhook")
    )
    event = models.CharField(_("event"), max_length=30, choices=EVENTS)
    # No foreign key: a delivery says nothing about a record, and may outlive it. Null: a test.
    record_id = models.UUIDField(_("record"), null=True, blank=True)
    created_at = models.DateTimeField(_("happened at"), auto_now_add=True)
    tries = models.PositiveSmallIntegerField(_("attempts"), default=0)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    # Null: delivered, or given up.
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False),
                name="webhook_delivery_due",
            ),
            models.Index(fields=["created_at"], name="webhook_delivery_age"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(delivered_at__isnull=True) | Q(next_attempt_at__isnull=True),
                name="webhook_delivery_ends_once_delivered",
            ),
            models.CheckConstraint(
                condition=Q(event="webhook.test", record_id__isnull=True)
                | (~Q(event="webhook.test") & Q(record_id__isnull=False)),
                name="webhook_delivery_about_a_record_unless_a_test",
            ),
        ]

    def __str__(self) -> str:
        return _("delivery %(id)s") % {"id": str(self.id)[:8]}

    @property
    def state(self) -> str:
        """``delivered``, ``waiting`` for its next attempt, or ``given_up``."""
        if self.delivered_at:
            return "delivered"
        return "waiting" if self.next_attempt_at else "given_up"


class WebhookAttempt(models.Model):
    """What one attempt met: a status, or an error before there was any; never a body."""

    class Error(models.TextChoices):
        NAME = "name_not_found", _("The name of the host was not found.")
        ADDRESS = "address_refused", _("The host is not on the public internet.")
        CONNECTION = "no_connection", _("No connection, or it broke off.")
        CERTIFICATE = "certificate", _("The certificate is not valid.")
        TIMEOUT = "timeout", _("No answer in time.")
        ANSWER = "not_http", _("The answer was not HTTP.")

    delivery = models.ForeignKey(
        WebhookDelivery, models.CASCADE, related_name="attempts", verbose_name=_("delivery")
    )
    created_at = models.DateTimeField(_("at"), auto_now_add=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=20, choices=Error.choices, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"))

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__isnull=True) & ~Q(error="") | Q(status__isnull=False, error=""),
                name="webhook_attempt_has_a_status_or_an_error",
            ),
        ]

    def __str__(self) -> str:
        return str(self.status or self.get_error_display())
