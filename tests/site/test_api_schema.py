"""The description of the API is complete, and the API keeps to it."""

from contextlib import closing

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from knox.models import AuthToken
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from skincare_site.wsgi import application
from tests.factories import RecordFactory, assessed


def test_the_description_is_generated_without_warnings(tmp_path):
    call_command(
        "spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yaml")
    )


def test_the_description_and_its_pages_are_served(client, db):
    assert client.get("/api/v1/schema/").status_code == 200
    assert b"openapi: 3.1" in client.get("/api/v1/schema/").content
    assert client.get("/api/v1/docs/").status_code == 200


def whole_answer(environ, start_response):
    """Schemathesis does not close what it reads, as a server does."""
    with closing(application(environ, start_response)) as body:
        return list(body)


schema = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
schema.app = whole_answer


@pytest.fixture
def own_connection(db, monkeypatch):
    """As Django's test client does: requests keep the connection, with the test's transaction."""
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", [])
        signal.sender_receivers_cache.clear()


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_to_its_description(case, alice, own_connection):
    if "id" in case.path_parameters:
        retry = case.method == "POST"
        record = RecordFactory(owner=alice, failed=True) if retry else assessed(owner=alice)
        case.path_parameters["id"] = str(record.pk)
    _token, text = AuthToken.objects.create(alice)
    case.call_and_validate(
        headers={"Authorization": f"Token {text}"},
        excluded_checks=[negative_data_rejection, positive_data_acceptance],
    )
