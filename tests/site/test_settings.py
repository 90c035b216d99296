"""Settings come from the environment; what is missing stops the start with its name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skincare_site.run.embedded import local_environment

PRODUCTION = {
    "SECRET_KEY": "a-key-of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "mole.example.org",
    "DATABASE_URL": "postgresql://mole:word@db.example.org/mole",
    "REDIS_URL": "redis://broker.example.org/0",
    "MEDIA_ROOT": "/srv/media",
    "EMAIL_URL": "smtp+tls://post:word@mail.example.org:587",
}


def read_settings(*names: str, **environment: str) -> subprocess.CompletedProcess:
    """The settings in a process of their own, under this environment and nothing else."""
    program = (
        "import json; from skincare_site import settings;"
        f"print(json.dumps([str(getattr(settings, name)) for name in {names!r}]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env=environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("name", PRODUCTION)
def test_what_is_missing_or_empty_is_named(name: str) -> None:
    missing = {key: value for key, value in PRODUCTION.items() if key != name}
    for environment in (missing, missing | {name: ""}):
        process = read_settings(**environment)
        assert process.returncode != 0
        assert name in process.stderr


@pytest.mark.parametrize("name", PRODUCTION)
def test_each_may_stand_in_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PRODUCTION[name] + "\n")
    environment = {key: value for key, value in PRODUCTION.items() if key != name}
    environment[f"{name}_FILE"] = str(tmp_path / "secret")
    names = ("SECRET_KEY", "ALLOWED_HOSTS", "DATABASES", "REDIS_URL", "MEDIA_ROOT", "EMAIL_HOST")
    assert read_settings(*names, **environment).stdout == read_settings(*names, **PRODUCTION).stdout


def test_production_is_safe_without_being_told() -> None:
    names = ("DEBUG", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "ACCOUNT_EMAIL_VERIFICATION")
    process = read_settings(*names, **PRODUCTION)
    assert json.loads(process.stdout) == ["False", "True", "True", "mandatory"]


def test_subdomains_are_bound_to_tls_only_when_asked() -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    asked = {"HSTS_SECONDS": "300", "HSTS_PRELOAD": "1"}
    assert json.loads(read_settings(*names, **PRODUCTION).stdout) == ["31536000", "False", "False"]
    assert json.loads(read_settings(*names, **PRODUCTION | asked).stdout) == ["300", "True", "True"]


def test_an_unknown_engine_is_refused() -> None:
    process = read_settings(**PRODUCTION, ML_ENGINE="onnx")
    assert process.returncode != 0
    assert "ML_ENGINE" in process.stderr


def test_a_mail_server_that_hangs_holds_a_request_for_seconds_only() -> None:
    assert json.loads(read_settings("EMAIL_TIMEOUT", **PRODUCTION).stdout) == ["10"]


def test_mail_of_the_own_machine_lies_in_its_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)
    mail = local_environment(tmp_path)["EMAIL_URL"]
    process = read_settings("EMAIL_FILE_PATH", **PRODUCTION | {"EMAIL_URL": mail})
    assert json.loads(process.stdout) == [str(tmp_path / "mail")]
