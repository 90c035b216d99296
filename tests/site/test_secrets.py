"""The secrets of docker-compose.yml: made once, kept, and made new one at a time."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

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
    assert shared == {"app/email_url", "app/metrics_token", "app/secret_key_fallbacks"}
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
    given = {"SECRET_KEY": "s" * 50, "POSTGRES_PASSWORD": "p/w#", "DATABASE_URL": "postgresql://x"}
    make(tmp_path, given)
    made = files(tmp_path)
    assert made["app/secret_key"] == "s" * 50
    assert made["database/password"] == "p/w#"
    assert "p%2Fw%23" in made["owner/database_url"]
    assert made["app/database_url"] == "postgresql://x"


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
