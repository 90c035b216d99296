"""What the processes write, as programs that collect it read it."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from skincare_site import gunicorn

PREPARE = """
import logging.config
from skincare_site import logs
logging.config.dictConfig(logs.configuration())
logger = logging.getLogger("diagnosis")
"""


def written_by(program: str) -> dict[str, str]:
    """The one line of a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", PREPARE + program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = process.stderr.splitlines()
    return json.loads(line)


def test_an_event_is_one_line_of_json() -> None:
    entry = written_by("logger.warning('Broker unreachable: %s', 'refused')")
    assert entry["event"] == "Broker unreachable: refused"
    assert entry["level"] == "warning"
    assert entry["logger"] == "diagnosis"
    assert entry["timestamp"].endswith("Z")


def test_an_error_brings_its_traceback_on_the_same_line() -> None:
    entry = written_by("""
try:
    raise ValueError("no lesion")
except ValueError:
    logger.exception("Assessment failed")
""")
    assert "ValueError: no lesion" in entry["exception"]


def test_the_key_in_a_link_stays_out() -> None:
    entry = written_by("""
from django.conf import settings
settings.configure()
from django.test import RequestFactory
request = RequestFactory().get("/account/password/reset/key/1-secret/?key=secret")
logger.warning("Not Found: %s", request.path, extra={"request": request, "status_code": 404})
""")
    assert entry["status_code"] == 404
    assert "secret" not in str(entry)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/records/", "/records/"),
        ('/","status":200,"x":"\n{}', "/%22%2C%22status%22%3A200%2C%22x%22%3A%22%0A%7B%7D"),
        ("/caf\xc3\xa9\\", "/caf%C3%A9%5C"),  # as WSGI has it, byte by byte
        ("/account/confirm-email/the key/", "/account/confirm-email/***/"),
    ],
)
def test_no_path_breaks_or_forges_a_line_of_the_access_log(path, kept) -> None:
    answer = SimpleNamespace(status="404 Not Found", sent=0, headers=[])
    asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "RAW_URI": "/", "SERVER_PROTOCOL": ""}
    logger = gunicorn.KeylessLogger(Config())
    atoms = logger.atoms(answer, SimpleNamespace(headers=[]), asked, timedelta())
    line = gunicorn.access_log_format % atoms
    assert json.loads(line) == {"method": "GET", "path": kept, "status": 404, "milliseconds": 0}
