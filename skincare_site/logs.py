"""Logs: one line an event; for people on a terminal, as JSON for everything that collects them."""

import re
import sys
from typing import Any

import structlog


def without_keys(text: str) -> str:
    """allauth's links carry theirs in the path: to confirm an address, to choose a new password."""
    return re.sub(r"(/confirm-email/|/reset/key/)[^\s/]+", r"\1***", text)


def _without_keys(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Django adds the request with its query, where those of our links stand."""
    event.pop("request", None)
    event["event"] = without_keys(str(event["event"]))
    return event


_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.stdlib.ExtraAdder(),
    _without_keys,
]


def configuration() -> dict[str, Any]:
    """Make what ``logging.config.dictConfig`` takes; whatever a library logs goes through it."""
    if sys.stderr.isatty():
        last = [structlog.dev.ConsoleRenderer()]
    else:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # Django's own handlers would say everything twice, or mail it.
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "fontTools": {"level": "WARNING"},  # at each report, every table of the font
        },
    }
