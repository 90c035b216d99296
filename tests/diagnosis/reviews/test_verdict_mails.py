"""The person hears by e-mail that a doctor has looked, and nothing of what was found."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone

from diagnosis import queue, tasks
from diagnosis.models import Review
from diagnosis.reviews import verdicts
from tests.factories import ReviewFactory, assessed


@pytest.fixture
def worker(monkeypatch):
    """Does at once what it is sent."""
    monkeypatch.setattr(queue, "notify_of_verdict", tasks.mail_verdict)


def write(record, doctor):
    return verdicts.write(
        record=record,
        doctor=doctor,
        risk_category="malignant_high_risk",
        diagnosis="mel",
        urgency="doctor_days",
        comment="Please come this week.",
    )


def test_the_person_is_told_once_and_nothing_medical(
    alice, dr_chen, worker, django_capture_on_commit_callbacks, settings
):
    record = assessed(owner=alice)
    with django_capture_on_commit_callbacks(execute=True):
        review = write(record, dr_chen)
    tasks.mail_verdict(str(review.pk))
    [message] = mail.outbox
    assert message.to == [alice.email]
    assert f"{settings.SITE_URL}/records/{record.pk}/" in message.body
    for word in ("melanoma", "malignant", "mole:", "days", "Please come", "dr_chen", "alice"):
        assert word not in message.subject + message.body


def test_a_lost_message_is_sent_again_by_the_sweep(alice, dr_chen, worker):
    write(assessed(owner=alice), dr_chen)  # its transaction does not end, so nothing is sent
    assert not mail.outbox
    tasks.sweep_verdict_mails()
    tasks.sweep_verdict_mails()
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_down_delays_the_mail(alice, dr_chen, settings):
    review = write(assessed(owner=alice), dr_chen)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", 1
    with pytest.raises(OSError, match="refused"):
        tasks.mail_verdict(str(review.pk))
    assert Review.objects.get().notified_at is None


def test_a_slow_mail_server_holds_up_no_doctor(
    transactional_db, alice, dr_chen, settings, monkeypatch
):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen)
    sent = []

    def correct() -> None:
        with closing(connection), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '1s'")
            verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")

    def slow(message: EmailMessage) -> None:
        sent.append(message)
        if len(sent) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(correct).result()
            tasks.mail_verdict(str(review.pk))  # nor is what is being sent sent twice

    monkeypatch.setattr(queue, "notify_of_verdict", lambda review_id: None)
    monkeypatch.setattr(EmailMessage, "send", slow)
    tasks.mail_verdict(str(review.pk))
    assert len(sent) == 1
    monkeypatch.setattr(queue, "notify_of_verdict", tasks.mail_verdict)
    tasks.sweep_verdict_mails()
    assert len(sent) == 2  # the correction, which came while the first was sent


def test_who_wants_none_gets_none(alice, dr_chen, worker):
    alice.verdict_emails = False
    alice.save()
    write(assessed(owner=alice), dr_chen)
    tasks.sweep_verdict_mails()
    assert not mail.outbox
    assert Review.objects.get().notified_at


def test_a_corrected_verdict_is_news(alice, dr_chen, worker, django_capture_on_commit_callbacks):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen, notified_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")
    assert len(mail.outbox) == 1


def test_the_correction_of_an_old_verdict_is_mailed_though_its_message_was_lost(
    alice, dr_chen, worker
):
    review = ReviewFactory(record=assessed(owner=alice), doctor=dr_chen, notified_at=timezone.now())
    long_ago = timezone.now() - timedelta(days=30)
    Review.objects.update(created_at=long_ago, news_since=long_ago)
    review.refresh_from_db()
    verdicts.correct(review=review, by=dr_chen, urgency="doctor_weeks")
    tasks.sweep_verdict_mails()
    assert len(mail.outbox) == 1
    Review.objects.update(notified_at=None, news_since=long_ago)
    tasks.sweep_verdict_mails()
    assert len(mail.outbox) == 1  # it has been tried for long enough
