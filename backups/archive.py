"""One backup: a tar archive of manifest, tables and pictures, compressed, then encrypted.

The tables are of one snapshot. The pictures are read after it: where one is gone by then, and its
row, its person deleted it meanwhile, and a restore deletes that row, too. A row that is still there
has got another picture, as where the next one of several takes the place of one that was taken out.
"""

import errno
import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, BinaryIO

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import FileField, Model

from audit import log
from backups import crypt, tables

FORMAT = 1
Member = tuple[tarfile.TarFile, tarfile.TarInfo]


class NotRestorable(Exception):
    """The backup does not fit this system; the sentence says what to do."""


def write(file: BinaryIO, key: str) -> dict[str, Any]:
    """Back the system up into ``file``; return the counts of rows and pictures, and what lacks.

    Raises KeyProblem, OSError.
    """
    with (
        crypt.encrypted(file, key) as plain,
        # Pictures hardly get smaller, so that the fastest is right.
        gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            columns = {table: tables.columns(table) for table in tables.names()}
            manifest = {
                "format": FORMAT,
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "version": settings.VERSION,
                "migrations": tables.migrations(),
                "columns": columns,
            }
            add("manifest.json", json.dumps(manifest).encode())
            rows = {table: tables.write(table, add) for table in columns}
            pictures = _pictures()
        missing = {name for name in pictures if not _add_picture(add, name)}
        # What the database still names, now that the snapshot has ended, is lost.
        now = _pictures() if missing else {}
        lost, kept = missing & now.keys(), set(now.values())
        counts = {
            "rows": rows,
            "pictures": len(pictures) - len(missing),
            "deleted": sorted(name for name in missing - lost if pictures[name] not in kept),
            "lost": sorted(lost),
        }
        add("end.json", json.dumps(counts).encode())
    return counts


def check(file: BinaryIO, key: str) -> dict[str, Any]:
    """Read all of a backup, and change nothing; return manifest and counts.

    Raises KeyProblem, ValueError for one that is damaged.
    """
    with _members(file, key) as (manifest, members):
        pictures, end = 0, None
        for archive, member in members:
            if member.name == "end.json":
                end = json.loads(tables.content(archive, member))
            pictures += member.name.startswith("media/")
    return manifest | _whole(end, pictures)


def restore(file: BinaryIO, key: str) -> dict[str, Any]:
    """Fill this system, which has to be empty, as the owner of the database; return the counts.

    Until the backup has been read to its end, the database has nothing of it. Afterwards it is as
    the program that runs expects it; one that was interrupted in between goes on there. Raises
    KeyProblem, ValueError for a backup that is damaged, NotRestorable.
    """
    with _members(file, key) as (manifest, members):
        end = _unfinished(manifest) or _fill(manifest, members)
    call_command("migrate", interactive=False, verbosity=0)
    for model, field in _file_fields():
        model._default_manager.filter(**{f"{field.name}__in": end["deleted"]}).delete()
    with transaction.atomic():
        log.restored(made_at=manifest["made_at"], version=manifest["version"])
        tables.note(None)
    return end


def _fill(manifest: dict[str, Any], members: Iterator[Member]) -> dict[str, Any]:
    """All rows and pictures, as they were; return the counts. Raises as ``restore``."""
    _make_schema(manifest)
    names = list(manifest["columns"])
    with transaction.atomic(durable=True):
        tables.empty(names)
        rows, pictures, end = {}, 0, None
        for folder, group in groupby(members, lambda entry: _folder(entry[1].name)):
            if folder.startswith("tables/"):
                table = folder.removeprefix("tables/")
                pieces = (tables.content(*entry) for entry in group)
                rows[table] = tables.read(table, manifest["columns"][table], pieces)
                continue
            for archive, member in group:
                if member.name == "end.json":
                    end = json.loads(tables.content(archive, member))
                else:
                    _store(archive, member)
                    pictures += 1
        end = _whole(end, pictures)
        if rows != end["rows"]:
            raise ValueError("The backup is damaged: it has other rows than it says.")
        tables.finish(names)
        # As if the database were of then: what came later and is no row's is its own, to be swept.
        MigrationRecorder.Migration.objects.update(applied=manifest["made_at"])
        tables.note(json.dumps({"made_at": manifest["made_at"], "end": end}))
    return end


def _unfinished(manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The counts of a restore of this very backup that has its rows, and was not gone on from."""
    said = json.loads(tables.noted() or "{}")
    return said["end"] if said.get("made_at") == manifest["made_at"] else None


def _make_schema(manifest: dict[str, Any]) -> None:
    """Empty tables as they were when the backup was made. Raises NotRestorable."""
    if manifest.get("format") != FORMAT:
        raise NotRestorable("The backup is of a format that this version does not know.")
    if not is_empty():
        raise NotRestorable(
            "This system has accounts. A restore only fills an empty one: start with new volumes."
        )
    known = MigrationExecutor(connection).loader.disk_migrations
    ran = [tuple(migration) for migration in manifest["migrations"]]
    if unknown := [migration for migration in ran if migration not in known]:
        raise NotRestorable(
            f"The backup was made by version {manifest['version']}, which knows"
            f" {'.'.join(unknown[0])}. Restore it with that version or a later one."
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    executor = MigrationExecutor(connection)
    executor.migrate(_last(executor, set(ran)))
    if set(map(tuple, tables.migrations())) != set(ran):
        raise NotRestorable("The backup's migrations can't be repeated by this version.")


def _last(executor: MigrationExecutor, ran: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The last one of each app, since to name an earlier one as well would mean to go back."""
    nodes = executor.loader.graph.node_map
    return sorted(
        node
        for node in ran & nodes.keys()
        if not any(child.key in ran and child.key[0] == node[0] for child in nodes[node].children)
    )


def is_empty() -> bool:
    """Whether nobody has an account here, or had one."""
    there = set(tables.names())
    with connection.cursor() as cursor:
        for name in {"accounts_user", "auditlog_logentry"} & there:
            cursor.execute(f"SELECT 1 FROM {name} LIMIT 1")
            if cursor.fetchone():
                return False
    return True


@contextmanager
def _members(file: BinaryIO, key: str) -> Iterator[tuple[dict[str, Any], Iterator[Member]]]:
    """The manifest, and the members after it while the block lasts."""
    try:
        with (
            crypt.decrypted(file, key) as plain,
            gzip.GzipFile(fileobj=plain) as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            members = ((archive, member) for member in archive)
            first = next(members, None)
            if first is None or first[1].name != "manifest.json":
                raise ValueError("The file is not a backup of this program.")
            yield json.loads(tables.content(*first)), members
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"The backup is damaged: {error}") from error


def _whole(end: dict[str, Any] | None, pictures: int) -> dict[str, Any]:
    if end is None or end["pictures"] != pictures:
        raise ValueError("The backup is damaged: its end is missing.")
    return end


def _folder(name: str) -> str:
    return name.rpartition("/")[0]


def _file_fields() -> list[tuple[type[Model], FileField]]:
    return [
        (model, field)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, FileField)
    ]


def _pictures() -> dict[str, tuple[str, Any]]:
    """The names of all files that the database knows of, each with its row: table and key."""
    found: dict[str, tuple[str, Any]] = {}
    there = set(tables.names())  # before its migrations, a new version lacks some
    for model, field in _file_fields():
        if model._meta.db_table not in there:
            continue
        rows = model._default_manager.exclude(**{field.name: ""})
        for name, key in rows.values_list(field.name, "pk"):
            found[name] = (model._meta.db_table, key)
    return found


def _add_picture(add: Callable[[str, bytes], None], name: str) -> bool:
    """Whether it could be read. Raises OSError for a store that is down, which has them all."""
    try:
        with default_storage.open(name) as file:
            content = file.read()  # whole: with half of it the archive could not go on
    except FileNotFoundError:
        return False
    except OSError as error:
        if not isinstance(default_storage, FileSystemStorage) and error.errno != errno.EIO:
            raise
        return False  # as of a disk with a bad sector, which must not stop every backup
    add(f"media/{name}", content)
    return True


def _store(archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    name = member.name.removeprefix("media/")
    if default_storage.exists(name):  # of a restore that was interrupted
        default_storage.delete(name)
    # In memory: a store wants to know its length, and to begin again where the network failed.
    default_storage.save(name, ContentFile(tables.content(archive, member)))
