"""The Celery application: workers and beat start from here."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skincare_site.settings")

app = Celery("skincare_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def log_as_the_site_does(**_: Any) -> None:
    """Celery would set up its own format otherwise."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
