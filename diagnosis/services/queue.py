"""Messages to the workers. They are hints: a lost one is sent again by the sweeper."""

import logging
import uuid

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def send(record_id: uuid.UUID) -> None:
    """Tell the workers that a record waits; a broker that is down costs its short timeout only."""
    try:
        current_app.send_task("diagnosis.tasks.assess_record", args=[str(record_id)], retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Broker unreachable, the sweeper will send %s again: %s", record_id, error)
