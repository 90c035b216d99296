"""`make run` as a newcomer meets it: one program that starts, mends and ends everything."""

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from ml.synthetic import phantoms

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "var/static"
WITHIN = 180
SAID = {"HOST", "PORT", "TLS", "DEMO"}


class Run:
    """The program in a data folder of its own."""

    def __init__(self, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        servers = ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "SECRET_KEY_FILE", "EMAIL_URL")
        environment = {name: os.environ[name] for name in os.environ if name not in servers}
        environment |= {"DATA_DIR": str(directory), "PORT": str(port), "STATIC_ROOT": str(STATIC)}
        self.url = f"http://localhost:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "skincare_site.run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        for line in self.process.stdout:
            self.output += line
            if line.startswith("Ready"):
                break

    def children(self, name: str = "") -> list[psutil.Process]:
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def kill(self, name: str) -> None:
        """SIGKILL to every process of it."""
        for child in self.children(name):
            child.kill()

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(WITHIN)
        finally:
            self.process.stdout.close()


class Person:
    """A program that speaks to the API."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/api/v1"
        login = {"email": "person@example.org", "password": "mole-check-demo"}
        token = requests.post(f"{self.url}/auth/token/", data=login, timeout=30).json()["token"]
        self.headers = {"Authorization": f"Token {token}"}

    def upload(self) -> str:
        file = io.BytesIO()
        phantoms.render("even_mole").save(file, "JPEG")
        answer = requests.post(
            f"{self.url}/records/",
            files={"image": file.getvalue()},
            headers=self.headers,
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def records(self) -> dict[str, str]:
        page = requests.get(f"{self.url}/records/", headers=self.headers, timeout=30).json()
        return {record["id"]: record["state"] for record in page["results"]}

    def wait_for(self, record: str) -> None:
        deadline = time.monotonic() + WITHIN
        while self.records()[record] not in ("done", "unusable"):
            assert time.monotonic() < deadline, self.records()[record]
            time.sleep(0.3)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(directory: Path):
    program = Run(directory)
    yield program
    if program.process.poll() is None:
        program.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def person(run: Run) -> Person:
    return Person(run.url)


def test_it_says_where_and_who(run: Run) -> None:
    assert re.fullmatch(
        rf"Ready: {run.url}  person: person@example.org / \S+  doctor: doctor@example.org / \S+\n",
        run.output,
    ), run.output


def test_an_upload_is_assessed(person: Person) -> None:
    person.wait_for(person.upload())


@pytest.mark.parametrize(
    "name",
    ["celery -A skincare_site worker", "celery -A skincare_site beat", "valkey-server", "gunicorn"],
)
def test_what_is_killed_comes_back_and_no_record_is_lost(run, person, name: str) -> None:
    before = person.upload()
    run.kill(name)
    deadline = time.monotonic() + WITHIN
    while not (run.children(name) and is_up(run)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    person.wait_for(before)
    person.wait_for(person.upload())


def test_a_second_one_refuses_to_share_the_database(run: Run, directory: Path) -> None:
    second = Run(directory)
    assert second.process.wait(WITHIN) == 1
    assert "runs already" in second.output
    second.process.stdout.close()


def test_a_signal_ends_it_and_the_next_start_finds_the_data(run, person, directory) -> None:
    records = person.records()
    assert records
    assert_leaves_nothing(run, signal.SIGTERM)
    again = Run(directory)
    assert Person(again.url).records() == records
    assert_leaves_nothing(again, signal.SIGINT)


def assert_leaves_nothing(program: Run, number: signal.Signals) -> None:
    children = program.children()
    assert len(children) > 5
    assert program.stop(number) == 0
    assert [child for child in children if child.is_running()] == []


def is_up(run: Run) -> bool:
    try:
        return requests.get(f"{run.url}/health/ready", timeout=5).json()["status"] == "ok"
    except (requests.RequestException, ValueError):
        return False


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"PORT": "80a"}, "PORT is a number from 1 to 65535, not '80a'.\n"),
        ({"PORT": "65536"}, "PORT is a number from 1 to 65535, not '65536'.\n"),
        ({"TLS": "public"}, "TLS is 1 or 0, not 'public'.\n"),
        ({"DEMO": "maybe"}, "DEMO is 1 or 0, not 'maybe'.\n"),
        # Of documentation (RFC 5737), so of no machine.
        ({"HOST": "192.0.2.1"}, "Nothing can listen at HOST=192.0.2.1 PORT=8000: "),
    ],
)
def test_where_nothing_can_listen_a_sentence_says_why(setting, said) -> None:
    environment = {name: os.environ[name] for name in os.environ.keys() - SAID}
    process = subprocess.run(
        [sys.executable, "-m", "skincare_site.run"],
        cwd=ROOT,
        env=environment | setting,
        capture_output=True,
        text=True,
        timeout=WITHIN,
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr.startswith(said)
    assert "in use" not in process.stderr
