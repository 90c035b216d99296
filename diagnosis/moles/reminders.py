"""Reminders to look at a mole again: one e-mail a person, whatever number of moles is due."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Max, QuerySet, Value
from django.db.models.functions import Greatest, Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from diagnosis.moles.models import Mole

SALT = "diagnosis.reminders"
AT_ONCE = 500  # people a sweep, which takes seconds


def due() -> QuerySet[Mole]:
    """Moles whose last picture, or last reminder, is as old as their person chose."""
    wait = ExpressionWrapper(
        F("remind_after_days") * Value(timedelta(days=1)), output_field=DurationField()
    )
    return (
        Mole.objects.filter(
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
    """Remind who has a mole due; return how many people."""
    owners = due().order_by("owner").values_list("owner", flat=True).distinct()
    return sum(_remind(owner) for owner in list(owners[:AT_ONCE]))


def _remind(owner_id: uuid.UUID) -> bool:
    """Put one e-mail for all that is due into the outbox; False where that has been done."""
    with transaction.atomic():
        # One sweep at a time; uploads of the person go on.
        person = User.objects.select_for_update(no_key=True).filter(pk=owner_id).first()
        keys = list(due().filter(owner=owner_id).values_list("pk", flat=True))
        if not person or not keys:
            return False
        with translation.override(person.language or settings.LANGUAGE_CODE):
            _message(person, len(keys)).send()
        Mole.objects.filter(pk__in=keys).update(reminded_at=Now())
    return True


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
