"""Errors as the OpenAPI document shows them: one schema, an example each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.schemas.problem import MEDIA_TYPE, TITLES, TYPE_PREFIX, Problem

FIELD_EXAMPLES = Path(__file__).resolve().parent / "data" / "field_examples.json"
"""As real answers had them; what no answer of ours held is written by hand."""

_EXAMPLES: dict[int, tuple[str, str, list[dict[str, str]]]] = {
    401: ("key_required", "Send a key: `Authorization: Bearer tw_...`. An operator makes one.", []),
    403: ("scope_missing", "This key lacks the scope `write`.", []),
    404: ("not_found", "No rule is called LATENCY-INLIN.", []),
    412: ("stale", "rec_0123456789abcdef0123456789abcdef is at revision 2: somebody changed it. Read it again.", []),
    413: ("too_large", "The body is larger than 262,144 bytes.", []),
    422: (
        "invalid_request",
        "/requirements/request_per_day: Unknown field.",
        [
            {
                "pointer": "/requirements/request_per_day",
                "detail": "Unknown field.",
                "hint": "Did you mean requests_per_day?",
            }
        ],
    ),
    428: ("precondition_required", "Send If-Match with the ETag of the recommendation that you read.", []),
    429: ("too_many_requests", "Too many requests from this key; come again in 12 s.", []),
    503: ("not_ready", "tunewise is starting or stopping.", []),
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route for these statuses."""
    return {status: _documented(status) for status in statuses}


def _documented(status: int) -> dict[str, Any]:
    code, detail, places = _EXAMPLES[status]
    example = {
        "type": TYPE_PREFIX + code.replace("_", "-"),
        "title": TITLES[status],
        "status": status,
        "detail": detail,
        "code": code,
        "errors": places,
    }
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        "model": Problem,
        "description": TITLES[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


@cache
def recorded() -> dict[str, dict[str, Any]]:
    """Examples of answers' fields, by schema and field."""
    made: dict[str, dict[str, Any]] = json.loads(FIELD_EXAMPLES.read_text(encoding="utf-8"))
    return made


def with_examples(app: FastAPI) -> None:
    """Let the application's OpenAPI document show an example with every field of every answer."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for name, schema in plain()["components"]["schemas"].items():
                for field, spec in schema.get("properties", {}).items():
                    if field in recorded().get(name, {}) and "examples" not in spec:
                        spec["examples"] = [recorded()[name][field]]
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend the document
