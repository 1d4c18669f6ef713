"""Every way to fail, as problem+json: one handler per exception family, no exception text in a 500."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, TypeAdapter
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from app.errors import InputError, InputProblem, MissingError, NotReadyError, StaleError, StoreAwayError
from app.schemas.problem import MEDIA_TYPE, Problem, input_problem, problem
from app.schemas.validation import problems

log = logging.getLogger("tunewise.api")
_write = TypeAdapter(Problem).dump_json

NOT_ALLOWED = 405
CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "too_large",
    428: "precondition_required",
}


def respond(found: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem document as a response."""
    return Response(_write(found), found.status, dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI, body_schemas: Mapping[str, type[BaseModel]]) -> None:
    """Register the handlers; `body_schemas` maps a route's path to its body schema, for hints."""

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows for mypy; registered for this type only
        return respond(_from_validation(error, body_schemas.get(request.scope["path"])))

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, InputError)  # noqa: S101
        return respond(input_problem(error.problems, error.code))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        if error.status_code == 400:  # FastAPI's words for a body that no JSON reader takes
            return respond(input_problem((InputProblem("", "The body is not valid JSON."),), "invalid_json"))
        headers = {**(error.headers or {}), **_allowed(request, error.status_code)}
        found = problem(error.status_code, CODES.get(error.status_code, "http_error"), str(error.detail))
        return respond(found, headers)

    async def not_ready(_: Request, error: Exception) -> Response:
        return respond(problem(503, "not_ready", str(error)), {"Retry-After": "1"})

    async def away(_: Request, error: Exception) -> Response:
        return respond(problem(503, "store_unavailable", str(error)), {"Retry-After": "2"})

    async def missing(_: Request, error: Exception) -> Response:
        return respond(problem(404, "not_found", str(error)))

    async def stale(_: Request, error: Exception) -> Response:
        return respond(problem(412, "stale", str(error)))

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected error on %s", request.scope["path"], exc_info=error)
        return respond(problem(500, "internal_error", "Something went wrong on our side; it has been logged."))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(InputError, refused)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(NotReadyError, not_ready)
    app.add_exception_handler(StoreAwayError, away)
    app.add_exception_handler(MissingError, missing)
    app.add_exception_handler(StaleError, stale)
    app.add_exception_handler(Exception, unexpected)


def _allowed(request: Request, status: int) -> dict[str, str]:
    """`Allow` of a 405: every method that the document has for this path; the router names only those of one route."""
    if status != NOT_ALLOWED:
        return {}
    paths = request.app.openapi()["paths"]
    here = [path for path in paths if compile_path(path)[0].fullmatch(request.scope["path"])]
    methods = {method.upper() for path in here for method in paths[path]}
    return {"Allow": ", ".join(sorted(methods))} if methods else {}


def _from_validation(error: RequestValidationError, schema: type[BaseModel] | None) -> Problem:
    findings = [{**f, "loc": f["loc"][1:] if f["loc"][:1] == ("body",) else f["loc"]} for f in error.errors()]
    if any(f["type"] == "json_invalid" for f in findings):
        return input_problem((InputProblem("", "The body is not valid JSON."),), "invalid_json")
    outside = [f for f, raw in zip(findings, error.errors(), strict=True) if raw["loc"][:1] != ("body",)]
    if outside:
        return input_problem(tuple(InputProblem("", f"{f['loc'][-1]}: {f['msg']}") for f in outside))
    return input_problem(problems(findings, error.body, schema))
