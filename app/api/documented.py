"""Errors as the OpenAPI document shows them: one schema, an example each."""

from typing import Any

from app.schemas.problem import MEDIA_TYPE, TITLES, TYPE_PREFIX, Problem

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
