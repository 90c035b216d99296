"""What the processes write, as programs that collect it read it."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from logging.config import DictConfigurator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from gunicorn.config import Config
from gunicorn.http.wsgi import Response

from diagnosis import tasks
from diagnosis.models import MoleRecord
from diagnosis.moles import reminders
from skincare_site import gunicorn, logs
from tests.factories import assessed

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


@pytest.fixture
def break_a_rule(db) -> Callable[[], None]:
    """Have PostgreSQL refuse a row, which it then names in its DETAIL."""
    record = assessed("benign", note="bleeds\n\nsince May")

    def break_it() -> None:
        with transaction.atomic():
            MoleRecord.objects.filter(pk=record.pk).update(current_assessment=None)

    return break_it


def check(text: str) -> None:
    """The rule and the line of our code are there, and nothing of the row."""
    assert "violates check constraint" in text
    assert "in break_it" in text
    assert "bleeds" not in text
    assert "since May" not in text


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("by", ["page", "worker"])
def test_a_row_that_the_database_refuses_stays_out(break_a_rule, monkeypatch, caplog, by, terminal):
    if by == "worker":
        monkeypatch.setattr(reminders, "sweep", break_a_rule)
        tasks.sweep_reminders.apply()
    else:
        try:
            break_a_rule()
        except IntegrityError:
            logging.getLogger("diagnosis").exception("Failed")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    settings = logs.configuration()
    line = DictConfigurator(settings).configure_formatter(settings["formatters"]["line"])
    check("".join(map(line.format, caplog.records)))


def test_nor_does_gunicorn_write_it(break_a_rule, capsys) -> None:
    logger = gunicorn.KeylessLogger(Config())
    try:
        break_a_rule()
    except IntegrityError:
        logger.exception("Error handling request %s", "/account/password/reset/key/1-secret/")
    written = capsys.readouterr().err
    check(written)
    assert "secret" not in written


def test_who_watches_by_head_fills_no_log(caplog) -> None:
    """gunicorn warns of each answer's body that it leaves out, as Django lets a server do."""
    ours, theirs = socket.socketpair()
    asked = SimpleNamespace(method="HEAD", version=(1, 1), should_close=lambda: False)
    with ours, theirs:
        answer = Response(asked, ours, Config())
        answer.start_response("200 OK", [("Content-Length", "2")])
        answer.write(b"{}")
        assert theirs.recv(9999).endswith(b"\r\n\r\n")
    assert not caplog.records
