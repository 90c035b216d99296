"""Celery tasks: thin wrappers, and the model's start in each worker process."""

import logging
import os
import signal
import sys
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_process_init

from accounts import expiry
from audit import log
from diagnosis import media
from diagnosis.moles import changes, reminders
from diagnosis.push import notifications
from diagnosis.queue import Task
from diagnosis.records import assessments, pictures
from diagnosis.sharing import links
from diagnosis.webhooks import deliveries

logger = logging.getLogger(__name__)

# This module is imported before the worker forks; its processes inherit the number.
WORKER = os.getpid()


@shared_task(name=Task.ASSESS_RECORD, ignore_result=True)
def assess_record(record_id: str) -> None:
    assessments.run(record_id)


@shared_task(name=Task.REASSESS_RECORD, ignore_result=True, expires=300)
def reassess_record(record_id: str) -> None:
    assessments.run_again(record_id)


# Sweeps that pile up while no worker listens would only repeat each other.
@shared_task(name=Task.SWEEP_RECORDS, ignore_result=True, expires=10)
def sweep_records() -> None:
    assessments.sweep()


@shared_task(name=Task.MEASURE_CHANGE, ignore_result=True, expires=600)
def measure_change(change_id: str) -> None:
    changes.run(change_id)


@shared_task(name=Task.SWEEP_CHANGES, ignore_result=True, expires=60)
def sweep_changes() -> None:
    changes.sweep()


@shared_task(name=Task.SWEEP_FILES, ignore_result=True, expires=3600)
def sweep_files() -> None:
    pictures.remove_orphans()


@shared_task(name=Task.SWEEP_EXPIRED, ignore_result=True, expires=3600)
def sweep_expired() -> None:
    expiry.remove_expired()
    log.remove_old()


@shared_task(name=Task.SWEEP_REMINDERS, ignore_result=True, expires=3600)
def sweep_reminders() -> None:
    reminders.sweep()


@shared_task(name=Task.SWEEP_SHARES, ignore_result=True, expires=3600)
def sweep_shares() -> None:
    links.remove_expired()


# The longer limit is for the name server; outbound.py has one of its own for the rest.
@shared_task(name=Task.TELL_WEBHOOK, ignore_result=True, expires=60)
def tell_webhook(webhook_id: str) -> None:
    deliveries.tell(webhook_id)


@shared_task(name=Task.SWEEP_WEBHOOKS, ignore_result=True, expires=10)
def sweep_webhooks() -> None:
    deliveries.sweep()


@shared_task(name=Task.SEND_PUSH, ignore_result=True, expires=60)
def send_push(subscription_id: str) -> None:
    notifications.send(subscription_id)


@shared_task(name=Task.SWEEP_PUSHES, ignore_result=True, expires=30)
def sweep_pushes() -> None:
    notifications.sweep()


@worker_init.connect
def refuse_without_pictures(**_: Any) -> None:
    if media.trouble() == "not writable":
        sys.exit(f"Not started: {media.NOT_WRITABLE}")


@worker_process_init.connect
def load_the_model(**_: Any) -> None:
    """Load the model after the fork, each process its own; without one the worker stops."""
    try:
        assessments.warm()
    except Exception:
        logger.critical("The model can't be loaded. The worker does not start.", exc_info=True)
        os.kill(WORKER, signal.SIGQUIT)
