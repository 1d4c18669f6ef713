"""POST /estimate/training and POST /estimate/serving."""

from typing import Annotated

from fastapi import APIRouter, Body, Request, Response
from pydantic import TypeAdapter

from app.api.documented import errors
from app.api.examples import SERVING_EXAMPLES, TRAINING_EXAMPLES
from app.api.world import world_of
from app.pipeline import serving_estimate, training_estimate
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.training import TrainingEstimate, TrainingRequest

router = APIRouter(prefix="/estimate", tags=["Estimates"])
_write_training = TypeAdapter(TrainingEstimate).dump_json
_write_serving = TypeAdapter(ServingEstimate).dump_json


@router.post(
    "/training",
    response_model=TrainingEstimate,
    responses=errors(413, 422, 503),
    summary="Memory, time and cost of a fine-tuning run",
)
async def training(
    request: Request, body: Annotated[TrainingRequest, Body(openapi_examples=TRAINING_EXAMPLES)]
) -> Response:
    """Exact parameter counts; peak memory by component at the moment of the peak; throughput, time, energy and dollars.

    A run that does not fit is an answer: it lists the single changes that would make it fit.
    """
    return Response(_write_training(training_estimate(body, world_of(request))), media_type="application/json")


@router.post(
    "/serving",
    response_model=ServingEstimate,
    responses=errors(413, 422, 503),
    summary="Memory, latency and cost of a self-hosted deployment",
)
async def serving(
    request: Request, body: Annotated[ServingRequest, Body(openapi_examples=SERVING_EXAMPLES)]
) -> Response:
    """KV cache, concurrency that fits, time to first token, time per output token, throughput and dollars per million tokens."""
    return Response(_write_serving(serving_estimate(body, world_of(request))), media_type="application/json")
