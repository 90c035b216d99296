"""An empty system beside the test's own, since a restore makes all tables anew."""

import subprocess
import sys
from pathlib import Path

import pyrage
import pytest
from django.db import connection

ROOT = Path(__file__).parents[2]


@pytest.fixture
def key(settings) -> str:
    settings.BACKUP_KEY = str(pyrage.x25519.Identity.generate())
    return settings.BACKUP_KEY


@pytest.fixture
def empty_system(process_environment, tmp_path, key):
    """The environment of a system of its own, on the same servers: no tables, no pictures."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE restored TEMPLATE template0")
    here = connection.settings_dict["NAME"]
    url = process_environment["DATABASE_URL"].replace(f"/{here}?", "/restored?")
    media = tmp_path / "restored media"
    yield process_environment | {"DATABASE_URL": url, "MEDIA_ROOT": str(media), "BACKUP_KEY": key}
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE restored WITH (FORCE)")


def manage(environment, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
