"""docker-compose.yml: valid, and its commands run with its settings, without a Docker daemon."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest
import requests
import yaml
from django.conf import settings
from django.db import connection

from skincare_site import make_secrets
from skincare_site.run import embedded
from skincare_site.run.service import is_serving

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def test_the_file_keeps_to_the_compose_specification() -> None:
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)


def test_each_variable_and_secret_stands_in_the_example() -> None:
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    assert used - {"COMPOSE_PROJECT_NAME"} == set(example)  # which Compose knows by itself


def test_the_database_is_of_the_version_that_is_embedded_here() -> None:
    assert interpolate(SERVICES["db"]["image"]) == f"postgres:{embedded.POSTGRES_MAJOR}-alpine"


@pytest.mark.django_db
def test_the_database_s_log_holds_no_values() -> None:
    """A double click, say, makes a statement that fails, and PostgreSQL logs it with its values."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        log = Path(cursor.fetchone()[0]).parent / "log/postgres.log"
    before = log.stat().st_size
    told = SERVICES["db"]["command"][1:]
    assert told[::2] == ["-c"] * len(told[1::2])
    for marker, options in (("plain", ""), ("hidden", " ".join(told))):
        with contextlib.closing(
            psycopg2.connect(**connection.get_connection_params() | {"options": options})
        ) as asking:
            cursor = asking.cursor()
            cursor.execute("CREATE TEMPORARY TABLE noted (note text UNIQUE)")
            for _ in range(2):
                with contextlib.suppress(psycopg2.errors.UniqueViolation):
                    cursor.execute("INSERT INTO noted VALUES (%s)", [f"{marker} itching mole"])
    said = log.read_bytes()[before:].decode()
    assert "plain itching mole" in said
    assert "hidden itching mole" not in said


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_the_image_is_built_by_one_service_and_asked_of_no_registry() -> None:
    ours = {
        name: service
        for name, service in SERVICES.items()
        if service["image"] == COMPOSE["x-app"]["image"]
    }
    assert set(ours) == {"web", "worker", "beat", "backup", "migrate", "secrets"}
    assert [name for name, service in ours.items() if "build" in service] == ["secrets"]
    assert {service["pull_policy"] for service in ours.values()} == {"never"}


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_may_and_takes_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert re.fullmatch(r"\d+:\d+", service.get("user", "1000:1000"))
    assert {"memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["logging"]["options"]["max-size"]
    for tmpfs in service.get("tmpfs", []):
        assert tmpfs.startswith("/")


def test_database_and_broker_have_no_way_in_or_out() -> None:
    assert COMPOSE["networks"]["back"] == {"internal": True}
    networks = {name: service.get("networks", []) for name, service in SERVICES.items()}
    assert networks["db"] == networks["redis"] == ["back"]
    assert networks["proxy"] == ["front"]
    assert [name for name, given in networks.items() if "front" in given] == ["proxy", "web"]


def test_each_secret_reaches_only_who_needs_it() -> None:
    def see(volume: str) -> set[str]:
        return {
            name
            for name, service in SERVICES.items()
            if any(str(given).startswith(f"{volume}:") for given in service.get("volumes", []))
        } - {"secrets"}

    assert see("app_secrets") == {"web", "worker", "beat", "backup", "migrate"}
    assert see("owner_secrets") == {"backup", "migrate"}
    assert see("database_secrets") == {"db"}
    assert see("redis_secrets") == {"redis"}


def test_docker_waits_longer_than_what_is_under_way_may_take() -> None:
    from skincare_site import gunicorn

    assert int(SERVICES["web"]["stop_grace_period"].rstrip("s")) > gunicorn.graceful_timeout
    limit = settings.CELERY_TASK_TIME_LIMIT
    assert int(SERVICES["worker"]["stop_grace_period"].rstrip("s")) > limit


def interpolate(text: str) -> str:
    """As Compose does, with DOMAIN alone in .env."""
    text = re.sub(r"\$\{DOMAIN\b[^}]*\}", "localhost", text)
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", r"\1", text)


@pytest.fixture
def run(process_environment: dict[str, str], tmp_path: Path, unused_tcp_port: int):
    """run("web"): the service's command with its environment, on the test's servers."""
    processes = []

    def start(name: str, port: int = unused_tcp_port) -> subprocess.Popen:
        names = ("DATABASE_URL", "REDIS_URL")
        given = {key: process_environment[key] for key in names}
        make_secrets.make(tmp_path, given | {"EMAIL_URL": "consolemail://"})
        environment = {
            key: interpolate(str(value))
            .replace("/run/secrets", str(tmp_path / "app"))
            .replace("/run/owner", str(tmp_path / "owner"))
            for key, value in SERVICES[name]["environment"].items()
        }
        environment |= {
            "MEDIA_ROOT": process_environment["MEDIA_ROOT"],
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PORT": str(port),
        }
        command = [
            part.replace("/run/owner", str(tmp_path / "none")) for part in SERVICES[name]["command"]
        ]
        with (tmp_path / f"{name}.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
        process.log, process.port = Path(log.name), port
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0, process.log.read_text()


def wait_for(condition, process: subprocess.Popen, seconds: float = 180):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert process.poll() is None, process.log.read_text()
        assert time.monotonic() < deadline, process.log.read_text()
        time.sleep(0.2)
    return result


def ask(process: subprocess.Popen, path: str, **headers: str) -> requests.Response | None:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(
            f"http://localhost:{process.port}{path}", headers=headers, allow_redirects=False
        )


def test_migrate_finds_nothing_to_do_and_ends(run) -> None:
    process = run("migrate")
    assert process.wait(180) == 0, process.log.read_text()
    assert "No migrations to apply" in process.log.read_text()


def test_web_answers_the_proxy_and_sends_others_to_tls(run) -> None:
    web = run("web")
    wait_for(lambda: ask(web, "/health/ready"), web)
    page = ask(web, "/account/login/", **{"X-Forwarded-Proto": "https"})
    assert page.status_code == 200
    assert "Secure" in page.headers["Set-Cookie"]
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    without_tls = ask(web, "/account/login/")
    assert without_tls.headers["Location"] == f"https://localhost:{web.port}/account/login/"


def test_health_checks_ask_past_a_proxy(run, monkeypatch) -> None:
    """The image's, and that of `make run`: Docker tells containers of the company's proxy, too."""
    web = run("web")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("PORT", str(web.port))
    command = re.search(r"HEALTHCHECK.+\n\s+CMD (.+)", (ROOT / "Dockerfile").read_text())[1]
    check = [sys.executable, *json.loads(command)[1:]]
    wait_for(lambda: subprocess.run(check).returncode == 0, web)
    wait_for(lambda: is_serving(web.port, secure=False), web)


def test_the_keys_of_links_in_e_mails_stay_out_of_the_log(run) -> None:
    web = run("web")
    wait_for(lambda: ask(web, "/health/ready"), web)
    for path in ("/account/confirm-email/", "/account/password/reset/key/"):
        ask(web, f"{path}1-keyOfAlice/", **{"X-Forwarded-Proto": "https"})
        wait_for(lambda path=path: path in web.log.read_text(), web)
    assert "keyOfAlice" not in web.log.read_text()


def test_worker_and_beat_start(run) -> None:
    worker, beat = run("worker"), run("beat")
    wait_for(lambda: "ready." in worker.log.read_text(), worker)
    wait_for(lambda: "sweep_records" in worker.log.read_text(), worker)
    assert beat.poll() is None
