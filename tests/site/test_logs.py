"""What the processes write, as programs that collect it read it."""

import json
import logging.config

import pytest

from skincare_site import logs


@pytest.fixture
def logger(capsys):
    before = logging.root.handlers[:], logging.root.level
    logging.config.dictConfig(logs.configuration())
    yield logging.getLogger("diagnosis.tests")
    logging.root.handlers, logging.root.level = before


def test_an_event_is_one_line_of_json(logger, capsys) -> None:
    logger.warning("Broker unreachable: %s", "refused")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert entry["event"] == "Broker unreachable: refused"
    assert entry["level"] == "warning"
    assert entry["logger"] == "diagnosis.tests"
    assert entry["timestamp"].endswith("Z")


def test_an_error_brings_its_traceback_on_the_same_line(logger, capsys) -> None:
    try:
        raise ValueError("no lesion")
    except ValueError:
        logger.exception("Assessment failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: no lesion" in json.loads(line)["exception"]
