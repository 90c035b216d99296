"""The environment: NAME, or NAME_FILE with a path whose content is the value.

What is missing or wrong stops the start with one sentence that names it, and never its value.
"""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

ENCODE = "Percent-encode special characters of the password: / is %2F, # is %23, ? is %3F, @ is %40"


class _Variables(FileAwareMapping):
    """Without the newline that ends a file; what is empty counts as missing."""

    def __getitem__(self, name: str) -> str:
        try:
            value = super().__getitem__(name).strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not text"
            path = self.env.get(f"{name}_FILE")
            raise ImproperlyConfigured(
                f"{name}_FILE names {path}, which can't be read: {reason}."
            ) from error
        if not value:
            raise KeyError(name)
        return value


class Environment(environ.FileAwareEnv):
    """django-environ's, whose errors name the variable. Its methods raise ImproperlyConfigured."""

    ENVIRON = _Variables()

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} has a value of the wrong kind.") from error

    def url(self, var: str, default: Any = environ.Env.NOTSET) -> str:
        """An address whose password, if it has one, is encoded."""
        value = self(var, default=default)
        try:
            parts = urlsplit(value)
            right = not value or (parts.scheme and "@" not in parts.path + parts.fragment)
            _ = parts.port  # raises ValueError for what a / in the password leaves of it
        except ValueError:
            right = False
        if not right:
            raise ImproperlyConfigured(f"{var} can't be read as an address. {ENCODE}.")
        return value

    def db(self, var: str, **kwargs: Any) -> dict[str, Any]:
        return self._parsed(var, self.db_url_config, self.url(var), **kwargs)

    def email_url(self, var: str, **kwargs: Any) -> dict[str, Any]:
        """Empty where the variable is."""
        address = self(var, default="")
        if address and not address.startswith("file"):
            self.url(var)
        return self._parsed(var, self.email_url_config, address, **kwargs) if address else {}

    def _parsed(self, var: str, parse: Callable, address: str, **kwargs: Any) -> dict[str, Any]:
        try:
            return parse(address, **kwargs)
        except (ImproperlyConfigured, ValueError, KeyError) as error:
            raise ImproperlyConfigured(f"{var} has a kind of address that is not known.") from error


def in_one_sentence(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what is wrong with the settings, and the traceback of every other error only."""
    if isinstance(error, ImproperlyConfigured):
        print(f"Not started: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
