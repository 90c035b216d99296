"""Messages to the workers. They are hints: a lost one is sent again by the sweeper."""

import logging
import uuid
from datetime import timedelta
from enum import StrEnum

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


class Task(StrEnum):
    """What messages and the schedule name; tasks.py gives each its work."""

    ASSESS_RECORD = "diagnosis.tasks.assess_record"
    REASSESS_RECORD = "diagnosis.tasks.reassess_record"
    MEASURE_CHANGE = "diagnosis.tasks.measure_change"
    TELL_WEBHOOK = "diagnosis.tasks.tell_webhook"
    SEND_PUSH = "diagnosis.tasks.send_push"
    SWEEP_RECORDS = "diagnosis.tasks.sweep_records"
    SWEEP_CHANGES = "diagnosis.tasks.sweep_changes"
    SWEEP_FILES = "diagnosis.tasks.sweep_files"
    SWEEP_REMINDERS = "diagnosis.tasks.sweep_reminders"
    SWEEP_SHARES = "diagnosis.tasks.sweep_shares"
    SWEEP_EXPIRED = "diagnosis.tasks.sweep_expired"
    SWEEP_WEBHOOKS = "diagnosis.tasks.sweep_webhooks"
    SWEEP_PUSHES = "diagnosis.tasks.sweep_pushes"


def claim_time() -> timedelta:
    """Return how long a task keeps what it claims, which no task outlives."""
    return timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 5)


def send(record_id: uuid.UUID) -> None:
    """Tell the workers that a record waits; a broker that is down costs its short timeout only."""
    if not _send(Task.ASSESS_RECORD, record_id):
        logger.warning("The sweeper will send %s again.", record_id)


def send_again(record_id: uuid.UUID) -> bool:
    """Ask the workers for an answer of the released model; False where the broker is down."""
    return _send(Task.REASSESS_RECORD, record_id)


def measure_change(change_id: uuid.UUID) -> None:
    """Ask the workers what changed between two pictures; the sweeper asks again."""
    _send(Task.MEASURE_CHANGE, change_id)


def tell_webhook(webhook_id: uuid.UUID) -> None:
    """Tell the workers that a webhook has something to hear; the sweeper tells them again."""
    _send(Task.TELL_WEBHOOK, webhook_id)


def send_push(subscription_id: uuid.UUID) -> None:
    """Tell the workers that a browser has something to show; the sweeper tells them again."""
    _send(Task.SEND_PUSH, subscription_id)


def _send(task: Task, row_id: uuid.UUID) -> bool:
    try:
        current_app.send_task(task, args=[str(row_id)], retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Broker unreachable: %s", error)
        return False
    return True
