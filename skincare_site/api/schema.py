"""The API's description: what holds for every operation of it."""

from typing import Any

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
    },
}


def document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular's hook: every operation may answer with a problem."""
    result["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    answer = {
        "description": "What went wrong.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"] |= {"4XX": answer, "5XX": answer}
    return result
