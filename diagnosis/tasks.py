"""Celery tasks: thin wrappers, and the model's start in each worker process."""

import multiprocessing
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_process_init

from diagnosis.services import assessments, pictures


@shared_task(ignore_result=True)
def assess_record(record_id: str) -> None:
    assessments.run(record_id)


# Sweeps that pile up while no worker listens would only repeat each other.
@shared_task(ignore_result=True, expires=10)
def sweep_records() -> None:
    assessments.sweep()


@shared_task(ignore_result=True, expires=3600)
def sweep_files() -> None:
    pictures.remove_orphans()


@worker_init.connect
def refuse_to_start_without_a_model(**_: Any) -> None:
    """Try the model in a throw-away process: a broken release stops the worker, not a record."""
    trial = multiprocessing.get_context("fork").Process(target=assessments.warm)
    trial.start()
    trial.join()
    if trial.exitcode:
        raise SystemExit("The model could not be loaded; see above. The worker does not start.")


@worker_process_init.connect
def load_the_model(**_: Any) -> None:
    """After the fork, so that every process has its own."""
    assessments.warm()
