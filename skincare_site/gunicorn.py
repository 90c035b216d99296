"""gunicorn's settings, for `make run` and for the image alike: plain WSGI with threads."""

import os
import shutil
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from gunicorn.glogging import Logger

from skincare_site.environment import Environment
from skincare_site.logs import without_secrets


class KeylessLogger(Logger):
    def atoms(self, *arguments: Any) -> dict[str, Any]:
        """The path quoted again: decoded, it could end its line and write another."""
        atoms = super().atoms(*arguments)
        return atoms | {"U": without_secrets(quote((atoms["U"] or "").encode("latin-1")))}

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Of a request that Django could not even refuse, gunicorn names the address."""
        said = str(msg) % args if args else str(msg)
        super().error("%s", without_secrets(f"{said}\n{traceback.format_exc()}"), **kwargs)


try:
    workers = Environment().count("WEB_WORKERS", default=1)
    Environment().count("WEB_THREADS", default=16)  # web_worker takes it
except ImproperlyConfigured as error:
    sys.exit(f"Not started: {error}")  # gunicorn would print a traceback
threads = 512  # that wait: for clients, half of them for records; web_worker has the few that work
worker_class = "skincare_site.web_worker.Worker"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
timeout = 60
graceful_timeout = 25  # docker-compose.yml waits 5 s more
keepalive = 5
limit_request_line = 8190  # the most that it takes: a search may name many reports
# It would let a client behind the proxy, or on this machine, say SCRIPT_NAME: a beginning of every
# link, also of those in e-mails.
forwarder_headers = ""
# The path without query and keys, and no address: enough to find a fault, nothing about a person.
logger_class = KeylessLogger
accesslog = "-"
access_log_format = '{"method":"%(m)s","path":"%(U)s","status":%(s)s,"milliseconds":%(M)s}'
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Each worker counts in a file of its own; whichever answers /metrics adds them up.

    In memory: on a disk that is busy with uploads, each count would wait for it, and every page.
    Raises ImproperlyConfigured here, once, and not in each worker again.
    """
    import skincare_site.settings  # noqa: F401

    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="metrics-", dir=worker_tmp_dir)


def post_worker_init(worker: Any) -> None:
    """Draw the demo pictures beside the first requests, where the cache does not have them."""
    from diagnosis.records import demos

    threading.Thread(target=demos.draw_all, daemon=True).start()


def worker_exit(server: Any, worker: Any) -> None:
    """Leave none of the processes behind that decode pictures."""
    from ml import sandbox

    sandbox.close()


def child_exit(server: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
