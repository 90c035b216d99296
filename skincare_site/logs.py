"""Logs: one line an event; for people on a terminal, as JSON for everything that collects them."""

import re
import sys
from typing import Any

import structlog

# As text or as Celery quotes it, up to the error that followed: a value may have several lines.
_DETAIL = re.compile(
    r"(\n|\\n)DETAIL: .*?(?=\n\n(The above exception was|During handling of the above)|\Z)",
    re.DOTALL,
)


def without_secrets(text: str) -> str:
    """Leave out what a line may hold of a person, or lets others in as one.

    allauth's links carry their keys in the path: to confirm an address, to choose a new password.
    PostgreSQL's DETAIL names the row that it refused, or its e-mail address.
    """
    return _DETAIL.sub("", re.sub(r"(/confirm-email/|/reset/key/)[^\s/]+", r"\1***", text))


def _without_secrets(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Django adds the request with its query, where those of our links stand; Celery what its
    sentence says already."""
    said = {name: value for name, value in event.items() if name not in ("request", "data")}
    return {
        name: without_secrets(value) if isinstance(value, str) else value
        for name, value in said.items()
    }


_SHARED = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.stdlib.ExtraAdder(),
]


def configuration() -> dict[str, Any]:
    """Make what ``logging.config.dictConfig`` takes; whatever a library logs goes through it."""
    if sys.stderr.isatty():
        # Another formatter would want the exception before it is text.
        plain = structlog.dev.plain_traceback
        renderer: Any = structlog.dev.ConsoleRenderer(exception_formatter=plain)
    else:
        renderer = structlog.processors.JSONRenderer()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    _without_secrets,
                    renderer,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        # Django's own handlers would say everything twice, or mail it.
        "loggers": {
            "django": {"handlers": [], "propagate": True},
            "fontTools": {"level": "WARNING"},  # at each report, every table of the font
            "gunicorn.http.wsgi": {"level": "ERROR"},  # at each HEAD, that it leaves the body out
        },
    }
