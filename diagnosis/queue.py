"""Messages to the workers. They are hints: a lost one is sent again by the sweeper."""

import logging
import uuid
from datetime import timedelta

from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# A task that is killed at the hard limit never outlives what it has claimed.
CLAIM = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT + 5)


def send(record_id: uuid.UUID) -> None:
    """Tell the workers that a record waits; a broker that is down costs its short timeout only."""
    if not _send("diagnosis.tasks.assess_record", record_id):
        logger.warning("The sweeper will send %s again.", record_id)


def send_again(record_id: uuid.UUID) -> bool:
    """Ask the workers for an answer of the released model; False where the broker is down."""
    return _send("diagnosis.tasks.reassess_record", record_id)


def remind(owner_id: uuid.UUID) -> bool:
    """Ask the workers to send the person an e-mail; False where the broker is down."""
    return _send("diagnosis.tasks.send_reminder", owner_id)


def tell(review_id: uuid.UUID) -> None:
    """Tell the workers that a person should hear of a verdict; the sweeper tells them again."""
    _send("diagnosis.tasks.mail_verdict", review_id)


def _send(task: str, row_id: uuid.UUID) -> bool:
    try:
        current_app.send_task(task, args=[str(row_id)], retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Broker unreachable: %s", error)
        return False
    return True
