"""Deliveries: events noted with what happened, and sent by workers until they arrive.

The database is the memory, messages to workers are hints. One worker at a time tells one webhook,
claimed by one UPDATE; a claim that its worker did not live to give back expires.
"""

import json
import logging
import time
import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import notices
from diagnosis import queue
from diagnosis.webhooks import outbound, signatures
from diagnosis.webhooks.models import Webhook, WebhookAttempt, WebhookDelivery

logger = logging.getLogger(__name__)

# The pauses that the Standard Webhooks specification gives as an example: three days in all.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)))
)
# A receiver that fails is left alone for this long at most: what is new is tried after it.
LONGEST_REST = timedelta(minutes=5)
# Switched off after so many failures in a row, over at least this time; at once by 410 Gone.
MOST_FAILURES, FAILING_FOR = 10, timedelta(days=1)
GONE = 410
KEPT_FOR = timedelta(days=30)
SWEEP_AT_MOST = 200  # webhooks
AGENT = "skincare-mole-check-webhooks"
SWITCHED_OFF = _(
    "Your webhook %(address)s was switched off, since it failed again and again, or said that it "
    "is gone. Once it is mended, send it a test on your account page: that switches it on again."
)


def publish(*, owner_id: uuid.UUID, event: str, record_id: uuid.UUID) -> None:
    """Note an event for each webhook of the person that wants it, and tell the workers on commit.

    To be called within the transaction of what happened: both are stored, or neither.
    """
    webhooks = Webhook.objects.filter(owner=owner_id, events__contains=[event], disabled_at=None)
    # Locked: one that is removed before this ends would undo what happened.
    for webhook in webhooks.select_for_update(no_key=True).order_by("pk"):
        WebhookDelivery.objects.create(
            webhook=webhook, event=event, record_id=record_id, next_attempt_at=Now()
        )
        _hint(webhook.pk)


def due() -> QuerySet[WebhookDelivery]:
    """Deliveries whose time has come, to webhooks that no worker has and that are not resting."""
    return _ripe().filter(Q(webhook__busy_until__isnull=True) | Q(webhook__busy_until__lt=Now()))


def _ripe() -> QuerySet[WebhookDelivery]:
    """Deliveries whose time has come, the least tried first."""
    # A test reaches also what is switched off.
    wanted = Q(webhook__disabled_at__isnull=True) | Q(event=WebhookDelivery.TEST)
    return WebhookDelivery.objects.filter(
        wanted, next_attempt_at__lte=Now(), webhook__owner__is_active=True
    ).order_by("tries", "created_at")


def sweep() -> int:
    """Give each webhook with something due to a worker, forget what is old; return how many."""
    WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    waiting = due().order_by("webhook").values_list("webhook", flat=True).distinct()
    webhooks = list(waiting[:SWEEP_AT_MOST])
    for webhook in webhooks:
        queue.tell_webhook(webhook)
    return len(webhooks)


def tell(webhook_id: uuid.UUID | str) -> None:
    """Make one attempt at what is due for this webhook; nothing where another worker has it."""
    if not _claim(webhook_id):
        return
    delivery = _ripe().filter(webhook_id=webhook_id).select_related("webhook").first()
    if delivery is None:
        Webhook.objects.filter(pk=webhook_id).update(busy_until=None)
        return
    webhook = delivery.webhook
    body = message(delivery)
    headers = signatures.headers(webhook, str(delivery.pk), int(time.time()), body)
    headers |= {"Content-Type": "application/json", "User-Agent": AGENT}
    outcome = outbound.post(webhook.url, body, headers)
    try:
        _note(webhook, delivery, outcome)
    except (Webhook.DoesNotExist, WebhookDelivery.DoesNotExist):
        return  # removed by its person meanwhile
    if due().filter(webhook_id=webhook_id).exists():
        queue.tell_webhook(webhook.pk)


def message(delivery: WebhookDelivery) -> bytes:
    """The body: what happened, when, and to which record; the rest is to be asked for."""
    data = {"record": str(delivery.record_id)} if delivery.record_id else {}
    moment = delivery.created_at.isoformat().replace("+00:00", "Z")
    content: dict[str, Any] = {"type": delivery.event, "timestamp": moment, "data": data}
    return json.dumps(content).encode()


def send_again(deliveries: Collection[WebhookDelivery]) -> int:
    """Begin again with each of them, delivered or given up, at once; return how many."""
    webhooks = {delivery.webhook_id for delivery in deliveries}
    with transaction.atomic():
        # Locked first, as by _note: it would write what it read before this.
        list(Webhook.objects.select_for_update().filter(pk__in=webhooks).order_by("pk"))
        again = WebhookDelivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
        number = again.update(tries=0, delivered_at=None, next_attempt_at=Now())
        end_rests(webhooks)
        for webhook in webhooks:
            _hint(webhook)
    return number


def end_rests(webhook_ids: Collection[uuid.UUID]) -> None:
    """Let those be told at once that only rest after a failure; what a worker has, it keeps.

    To be called within a transaction.
    """
    failing = Webhook.objects.filter(pk__in=webhook_ids, failures__gt=0, busy_until__gt=Now())
    for webhook in failing.select_for_update().order_by("pk"):
        attempts = WebhookAttempt.objects.filter(delivery__webhook=webhook)
        last = attempts.order_by("-created_at").values_list("created_at", flat=True).first()
        # A claim counts from another moment.
        if last and webhook.busy_until == last + _rest(webhook.failures):
            Webhook.objects.filter(pk=webhook.pk).update(busy_until=None)


def _claim(webhook_id: uuid.UUID | str) -> bool:
    free = Q(busy_until__isnull=True) | Q(busy_until__lt=Now())
    claimed = Webhook.objects.filter(free, pk=webhook_id)
    return bool(claimed.update(busy_until=Now() + queue.claim_time()))


def _note(webhook: Webhook, delivery: WebhookDelivery, outcome: outbound.Outcome) -> None:
    """Store what came of an attempt, and what follows for the delivery and its webhook.

    Raises DoesNotExist for either.
    """
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook.pk)
        delivery = WebhookDelivery.objects.get(pk=delivery.pk)
        attempt = WebhookAttempt.objects.create(
            delivery=delivery,
            status=outcome.status,
            error=outcome.error,
            milliseconds=outcome.milliseconds,
        )
        now = attempt.created_at
        delivery.tries += 1
        if outcome.is_accepted:
            delivery.delivered_at, delivery.next_attempt_at = now, None
            webhook.failures, webhook.failing_since, webhook.busy_until = 0, None, None
            webhook.disabled_at = None
        else:
            delivery.next_attempt_at = _next(delivery, now)
            webhook.failures += 1
            webhook.failing_since = webhook.failing_since or now
            webhook.busy_until = now + _rest(webhook.failures)
            _switch_off(webhook, outcome, now)
        delivery.save(update_fields=["tries", "delivered_at", "next_attempt_at"])
        webhook.save(update_fields=["failures", "failing_since", "busy_until", "disabled_at"])


def _next(delivery: WebhookDelivery, now: datetime) -> datetime | None:
    """When it is tried again; None to give up. The person tries a test again by hand."""
    if delivery.event == WebhookDelivery.TEST or delivery.tries > len(PAUSES):
        return None
    return now + _pause(delivery.tries)


def _pause(failures: int) -> timedelta:
    return PAUSES[min(failures, len(PAUSES)) - 1]


def _rest(failures: int) -> timedelta:
    return min(_pause(failures), LONGEST_REST)


def _switch_off(webhook: Webhook, outcome: outbound.Outcome, now: datetime) -> None:
    """Stop where it has failed for long, and tell the person once."""
    since = webhook.failing_since or now
    long = webhook.failures >= MOST_FAILURES and now - since >= FAILING_FOR
    if webhook.disabled_at or not (long or outcome.status == GONE):
        return
    webhook.disabled_at = now
    logger.warning("%s was switched off after %d failures", webhook, webhook.failures)
    notices.send(webhook.owner, SWITCHED_OFF, address=webhook.url)


def _hint(webhook_id: uuid.UUID) -> None:
    transaction.on_commit(lambda: queue.tell_webhook(webhook_id), robust=True)
