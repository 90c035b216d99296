"""The description of the API is complete, and the API keeps to it.

More cases than the suite has time for, of some addresses: make fuzz CASES=300 PATHS=moles
"""

import os
import re
from pathlib import Path

import jsonschema
import pytest
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from skincare_site.api.examples import EXAMPLES
from tests.site.api_cases import (
    NOT_SAID,
    NOT_SAID_OF_LINKS,
    description,
    header_of,
    make_real,
    things_of,
    undone,
)

COMMITTED = Path(__file__).parents[2] / "docs/api/openapi.yaml"
CASES = int(os.environ.get("CASES", "4"))
FEW = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="CASES" not in os.environ,  # by chance alone where more are asked for
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
schema = description()
chosen = schema.include(path_regex=os.environ.get("PATHS", "."))


def test_the_committed_description_is_that_of_the_code(tmp_path):
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(made))
    assert made.read_text() == COMMITTED.read_text(), "make schema writes it anew"


def test_the_description_and_its_pages_are_served(client, db):
    assert b"openapi: 3.1" in client.get("/api/v1/schema/").content
    for page in ("docs", "redoc"):
        answer = client.get(f"/api/v1/{page}/")
        assert answer.status_code == 200
        assert b'<div lang="en">' in answer.content
        assert b"//cdn" not in answer.content
        assert b"googleapis" not in answer.content
        assert b"<style" not in answer.content


def test_every_problem_that_may_come_is_described():
    for path, operations in schema.raw_schema["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if "4XX" in responses:  # FHIR's own form
                continue
            assert {"400", "429", "503"} <= set(responses), (method, path)
            assert ("401" in responses) == ("security" in operation), (method, path)
            assert ("304" in responses) == (method == "get"), (method, path)


def test_each_set_of_values_has_one_name_that_says_what_it_is():
    """A generated client has a type for each; without a name, one for each field that has it."""
    named = {
        name: tuple(one["enum"])
        for name, one in schema.raw_schema["components"]["schemas"].items()
        if "enum" in one
    }
    assert {"BodySite", "Diagnosis", "Modality", "RecordState", "RiskCategory"} <= set(named)
    assert len(set(named.values())) == len(named)
    assert not [name for name in named if re.search(r"[0-9]|Enum", name)]
    for name, one in schema.raw_schema["components"]["schemas"].items():
        assert "'enum'" not in str(one.get("properties")), name


def test_the_only_page_of_each_list_keeps_to_its_schema():
    """Its `next` is null, which `nullable` does not say in OpenAPI 3.1."""
    components = schema.raw_schema["components"]
    lists = [name for name in components["schemas"] if name.startswith("Paginated")]
    assert lists
    for name in lists:
        whole = {"$ref": f"#/components/schemas/{name}", "components": components}
        only = {"next": None, "previous": None, "results": []}
        jsonschema.Draft202012Validator(whole).validate(only)
    assert "nullable" not in COMMITTED.read_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_keeps_to_its_schema(name):
    whole = {"$ref": f"#/components/schemas/{name}", "components": schema.raw_schema["components"]}
    jsonschema.Draft202012Validator(whole).validate(EXAMPLES[name])


@pytest.fixture
def own_connection(db, monkeypatch):
    """As Django's test client does: requests keep the connection, with the test's transaction."""
    for signal in (request_started, request_finished):
        monkeypatch.setattr(signal, "receivers", [])
        signal.sender_receivers_cache.clear()


@pytest.fixture(params=["alice", "dr_chen"])
def person(request, own_connection):
    return request.getfixturevalue(request.param)


@pytest.fixture
def header(person):
    return header_of(person)


@pytest.fixture
def things(person):
    return things_of(person)


@chosen.parametrize()
@FEW
def test_the_api_keeps_to_its_description(case, header, things):
    with undone():
        make_real(case, things)
        case.call_and_validate(headers=header, excluded_checks=NOT_SAID)


def test_what_one_request_makes_the_next_ones_find(header, things):
    """Along the links of the description: made, read, changed, deleted."""

    class Day(schema.as_state_machine()):
        def setup(self):
            self.undone = undone()
            self.undone.__enter__()

        def teardown(self):
            self.undone.__exit__(None, None, None)

        def before_call(self, case):
            if not case.path_parameters:
                make_real(case, things)

        def get_call_kwargs(self, case):
            return {"headers": header}

        def validate_response(self, response, case, **kwargs):
            case.validate_response(response, excluded_checks=NOT_SAID_OF_LINKS)

    steps = settings(FEW, max_examples=3 * CASES, stateful_step_count=8)
    run_state_machine_as_test(Day, settings=steps)
