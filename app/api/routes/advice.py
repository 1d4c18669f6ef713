"""POST /recommend, POST /recommend/batch, POST /plan/lora."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import TypeAdapter

from app.api.answers import Answers
from app.api.documented import errors
from app.api.examples import PLAN_EXAMPLES, RECOMMEND_EXAMPLES
from app.api.world import answers_of, world_of
from app.errors import InputError
from app.pipeline import plan_lora
from app.schemas.listing import BatchAnswer
from app.schemas.plan import FineTuningPlan, LoraPlanRequest
from app.schemas.problem import Problem, input_problem
from app.schemas.recommend import BatchRequest, RecommendRequest
from app.schemas.report import Report
from app.schemas.validation import parse

router = APIRouter(tags=["Advice"])
JSON = "application/json"
_write_plan = TypeAdapter(FineTuningPlan).dump_json
_write_problem = TypeAdapter(Problem).dump_json


@router.post(
    "/recommend", response_model=Report, responses=errors(413, 422, 503), summary="Prompt or fine-tune? One task"
)
async def recommend(
    request: Request, body: Annotated[RecommendRequest, Body(openapi_examples=RECOMMEND_EXAMPLES)]
) -> Response:
    """A verdict with its reasons, both plans, both estimates, break-even, sensitivity, missing facts and precedents.

    Nothing is stored. The same input on the same `as_of` gives the same answer, apart from `id` and `created_at`.
    """
    return Response(answers_of(request).report(body), media_type=JSON)


@router.post(
    "/recommend/batch",
    response_model=BatchAnswer,
    responses=errors(413, 422, 503),
    summary="Prompt or fine-tune? Up to 1,000 tasks",
)
async def recommend_batch(request: Request, body: BatchRequest) -> Response:
    """One answer or one problem per item, in order; a bad item does not spoil the others."""
    answers = answers_of(request)
    parts = []
    for index, item in enumerate(body.items):
        parts.append(_batch_part(index, item, answers))
        await asyncio.sleep(0)  # a large batch must not starve the other requests of this worker
    return Response(b'{"items":[' + b",".join(parts) + b"]}", media_type=JSON)


def _batch_part(index: int, item: object, answers: Answers) -> bytes:
    try:
        report = answers.report(parse(RecommendRequest, item))
    except InputError as error:
        found = _write_problem(input_problem(error.problems, error.code))
        return b'{"index":%d,"status":422,"report":null,"problem":%s}' % (index, found)
    return b'{"index":%d,"status":200,"report":%s,"problem":null}' % (index, report)


@router.post("/plan/lora", response_model=FineTuningPlan, responses=errors(413, 422, 503), summary="A LoRA plan")
async def lora_plan(
    request: Request, body: Annotated[LoraPlanRequest, Body(openapi_examples=PLAN_EXAMPLES)]
) -> Response:
    """Rank, targets and hyperparameters for a base model and an amount of data, each with its because and source."""
    plan = plan_lora(body, world_of(request))
    return Response(_write_plan(plan), media_type=JSON)
