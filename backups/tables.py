"""All tables as PostgreSQL's COPY writes them; of any version, and without its programs."""

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from psycopg2 import sql

MIGRATIONS = "django_migrations"
# A table goes in pieces, since a tar archive has to know each one's size before.
PIECE = 4 * 1024**2


def names() -> list[str]:
    with connection.cursor() as cursor:
        return sorted(set(connection.introspection.table_names(cursor)) - {MIGRATIONS})


def migrations() -> list[list[str]]:
    """Each migration that has run, as (app, name)."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT app, name FROM {MIGRATIONS} ORDER BY app, name")
        return [list(row) for row in cursor.fetchall()]


def note(text: str | None) -> None:
    """Keep a text with the tables, where no backup has it and a transaction takes it back."""
    with connection.cursor() as cursor:
        cursor.execute(f"COMMENT ON TABLE {MIGRATIONS} IS %s", [text])


def noted() -> str | None:
    """What ``note`` keeps; None also where there are no tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description(to_regclass(%s), 'pg_class')", [MIGRATIONS])
        return cursor.fetchone()[0]


def columns(table: str) -> list[str]:
    """Those that are stored; the database makes the generated ones by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
            [table],
        )
        return [name for (name,) in cursor.fetchall()]


def write(table: str, add: Callable[[str, bytes], None]) -> int:
    """Call ``add`` with name and content of each piece; return the number of rows."""
    pieces = _Pieces(table, add)
    # Django does not do it for COPY.
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(_copy(table, columns(table), "TO STDOUT"), pieces)
        rows = cursor.rowcount
    pieces.end()
    return rows


def empty(tables: list[str]) -> None:
    """What the migrations have put in, in any order: keys are checked at the end."""
    with connection.cursor() as cursor:
        for table in tables:
            name = sql.Identifier(table)
            # What triggers derive and forbid was so already when the row was saved.
            cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name))
            cursor.execute(sql.SQL("DELETE FROM {}").format(name))


def read(table: str, names: list[str], pieces: Iterator[bytes]) -> int:
    """Add the rows; return their number."""
    with connection.wrap_database_errors, connection.cursor() as cursor:
        cursor.copy_expert(_copy(table, names, "FROM STDIN"), _Joined(pieces))
        return cursor.rowcount


def finish(tables: list[str]) -> None:
    """Check all keys, switch triggers on again, and let sequences go on after what is there.

    Raises IntegrityError.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            name = sql.Identifier(table)
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name))
            for sequence in connection.introspection.get_sequences(cursor, table):
                column = sql.Identifier(sequence["column"])
                cursor.execute(
                    sql.SQL(
                        "SELECT setval(pg_get_serial_sequence(%s, %s), max({}))"
                        " FROM {} HAVING max({}) IS NOT NULL"
                    ).format(column, name, column),
                    [table, sequence["column"]],
                )


def _copy(table: str, names: list[str], what: str) -> Any:
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) " + what).format(sql.Identifier(table), listed)
    return statement.as_string(connection.connection)


class _Pieces:
    """A file to COPY that gives what is written on in pieces."""

    def __init__(self, table: str, add: Callable[[str, bytes], None]) -> None:
        self.table, self.add = table, add
        self.number, self.content = 0, io.BytesIO()

    def write(self, data: bytes) -> None:
        self.content.write(data)
        if self.content.tell() >= PIECE:
            self.end()

    def end(self) -> None:
        """Give on what is left, at least one piece a table."""
        if self.content.tell() or not self.number:
            self.add(f"tables/{self.table}/{self.number:06}", self.content.getvalue())
            self.number, self.content = self.number + 1, io.BytesIO()


class _Joined(io.RawIOBase):
    """A file from COPY's point of view, of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.rest = pieces, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return b""
            self.rest = piece
        given, self.rest = (self.rest, b"") if size < 0 else (self.rest[:size], self.rest[size:])
        return given


def content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"The backup has a {member.name} that is not a file.")
    return file.read()
