"""POST /recommend and POST /plan/lora."""

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import TypeAdapter

from app.api.documented import errors
from app.api.examples import PLAN_EXAMPLES, RECOMMEND_EXAMPLES
from app.api.world import answers_of, world_of
from app.pipeline import plan_lora
from app.schemas.plan import FineTuningPlan, LoraPlanRequest
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report

router = APIRouter(tags=["Advice"])
JSON = "application/json"
_write_plan = TypeAdapter(FineTuningPlan).dump_json


@router.post(
    "/recommend", response_model=Report, responses=errors(413, 422, 503), summary="Prompt or fine-tune? One task"
)
async def recommend(
    request: Request, body: Annotated[RecommendRequest, Body(openapi_examples=RECOMMEND_EXAMPLES)]
) -> Response:
    """A description is enough; every requirement that you state replaces one that would be read from it or assumed.
    The answer is a verdict with its reasons, both plans, both estimates, the break-even volume, what would flip the
    verdict, what is worth finding out, and the published cases that resemble the task.

    Nothing is stored. The same input on the same `as_of` gives the same answer, apart from `id` and `created_at`.
    """
    return Response(answers_of(request).report(body), media_type=JSON)


@router.post("/plan/lora", response_model=FineTuningPlan, responses=errors(413, 422, 503), summary="A LoRA plan")
async def lora_plan(
    request: Request, body: Annotated[LoraPlanRequest, Body(openapi_examples=PLAN_EXAMPLES)]
) -> Response:
    """Rank, target modules and hyperparameters for a base model and an amount of data, without a whole recommendation.
    Each field has its because and its source, and memory decides method and GPU where you leave them open."""
    plan = plan_lora(body, world_of(request))
    return Response(_write_plan(plan), media_type=JSON)
