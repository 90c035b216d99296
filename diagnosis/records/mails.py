"""An e-mail to the person of whose picture there is something new; it says nothing of it."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from diagnosis.records.models import MoleRecord


def tell(record: MoleRecord) -> None:
    """Put the e-mail into the outbox, in the caller's transaction, for who wants such ones."""
    person = record.owner
    if person.is_active and person.verdict_emails:
        with translation.override(person.language or settings.LANGUAGE_CODE):
            _message(person.email, record).send()


def _message(address: str, record: MoleRecord) -> EmailMessage:
    """Write it without a mole or a result: e-mail is read by others than its recipient."""
    page = reverse("diagnosis:record_detail", args=[record.pk])
    return EmailMessage(
        subject=_("Something new on your page"),
        body=render_to_string("diagnosis/email/news.txt", {"address": settings.SITE_URL + page}),
        to=[address],
    )
