"""The environment: NAME, or NAME_FILE with a path whose content is the value.

What is missing or wrong stops the start with one sentence that names it, and never its value.
"""

import re
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
import idna
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.message import sanitize_address
from environ.fileaware_mapping import FileAwareMapping
from kombu import Connection
from psycopg2 import ProgrammingError
from psycopg2.extensions import make_dsn
from py_vapid import Vapid02
from redis import ConnectionPool, RedisError

# Of libpq, in seconds, the last in milliseconds. By itself it waits two minutes for a host that is
# gone, and two hours for one that went: until then every thread hangs, and the site looks dead.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
OF_DJANGO = {"assume_role", "isolation_level", "server_side_binding"}  # which libpq never sees
WEB, BROKER = ("https", "http"), ("redis", "rediss")
SMTP_OVER_TLS = 465
POSTGRESQL = ("postgresql", "postgres", "psql", "pgsql")
OFF = ("0", "false", "off", "no", "n")
ENCODE = "Percent-encode special characters of the password: / is %2F, # is %23, ? is %3F, @ is %40"


class _Variables(FileAwareMapping):
    """Without the newline that ends a file; what is empty counts as missing.

    A dollar is a dollar: escaped, since django-environ reads $NAME as another variable's value.
    """

    def __getitem__(self, name: str) -> str:
        if self.env.get(name) and self.env.get(f"{name}_FILE"):
            raise ImproperlyConfigured(
                f"{name} is set twice, by {name}_FILE, too. With Docker Compose it stands in .env,"
                " not in settings.env."
            )
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
        return value.replace("$", r"\$")


class Environment(environ.FileAwareEnv):
    """django-environ's, whose errors name the variable. Its methods raise ImproperlyConfigured."""

    ENVIRON = _Variables()

    def __init__(self) -> None:
        super().__init__()
        self.escape_proxy = True

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} has a value of the wrong kind.") from error

    def count(self, var: str, default: int, least: int = 1) -> int:
        """A whole number from ``least`` on."""
        number = self.int(var, default=default)
        if number < least:
            raise ImproperlyConfigured(f"{var} is a number from {least} on, not {number}.")
        return number

    def switch(self, var: str, default: bool) -> bool:
        """On or off. django-environ's takes every word that it does not know for off."""
        said = self(var, default="").lower()
        if said and said not in (*self.BOOLEAN_TRUE_STRINGS, *OFF):
            raise ImproperlyConfigured(f"{var} is 1 or 0, not {said!r}.")
        return said in self.BOOLEAN_TRUE_STRINGS if said else default

    def sender(self, var: str, default: str) -> str:
        """One e-mail address, with or without a name before it."""
        value = self(var, default=default)
        try:
            right = "@" in sanitize_address(value, "utf-8")
        except ValueError:
            right = False
        if not right:
            raise ImproperlyConfigured(
                f"{var} is one address such as Skin clinic <noreply@example.org>, not {value!r};"
                ' a name with a comma stands in "double quotes".'
            )
        return value

    def contact(self, var: str) -> str:
        """A mailto: or https: address (RFC 9116, RFC 8292); empty where there is none."""
        value = self(var, default="")
        if value and not re.match(
            r"mailto:[^@\s]+@[^@\s]+$|https://[^/\s]+\S*$", value, re.IGNORECASE
        ):
            raise ImproperlyConfigured(
                f"{var} is an address such as mailto:security@example.org, or begins with https://."
            )
        return value

    def hosts(self, var: str) -> list[str]:
        """Names without scheme, port or path, each as browsers send it."""
        names = self.listed(var)
        if not names:
            raise ImproperlyConfigured(f"{var}, in .env DOMAIN, names nothing.")
        for name in names:
            if re.search(r"[/\s]|^[^\[].*:", name) or not as_browsers_send(name):
                raise ImproperlyConfigured(
                    f"{var}, in .env DOMAIN, is a name such as mole.example.org, not {name!r}."
                )
        return [as_browsers_send(name) for name in names]

    def time_zone(self, var: str, default: str) -> str:
        """A name of the IANA database."""
        name = self(var, default=default)
        try:
            ZoneInfo(name)
        except (ValueError, OSError, ZoneInfoNotFoundError) as error:
            raise ImproperlyConfigured(
                f"{var} is a name such as Europe/Brussels, not {name!r}."
            ) from error
        return name

    def networks(self, var: str) -> list[IPv4Network | IPv6Network]:
        try:
            return [ip_network(network) for network in self.listed(var, default=[])]
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{var} has no networks like 10.20.0.0/16: {error}"
            ) from error

    def vapid_key(self, var: str) -> str:
        """A private key of the curve P-256 in base64, for RFC 8292; empty where there is none."""
        value = self(var, default="")
        try:
            right = not value or Vapid02.from_string(value).private_key.curve.name == "secp256r1"
        except (AttributeError, ValueError):
            right = False
        if not right:
            raise ImproperlyConfigured(f"{var} is not a key that manage.py make_vapid_key wrote.")
        return value

    def listed(self, var: str, default: Any = environ.Env.NOTSET) -> list[str]:
        """What stands between commas, without spaces around it: " two" would never be found."""
        return [part.strip() for part in self.list(var, default=default) if part.strip()]

    def address(self, var: str, *schemes: str, default: Any = environ.Env.NOTSET) -> str:
        """An address of one of these schemes, whose password, if it has one, is encoded.

        Of host:8443 alone, urlsplit takes the host for the scheme.
        """
        value = self(var, default=default)
        if value and not value.lower().startswith(tuple(f"{each}://" for each in schemes)):
            known = " or ".join(f"{each}://" for each in schemes)
            raise ImproperlyConfigured(f"{var} is an address that begins with {known}.")
        return self._split(var, value)

    def site(self, var: str, *, default: str) -> str:
        """The address of the service itself, which the path of each page is put behind."""
        value = self.address(var, *WEB, default=default).rstrip("/")
        if urlsplit(value).path or any(sign in value for sign in "?#@"):
            raise ImproperlyConfigured(
                f"{var} is https:// and a host, maybe with a port, and nothing else:"
                " pages lie at its top."
            )
        return value

    def broker(self, var: str) -> str:
        """An address of Redis, whose options both its library and Celery know: else each request
        fails, or each upload."""
        value = self.address(var, *BROKER)
        try:
            Connection(value)  # of Celery; neither connects to anybody yet
            ConnectionPool.from_url(value).make_connection()
            right = re.fullmatch(r"/?\d*", urlsplit(value).path)
        except (TypeError, ValueError, RedisError):
            right = None
        if right is None:
            raise ImproperlyConfigured(
                f"{var} ends with the number of a database, such as /0, and after rediss:// maybe"
                " with options of TLS as redis-py spells them, such as ?ssl_cert_reqs=required."
            )
        return value

    def _split(self, var: str, value: str) -> str:
        try:
            parts = urlsplit(value)
            right = not value or (parts.scheme and "@" not in parts.path + parts.fragment)
            if parts.scheme in WEB and (not parts.hostname or re.search(r"\s", value)):
                right = False
            _ = parts.port  # raises ValueError for what a / in the password leaves of it
        except ValueError:
            right = False
        if not right:
            raise ImproperlyConfigured(f"{var} can't be read as an address. {ENCODE}.")
        return value

    def db(self, var: str, **kwargs: Any) -> dict[str, Any]:
        """What it says of the connection goes before our patience with it.

        A misspelt option would fail each query, and Django's sentence on a name that is missing
        come with each page.
        """
        said = self._parsed(var, self.db_url_config, self.address(var, *POSTGRESQL), **kwargs)
        options = PATIENCE | said.get("OPTIONS", {})
        age = said.get("CONN_MAX_AGE")
        try:
            make_dsn(**{name: options[name] for name in options.keys() - OF_DJANGO})
            right = age is None or isinstance(age, int)
        except ProgrammingError:
            right = False
        if not right or not (said["NAME"] or "service" in options):
            raise ImproperlyConfigured(
                f"{var} ends with the name of a database, such as /skincare, and maybe with options"
                " as libpq spells them, such as ?sslmode=require."
            )
        return said | {"OPTIONS": options}

    def email_url(self, var: str, **kwargs: Any) -> dict[str, Any]:
        """Empty where the variable is. On port 465 TLS comes first (RFC 8314, 3.3), whatever the
        kind of address; STARTTLS would wait there until it is given up."""
        address = self(var, default="")
        if not address:
            return {}
        if not address.startswith("file"):
            self._split(var, address)
        said = self._parsed(var, self.email_url_config, address, **kwargs)
        if address.startswith("smtp") and not said["EMAIL_HOST"]:
            raise ImproperlyConfigured(f"{var} names no mail server.")
        if said["EMAIL_PORT"] == SMTP_OVER_TLS:
            said |= {"EMAIL_USE_SSL": True, "EMAIL_USE_TLS": False}
        return said

    def _parsed(self, var: str, parse: Callable, address: str, **kwargs: Any) -> dict[str, Any]:
        try:
            return parse(address, **kwargs)
        except (ImproperlyConfigured, ValueError, KeyError) as error:
            raise ImproperlyConfigured(f"{var} has a kind of address that is not known.") from error


def as_browsers_send(name: str) -> str:
    """A name with letters such as ü as the DNS spells it (UTS 46); empty where it does not."""
    try:
        return name if name.isascii() else idna.encode(name, uts46=True).decode()
    except UnicodeError:
        return ""


def in_one_sentence(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what is wrong with the settings, and the traceback of every other error only."""
    if isinstance(error, ImproperlyConfigured):
        print(f"Not started: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)
