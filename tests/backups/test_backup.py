"""A backup is made of a system in use, and rehearsed into one that is empty."""

import csv
import errno
import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pyrage
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from backups import archive, crypt, room, tables
from backups.management.commands import backup as command
from diagnosis.models import MoleRecord
from diagnosis.records import sittings
from ml import taxonomy
from tests.backups.conftest import ROOT, manage
from tests.factories import FurtherPictureFactory, RecordFactory, ReviewFactory, assessed


@pytest.fixture
def system(transactional_db, alice, bob, dr_chen) -> list[MoleRecord]:
    """Records of two people, one assessed and reviewed, with their pictures."""
    records = [
        assessed(taxonomy.HIGH_RISK, owner=alice),
        *(RecordFactory(owner=owner) for owner in (bob, alice)),
    ]
    ReviewFactory(record=records[0], doctor=dr_chen)
    return records


def make(folder: Path, **options) -> Path:
    folder.mkdir(exist_ok=True)
    out = io.StringIO()
    call_command("backup", to=folder, stdout=out, **options)
    return Path(out.getvalue().split(": ")[0])


def everything(url: str) -> dict[str, list]:
    """All rows of all tables that are there."""
    with psycopg2.connect(url) as database, database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables")
        there = {name for (name,) in cursor.fetchall()}
        found = {}
        for table in there.intersection(tables.names()):
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = cursor.fetchall()
        return found


def files(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_restore_into_an_empty_system_is_the_same_system(
    system, process_environment, empty_system, tmp_path, monkeypatch
):
    monkeypatch.setattr(tables, "PIECE", 100)  # so that each table has several
    path = make(tmp_path / "backups")
    restored = manage(empty_system, "restore", path)
    assert restored.returncode == 0, restored.stderr
    assert "3 pictures" in restored.stdout
    there, here = (
        everything(system["DATABASE_URL"]) for system in (empty_system, process_environment)
    )
    assert len(there.pop("auditlog_logentry")) == len(here.pop("auditlog_logentry")) + 1
    assert there == here
    assert files(empty_system["MEDIA_ROOT"]) == files(process_environment["MEDIA_ROOT"])
    # Its tables go on as those of any system: triggers, sequences, migrations.
    assert "No migrations" in manage(empty_system, "migrate").stdout
    with psycopg2.connect(empty_system["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("SELECT tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        assert {state for (state,) in cursor.fetchall()} == {"O"}
    assert "accounts" in manage(empty_system, "restore", path).stderr  # no longer empty


def test_pictures_that_survived_and_came_after_the_backup_go_a_day_after_the_restore(
    system, empty_system, tmp_path, monkeypatch
):
    """A folder or bucket that outlived the database: without rows nobody could delete them. What
    is older than the backup may be another system's."""
    three_days_ago = SimpleNamespace(now=lambda zone: datetime.now(zone) - timedelta(days=3))
    with monkeypatch.context() as patch:
        patch.setattr(archive, "datetime", three_days_ago)
        path = make(tmp_path / "backups")
    folder = Path(empty_system["MEDIA_ROOT"]) / "records/ab"
    folder.mkdir(parents=True)
    before, after = folder / "before.jpg", folder / "after.jpg"
    for survivor, days in ((before, 4), (after, 2)):
        survivor.write_bytes(b"a picture")
        os.utime(survivor, times=(time.time() - days * 24 * 3600,) * 2)
    restored = manage(empty_system, "restore", path)
    assert restored.returncode == 0, restored.stderr
    sweep = "from diagnosis.records import pictures; pictures.remove_orphans({})"
    assert manage(empty_system, "shell", "-c", sweep.format("")).returncode == 0
    assert before.exists()
    assert after.exists()
    a_day_later = sweep.format("older_than_seconds=-9")
    assert manage(empty_system, "shell", "-c", a_day_later).returncode == 0
    assert before.exists()
    assert not after.exists()
    assert len(files(empty_system["MEDIA_ROOT"])) == 4


def test_a_restore_is_in_the_audit_log(system, empty_system, key, tmp_path):
    """It undoes deletions and revoked rights, of which the log it brings back knows nothing."""
    path = make(tmp_path / "backups")
    assert manage(empty_system, "restore", path).returncode == 0
    show = "from audit.log import *; print(*as_csv(LogEntry.objects.order_by('-id')[:1]))"
    [entry] = csv.DictReader(manage(empty_system, "shell", "-v0", "-c", show).stdout.splitlines())
    assert entry["action"] == "restored from a backup"
    with path.open("rb") as file:
        manifest = archive.check(file, key)
    details = json.loads(entry["details"])
    assert details.items() >= {name: manifest[name] for name in ("made_at", "version")}.items()


def test_a_picture_deleted_while_it_is_made_takes_its_record_along(
    system, empty_system, tmp_path, monkeypatch
):
    """Its person deleted it; neither half comes back."""
    late = system[1]
    add = archive._add_picture

    def delete_first(tar, name):
        MoleRecord.objects.filter(pk=late.pk).delete()
        default_storage.delete(late.image.name)
        return add(tar, name)

    monkeypatch.setattr(archive, "_add_picture", delete_first)
    path = make(tmp_path / "backups")
    assert manage(empty_system, "restore", path).returncode == 0
    rows = everything(empty_system["DATABASE_URL"])["diagnosis_molerecord"]
    assert len(rows) == len(files(empty_system["MEDIA_ROOT"])) == 2


def test_but_one_that_was_taken_out_of_several_does_not(
    system, empty_system, tmp_path, monkeypatch
):
    """The next one has its place; the record and the doctor's verdict are there still."""
    record = system[0]
    next_one = FurtherPictureFactory(record=record)
    add = archive._add_picture

    def take_out_first(tar, name):
        if record.further.exists():
            sittings.remove(record=record, picture=record, by=record.owner)
        return add(tar, name)

    monkeypatch.setattr(archive, "_add_picture", take_out_first)
    path = make(tmp_path / "backups")
    assert manage(empty_system, "restore", path).returncode == 0
    there = everything(empty_system["DATABASE_URL"])
    assert len(there["diagnosis_molerecord"]) == 3
    assert len(there["diagnosis_review"]) == 1
    assert next_one.image.name in files(empty_system["MEDIA_ROOT"])
    assert record.image.name not in files(empty_system["MEDIA_ROOT"])


def test_a_picture_that_is_lost_is_told(system, key, tmp_path):
    default_storage.delete(system[0].image.name)
    with pytest.raises(CommandError, match="1 pictures that the database names are missing"):
        make(tmp_path / "backups")
    assert len(list((tmp_path / "backups").glob("skincare-*"))) == 1


def test_a_picture_that_can_not_be_read_stops_no_backup(system, empty_system, tmp_path):
    """As by a bad sector: no backup was whole any more, and the sentence named no file."""
    whole = make(tmp_path / "backups")
    whole = whole.rename(whole.with_name("skincare-20261101-020000.tar.gz.age"))
    unreadable = Path(default_storage.path(system[0].image.name))
    unreadable.unlink()
    unreadable.mkdir()
    with pytest.raises(CommandError, match=f"is there, but: 1 pictures.*{unreadable.name}"):
        make(tmp_path / "backups", keep=1)
    kept, path = sorted((tmp_path / "backups").glob("skincare-*.age"))
    assert kept == whole  # the last one that has it
    assert manage(empty_system, "restore", path).returncode == 0
    assert len(files(empty_system["MEDIA_ROOT"])) == 2
    assert len(everything(empty_system["DATABASE_URL"])["diagnosis_molerecord"]) == 3


def test_what_is_lost_is_told_once(system, tmp_path, one_day):
    """Nobody may delete the record: each later backup was a failure, for ever."""
    RecordFactory.create_batch(2, owner=system[0].owner)
    first, second, _ = (record.image.name for record in system)
    told = "1 pictures that the database names are missing, or can't be read: "
    default_storage.delete(first)
    assert told + first in one_day()
    assert (tmp_path / ".failed").exists()
    assert one_day() == ""
    assert (tmp_path / ".good").exists()
    assert not (tmp_path / ".failed").exists()
    default_storage.delete(second)  # another one is told, and that one alone
    assert told + second in one_day()
    default_storage.save(first, io.BytesIO(b"brought back"))
    assert one_day() == ""
    default_storage.delete(first)
    assert told + first in one_day()


def test_and_then_backups_go_in_their_turn_again(system, key, tmp_path):
    """While one picture could not be read, all stayed, until there was no room for another."""
    unreadable = Path(default_storage.path(system[0].image.name))
    unreadable.unlink()
    unreadable.mkdir()
    with pytest.raises(CommandError, match="1 pictures"):
        make(tmp_path, keep=1)
    for day in (1, 2):
        (tmp_path / f"skincare-2026110{day}T020000Z.tar.gz.age").touch()
    path = make(tmp_path, keep=1)
    assert list(tmp_path.glob("skincare-*")) == [path]


def test_while_most_are_lost_each_backup_is_a_failure(system, key, tmp_path):
    """As where their disk is not mounted: whoever looks on the third day is to hear of it, too."""
    for record in system:
        default_storage.delete(record.image.name)
    for _day in range(3):
        with pytest.raises(CommandError, match="3 pictures"):
            make(tmp_path)


def test_what_is_inside_nobody_reads_without_the_key(system, key, tmp_path, settings, alice):
    path = make(tmp_path / "backups")
    content = path.read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    assert alice.email.encode() not in content
    assert path.stat().st_mode & 0o077 == 0
    settings.BACKUP_KEY = str(pyrage.x25519.Identity.generate())
    with pytest.raises(CommandError, match="does not open"):
        call_command("restore", path, check=True)


def test_a_public_key_makes_backups_and_opens_none(system, key, tmp_path, settings):
    public = str(pyrage.x25519.Identity.from_str(key).to_public())
    settings.BACKUP_KEY = public
    path = make(tmp_path / "backups")
    with pytest.raises(CommandError, match="AGE-SECRET-KEY"):
        call_command("restore", path, check=True)
    another = str(pyrage.x25519.Identity.generate())
    by_age_keygen = f"# created: 2026-11-28T09:00:00Z\n# public key: {public}\n{key}\n"
    for content in (key, by_age_keygen, f"{another}\r\n\r\n{key}\r\n"):
        (tmp_path / "key").write_text(content)
        out = io.StringIO()
        call_command("restore", path, check=True, key=tmp_path / "key", stdout=out)
        assert "whole" in out.getvalue()
    (tmp_path / "key").write_text("# created: 2026-11-28T09:00:00Z\n")
    with pytest.raises(CommandError, match="AGE-SECRET-KEY"):
        call_command("restore", path, check=True, key=tmp_path / "key")


def cut(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        lambda content: content[:-16],
        lambda content: content[:-20_000] + b"?" + content[-19_999:],
        lambda content: b"",
        lambda content: b"something else" * 100,
    ],
)
def test_a_damaged_file_is_told(system, key, tmp_path, damage):
    path = make(tmp_path / "backups")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CommandError, match=r"The backup is damaged: \w+"):
        call_command("restore", path, check=True)


def test_a_damaged_file_restores_nothing(system, empty_system, tmp_path):
    path = make(tmp_path / "backups")
    whole = path.read_bytes()
    path.write_bytes(whole[:-16])
    answer = manage(empty_system, "restore", path)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert not everything(empty_system["DATABASE_URL"]).get("accounts_user")
    path.write_bytes(whole)
    assert manage(empty_system, "restore", path).returncode == 0


def test_of_a_later_version_it_is_refused(system, empty_system, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "migrations", lambda: [["accounts", "9999_from_the_future"]])
    answer = manage(empty_system, "restore", make(tmp_path / "backups"))
    assert answer.returncode == 1
    assert "9999_from_the_future" in answer.stderr


def test_of_an_earlier_version_it_is_brought_up_to_date(system, empty_system, tmp_path):
    """As it was before webhooks: their table is made by a migration after the rows are in."""
    call_command("migrate", "diagnosis", "0018", verbosity=0)
    try:
        path = make(tmp_path / "backups")
    finally:
        call_command("migrate", verbosity=0)
    answer = manage(empty_system, "restore", path)
    assert answer.returncode == 0, answer.stderr
    assert len(everything(empty_system["DATABASE_URL"])["diagnosis_molerecord"]) == 3
    assert "No migrations" in manage(empty_system, "migrate").stdout


KILLED = """
import os, signal, sys
import django
django.setup()
from backups import archive
archive.call_command = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
from django.core.management import call_command
call_command("restore", sys.argv[1])
"""


def test_one_that_is_killed_after_its_rows_are_in_goes_on(
    system, empty_system, tmp_path, monkeypatch
):
    """The system has accounts then: it could neither be restored again, nor was it whole."""
    late = system[1]
    missing = archive._add_picture
    monkeypatch.setattr(  # its person deletes it meanwhile
        archive, "_add_picture", lambda tar, name: name != late.image.name and missing(tar, name)
    )
    pictures, gone = archive._pictures, [set(), {late.image.name}]

    def later() -> dict:
        without = gone.pop(0)
        return {name: row for name, row in pictures().items() if name not in without}

    monkeypatch.setattr(archive, "_pictures", later)
    path = make(tmp_path / "backups")
    monkeypatch.undo()
    time.sleep(1)  # a backup's time has seconds
    another = make(tmp_path / "another")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, path], env=empty_system, cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(everything(empty_system["DATABASE_URL"])["diagnosis_molerecord"]) == 3
    assert "accounts" in manage(empty_system, "restore", another).stderr
    again = manage(empty_system, "restore", path)
    assert again.returncode == 0, again.stderr
    assert "2 pictures" in again.stdout
    assert len(everything(empty_system["DATABASE_URL"])["diagnosis_molerecord"]) == 2
    assert "accounts" in manage(empty_system, "restore", path).stderr  # it is done


def test_the_newest_stay(system, key, tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"skincare-2020010{day}T000000Z.tar.gz.age" for day in range(1, 5)]
    for path in (*old, folder / "notes.txt", folder / "skincare-x.part"):
        path.touch()
    new = make(folder, keep=3)
    assert set(folder.glob("[!.]*")) == {*old[2:], folder / "notes.txt", new}


@pytest.mark.parametrize("missing", [1, 3])
def test_those_that_have_the_pictures_stay_while_the_new_ones_have_few(
    system, key, tmp_path, missing
):
    """As where their disk is not mounted: within days no whole backup would have been left."""
    folder = tmp_path / "backups"
    folder.mkdir()
    old = [folder / f"skincare-2020010{day}T000000Z.tar.gz.age" for day in range(1, 5)]
    for path in old:
        path.touch()
    for record in system[:missing]:
        default_storage.delete(record.image.name)
    with pytest.raises(CommandError, match=f"{missing} pictures that the database names"):
        make(folder, keep=2)
    assert len(list(folder.glob("skincare-*"))) == (5 if missing == 3 else 2)


@pytest.mark.parametrize(("key_given", "word"), [("", "not set"), ("nonsense", "not a key of age")])
def test_a_key_that_is_none_is_named(db, settings, tmp_path, key_given, word):
    settings.BACKUP_KEY = key_given
    with pytest.raises(CommandError, match=word):
        call_command("backup", to=tmp_path)
    assert not list(tmp_path.glob("skincare-*"))


def test_a_folder_that_is_missing_is_named(db, key, tmp_path):
    with pytest.raises(CommandError, match=r"could not be written.*nothing"):
        call_command("backup", to=tmp_path / "nothing")


def test_the_time_of_the_next_one():
    at = timedelta(hours=2, minutes=30)
    assert command._seconds_until(at, datetime(2026, 3, 1, 2, 0, tzinfo=UTC)) == 1800
    assert command._seconds_until(at, datetime(2026, 3, 1, 2, 30, tzinfo=UTC)) == 24 * 3600


def test_each_day_by_what_the_clock_says_meanwhile(
    transactional_db, alice, key, tmp_path, monkeypatch
):
    """In short steps, since a clock that was wrong at the start may be put right."""
    (tmp_path / "skincare-20990101T000000Z.tar.gz.age").touch()
    left, slept = iter([100, 40, 86_000, 85_940]), []
    monkeypatch.setattr(command, "_seconds_until", lambda *_: next(left))
    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=slept.append))
    with pytest.raises(StopIteration):
        call_command("backup", to=tmp_path, daily_at=timedelta(hours=12), stdout=io.StringIO())
    assert slept == [60, 40, 60, 60]
    assert len(list(tmp_path.glob("skincare-*"))) == 2


@pytest.fixture
def start(key, tmp_path, monkeypatch) -> Callable[[], int]:
    """Start the daily one two hours before its time; return how many backups it makes at once."""

    def run() -> int:
        before, left = len(list(tmp_path.glob("skincare-*"))), iter([7200, 7140])
        monkeypatch.setattr(command, "_seconds_until", lambda *_: next(left))
        monkeypatch.setattr(command, "time", SimpleNamespace(sleep=lambda _seconds: None))
        with pytest.raises(StopIteration):
            call_command("backup", "--daily-at=12:00", to=tmp_path, stdout=io.StringIO())
        return len(list(tmp_path.glob("skincare-*"))) - before

    return run


@pytest.mark.parametrize(
    ("hours_ago", "made"), [(None, 1), (30, 1), (23, 1), (21, 0), (0, 0), (-9, 0)]
)
def test_one_that_was_missed_is_made_at_the_next_start(
    transactional_db, alice, tmp_path, start, hours_ago, made
):
    """As on a machine that is off each night: it had none, and was healthy."""
    if hours_ago is not None:
        then = datetime.now(UTC) - timedelta(hours=hours_ago)
        (tmp_path / f"skincare-{then:%Y%m%dT%H%M%SZ}.tar.gz.age").touch()
    assert start() == made


def test_but_not_of_a_system_that_is_still_to_be_restored(transactional_db, tmp_path, start):
    """It would be the newest, which --fetch brings from the bucket."""
    assert start() == 0


def test_a_second_one_meanwhile_is_refused_and_the_first_one_ends(
    system, key, tmp_path, monkeypatch
):
    write, refused = archive.write, []

    def begin_another(file, key):
        with pytest.raises(CommandError, match="Try again") as error:
            make(tmp_path / "backups", keep=1)
        refused.append(error)
        return write(file, key)

    monkeypatch.setattr(archive, "write", begin_another)
    path = make(tmp_path / "backups")
    assert refused
    assert list((tmp_path / "backups").glob("skincare-*")) == [path]


def test_the_daily_one_waits_for_one_by_hand(transactional_db, alice, key, tmp_path, monkeypatch):
    by_hand = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(by_hand, fcntl.LOCK_EX)
    left, slept = iter([60, 86_400]), []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            os.close(by_hand)

    monkeypatch.setattr(command, "_seconds_until", lambda *_: next(left))
    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=sleep))
    with pytest.raises(StopIteration):
        call_command("backup", to=tmp_path, daily_at=timedelta(hours=12), stdout=io.StringIO())
    assert len(slept) == 4
    [path] = tmp_path.glob("skincare-*")
    assert path.suffix == ".age"


def test_the_daily_one_that_waits_for_too_long_is_a_failure(
    transactional_db, key, tmp_path, monkeypatch
):
    left, said = iter([60, 86_400]), io.StringIO()
    monkeypatch.setattr(command, "_seconds_until", lambda *_: next(left))
    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=lambda _seconds: None))
    by_hand = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(by_hand, fcntl.LOCK_EX)
    with pytest.raises(StopIteration):
        call_command("backup", to=tmp_path, daily_at=timedelta(hours=12), stderr=said)
    os.close(by_hand)
    assert "is writing into" in said.getvalue()
    assert (tmp_path / ".failed").exists()


@pytest.fixture
def one_day(monkeypatch, key, tmp_path) -> Callable[[], str]:
    """The daily one, until a day later; returns its standard error."""

    def run() -> str:
        left, said = iter([60, 86_400]), io.StringIO()
        monkeypatch.setattr(command, "_seconds_until", lambda *_: next(left))
        monkeypatch.setattr(command, "time", SimpleNamespace(sleep=lambda _seconds: None))
        with pytest.raises(StopIteration):
            call_command(
                *("backup", "--daily-at=12:00"), to=tmp_path, stdout=io.StringIO(), stderr=said
            )
        return said.getvalue()

    return run


def test_the_daily_one_outlives_the_database(
    transactional_db, alice, one_day, tmp_path, monkeypatch
):
    ended = "COPY (SELECT pg_terminate_backend(pg_backend_pid())) TO STDOUT"
    with monkeypatch.context() as patch:
        patch.setattr(tables, "_copy", lambda *_: ended)
        assert "could not be written: server closed" in one_day()
    assert [path.name for path in tmp_path.iterdir()] == [".failed"]
    assert one_day() == ""
    [path] = tmp_path.glob("skincare-*")
    assert path.suffix == ".age"


def test_none_of_a_system_that_is_still_to_be_restored_when_its_time_comes(
    transactional_db, one_day, tmp_path
):
    """On the new machine after a disaster it was the newest, which --fetch brings."""
    assert one_day() == ""
    assert not list(tmp_path.glob("skincare-*"))


def test_a_restore_that_the_database_ends_says_so(system, empty_system, tmp_path, monkeypatch):
    path = make(tmp_path / "backups")
    ended = "COPY nowhere FROM STDIN"
    monkeypatch.setattr(tables, "_copy", lambda *_: ended)
    monkeypatch.setattr(archive, "_make_schema", lambda _manifest: None)
    monkeypatch.setattr(tables, "empty", lambda _names: None)
    with pytest.raises(CommandError, match="The database refused it"):
        call_command("restore", path)


def test_one_that_was_killed_stays_a_failure_until_the_next_is_whole(
    transactional_db, alice, one_day, tmp_path, monkeypatch
):
    (tmp_path / "skincare-20261101T023000Z.tar.gz.part").touch()

    def stopped(_seconds: float) -> None:
        raise RuntimeError("before its time has come")

    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=stopped))
    with pytest.raises(RuntimeError):
        call_command("backup", "--daily-at=12:00", to=tmp_path)
    assert (tmp_path / ".failed").exists()
    assert one_day() == ""
    [path] = tmp_path.glob("skincare-*")
    assert path.suffix == ".age"
    (tmp_path / ".failed").touch()
    make(tmp_path)  # by hand
    assert not (tmp_path / ".failed").exists()


def test_a_backup_leaves_the_database_its_room(transactional_db, key, tmp_path, monkeypatch):
    whole = make(tmp_path / "backups")
    size = whole.stat().st_size
    free = room.LEFT_FREE + size - 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
    with pytest.raises(CommandError, match="BACKUPS_KEPT"):
        make(tmp_path / "backups")
    assert list((tmp_path / "backups").glob("skincare-*")) == [whole]
    free += 1
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
    make(tmp_path / "backups")


def test_also_the_first_one_and_one_that_is_larger_than_the_last(
    system, key, tmp_path, monkeypatch
):
    """The room was compared with the last one's size, before it was begun."""
    left = iter([2 * room.LEFT_FREE])
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(free=next(left, room.LEFT_FREE - 1))
    )
    with pytest.raises(CommandError, match=r"could not be written.*BACKUPS_KEPT"):
        make(tmp_path)
    assert not list(tmp_path.glob("skincare-*"))


@pytest.mark.parametrize(
    ("option", "word"),
    [
        ("--keep=0", "BACKUPS_KEPT"),
        ("--keep=-3", "BACKUPS_KEPT"),
        ("--daily-at=25:00", "BACKUP_AT"),
    ],
)
def test_a_number_or_time_of_env_that_is_none_is_named(option, word):
    with pytest.raises(CommandError, match=word):
        call_command("backup", option)


def test_an_encrypted_stream_longer_than_any_buffer():
    key, content = str(pyrage.x25519.Identity.generate()), bytes(range(256)) * 20_000
    file = io.BytesIO()
    with crypt.encrypted(file, key) as plain:
        plain.write(content)
    file.seek(0)
    with crypt.decrypted(file, key) as plain:
        assert plain.read() == content


class Full(io.BytesIO):
    """A disk with room for some bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: bytes) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("length", [100_000, 5_000_000])
@pytest.mark.parametrize("part", [0, 0.5, 1])
def test_a_disk_that_gets_full_is_told_at_each_place(length, part):
    """Also at the last piece, of 19 kB or more, without which the backup could not be read."""
    key = str(pyrage.x25519.Identity.generate())
    with (
        pytest.raises(OSError, match="No space left"),
        crypt.encrypted(Full(int(length * part)), key) as plain,
    ):
        plain.write(bytes(length))
