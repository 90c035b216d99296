"""While the database is down, every door says so, and when to come back."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from unittest import mock

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client
from knox.models import AuthToken

from tests.factories import picture

GONE = OperationalError("gone")


@contextmanager
def down(error=GONE):
    """Meanwhile every query fails so."""
    with mock.patch.object(CursorWrapper, "execute", side_effect=error):
        yield


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_an_upload_is_refused_for_now(alice, error):
    client = Client(raise_request_exception=False)
    token = AuthToken.objects.create(alice)[1]
    with down(error):
        answer = client.post(
            "/api/v1/records/",
            {"image": SimpleUploadedFile("mole.jpg", picture())},
            headers={"Authorization": f"Token {token}"},
        )
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert int(answer["Retry-After"]) > 0
    assert answer.json()["status"] == 503


@pytest.mark.parametrize("path", ["/records/", "/records/new/", "/account/", "/admin/"])
def test_a_page_too(alice, client, path):
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    with down():
        answer = client.get(path)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Try again" in answer.content.decode()
    assert "gone" not in answer.content.decode()


def test_what_needs_no_database_still_answers(client, db):
    with down():
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503


def test_a_database_that_does_not_answer_holds_a_thread_for_seconds_only(process_environment):
    """As where its host is gone: then all threads waited, and the site looked dead itself."""
    program = """
import django; django.setup()
from django.test import Client
answer = Client(headers={"host": "localhost"}).get("/health/ready")
print(answer.status_code, answer.json()["database"])
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"postgresql://service@127.0.0.1:{silent.getsockname()[1]}/moles"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=process_environment | {"DATABASE_URL": address},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout == "503 down\n", done.stderr
