"""The API's description: what holds for every operation of it."""

from typing import Any

from accounts.idempotency import HEADER, LONGEST
from skincare_site.api.examples import EXAMPLES
from skincare_site.api.problems import MEDIA_TYPE

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "Problem details, RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "errors": {
            "type": "object",
            "description": "By field, when the request's content was refused.",
            "additionalProperties": True,
        },
        "same_picture": {
            "type": "string",
            "format": "uuid",
            "description": "The earlier record, where only a new picture was wanted.",
        },
        "picture_number": {
            "type": "integer",
            "description": "Which of several pictures it was, from 1.",
        },
    },
}
PROBLEMS = {
    "400": "The request was refused for its content; `errors` names the fields.",
    "401": "No token, or one that is not known, was revoked or has ended.",
    "403": "The person, or this token, may not do this.",
    "404": "Nothing is there, or it is another person's.",
    "409": "It does not go with what is there by now.",
    "412": "It is not what If-Match says any more.",
    "413": "The body is too large.",
    "415": "The body is of another kind than this address takes.",
    "422": "The Idempotency-Key was sent with another request before.",
    "429": "Too many requests.",
    "503": "Out of order, or too busy, for a moment.",
    "507": "There is no room for new pictures.",
}
PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
LATER = ("429", "503", "507")
NOT_MODIFIED = "Nothing has changed since the answer whose ETag was sent in If-None-Match."
RETRY_AFTER = {
    "description": "Seconds until it is worth trying again.",
    "schema": {"type": "integer"},
}
ETAG = {"description": "For If-None-Match.", "schema": {"type": "string"}}
KEY = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "maxLength": LONGEST},
    "description": "The same request sent again with the same key makes nothing twice.",
}
# Beside those that answer 201: what else is not to be done twice.
KEYED = ("webhooks_rotate_create", "records_partial_update")
UNKEYED = ("records_pictures_create",)  # a further picture is known by its content alone
STORING = ("records_create", "records_pictures_create")
CONFLICTING = ("records_retry_create", "queue_claim_create")
# From what an operation answers with, under which name, to what can be done with it.
LINKS = {
    ("records_create", "201"): (
        *("records_retrieve", "records_image_retrieve", "records_thumbnail_retrieve"),
        *("records_partial_update", "records_reassess_create", "records_destroy"),
    ),
    ("moles_create", "201"): (
        *("moles_retrieve", "moles_partial_update", "moles_timeline_list", "moles_report"),
        "moles_destroy",
    ),
    ("webhooks_create", "201"): (
        *("webhooks_retrieve", "webhooks_rotate_create", "webhooks_deliveries_list"),
        "webhooks_destroy",
    ),
    ("shares_create", "201"): ("shares_retrieve", "shares_destroy"),
    ("queue_next_create", "200"): (
        *("queue_retrieve", "queue_image_retrieve", "queue_claim_create", "queue_claim_destroy"),
        "queue_reviews_create",
    ),
    ("queue_reviews_create", "201"): ("reviews_retrieve", "reviews_partial_update"),
}


def document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: every status that may come, links between operations, examples."""
    schemas = result["components"]["schemas"]
    schemas["Problem"] = PROBLEM_SCHEMA
    problems = {f"Problem{status}": _problem(status) for status in PROBLEMS}
    result["components"]["responses"] = problems
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _add_statuses(operation, path, method)
            _add_links(operation)
    for name, example in EXAMPLES.items():
        schemas[name] = schemas[name] | {"examples": [example]}
    return result


def _add_statuses(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation["responses"]
    parameters = operation.setdefault("parameters", [])
    is_open = operation.get("security", [{}]) == [{}]
    name = operation["operationId"]
    is_made = "201" in responses and name not in UNKEYED
    is_keyed = (is_made or name in KEYED) and not is_open
    possible = {
        "400": True,
        "401": not is_open,
        "403": not is_open,
        "404": "{" in path or any(one["name"] == "cursor" for one in parameters),
        "409": is_keyed or name in CONFLICTING,
        "412": any(one["name"] == "If-Match" for one in parameters),
        "413": "requestBody" in operation,
        "415": "requestBody" in operation,
        "422": is_keyed and name != "records_create",
        "429": True,
        "503": True,
        "507": name in STORING,
    }
    if is_keyed:
        parameters.append(KEY)
    if method == "get":
        responses["200"]["headers"] = {"ETag": ETAG}
        responses["304"] = {"description": NOT_MODIFIED}
    if "4XX" in responses:  # a room with errors in a form of its own, such as FHIR's
        for status in ("4XX", "5XX"):  # but for what is refused before its views are reached
            responses[status]["content"][MEDIA_TYPE] = PROBLEM
        return
    for status in filter(possible.get, PROBLEMS):
        responses[status] = {"$ref": f"#/components/responses/Problem{status}"}


def _problem(status: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": PROBLEMS[status],
        "content": {MEDIA_TYPE: PROBLEM},
    }
    return answer | ({"headers": {"Retry-After": RETRY_AFTER}} if status in LATER else {})


def _add_links(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        targets = LINKS.get((operation["operationId"], status), ())
        if targets:
            response["links"] = {
                target: {"operationId": target, "parameters": {"id": "$response.body#/id"}}
                for target in targets
            }
