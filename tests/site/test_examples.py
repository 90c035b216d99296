"""The examples of docs/examples/ run against a real server, and so does a generated client."""

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import trustme

from accounts import tokens
from accounts.models import User
from diagnosis.models import MoleRecord
from diagnosis.records import demos
from skincare_site.celery import app
from tests.diagnosis.programs import Program
from tests.factories import PASSWORD, TOTP_SECRET, assessed, current_code

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs/examples"


@pytest.fixture
def process_environment(process_environment, settings, tmp_path):
    """Of a service that may tell programs on this machine what it has to tell."""
    # As the server stores them, which other tests do faster.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    certificate.write_to_path(tmp_path / "receiver.pem")
    trusted = {"WEBHOOK_NETWORKS": "127.0.0.0/8", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    return process_environment | trusted


@pytest.fixture
def url(port):
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def worker(process_environment, tmp_path):
    app.control.purge()
    command = ("celery", "-A", "skincare_site", "worker", "--loglevel=INFO", "--concurrency=1")
    program = Program(*command, log=tmp_path / "worker.log", **process_environment)
    yield program
    program.stop()


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "mole.jpg"
    path.write_bytes(demos.picture("even_mole"))
    return path


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_whole_day(url, worker, dr_chen, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        hook = f"https://127.0.0.1:{free.getsockname()[1]}/"
    said = run(
        *(sys.executable, EXAMPLES / "whole_day.py", "--url", url, "--doctor", dr_chen.email),
        *("--webhook", hook, "--certificate", tmp_path / "receiver.pem"),
        cwd=tmp_path,
        DOCTOR_PASSWORD=PASSWORD,
        DOCTOR_CODE=current_code(TOTP_SECRET, ahead=1),  # a while until it is asked for
    )
    assert "Heard, and signed: record.assessed, record.reviewed" in said
    assert "3 pictures" in said
    assert (tmp_path / "mole.pdf").read_bytes().startswith(b"%PDF")
    with zipfile.ZipFile(tmp_path / "everything.zip") as everything:
        assert len([name for name in everything.namelist() if name.endswith(".jpg")]) == 3
    assert list(User.objects.all()) == [dr_chen]
    assert not MoleRecord.objects.exists()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_example_for_curl(url, worker, picture, alice, tmp_path):
    account = {"URL": url, "EMAIL": alice.email, "PASSWORD": PASSWORD}
    said = run("sh", EXAMPLES / "records.sh", picture, cwd=tmp_path, **account)
    assert re.search(r"^[0-9a-f-]{36} (done|unusable)\n304$", said, re.MULTILINE)
    [report] = tmp_path.glob("*-*.pdf")
    assert report.read_bytes().startswith(b"%PDF")
    assert not MoleRecord.objects.exists()
    assert not alice.auth_token_set.exists()


def test_the_example_that_lists_records(url, alice, tmp_path):
    records = [assessed(owner=alice) for _ in range(2)]
    token = tokens.create(person=alice, scope="read")[1]
    said = run(sys.executable, EXAMPLES / "records.py", url, cwd=tmp_path, TOKEN=token)
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[:2]] == [str(one.pk) for one in records[::-1]]
    assert lines[2] == "nothing new"


def test_a_client_that_is_generated_from_the_description(url, alice, tmp_path):
    """By openapi-python-client, from the committed file: typed calls, and typed answers."""
    run(
        *(sys.executable, "-m", "openapi_python_client", "generate"),
        *("--path", ROOT / "docs/api/openapi.yaml", "--meta", "none"),
        *("--config", EXAMPLES / "typed_client.yaml", "--fail-on-warning"),
        *("--output-path", tmp_path / "mole_client"),
        cwd=tmp_path,
    )
    record = assessed("malignant_high_risk", owner=alice)
    program = tmp_path / "program.py"
    program.write_text(
        """
import sys
from mole_client import AuthenticatedClient, Client
from mole_client.api.auth import token_create
from mole_client.api.moles import moles_create
from mole_client.api.records import records_list, records_retrieve
from mole_client.models import CredentialsRequest, NewMoleRequest

url, email, password, record = sys.argv[1:]
who = CredentialsRequest(email=email, password=password)
token = token_create.sync(client=Client(base_url=url), body=who).token
client = AuthenticatedClient(base_url=url, token=token, prefix="Token")
[listed] = records_list.sync(client=client).results
one = records_retrieve.sync(listed.id, client=client)
assert str(one.id) == record
assert one.assessment.risk_category == "malignant_high_risk", one
mole = moles_create.sync(client=client, body=NewMoleRequest(name="back"))
print(mole.name)
"""
    )
    who = (alice.email, PASSWORD)
    said = run(sys.executable, program, url, *who, str(record.pk), cwd=tmp_path)
    assert said == "back\n"
    assert alice.moles.get().name == "back"
