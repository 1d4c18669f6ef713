"""Stored recommendations, their outcomes, calibration, export."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException

from app.api.documented import errors
from app.api.examples import RECOMMEND_EXAMPLES
from app.api.front import CALLER
from app.api.world import answers_of, running_of, world_of
from app.schemas.recommend import RecommendRequest
from app.schemas.stored import (
    CalibrationReport,
    OutcomeRecorded,
    OutcomeRequest,
    State,
    StoredPage,
    StoredRecommendation,
)
from app.schemas.vocabulary import Approach
from app.store.acceptance import Place
from app.store.records import PAGE_MAX, New, Repeat, Stored

router = APIRouter(tags=["Stored"])
JSON, JSON_LINES = "application/json", "application/jsonl"
PAGE_DEFAULT = 20
KEY_MAX, CURSOR_MAX, MATCH_MAX = 255, 100, 100
PRECONDITION_NEEDED, UNCHANGED, CREATED, NO_CONTENT = 428, 304, 201, 204
NO_REVISION = -1
_REVISION = re.compile(r'"(\d{1,9})"')
_write_page = TypeAdapter(StoredPage).dump_json
_write_calibration = TypeAdapter(CalibrationReport).dump_json

Id = Annotated[str, Path(pattern="^rec_[0-9a-f]{32}$", examples=["rec_0123456789abcdef0123456789abcdef"])]
"""`id` of a stored recommendation."""
IfMatch = Annotated[str | None, Header(max_length=MATCH_MAX, description="`ETag` of what you read; `*` for any.")]
IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=KEY_MAX, description="A repeat with the same key gets the first answer."),
]
_HEADERS = {
    "Location": {"description": "Address of the stored recommendation.", "schema": {"type": "string"}},
    "ETag": {"description": "Its revision, for `If-Match`.", "schema": {"type": "string"}},
}


@router.post(
    "/recommendations",
    status_code=CREATED,
    response_model=StoredRecommendation,
    responses={CREATED: {"headers": _HEADERS}, **errors(401, 403, 413, 422, 429, 503)},
    summary="Recommend and keep the answer",
)
async def store(
    request: Request,
    body: Annotated[RecommendRequest, Body(openapi_examples=RECOMMEND_EXAMPLES)],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The answer of `/recommend`, stored durably before it is given.

    With an `Idempotency-Key`, a repeat (after a lost connection, say) returns the first answer and stores nothing.
    """
    running, asked = running_of(request), body.model_dump_json(exclude_unset=True).encode()
    report = answers_of(request).report(body)
    repeat = None
    if idempotency_key is not None:
        digest = hashlib.sha256(asked).hexdigest()
        repeat = Repeat(caller=request.scope.get(CALLER, ""), key=idempotency_key, request_digest=digest)

    def work() -> Stored:
        new = _new(report, asked, body.title)
        return running.store.add(new, repeat) or _as_stored(new)

    stored = await running.stored(work)
    headers = {"Location": f"/recommendations/{stored.id}", "ETag": _etag(stored.revision)}
    return Response(_whole(stored), CREATED, headers, JSON)


def _new(report: bytes, asked: bytes, title: str | None) -> New:
    made = json.loads(report)
    verdict = made["recommendation"]
    return New(
        id=made["id"],
        created_at=datetime.fromisoformat(made["created_at"]),
        title=title,
        approach=verdict["approach"],
        confidence=verdict["confidence"],
        close_call=verdict["close_call"],
        request=asked,
        report=report,
    )


def _as_stored(new: New) -> Stored:
    return Stored(
        id=new.id,
        created_at=new.created_at,
        title=new.title,
        state="open",
        revision=1,
        request=new.request,
        report=new.report,
        outcome=None,
    )


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _whole(stored: Stored) -> bytes:
    """The JSON of a StoredRecommendation; what was stored is passed on as it is, not read and written again."""
    moment = stored.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told: dict[str, Any] = {
        "id": stored.id,
        "created_at": moment,
        "title": stored.title,
        "state": stored.state,
        "revision": stored.revision,
    }
    head = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")[:-1]
    parts = (b'"request":' + stored.request, b'"report":' + stored.report, b'"outcome":' + (stored.outcome or b"null"))
    return b",".join((head, *parts)) + b"}"


@router.get(
    "/recommendations",
    response_model=StoredPage,
    responses=errors(401, 403, 422, 429, 503),
    summary="Stored recommendations, newest first",
)
async def page(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows of a page.")] = PAGE_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=CURSOR_MAX, description="`next_cursor` of the page before.")] = None,
    approach: Annotated[Approach | None, Query(description="Only those that recommended this.")] = None,
    state: Annotated[State | None, Query(description="Only those in this state.")] = None,
) -> Response:
    """A page; rows stored meanwhile never shift it."""
    running = running_of(request)
    found = await running.stored(lambda: running.store.page(limit, cursor, approach, state))
    return Response(_write_page(found), media_type=JSON)


@router.get(
    "/recommendations.jsonl",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One stored recommendation a line.",
            "content": {JSON_LINES: {"schema": {"type": "string"}}},
        },
        **errors(401, 403, 429, 503),
    },
    summary="Everything stored, as JSON Lines",
)
async def export(request: Request) -> Response:
    """One stored recommendation a line, with its outcome, oldest first. Needs the scope `admin`."""
    running = running_of(request)
    first = await running.stored(running.store.export)

    async def lines() -> AsyncIterator[bytes]:
        rows = first
        while rows:
            for _, stored in rows:
                yield _whole(stored) + b"\n"
            after = rows[-1][0]
            rows = await running.stored(lambda: running.store.export(after))  # noqa: B023 - awaited at once

    return StreamingResponse(lines(), media_type=JSON_LINES)


@router.get(
    "/recommendations/{id}",
    response_model=StoredRecommendation,
    responses={
        200: {"headers": {"ETag": _HEADERS["ETag"]}},
        UNCHANGED: {"description": "Not changed since `If-None-Match`."},
        **errors(401, 403, 404, 422, 429, 503),
    },
    summary="One stored recommendation",
)
async def read(
    request: Request,
    id: Id,
    if_none_match: Annotated[str | None, Header(max_length=MATCH_MAX, description="`ETag` that you have.")] = None,
) -> Response:
    """The request, the answer as it was given, and its outcome; `ETag` is what `If-Match` of an outcome needs."""
    running = running_of(request)
    stored = await running.stored(lambda: running.store.get(id))
    headers = {"ETag": _etag(stored.revision)}
    if if_none_match == headers["ETag"]:
        return Response(status_code=UNCHANGED, headers=headers)
    return Response(_whole(stored), headers=headers, media_type=JSON)


@router.delete(
    "/recommendations/{id}",
    status_code=NO_CONTENT,
    response_class=Response,
    responses=errors(401, 403, 404, 412, 422, 429, 503),
    summary="Delete one stored recommendation",
)
async def remove(
    request: Request,
    id: Id,
    if_match: IfMatch = None,
) -> Response:
    """Request, answer, outcome and Idempotency-Key go for good. Needs the scope `admin`."""
    running = running_of(request)
    await running.stored(lambda: running.store.remove(id, _revision(if_match)))
    return Response(status_code=NO_CONTENT)


def _revision(if_match: str | None) -> int | None:
    """The revision that an `If-Match` names: None for any, one that never is for what is no ETag of ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _REVISION.fullmatch(if_match.strip())
    return int(found[1]) if found else NO_REVISION


@router.put(
    "/recommendations/{id}/outcome",
    response_model=OutcomeRecorded,
    responses={200: {"headers": {"ETag": _HEADERS["ETag"]}}, **errors(401, 403, 404, 412, 413, 422, 428, 429, 503)},
    summary="Record what became of it",
)
async def outcome(
    request: Request,
    id: Id,
    body: OutcomeRequest,
    if_match: IfMatch = None,
) -> Response:
    """What was done and measured. `If-Match` holds the `ETag` that you read: who writes second gets 412."""
    if if_match is None:
        raise HTTPException(PRECONDITION_NEEDED, "Send If-Match with the ETag of the recommendation that you read.")
    running = running_of(request)
    moment = datetime.now(UTC)
    made = await running.stored(lambda: running.store.record(id, _revision(if_match), body, moment))
    text = b'{"id":"%s","revision":%d,"outcome":%s}' % (id.encode(), made.revision, made.outcome)
    return Response(text, headers={"ETag": _etag(made.revision)}, media_type=JSON)


@router.get(
    "/calibration",
    response_model=CalibrationReport,
    responses=errors(401, 403, 429, 503),
    summary="Predictions beside recorded outcomes",
)
async def calibration(request: Request) -> Response:
    """Hit rate, Brier score and reliability of verdicts; errors of memory, time, cost and latency; corrections offered.

    Nothing changes by itself: an operator accepts a correction by pasting its `overlay` into the catalogue overlay.
    Training estimates are multiplied from then on, and what was recommended before is compared no more.
    """
    running, world = running_of(request), world_of(request)
    accepted = (correction for found in world.catalogue.corrections.values() for correction in found)
    in_force: dict[Place, float] = {(made.quantity, made.gpu, made.framework): made.factor for made in accepted}
    today = datetime.now(UTC).date()
    found = await running.stored(lambda: running.store.calibration(today, in_force))
    return Response(_write_calibration(found), media_type=JSON)
