"""Browsers that show notifications, and what each has still to be told."""

import uuid

from django.conf import settings
from django.core.validators import validate_slug
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

MAX_ENDPOINT = 1024  # what Windows' push service may give, the longest


class PushSubscription(models.Model):
    """A browser that shows a notification, until its person signs out there."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="push_subscriptions"
    )
    # The address of this browser at its push service, and its keys, as RFC 8291 names them.
    endpoint = models.CharField(max_length=MAX_ENDPOINT, unique=True)
    # In base64url, whose letters are those of a slug.
    p256dh = models.CharField(max_length=100, validators=[validate_slug])
    auth = models.CharField(max_length=40, validators=[validate_slug])
    created_at = models.DateTimeField(auto_now_add=True)
    # What it has still to be told. No foreign key: it says nothing about a record.
    record_id = models.UUIDField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("browser with notifications")
        verbose_name_plural = _("browsers with notifications")
        default_permissions = ()
        ordering = ["created_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="push_due")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(endpoint__startswith="https://"), name="push_speaks_tls"
            ),
            models.CheckConstraint(
                condition=Q(record_id__isnull=True, due_at__isnull=True)
                | Q(record_id__isnull=False, due_at__isnull=False),
                name="push_due_exactly_when_there_is_news",
            ),
        ]

    def __str__(self) -> str:
        """Without its address, which the audit log would keep longer than the account."""
        return f"browser {str(self.id)[:8]}"
