"""The description of the API is complete, and the API keeps to it."""

import pytest
import schemathesis
from django.core.management import call_command
from hypothesis import HealthCheck, Phase, settings
from knox.models import AuthToken
from schemathesis.specs.openapi.checks import unsupported_method

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


@pytest.fixture
def api_schema(db):
    return schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", application)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_to_its_description(case, alice):
    if "id" in case.path_parameters and case.method != "DELETE":
        case.path_parameters["id"] = str(
            (
                RecordFactory(owner=alice, failed=True)
                if case.method == "POST"
                else assessed(owner=alice)
            ).pk
        )
    _token, text = AuthToken.objects.create(alice)
    case.call_and_validate(
        headers={"Authorization": f"Token {text}"}, excluded_checks=[unsupported_method]
    )
