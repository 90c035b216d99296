"""What the processes write, as programs that collect it read it."""

import json
import subprocess
import sys
from pathlib import Path

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
