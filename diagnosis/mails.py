"""An e-mail to the person of whose picture there is something new; it says nothing of it."""

import uuid
from collections.abc import Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import outbox
from accounts.models import User

if TYPE_CHECKING:
    from diagnosis.records.models import MoleRecord


def tell(record: "MoleRecord") -> None:
    """Put the e-mail into the outbox, in the caller's transaction, for who wants such ones."""
    if _is_wanted(record.owner):
        _message(record.owner, [record.pk]).send()


def tell_together(record: "MoleRecord") -> None:
    """As ``tell``, in some minutes: there may be more, or the person reads it meanwhile."""
    if _is_wanted(record.owner):
        person = record.owner
        outbox.gather(person=person, about=record.pk, write=partial(_message, person))


def forget(person: User, records: Collection[uuid.UUID]) -> None:
    """Take back what ``tell_together`` would say of these, which the person has seen or deleted."""
    outbox.withdraw(person=person, about=records, write=partial(_message, person))


def _is_wanted(person: User) -> bool:
    return person.is_active and person.verdict_emails


def _message(person: User, records: Iterable[uuid.UUID]) -> EmailMessage:
    """Write it without a mole or a result: e-mail is read by others than its recipient."""
    addresses = [
        settings.SITE_URL + reverse("diagnosis:record_detail", args=[key]) for key in records
    ]
    with translation.override(person.language or settings.LANGUAGE_CODE):
        return EmailMessage(
            subject=_("Something new on your page"),
            body=render_to_string("diagnosis/email/news.txt", {"addresses": addresses}),
            to=[person.email],
        )
