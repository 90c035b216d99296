"""docker-compose.yml and .env as Docker Compose reads them: its own program, without a daemon."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from skincare_site import make_secrets, settings_table

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("docker-compose")


@pytest.fixture
def read(tmp_path: Path):
    """read("NAME=value"): what Compose makes of a .env with these lines."""
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)

    def read(*lines: str) -> subprocess.CompletedProcess:
        (tmp_path / ".env").write_text("\n".join(lines) + "\n")
        return subprocess.run(
            [PROGRAM, "config", "--format", "json"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    return read


def whole(process: subprocess.CompletedProcess) -> dict:
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    # It writes a dollar twice, so that its answer could be read again.
    return json.loads(process.stdout.replace("$$", "$"))


def services(process: subprocess.CompletedProcess) -> dict:
    return whole(process)["services"]


def test_a_domain_alone_is_enough(read) -> None:
    assert services(read("DOMAIN=mole.example.org")).keys() == {
        *("proxy", "web", "worker", "beat", "backup", "migrate", "secrets", "db", "redis")
    }


def test_the_example_is_read_as_it_stands(read) -> None:
    example = (ROOT / ".env.example").read_text().splitlines()
    web = services(read(*example))["web"]
    assert web["environment"]["ALLOWED_HOSTS"] == "mole.example.org,127.0.0.1,web"


@pytest.mark.parametrize("value", ["pa$$word #1", "$ecret", 'a "quoted" one', "a\\b"])
def test_in_single_quotes_a_secret_stays_as_it_is(read, value: str) -> None:
    """As docs/operations.md says."""
    given = services(read("DOMAIN=mole.example.org", f"POSTGRES_PASSWORD='{value}'"))
    assert given["secrets"]["environment"]["POSTGRES_PASSWORD"] == value


def test_the_access_to_backups_reaches_only_those_who_need_it(read) -> None:
    given = services(
        read(
            "DOMAIN=mole.example.org",
            "BACKUP_S3_BUCKET=copies",
            "BACKUP_S3_SECRET_KEY=of-the-store",
            "BACKUPS=/mnt/elsewhere",
        )
    )
    sees = {
        name
        for name, service in given.items()
        if "BACKUP_S3_BUCKET" in service.get("environment", {})
    }
    assert sees == {"backup", "migrate"}
    assert [name for name, service in given.items() if "of-the-store" in str(service)] == [
        "secrets"
    ]
    # Out to the store, which the network of database and broker does not lead to.
    assert all("out" in given[name]["networks"] for name in sees)
    assert all("/mnt/elsewhere" in str(given[name]["volumes"]) for name in sees)


def test_pictures_may_lie_in_a_folder_that_several_hosts_mount(read) -> None:
    """As docs/scaling.md says: no service goes on with those of the volume."""
    given = services(read("DOMAIN=mole.example.org", "MEDIA=/mnt/media"))
    sees = {
        name
        for name, service in given.items()
        if any(each["source"] == "/mnt/media" for each in service.get("volumes", []))
    }
    assert sees == {"proxy", "web", "worker", "beat", "backup", "migrate"}


@pytest.mark.parametrize(
    ("line", "image", "volume"),
    [
        # The name of before there was a choice.
        ("POSTGRES_MAJOR=", "postgres:18-alpine", "clinic_database"),
        ("POSTGRES_MAJOR=19", "postgres:19-alpine", "clinic_database-19"),
    ],
)
def test_each_major_version_of_the_database_has_a_volume_of_its_own(
    read, line: str, image: str, volume: str
) -> None:
    """The image starts none beside another one's data."""
    given = whole(read("DOMAIN=mole.example.org", "COMPOSE_PROJECT_NAME=clinic", line))
    assert given["services"]["db"]["image"] == image
    assert given["volumes"]["database"]["name"] == volume


def test_the_names_of_env_are_known_where_the_secrets_are_made(read) -> None:
    """But VERSION, which the image has, too, and what Compose gives that service: test_settings."""
    given = services(read("DOMAIN=mole.example.org"))["secrets"]["environment"]
    named = {name for name, _value, _said in settings_table.of_compose()}
    assert set(make_secrets.OF_ENV) == named - given.keys() - {"VERSION"}


@pytest.mark.parametrize("name", make_secrets.OF_ENV)
def test_a_line_of_env_that_stands_in_settings_env_is_told(read, tmp_path: Path, name: str) -> None:
    """Compose puts what .env says before it, which is nothing: it would do nothing, silently."""
    (tmp_path / "settings.env").write_text(f"{name}=400\n")
    given = services(read("DOMAIN=mole.example.org"))["secrets"]["environment"]
    assert make_secrets.wrong(given).startswith(f"{name} stands in settings.env")


def test_what_stands_in_settings_env_alone_is_taken(read, tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text("MAX_RECORDS=400\n")
    given = services(read("DOMAIN=mole.example.org", "AUDIT_LOG_DAYS=400"))
    assert make_secrets.wrong(given["secrets"]["environment"]) == ""
    assert given["worker"]["environment"]["MAX_RECORDS"] == "400"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("DOMAIN=", "Put a line DOMAIN="),
        ("WORKERS=many", "replicas"),
        ("WEB_MEMORY=lots", "limits.memory"),
        ("HTTP_PORT=web", "invalid hostPort: web"),
    ],
)
def test_what_it_can_t_take_it_says(read, line: str, word: str) -> None:
    process = read("DOMAIN=mole.example.org", line)
    assert process.returncode != 0
    assert word in process.stderr


PAGE = (ROOT / "docs/operations.md").read_text()


def commands() -> list[str]:
    """Each `docker compose …` of the page, without what the shell does with its output."""
    code = [
        *re.findall(r"^(docker compose [^#>\n]+)", PAGE, re.MULTILINE),
        *re.findall(r"`(docker compose [^`>]+)`", PAGE),
    ]
    return sorted(set(map(str.strip, code)))


@pytest.mark.parametrize("command", commands())
def test_the_page_says_what_compose_understands(command: str, tmp_path: Path) -> None:
    """It gets as far as the daemon, which is not there."""
    (tmp_path / ".env").write_text("DOMAIN=mole.example.org\n")
    words = shlex.split(re.sub(r"\$\([^)]*\)", "word", command))[2:]
    process = subprocess.run(
        [PROGRAM, "--project-directory", ROOT, "--env-file", tmp_path / ".env", *words],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "DOCKER_HOST": f"unix://{tmp_path}/nothing",
        },
        capture_output=True,
        text=True,
    )
    if words[0] in ("config", "version"):
        assert process.returncode == 0, process.stderr
    else:
        assert "failed to connect to the docker API" in process.stderr
    named = re.findall(r" (?:exec|restart|logs) (?:--\S+ (?:\d\w )?)*(\w+)", command)
    assert (
        set(named) <= yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].keys()
    )


def test_the_page_names_commands_that_there_are() -> None:
    named = set(re.findall(r"manage\.py (\w+)", PAGE))
    assert len(named) >= 5
    assert named <= get_commands().keys()
