"""Reminders to look at a mole again: one e-mail a person, whatever number of moles is due."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Value
from django.db.models.functions import Greatest, Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis import metrics, queue
from diagnosis.moles.models import Mole

SALT = "diagnosis.reminders"


def due() -> QuerySet[Mole]:
    """Moles whose last picture, or last reminder, is as old as their person chose; not claimed."""
    wait = ExpressionWrapper(
        F("remind_after_days") * Value(timedelta(days=1)), output_field=DurationField()
    )
    return (
        Mole.objects.filter(
            Q(mail_claimed_until__isnull=True) | Q(mail_claimed_until__lt=Now()),
            remind_after_days__gt=Mole.Reminder.NEVER,
            owner__is_active=True,
            owner__reminder_emails=True,
        )
        .annotate(last=Max("records__created_at"))
        .filter(last__isnull=False)
        # PostgreSQL's GREATEST leaves out what is null.
        .annotate(since=Greatest("last", "reminded_at"))
        .filter(since__lte=Now() - wait)
    )


def sweep() -> int:
    """Give each person who has a mole due to a worker; return how many."""
    owners = list(due().order_by("owner").values_list("owner", flat=True).distinct())
    for owner in owners:
        queue.remind(owner)
    return len(owners)


def send(owner_id: uuid.UUID | str) -> None:
    """Send the person one e-mail for all that is due; nothing when it has been sent meanwhile.

    Raises what the mail server's connection raises; then it is due again.
    """
    keys = _claim(owner_id)
    if not keys:
        return
    claimed = Mole.objects.filter(pk__in=keys)
    person = User.objects.get(pk=owner_id)
    try:
        # Outside of a transaction: nobody waits for a slow mail server but this worker.
        language = translation.override(person.language or settings.LANGUAGE_CODE)
        with language, metrics.counting_mail():
            _message(person, len(keys)).send()
    except Exception:
        claimed.update(mail_claimed_until=None)
        raise
    claimed.update(reminded_at=Now(), mail_claimed_until=None)


def _claim(owner_id: uuid.UUID | str) -> list[uuid.UUID]:
    """Take the person's moles that are due and that no other worker has."""
    with transaction.atomic():
        list(User.objects.select_for_update().filter(pk=owner_id))  # one worker at a time
        keys = list(due().filter(owner=owner_id).values_list("pk", flat=True))
        Mole.objects.filter(pk__in=keys).update(mail_claimed_until=Now() + queue.claim_time())
    return keys


def off_key(person: User) -> str:
    """Make what the link in an e-mail carries in place of a login; it opens nothing else."""
    return signing.Signer(salt=SALT).sign(person.pk.hex)


def switch_off(key: str) -> bool:
    """Send no more reminders to the person whose key this is; return whether it is anybody's."""
    try:
        owner = uuid.UUID(signing.Signer(salt=SALT).unsign(key))
    except (signing.BadSignature, ValueError):
        return False
    return bool(User.objects.filter(pk=owner).update(reminder_emails=False))


def _message(person: User, moles: int) -> EmailMessage:
    """Write it without a mole or a result: e-mail is read by others than its recipient."""
    off = f"{settings.SITE_URL}{reverse('diagnosis:reminders_off')}?key={off_key(person)}"
    context = {
        "moles": moles,
        "address": settings.SITE_URL + reverse("diagnosis:moles"),
        "off": off,
    }
    return EmailMessage(
        subject=_("Time to look at your skin again"),
        body=render_to_string("diagnosis/email/reminder.txt", context),
        to=[person.email],
        # RFC 8058: mail programs show a button of their own, which posts.
        headers={
            "List-Unsubscribe": f"<{off}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )
