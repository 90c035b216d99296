"""Settings come from the environment; what is missing stops the start with its name."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

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


@pytest.mark.parametrize("name", sorted(PRODUCTION.keys() - {"EMAIL_URL"}))
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


def test_what_is_set_twice_is_told(tmp_path: Path) -> None:
    """With Compose, as a line of settings.env that does nothing beside the file from .env."""
    (tmp_path / "address").write_text("smtp://of.the.file")
    given = {"EMAIL_URL": "smtp://of.settings.env", "EMAIL_URL_FILE": str(tmp_path / "address")}
    said = one_sentence(read_settings("EMAIL_HOST", **PRODUCTION | given))
    assert "EMAIL_URL is set twice" in said


def test_production_is_safe_without_being_told() -> None:
    names = ("SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "ACCOUNT_EMAIL_VERIFICATION")
    process = read_settings(*names, **PRODUCTION)
    assert json.loads(process.stdout) == ["True", "True", "mandatory"]


def test_no_other_host_of_the_domain_can_set_the_cookie_of_a_session() -> None:
    """Browsers take a name with this prefix from this host alone, by TLS, for all paths."""
    process = read_settings("SESSION_COOKIE_NAME", **PRODUCTION)
    assert json.loads(process.stdout) == ["__Host-sessionid"]
    without_tls = read_settings("SESSION_COOKIE_NAME", **PRODUCTION | {"HTTPS": "0"})
    assert json.loads(without_tls.stdout) == ["sessionid"]


def test_the_time_zone_is_utc_unless_another_is_named() -> None:
    assert json.loads(read_settings("TIME_ZONE", **PRODUCTION).stdout) == ["UTC"]
    named = PRODUCTION | {"TIME_ZONE": "Europe/Brussels"}
    assert json.loads(read_settings("TIME_ZONE", **named).stdout) == ["Europe/Brussels"]
    for wrong in ("Europe/Atlantis", "../etc/passwd", "Brussels time"):
        said = one_sentence(read_settings("TIME_ZONE", **PRODUCTION | {"TIME_ZONE": wrong}))
        assert "TIME_ZONE is a name such as Europe/Brussels" in said


def test_subdomains_are_bound_to_tls_only_when_asked() -> None:
    names = ("SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_HSTS_PRELOAD")
    asked = {"HSTS_SECONDS": "300", "HSTS_PRELOAD": "1"}
    assert json.loads(read_settings(*names, **PRODUCTION).stdout) == ["31536000", "False", "False"]
    assert json.loads(read_settings(*names, **PRODUCTION | asked).stdout) == ["300", "True", "True"]


def one_sentence(process: subprocess.CompletedProcess) -> str:
    assert process.returncode != 0
    [line] = process.stderr.splitlines()
    return line


def test_a_file_that_is_missing_is_named_in_one_sentence(tmp_path: Path) -> None:
    """Also by manage.py, and whatever else starts."""
    environment = PRODUCTION | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "nothing")}
    said = one_sentence(read_settings(**environment))
    assert "SECRET_KEY_FILE" in said
    assert str(tmp_path / "nothing") in said
    root = Path(__file__).parents[2]
    for command in (
        ["manage.py", "migrate"],
        ["-m", "celery", "-A", "skincare_site", "worker"],
        ["-m", "celery", "-A", "skincare_site", "beat", "--pidfile="],
        ["-m", "gunicorn", "-c", "python:skincare_site.gunicorn", "skincare_site.wsgi"],
    ):
        process = subprocess.run(
            [sys.executable, *command],
            env=environment | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            cwd=root,
        )
        assert process.returncode != 0
        assert process.stderr.splitlines()[-1] == said  # gunicorn has said its name before
        assert "Traceback" not in process.stderr


@pytest.mark.parametrize("certificate", [True, False])
def test_a_broker_by_tls_shows_its_certificate(certificate: bool) -> None:
    address = "rediss://:word@broker.example.org/0" if certificate else PRODUCTION["REDIS_URL"]
    program = "from skincare_site.celery import app; print(app.connection_for_write().ssl)"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env=PRODUCTION | {"REDIS_URL": address, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert ("CERT_REQUIRED" in said.stdout) == certificate
    assert "insecure" not in said.stderr


def test_the_address_of_the_database_says_that_transactions_are_pooled() -> None:
    address = f"{PRODUCTION['DATABASE_URL']}?DISABLE_SERVER_SIDE_CURSORS=True&CONN_MAX_AGE=0"
    [said] = json.loads(read_settings("DATABASES", **PRODUCTION | {"DATABASE_URL": address}).stdout)
    assert "'CONN_MAX_AGE': 0" in said
    assert "'DISABLE_SERVER_SIDE_CURSORS': True" in said
    [said] = json.loads(read_settings("DATABASES", **PRODUCTION).stdout)
    assert "'CONN_MAX_AGE': 60" in said


def test_the_address_of_the_database_says_how_patient_to_be() -> None:
    [said] = json.loads(read_settings("DATABASES", **PRODUCTION).stdout)
    assert ast.literal_eval(said)["default"]["OPTIONS"]["connect_timeout"] == 5
    address = f"{PRODUCTION['DATABASE_URL']}?connect_timeout=30&sslmode=require"
    [said] = json.loads(read_settings("DATABASES", **PRODUCTION | {"DATABASE_URL": address}).stdout)
    options = ast.literal_eval(said)["default"]["OPTIONS"]
    assert options.items() >= {"connect_timeout": 30, "sslmode": "require"}.items()
    assert options["keepalives_idle"] == 30


def test_pictures_lie_in_a_folder_or_where_s3_bucket_says() -> None:
    [said] = json.loads(read_settings("STORAGES", **PRODUCTION).stdout)
    assert "FileSystemStorage" in said
    [said] = json.loads(read_settings("STORAGES", **PRODUCTION | {"S3_BUCKET": "moles"}).stdout)
    assert "'bucket_name': 'moles'" in said


def test_passwords_are_not_switched_off_where_nothing_else_lets_people_in() -> None:
    said = one_sentence(read_settings(**PRODUCTION | {"LOCAL_PASSWORDS": "0"}))
    assert "OIDC_URL" in said


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "EMAIL_URL"])
@pytest.mark.parametrize("password", ["se/cret", "12/34", "se#cret", "12#34", "se?cret", "[se"])
def test_a_password_with_special_characters_is_refused_without_being_told(
    name: str, password: str
) -> None:
    scheme, rest = PRODUCTION[name].split("://")
    address = f"{scheme}://somebody:{password}@{rest.split('@')[-1]}"
    said = one_sentence(read_settings(**PRODUCTION | {name: address}))
    assert name in said
    assert "%2F" in said
    assert password not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_CONCURRENCY", "many"),
        ("TRUSTED_PROXIES", "x"),
        ("TRUSTED_PROXIES", "-1"),
        ("HSTS_SECONDS", "-1"),
        ("SITE_URL", "https://mole example.org"),
        ("DATABASE_URL", "host"),
        ("EMAIL_URL", "pigeon://loft"),
        ("ALLOWED_HOSTS", "https://mole.example.org"),
        ("ALLOWED_HOSTS", "mole.example.org:8443"),
        ("ALLOWED_HOSTS", "ü..example.org"),
        ("SITE_URL", "mole.example.org"),
        ("SITE_URL", "mole.example.org:8443"),
        ("SITE_URL", "https://"),
        ("SITE_URL", "ftp://mole.example.org"),
        ("SITE_URL", "https://mole.example.org/moles"),
        ("SITE_URL", "https://mole.example.org/?from=mail"),
        ("SITE_URL", "https://mole.example.org?"),
        ("SITE_URL", "https://mole.example.org#top"),
        ("SITE_URL", "https://mole:word@mole.example.org"),
        ("REDIS_URL", "broker.example.org:6379/0"),
        ("REDIS_URL", "http://broker.example.org/0"),
        ("REDIS_URL", "redis://broker.example.org/cache"),
        ("REDIS_URL", "redis://broker.example.org/0?timeout=5"),
        ("REDIS_URL", "redis://broker.example.org/0?socket_timeout=5"),  # not known to Celery
        ("REDIS_URL", "redis://broker.example.org?db=3"),
        ("REDIS_URL", "rediss://broker.example.org/0?ssl_cert_reqs=CERT_REQUIRED"),  # Celery's way
        ("DATABASE_URL", "db.example.org:5432/mole"),
        ("DATABASE_URL", "mysql://mole:word@db.example.org/mole"),
        ("DATABASE_URL", "postgresql://mole:word@db.example.org"),
        ("DATABASE_URL", "postgresql://mole:word@db.example.org/mole?sslmod=require"),
        ("DATABASE_URL", "postgresql://mole:word@db.example.org/mole?CONN_MAX_AGE=soon"),
        ("EMAIL_URL", "mail.example.org:587"),
        ("EMAIL_URL", "smtp://"),
        ("EMAIL_URL", "smtp+tls://post:word@"),
        ("OIDC_URL", "login.example.org:8443"),
        ("WEBHOOK_NETWORKS", "10.20.0.0/16,10.20.0.1/16"),
        ("WEB_WORKERS", "0"),
        ("HSTS_SECONDS", "a year"),
        ("AUDIT_LOG_DAYS", "30"),
        ("AUDIT_LOG_DAYS", "9999999"),  # before the first day that PostgreSQL knows
        ("SECURITY_CONTACT", "security@example.org"),
        ("VAPID_KEY", "secret"),
        ("VAPID_KEY", "A" * 43),
        ("BACKUP_S3_ENDPOINT", "s3.example.org"),
        ("BACKUP_S3_ENDPOINT", "s3.example.org:9000"),
        # As where a line was added to a file whose last one had no end.
        ("LOCAL_PASSWORDS", "1SIMILAR_CASES=1"),
        ("SIMILAR_CASES", "ja"),
        ("HTTPS", "enabled"),
        ("DEFAULT_FROM_EMAIL", "Skin clinic, Dr. Chen <noreply@example.org>"),
        ("DEFAULT_FROM_EMAIL", "Praxis, Dr. Grün <noreply@example.org>"),
        ("DEFAULT_FROM_EMAIL", "noreply"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(name: str, value: str) -> None:
    assert name in one_sentence(
        read_settings(**PRODUCTION | {"BACKUP_S3_BUCKET": "copies", name: value})
    )


def test_a_list_may_have_spaces_after_its_commas() -> None:
    """Else the second one counts for nothing, and nobody is told."""
    lists = {
        "ALLOWED_HOSTS": "mole.example.org, 127.0.0.1",
        "SECRET_KEY_FALLBACKS": "one, two,",
        "CORS_ALLOWED_ORIGINS": "https://a.example, https://b.example",
        "WEBHOOK_NETWORKS": "10.20.0.0/16, 10.21.0.0/16",
    }
    assert json.loads(read_settings(*lists, **PRODUCTION | lists).stdout) == [
        "['mole.example.org', '127.0.0.1']",
        "['one', 'two']",
        "['https://a.example', 'https://b.example']",
        "[IPv4Network('10.20.0.0/16'), IPv4Network('10.21.0.0/16')]",
    ]


def test_a_domain_with_an_umlaut_is_the_one_that_browsers_ask_for() -> None:
    """Else each page is a 400, while the health check, by another name, is content."""
    for name, sent in (
        ("hautarzt-münchen.example", "xn--hautarzt-mnchen-8vb.example"),
        ("praxis-weiß.example", "xn--praxis-wei-f4a.example"),  # not praxis-weiss
    ):
        hosts = {"ALLOWED_HOSTS": f"{name},127.0.0.1"}
        process = read_settings(
            "ALLOWED_HOSTS", "SITE_URL", "DEFAULT_FROM_EMAIL", **PRODUCTION | hosts
        )
        assert json.loads(process.stdout) == [
            f"['{sent}', '127.0.0.1']",
            f"https://{sent}",
            f"Skincare mole check <noreply@{sent}>",
        ]


def test_switches_are_on_or_off_in_many_words() -> None:
    for word, is_on in [("1", True), ("True", True), ("on", True), ("0", False), ("No", False)]:
        process = read_settings("SIMILAR_CASES", **PRODUCTION | {"SIMILAR_CASES": word})
        assert json.loads(process.stdout) == [str(is_on)]


@pytest.mark.parametrize(
    "sender",
    ["a@example.org", '"Praxis, Dr. Grün" <noreply@example.org>', "Müller <a@bücher.example>"],
)
def test_a_sender_may_have_a_name(sender: str) -> None:
    process = read_settings("DEFAULT_FROM_EMAIL", **PRODUCTION | {"DEFAULT_FROM_EMAIL": sender})
    assert json.loads(process.stdout) == [sender]


@pytest.mark.parametrize("name", ["WEB_WORKERS", "WEB_THREADS"])
@pytest.mark.parametrize("value", ["two", "0"])
def test_a_number_that_gunicorn_can_t_take_is_named(name: str, value: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:skincare_site.gunicorn", "x"],
        env=PRODUCTION | {"PATH": os.environ["PATH"], name: value},
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert name in one_sentence(process)


@pytest.mark.parametrize("value", ["$ecret-0123456789", "a$b", r"a\$b", "$$", "'\"# %"])
def test_a_secret_of_odd_characters_is_taken_as_it_is(value: str, tmp_path: Path) -> None:
    """Also one that begins as a variable does, as one key in fifty of Django's own makes."""
    password = quote(value, "")
    given = {
        "SECRET_KEY": value,
        "METRICS_TOKEN": value,
        "DATABASE_URL": f"postgresql://mole:{password}@db/mole",
        "EMAIL_URL": f"smtp+tls://post:{password}@mail.example.org:587",
    }
    (tmp_path / "key").write_text(value)
    names = ("SECRET_KEY", "METRICS_TOKEN", "EMAIL_HOST_PASSWORD", "DATABASES")
    for more in ({}, {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}):
        process = read_settings(*names, **PRODUCTION | given | more)
        assert process.returncode == 0, process.stderr
        *same, databases = json.loads(process.stdout)
        assert same == [value] * 3
        assert ast.literal_eval(databases)["default"]["PASSWORD"] == value


def test_the_image_has_no_warnings_though_it_has_the_collected_files_only(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    shutil.copytree(root / "skincare_site", tmp_path / "skincare_site")
    for name in ("manage.py", "accounts", "audit", "diagnosis", "ml", "templates", "static"):
        (tmp_path / name).symlink_to(root / name)
    process = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=PRODUCTION | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout + process.stderr == ("System check identified no issues (0 silenced).\n")


def test_an_unknown_engine_is_refused() -> None:
    process = read_settings(**PRODUCTION, ML_ENGINE="onnx")
    assert process.returncode != 0
    assert "ML_ENGINE" in process.stderr


def test_a_mail_server_that_hangs_holds_a_request_for_seconds_only() -> None:
    assert json.loads(read_settings("EMAIL_TIMEOUT", **PRODUCTION).stdout) == ["10"]


@pytest.mark.parametrize("kind", ["smtps", "smtp+tls", "smtp+ssl", "smtp"])
def test_tls_comes_first_on_the_port_that_is_for_it(kind: str) -> None:
    names = ("EMAIL_USE_SSL", "EMAIL_USE_TLS")
    mail = {"EMAIL_URL": f"{kind}://post:word@mail.example.org:465"}
    process = read_settings(*names, **PRODUCTION | mail)
    assert json.loads(process.stdout) == ["True", "False"]


def test_mail_of_the_own_machine_lies_in_its_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("EMAIL_URL", raising=False)
    mail = local_environment(tmp_path)["EMAIL_URL"]
    process = read_settings("EMAIL_FILE_PATH", **PRODUCTION | {"EMAIL_URL": mail})
    assert json.loads(process.stdout) == [str(tmp_path / "mail")]
