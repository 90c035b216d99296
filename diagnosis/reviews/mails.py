"""An e-mail to the person whose picture a doctor has looked at; it says nothing of the verdict."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from diagnosis import metrics, queue
from diagnosis.reviews.models import Review

# After that, an address that takes no mail is left alone, and the news is old.
GIVE_UP_AFTER = timedelta(days=3)


def due() -> QuerySet[Review]:
    """Verdicts that their person has not been told of, and that no worker has claimed."""
    free = Q(mail_claimed_until__isnull=True) | Q(mail_claimed_until__lt=Now())
    return Review.objects.filter(free, notified_at__isnull=True)


def sweep() -> int:
    """Give what is due to the workers again; return how many."""
    reviews = list(due().filter(news_since__gt=Now() - GIVE_UP_AFTER).values_list("pk", flat=True))
    for review in reviews:
        queue.notify_of_verdict(review)
    return len(reviews)


def send(review_id: uuid.UUID | str) -> None:
    """Tell the person, unless they were told, or want no such e-mails.

    Raises what the mail server's connection raises; then it is due again.
    """
    if not due().filter(pk=review_id).update(mail_claimed_until=Now() + queue.claim_time()):
        return
    claimed = Review.objects.filter(pk=review_id)
    review = claimed.select_related("record__owner").get()
    person = review.record.owner
    try:
        if person.is_active and person.verdict_emails:
            # Outside of a transaction: nobody waits for a slow mail server but this worker.
            language = translation.override(person.language or settings.LANGUAGE_CODE)
            with language, metrics.counting_mail():
                _message(person.email, review).send()
    except Exception:
        claimed.update(mail_claimed_until=None)
        raise
    # A correction that came meanwhile is news.
    claimed.filter(news_since=review.news_since).update(notified_at=Now())
    claimed.update(mail_claimed_until=None)


def _message(address: str, review: Review) -> EmailMessage:
    """Write it without a mole or a result: e-mail is read by others than its recipient."""
    page = reverse("diagnosis:record_detail", args=[review.record_id])
    return EmailMessage(
        subject=_("Something new on your page"),
        body=render_to_string("diagnosis/email/verdict.txt", {"address": settings.SITE_URL + page}),
        to=[address],
    )
