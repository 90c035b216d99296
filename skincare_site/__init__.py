"""The project: settings, addresses, the Celery application, and the servers behind `make run`."""

from skincare_site.celery import app as celery_app

__all__ = ["celery_app"]
