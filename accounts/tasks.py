"""Celery tasks of accounts: thin wrappers."""

from celery import shared_task

from accounts import outbox


@shared_task(name=outbox.TASK, ignore_result=True, expires=60)
def send_mails() -> None:
    outbox.send_due()
