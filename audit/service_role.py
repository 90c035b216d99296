"""The database's role that the service works as: it reads and adds to the log, and no more.

Who owns the tables could switch the log's trigger off; only migrations work as the owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import environ
from django.db import connection, transaction
from psycopg2 import sql

LOG = "auditlog_logentry"


@contextmanager
def as_owner(address: Path | None) -> Iterator[dict[str, Any]]:
    """Work as the owner of the tables, whose address the file holds; yield the service's settings.

    Without such a file, the service is the owner.
    """
    service = dict(connection.settings_dict)
    if address and address.exists():
        connection.close()
        connection.settings_dict |= environ.Env.db_url_config(address.read_text().strip())
    try:
        yield service
    finally:
        connection.close()
        connection.settings_dict |= service


@transaction.atomic
def prepare(name: str, password: str | None) -> None:
    """Make the role where there is none, set its password, and grant what the service needs.

    To be run as the owner after each migration: new tables need their grants. Raises ValueError
    for the owner's own name, ProgrammingError where the owner may make no roles.
    """
    if name == connection.settings_dict["USER"]:
        raise ValueError(f"{name} owns the tables; the service needs a role of its own.")
    role, database = sql.Identifier(name), sql.Identifier(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name])
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        may = sql.SQL("LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")
        word = sql.SQL(" PASSWORD {}").format(sql.Literal(password)) if password else sql.SQL("")
        for statement in (
            sql.SQL("{} ROLE {} {}{}").format(verb, role, may, word),
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
