"""Copies of backups in an S3-compatible store: moto's server, as a program of its own."""

import fcntl
import io
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
import requests
from django.core.management import CommandError, call_command

from backups import names, room
from skincare_site import storages
from skincare_site.environment import Environment
from tests import s3_server
from tests.backups.conftest import manage
from tests.factories import assessed

SIGNED_IN = {"ACCESS_KEY": "a", "SECRET_KEY": "b/+ =#"}


@pytest.fixture(scope="module")
def address():
    with s3_server.running() as address:
        yield address


@pytest.fixture
def use(settings):
    """use(BACKUP_S3_BUCKET=…): the storages that these settings name."""

    def use(**given: str) -> None:
        env = Environment()
        env.ENVIRON = given
        settings.STORAGES = {"staticfiles": settings.STORAGES["staticfiles"]} | storages.named_by(
            env
        )

    return use


def settings_of(prefix: str, bucket: str, address: str) -> dict[str, str]:
    given = {"BUCKET": bucket, "ENDPOINT": address, **SIGNED_IN}
    return {prefix + name: value for name, value in given.items()}


def of_backups(address: str) -> dict[str, str]:
    return settings_of("BACKUP_S3_", "backups", address)


def make_bucket(address: str, name: str):
    signed = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    bucket = boto3.resource("s3", endpoint_url=address, **signed).Bucket(name)
    bucket.create()
    return bucket


@pytest.fixture
def bucket(address, key, use, tmp_path, transactional_db):
    """An empty one, which the settings name; and a key."""
    requests.post(f"{address}/moto-api/reset")
    made = make_bucket(address, "backups")
    use(**of_backups(address))
    (tmp_path / "backups").mkdir()
    return made


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "backups"


def within(bucket) -> set[str]:
    return {each.key for each in bucket.objects.all()}


def backup(folder: Path, **options) -> str:
    out = io.StringIO()
    call_command("backup", to=folder, stdout=out, **options)
    return out.getvalue()


def test_a_backup_is_in_the_folder_and_in_the_bucket_the_same(bucket, folder, alice):
    said = backup(folder)
    [path] = folder.glob("skincare-*")
    assert within(bucket) == {path.name}
    assert f"Copied {path.name}" in said
    content = bucket.Object(path.name).get()["Body"].read()
    assert content == path.read_bytes()
    assert content.startswith(b"age-encryption.org/v1")
    grants = bucket.Object(path.name).Acl().grants
    assert [grant["Grantee"]["Type"] for grant in grants] == ["CanonicalUser"]


def test_where_all_is_lost_but_bucket_and_key_it_comes_back(
    bucket, folder, use, address, alice, empty_system
):
    """With the pictures in a store, too, another one by then."""
    store = make_bucket(address, "pictures")
    use(**of_backups(address), **settings_of("S3_", "pictures", address))
    record = assessed(owner=alice)
    picture = record.image.read()
    assert "1 pictures" in backup(folder)
    [path] = folder.glob("skincare-*")
    path.unlink()
    store = make_bucket(address, "new-pictures")
    new = empty_system | of_backups(address) | settings_of("S3_", "new-pictures", address)
    fetched = manage(new, "backup", "--to", folder, "--fetch")
    assert fetched.returncode == 0, fetched.stderr
    assert list(folder.glob("skincare-*")) == [path]
    assert path.stat().st_mode & 0o077 == 0
    restored = manage(new, "restore", path)
    assert restored.returncode == 0, restored.stderr
    assert within(store) == {record.image.name}
    assert store.Object(record.image.name).get()["Body"].read() == picture


def test_the_oldest_go_from_both_by_the_same_rule(bucket, folder):
    old = [f"skincare-2020010{day}T000000Z.tar.gz.age" for day in range(1, 5)]
    for name in (*old, "skincare-notes.txt"):
        bucket.put_object(Key=name, Body=b"earlier")
    for name in old[2:]:
        (folder / name).write_bytes(b"earlier")
    backup(folder, keep=2)
    [_, new] = sorted(path.name for path in folder.glob("skincare-*"))
    assert new > old[3]
    assert {path.name for path in folder.glob("skincare-*")} == {old[3], new}
    assert within(bucket) == {old[3], new, "skincare-notes.txt"}
    kept = within(bucket)
    backup(folder)  # of the same second, it has the same name
    assert kept <= within(bucket)  # without a number all stay


def test_the_new_one_stays_though_the_clock_was_wrong(bucket, folder, monkeypatch):
    later = {f"skincare-2099010{day}T000000Z.tar.gz.age" for day in range(1, 4)}
    for name in later:
        (folder / name).write_bytes(b"when the clock was wrong")
    backup(folder, keep=2)
    kept = {path.name for path in folder.glob("skincare-*")}
    assert kept == within(bucket)
    assert len(kept) == 2
    assert len(kept & later) == 1


def test_a_clock_that_was_ahead_once_does_not_decide_which_comes_back(bucket, folder):
    bucket.put_object(Key="skincare-20990101T000000Z.tar.gz.age", Body=b"of years ago")
    backup(folder)
    [path] = folder.glob("skincare-*")
    path.unlink()
    out = io.StringIO()
    call_command("backup", to=folder, fetch="", stdout=out)
    assert list(folder.glob("skincare-*")) == [path]
    assert path.name in out.getvalue()
    call_command("backup", "--keep=1", to=folder, stdout=out)  # and with the oldest it goes
    assert len(within(bucket)) == 1
    assert max(within(bucket)) < "skincare-2099"


def test_what_an_outage_left_out_is_copied_the_next_time(bucket, folder, use, address, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    use(**of_backups(nobody))
    with pytest.raises(CommandError, match="is there, but: The bucket backups can't be used"):
        backup(folder)
    [first] = folder.glob("skincare-*")
    use(**of_backups(address))
    monkeypatch.setattr(names, "now", lambda: "skincare-20990101T000000Z.tar.gz.age")
    backup(folder, keep=5)
    assert within(bucket) == {first.name, names.now()}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"BACKUP_S3_BUCKET": "not-there"}, "not-there can't be used"),
        ({"BACKUP_S3_BUCKET": ""}, "BACKUP_S3_BUCKET is not set"),
    ],
)
def test_what_can_t_be_fetched_is_told(bucket, folder, use, address, given, word):
    use(**of_backups(address) | given)
    with pytest.raises(CommandError, match=word):
        call_command("backup", to=folder, fetch="")
    assert not list(folder.glob("skincare-*"))


def test_none_is_fetched_into_a_folder_that_a_backup_is_writing_into(bucket, folder):
    """Which would take its beginning for what one left that was killed."""
    backup(folder)
    other = os.open(folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(CommandError, match="Try again"):
        call_command("backup", to=folder, fetch="")
    os.close(other)
    call_command("backup", to=folder, fetch="")


def test_what_is_fetched_leaves_the_database_its_room(bucket, folder, monkeypatch):
    backup(folder)
    [path] = folder.glob("skincare-*")
    path.unlink()
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _folder: SimpleNamespace(free=room.LEFT_FREE - 1)
    )
    with pytest.raises(CommandError, match="BACKUPS_KEPT"):
        call_command("backup", to=folder, fetch="")
    assert not list(folder.glob("skincare-*"))


def test_a_name_that_is_not_there_is_told_with_those_that_are(bucket, folder):
    with pytest.raises(CommandError, match=r"has no backup\. It has: nothing"):
        call_command("backup", to=folder, fetch="")
    backup(folder)
    [there] = within(bucket)
    for name in ("skincare-2020.tar.gz.age", "../../etc/passwd"):
        with pytest.raises(CommandError, match=rf"{name}\. It has: {there}"):
            call_command("backup", to=folder, fetch=name)
