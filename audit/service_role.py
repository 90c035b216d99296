"""The database's role that the service works as: it reads and adds to the log, and no more.

Who owns the tables could switch the log's trigger off; only migrations work as the owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection, transaction
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege

LOG = "auditlog_logentry"
MAY = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
AS_IT_SHOULD_BE = (
    "rolcanlogin AND NOT (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication"
    " OR rolbypassrls)"
)


@contextmanager
def as_owner(address: Path | None) -> Iterator[dict[str, Any]]:
    """Work as the owner of the tables, whose address the file holds; yield the service's settings.

    Without such a file, the service is the owner. Raises ImproperlyConfigured, which does not tell
    the address.
    """
    service = dict(connection.settings_dict)
    if address and address.exists():
        connection.close()
        connection.settings_dict |= _parsed(address.read_text().strip(), service["ENGINE"])
    try:
        yield service
    finally:
        connection.close()
        connection.settings_dict |= service


def _parsed(address: str, engine: str) -> dict[str, Any]:
    try:
        said = environ.Env.db_url_config(address)
        right = said["ENGINE"] == engine and said["NAME"] and "@" not in said["NAME"]
    except (ValueError, KeyError):  # as of a / in the password, whose half the error tells
        right = False
    if not right:
        raise ImproperlyConfigured(
            "DATABASE_OWNER_URL is an address such as postgresql://owner:password@host/database."
            " Percent-encode special characters of the password: / is %2F, # is %23, ? is %3F,"
            " @ is %40."
        )
    return said


@transaction.atomic
def prepare(name: str, password: str | None) -> None:
    """Make the role where there is none, set its password, and grant what the service needs.

    To be run as the owner after each migration: new tables need their grants. The owner need not be
    a superuser: of a database elsewhere it seldom is. Raises ValueError for the owner's own name,
    ProgrammingError where the owner may not do it.
    """
    if name == connection.settings_dict["USER"]:
        raise ValueError(f"{name} owns the tables; the service needs a role of its own.")
    role, database = sql.Identifier(name), sql.Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        word = sql.SQL(" PASSWORD {}").format(sql.Literal(password)) if password else sql.SQL("")
        cursor.execute(f"SELECT {AS_IT_SHOULD_BE} FROM pg_roles WHERE rolname = %s", [name])
        found = cursor.fetchone()
        if found is None:
            cursor.execute(sql.SQL("CREATE ROLE {} {}{}").format(role, MAY, word))
        elif not found[0]:
            # Only then: of a role that is so already, too, a superuser alone may say it.
            cursor.execute(sql.SQL("ALTER ROLE {} {}").format(role, MAY))
        if found and password:
            _set_password(sql.SQL("ALTER ROLE {}{}").format(role, word))
        for statement in (
            sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role),
            sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role),
            sql.SQL(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}"
            ).format(role),
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(role),
            # Of the log, only the link to a deleted account may be cut.
            sql.SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(sql.Identifier(LOG), role),
            sql.SQL("GRANT UPDATE (actor_id) ON {} TO {}").format(sql.Identifier(LOG), role),
            # And what is years old may go, which the function checks.
            sql.SQL(
                "GRANT EXECUTE ON FUNCTION auditlog_remove_older_than(integer, integer) TO {}"
            ).format(role),
            # What has run is the owner's to say.
            sql.SQL("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {}").format(role),
        ):
            cursor.execute(statement)


def _set_password(statement: sql.Composed) -> None:
    """Unless the owner may not: who made the role has given it a password, too."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
