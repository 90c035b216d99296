"""The secrets of docker-compose.yml: made once, kept, and made new one at a time."""

import errno
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pyrage
import pytest

from backups import crypt
from skincare_site import make_secrets
from skincare_site.make_secrets import ROTATED, make


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    make(tmp_path, {})
    first = files(tmp_path)
    make(tmp_path, {})
    assert files(tmp_path) == first


def test_two_installations_share_none(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make(tmp_path / name, {"EMAIL_URL": "smtp://localhost"})
    one, other = files(tmp_path / "one"), files(tmp_path / "other")
    shared = {name for name in one if one[name] == other[name]}
    assert shared == {
        "app/email_url",
        "app/metrics_token",
        "app/secret_key_fallbacks",
        "owner/backup_s3_access_key",
        "owner/backup_s3_secret_key",
    }
    assert len(one["app/secret_key"]) >= 50


def test_parts_agree(tmp_path: Path) -> None:
    make(tmp_path, {})
    made = files(tmp_path)
    assert urlsplit(made["app/database_url"]).password == made["owner/service_password"]
    assert urlsplit(made["owner/database_url"]).password == made["database/password"]
    broker = urlsplit(made["app/redis_url"]).password
    assert f"requirepass {broker}\n" in made["redis/valkey.conf"]


def test_what_env_names_goes_before(tmp_path: Path) -> None:
    """As for who comes from a version whose .env held all secrets."""
    make(tmp_path, {})
    given = {"SECRET_KEY": "s" * 50, "POSTGRES_PASSWORD": "p/w#"}
    make(tmp_path, given)
    made = files(tmp_path)
    assert made["app/secret_key"] == "s" * 50
    assert made["database/password"] == "p/w#"
    assert "p%2Fw%23" in made["owner/database_url"]


@pytest.mark.parametrize("name", ROTATED)
def test_one_is_made_new_and_the_others_stay(tmp_path: Path, name: str) -> None:
    make(tmp_path, {})
    before = files(tmp_path)
    make(tmp_path, {}, rotate=name)
    after = files(tmp_path)
    changed = {file for file in before if before[file] != after[file]}
    assert (
        changed
        == {
            "secret_key": {"app/secret_key", "app/secret_key_fallbacks"},
            "service_password": {"owner/service_password", "app/database_url"},
            "redis_password": {"owner/redis_password", "app/redis_url", "redis/valkey.conf"},
        }[name]
    )
    if name == "secret_key":
        assert after["app/secret_key_fallbacks"] == before["app/secret_key"]
    make(tmp_path, {})
    assert files(tmp_path) == after


def test_a_key_of_env_that_is_changed_there_leaves_the_one_before_valid(tmp_path: Path) -> None:
    for key in ("first", "second", "second"):
        make(tmp_path, {"SECRET_KEY": key})
    assert (files(tmp_path)["app/secret_key"], files(tmp_path)["app/secret_key_fallbacks"]) == (
        "second",
        "first",
    )


def test_a_backup_key_that_is_replaced_still_opens_what_it_made(tmp_path: Path) -> None:
    """Also by the public half alone, which a typing error may have made of somebody's."""
    make(tmp_path, {})
    first = files(tmp_path)["owner/backup_key"]
    second, public = (str(pyrage.x25519.Identity.generate()) for _ in range(2))
    for given in (second, second, "age1ofsomebody", public, ""):
        make(tmp_path, {"BACKUP_KEY": given})
    kept = files(tmp_path)["owner/backup_key_earlier"]
    assert kept.splitlines() == [first, second]
    sealed = pyrage.encrypt(b"a backup", [pyrage.x25519.Identity.from_str(first).to_public()])
    (tmp_path / "sealed").write_bytes(sealed)
    with (tmp_path / "sealed").open("rb") as file, crypt.decrypted(file, kept) as plain:
        assert plain.read() == b"a backup"


@pytest.mark.parametrize("written", [0, 1, 2])
@pytest.mark.parametrize("given", [{}, {"SECRET_KEY": "of .env"}])
def test_a_disk_that_is_full_meanwhile_takes_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int, given: dict[str, str]
) -> None:
    """What the earlier one signed stays valid, whatever was written before there was no room."""
    make(tmp_path, {})
    earlier, left = files(tmp_path)["app/secret_key"], [None] * written

    def full(file: Path, value: str) -> None:
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        left.pop()
        write(file, value)

    write = make_secrets._write
    with monkeypatch.context() as patch:
        patch.setattr(make_secrets, "_write", full)
        with pytest.raises(OSError, match="No space"):
            make(tmp_path, given, rotate=None if given else "secret_key")
    make(tmp_path, given)
    kept = files(tmp_path)
    assert earlier in (kept["app/secret_key"], kept["app/secret_key_fallbacks"])


def test_of_a_database_elsewhere_the_owner_is_the_service_or_named(tmp_path: Path) -> None:
    """And not the owner of the database here, which would get the tables in its place."""
    given = {"DATABASE_URL": "postgresql://service:word@elsewhere/moles"}
    owner = "postgresql://owner:word@elsewhere/moles"
    make(tmp_path, {})
    make(tmp_path, given)
    assert "owner/database_url" not in files(tmp_path)
    make(tmp_path, given | {"DATABASE_OWNER_URL": owner})
    assert files(tmp_path)["owner/database_url"] == owner


@pytest.mark.parametrize(
    ("given", "rotate", "word"),
    [
        ({"DOMAIN": "https://mole.example.org"}, None, "DOMAIN is a name"),
        ({"DOMAIN": "mole.example.org:8443"}, None, "DOMAIN is a name"),
        ({"DOMAIN": "mole.example.org", "TLS": "Public"}, None, "TLS is public, files, internal"),
        # Of 18 there would be a second volume, an empty one.
        ({"POSTGRES_MAJOR": "18"}, None, "POSTGRES_MAJOR is a later one than 18"),
        ({"POSTGRES_MAJOR": "19-beta"}, None, "POSTGRES_MAJOR is a later one than 18"),
        # As in .env of a version before 2026.12.
        ({"DATABASE_URL": "postgresql://skincare:word@db/skincare"}, None, "DATABASE_URL leads to"),
        ({"DATABASE_OWNER_URL": "postgresql://x"}, None, "DATABASE_OWNER_URL needs DATABASE_URL"),
        ({"SECRET_KEY": "s" * 50}, "secret_key", "SECRET_KEY stands in .env"),
        ({"SERVICE_PASSWORD": "s" * 50}, "service_password", "SERVICE_PASSWORD stands in .env"),
        # Nobody would read the one that is made.
        ({"DATABASE_URL": "postgresql://x"}, "service_password", "DATABASE_URL stands in .env"),
        ({"REDIS_URL": "rediss://x"}, "redis_password", "REDIS_URL stands in .env"),
    ],
)
def test_what_nothing_works_with_is_told_before_anything_is_made(
    tmp_path: Path, given: dict[str, str], rotate: str | None, word: str
) -> None:
    process = program(tmp_path, given, rotate)
    assert process.returncode == 1
    [line] = process.stderr.splitlines()
    assert line.startswith(f"Not started: {word}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ROTATED)
def test_who_makes_one_new_is_told_that_the_copy_elsewhere_is_old(
    tmp_path: Path, name: str
) -> None:
    assert program(tmp_path, {}).stdout == ""
    assert "write skincare-secrets.tar anew" in program(tmp_path, {}, name).stdout


def program(
    root: Path, given: dict[str, str], rotate: str | None = None
) -> subprocess.CompletedProcess[str]:
    """It has run as its service does."""
    options = ["--rotate", rotate] if rotate else []
    return subprocess.run(
        [sys.executable, "-m", "skincare_site.make_secrets", *options, root],
        env={"PATH": os.environ["PATH"], "DOMAIN": "mole.example.org"} | given,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
