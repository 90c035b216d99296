"""The servers that `make run` brings along, where the first start was cut short."""

from pathlib import Path

import psycopg2
import pytest

from skincare_site.run import embedded


@pytest.fixture
def initdb(tmp_path, monkeypatch):
    """initdb(script): what runs in its place, with the folder as its last argument."""
    monkeypatch.delenv("DATABASE_URL")

    def put(script: str) -> None:
        program = tmp_path / "programs/initdb"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\nfor folder; do :; done\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(embedded, "BINARIES", program.parent)

    return put


def test_why_the_database_could_not_be_made_is_said(initdb, tmp_path) -> None:
    initdb("echo No space left on device >&2; exit 1")
    with pytest.raises(RuntimeError, match="No space left"), embedded.servers(tmp_path / "var"):
        pass


def test_one_that_was_killed_while_it_made_the_database_is_no_dead_end(
    initdb, tmp_path, monkeypatch
) -> None:
    """Half a database was taken for a whole one, at each start."""
    binaries = embedded.BINARIES
    initdb('echo 18 > "$folder/PG_VERSION"; kill -9 $$')
    with pytest.raises(RuntimeError, match="could not be made"), embedded.servers(tmp_path / "var"):
        pass
    monkeypatch.setattr(embedded, "BINARIES", binaries)
    with embedded.servers(tmp_path / "var") as (processes, environment):
        psycopg2.connect(environment["DATABASE_URL"]).close()
        assert [process.name for process in processes] == ["database"]


def test_a_key_that_met_a_full_disk_is_made_anew(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("SECRET_KEY_FILE", raising=False)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "secret-key").touch()
    path = embedded.local_environment(tmp_path)["SECRET_KEY_FILE"]
    made = Path(path).read_text()
    assert len(made) > 50
    embedded.local_environment(tmp_path)
    assert Path(path).read_text() == made
