"""POST /recommend/batch; a room of its own, because its bodies may be larger."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import TypeAdapter

from app.answers import Answers
from app.api.documented import errors
from app.api.examples import BATCH_EXAMPLES
from app.api.world import answers_of
from app.errors import InputError
from app.schemas.listing import BatchAnswer
from app.schemas.problem import Problem, input_problem
from app.schemas.recommend import BatchRequest, RecommendRequest
from app.schemas.validation import parse

router = APIRouter(tags=["Advice"])
_write_problem = TypeAdapter(Problem).dump_json


@router.post(
    "/recommend/batch",
    response_model=BatchAnswer,
    responses=errors(413, 422, 503),
    summary="Prompt or fine-tune? Up to 1,000 tasks",
)
async def recommend_batch(
    request: Request, body: Annotated[BatchRequest, Body(openapi_examples=BATCH_EXAMPLES)]
) -> Response:
    """One answer or one problem per item, in the order of the request, as `/recommend` would have given it. A bad item
    does not spoil the others: look at each `status`."""
    answers = answers_of(request)
    parts = []
    for index, item in enumerate(body.items):
        parts.append(_batch_part(index, item, answers))
        await asyncio.sleep(0)  # a large batch must not starve the other requests of this worker
    return Response(b'{"items":[' + b",".join(parts) + b"]}", media_type="application/json")


def _batch_part(index: int, item: object, answers: Answers) -> bytes:
    try:
        report = answers.report(parse(RecommendRequest, item))
    except InputError as error:
        found = _write_problem(input_problem(error.problems, error.code))
        return b'{"index":%d,"status":422,"report":null,"problem":%s}' % (index, found)
    return b'{"index":%d,"status":200,"report":%s,"problem":null}' % (index, report)
