"""The service's own role of the database does the service's work and can't touch the log."""

import hashlib
import hmac
import io
import os
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection

from audit import service_role
from audit.management.commands import prepare_database
from skincare_site.run import service as make_run

ROLE = "tests_service"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(transactional_db, process_environment):
    """The service's address of the test's database."""
    service_role.prepare(ROLE, None)
    yield process_environment["DATABASE_URL"].replace("postgres@", f"{ROLE}@")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


@pytest.fixture
def service(url):
    with psycopg2.connect(url) as session:
        session.autocommit = True
        yield session.cursor()
    session.close()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE auditlog_logentry DISABLE TRIGGER auditlog_no_change",
        "DROP TRIGGER auditlog_no_change ON auditlog_logentry",
        "CREATE OR REPLACE FUNCTION auditlog_append_only() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN OLD; END $$",
        "UPDATE auditlog_logentry SET object_repr = ''",
        "DELETE FROM auditlog_logentry",
        "DELETE FROM auditlog_logentry WHERE timestamp < now() - interval '10 years'",
        "TRUNCATE auditlog_logentry",
        "DROP TABLE auditlog_logentry",
        "SET session_replication_role = replica",
        "CREATE ROLE another",
        "DELETE FROM django_migrations",
    ],
)
def test_what_it_may_not(service, statement):
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        service.execute(statement)


def test_it_removes_what_is_old_and_never_what_is_young(service, alice):
    for years in (2, 4):
        service.execute(
            "INSERT INTO auditlog_logentry (content_type_id, object_pk, object_repr, action, "
            "changes_text, timestamp) SELECT id, '', %s, 1, '', now() - make_interval(years => %s) "
            "FROM django_content_type LIMIT 1",
            [f"{years} years", years],
        )
    service.execute("SELECT auditlog_remove_older_than(1095, 100)")
    assert service.fetchone() == (1,)
    service.execute("SELECT object_repr FROM auditlog_logentry WHERE object_repr LIKE '%years'")
    assert service.fetchall() == [("2 years",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        service.execute("SELECT auditlog_remove_older_than(0, 100)")  # alice's is of today


def test_the_service_works_with_it(url, process_environment):
    """Signs up, writes, logs and deletes an account, as a process of its own would."""
    program = """
import django; django.setup()
from audit import log
from diagnosis.own_data import deletion
from tests.factories import MoleFactory, UserFactory
alice = UserFactory(display_name="alice")
MoleFactory(owner=alice)
log.decision(alice, log.SIGN_IN, actor=alice)
deletion.delete_account(alice)
log.remove_old()
"""
    assert Group.objects.exists()
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | process_environment | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM auditlog_logentry WHERE actor_email IS NOT NULL")
        assert cursor.fetchone()[0] > 0


def prepare(url, process_environment, owner) -> subprocess.CompletedProcess:
    """What docker-compose.yml runs before the service."""
    return subprocess.run(
        [sys.executable, "manage.py", "prepare_database", str(owner)],
        cwd=ROOT,
        env=process_environment | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
    )


def test_it_is_prepared_again_after_each_migration(url, process_environment, tmp_path):
    owner = tmp_path / "owner"
    owner.write_text(process_environment["DATABASE_URL"] + "\n")
    for _time in range(2):
        done = prepare(url, process_environment, owner)
        assert done.returncode == 0, done.stderr
        assert "No migrations to apply" in done.stdout


@pytest.fixture
def elsewhere(process_environment, tmp_path):
    """An empty database of an owner who is not a superuser, as of a provider's: addresses of the
    service and, in a file, of the owner."""
    here = process_environment["DATABASE_URL"]
    there = here.replace(f"/{connection.settings_dict['NAME']}?", "/elsewhere?")
    owner = tmp_path / "owner"
    owner.write_text(there.replace("postgres@", "tests_owner@"))
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE tests_owner LOGIN CREATEROLE")
        cursor.execute("CREATE DATABASE elsewhere OWNER tests_owner TEMPLATE template0")
    yield there.replace("postgres@", f"{ROLE}:word@"), owner
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE elsewhere WITH (FORCE)")
        cursor.execute(f"DROP ROLE IF EXISTS {ROLE}, tests_owner")


def test_also_by_an_owner_who_is_not_a_superuser(elsewhere, process_environment):
    """Whose second start, and so each upgrade, ended here."""
    url, owner = elsewhere
    for password in ("word", "another"):
        done = prepare(url.replace(":word@", f":{password}@"), process_environment, owner)
        assert done.returncode == 0, done.stderr
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [ROLE])
            stored = cursor.fetchone()[0]
        assert password_is(stored, password)


def password_is(stored: str, password: str) -> bool:
    """By SCRAM-SHA-256 (RFC 5803), as PostgreSQL keeps it."""
    rounds, salt = stored.split("$")[1].split(":")
    server_key = stored.rpartition(":")[2]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(rounds))
    return hmac.digest(salted, b"Server Key", "sha256") == b64decode(server_key)


def test_a_role_that_others_made_is_granted_what_it_needs(elsewhere, process_environment):
    """Whose owner may neither make nor change roles; only a right too much has to be taken away."""
    url, owner = elsewhere
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE tests_owner NOCREATEROLE")
    done = prepare(url, process_environment, owner)
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: The owner of the database may not prepare {ROLE}")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'word'")
    done = prepare(url, process_environment, owner)
    assert done.returncode == 0, done.stderr
    with psycopg2.connect(url) as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (name) VALUES ('by the service')")
    session.close()
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {ROLE} CREATEDB")
    assert prepare(url, process_environment, owner).returncode == 1


def test_without_an_owner_the_service_migrates_itself_and_says_so(process_environment, tmp_path):
    done = prepare(process_environment["DATABASE_URL"], process_environment, tmp_path / "none")
    assert done.returncode == 0
    assert "owns its tables" in done.stderr


def test_the_owner_itself_is_refused(process_environment, tmp_path):
    owner = tmp_path / "owner"
    owner.write_text(process_environment["DATABASE_URL"])
    done = prepare(process_environment["DATABASE_URL"], process_environment, owner)
    assert done.returncode != 0
    assert "role of its own" in done.stderr


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://owner:se/cret@db.example.org/mole",
        "postgresql://owner:12/34@db.example.org/mole",
        "owner:se-cret@db.example.org/mole",
        "mysql://owner:se-cret@db.example.org/mole",
        "postgresql://owner:se-cret@db.example.org",
    ],
)
def test_an_address_of_the_owner_that_is_none_is_refused_without_being_told(
    address, process_environment, tmp_path
):
    owner = tmp_path / "owner"
    owner.write_text(address)
    done = prepare(process_environment["DATABASE_URL"], process_environment, owner)
    assert done.returncode != 0
    assert done.stderr.startswith("Not started: DATABASE_OWNER_URL")
    assert len(done.stderr.splitlines()) == 1
    assert not any(part in done.stderr for part in ("se/cret", "'se'", "12/34", "se-cret"))


@pytest.mark.parametrize("options", ["?sslmode=requir", "?connect_timeout=soon", "?port=1"])
def test_a_database_that_can_not_be_reached_is_told_in_a_sentence(
    options, process_environment, tmp_path
):
    done = prepare(
        f"postgresql://mole:word@127.0.0.1/mole{options}", process_environment, tmp_path / "none"
    )
    assert done.returncode == 1
    assert done.stderr.startswith("CommandError: The database can't be used: ")
    assert "Traceback" not in done.stderr


@pytest.fixture
def reader(transactional_db, process_environment):
    """A transaction that reads records, as of a backup, before the migrations to come."""
    call_command("migrate", "diagnosis", "0029", verbosity=0)
    session = psycopg2.connect(process_environment["DATABASE_URL"])
    session.cursor().execute("SELECT count(*) FROM diagnosis_molerecord")
    yield session
    session.close()
    call_command("migrate", verbosity=0)


@pytest.mark.parametrize("ends", [True, False])
def test_a_migration_that_waits_for_a_query_holds_up_nobody(
    reader, process_environment, tmp_path, monkeypatch, ends
):
    """Behind it every page waited, until the query ended."""
    slept, said = [], io.StringIO()

    def sleep(seconds):
        slept.append(seconds)
        with psycopg2.connect(process_environment["DATABASE_URL"]) as another:
            another.cursor().execute(
                "SET lock_timeout = '100ms'; SELECT count(*) FROM diagnosis_molerecord"
            )
        another.close()
        if ends:
            reader.rollback()

    monkeypatch.setattr(prepare_database, "time", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(prepare_database, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(prepare_database, "TRIES", 3)
    if ends:
        call_command("prepare_database", tmp_path / "none", stdout=io.StringIO(), stderr=said)
        call_command("migrate", check_unapplied=True, verbosity=0)
    else:
        with pytest.raises(CommandError, match="pg_stat_activity"):
            call_command("prepare_database", tmp_path / "none", stdout=io.StringIO(), stderr=said)
    assert len(slept) == (1 if ends else 2)
    assert "in use; trying again in" in said.getvalue()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_make_run_on_a_database_in_use_holds_up_nobody_either(reader, monkeypatch, capsys):
    """With DATABASE_URL it may be one that other hosts serve from."""
    # Without the limit it would wait for ever, and so would this test.
    reader.cursor().execute("SET LOCAL idle_in_transaction_session_timeout = '20s'")
    monkeypatch.setattr(prepare_database, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(prepare_database, "TRIES", 2)
    monkeypatch.setattr(prepare_database, "PAUSE", 0)
    with pytest.raises(RuntimeError, match="pg_stat_activity"):
        make_run.prepare(demo=False)
    assert capsys.readouterr().err == "A table is in use; trying again in 0 s.\n"
    reader.rollback()
    make_run.prepare(demo=False)
    assert capsys.readouterr() == ("", "")
    call_command("migrate", check_unapplied=True, verbosity=0)
