"""Webhooks as their person keeps them: added, given a new secret, tried out, removed."""

from collections.abc import Iterable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notices
from accounts.models import User
from accounts.ownership import check_owner
from diagnosis import limits, queue
from diagnosis.webhooks import deliveries, outbound
from diagnosis.webhooks.models import Webhook, WebhookDelivery

AT_MOST = 5  # of one person
SENT_TWICE_WITHIN = timedelta(minutes=10)
ADDED = _(
    "The webhook %(address)s was added to your account: it is told of each new answer. It stays "
    "there with a new password, too; if you did not add it, remove it on your account page."
)
TOO_MANY = _("You have as many webhooks as one person may. Remove one first.")


def create(*, owner: User, url: str, events: Iterable[str]) -> Webhook:
    """Add one, and mail its person; its secret is in ``signatures.secret``, to be shown this once.

    Raises ValidationError by field, TryLater, PermissionDenied where session or token have ended.
    """
    try:
        outbound.check_url(url)
    except ValidationError as error:
        raise ValidationError({"url": error.messages}) from error
    limits.spend(owner, "webhooks")
    webhook = Webhook(owner=owner, url=url, events=sorted(set(events)))
    webhook.full_clean()
    with transaction.atomic():
        # Locked, so that two at once do not exceed the limit.
        User.objects.lock(owner)
        if owner.webhooks.count() >= AT_MOST:
            raise ValidationError(TOO_MANY)
        webhook.save(force_insert=True)
        notices.send(owner, ADDED, address=url)
    return webhook


def rotate(*, webhook: Webhook, by: User, seen: str | None = None) -> Webhook:
    """Give it a new secret; for a day, messages are signed with the one before, too.

    ``seen``: the number of the secret that was to be replaced. Where that was done just now, as by
    a form sent twice, it stays done. Raises PermissionDenied, Http404 where it was removed.
    """
    check_owner(webhook, by)
    with transaction.atomic():
        webhook = get_object_or_404(Webhook.objects.select_for_update(), pk=webhook.pk)
        now = timezone.now()
        just_now = webhook.rotated_at and webhook.rotated_at > now - SENT_TWICE_WITHIN
        if not (just_now and seen == str(webhook.secret_number - 1)):
            webhook.secret_number, webhook.rotated_at = webhook.secret_number + 1, now
            # By save, which the audit log sees.
            webhook.save(update_fields=["secret_number", "rotated_at"])
    return webhook


def test(*, webhook: Webhook, by: User) -> WebhookDelivery:
    """Send a message about nothing; one that arrives switches the webhook on again.

    Raises PermissionDenied, TryLater, Http404 where it was removed.
    """
    check_owner(webhook, by)
    limits.spend(by, "webhooks")
    with transaction.atomic():
        webhook = get_object_or_404(Webhook.objects.select_for_update(), pk=webhook.pk)
        # Not after the rest that a failing receiver is given: the person waits.
        deliveries.end_rests([webhook.pk])
        delivery = WebhookDelivery.objects.create(
            webhook=webhook, event=WebhookDelivery.TEST, next_attempt_at=timezone.now()
        )
        transaction.on_commit(lambda: queue.tell_webhook(webhook.pk), robust=True)
    return delivery


def delete(*, webhook: Webhook, by: User) -> None:
    """Tell this address nothing from now on. Raises PermissionDenied."""
    check_owner(webhook, by)
    with transaction.atomic():
        # Locked first, so that what is being noted for it is there to go with it.
        list(Webhook.objects.select_for_update().filter(pk=webhook.pk))
        webhook.delete()
