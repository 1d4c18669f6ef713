"""The work, in-process: a request document in, the answer's JSON out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from pydantic import TypeAdapter

from app.pipeline import World, advise, load_world, plan_lora, serving_estimate, training_estimate
from app.schemas.plan import FineTuningPlan, LoraPlanRequest
from app.schemas.recommend import RecommendRequest
from app.schemas.report import Report
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.training import MeasuredSteps, TrainingEstimate, TrainingRequest
from app.schemas.validation import parse
from app.shipped import named_overlay


@lru_cache(maxsize=1)
def world() -> World:
    """The world of this process."""
    return load_world(named_overlay())


def _recommend(document: object) -> bytes:
    request = parse(RecommendRequest, document)
    now = datetime.now(UTC)
    made = advise(request, world(), request.as_of or now.date(), id=f"rec_{uuid4().hex}", created_at=now)
    return TypeAdapter(Report).dump_json(made)


def _training(document: object) -> bytes:
    return TypeAdapter(TrainingEstimate).dump_json(training_estimate(parse(TrainingRequest, document), world()))


def calibrated(document: object, measured: object) -> dict[str, Any]:
    """A training estimate narrowed by `measured` steps of the caller's own machine. Raises InputError."""
    steps = parse(MeasuredSteps, measured)
    made = training_estimate(parse(TrainingRequest, document), world(), steps)
    found: dict[str, Any] = json.loads(TypeAdapter(TrainingEstimate).dump_json(made))
    return found


def _serving(document: object) -> bytes:
    return TypeAdapter(ServingEstimate).dump_json(serving_estimate(parse(ServingRequest, document), world()))


def _plan(document: object) -> bytes:
    request = parse(LoraPlanRequest, document)
    return TypeAdapter(FineTuningPlan).dump_json(plan_lora(request, world()))


WORK: dict[str, Callable[[object], bytes]] = {
    "/recommend": _recommend,
    "/estimate/training": _training,
    "/estimate/serving": _serving,
    "/plan/lora": _plan,
}


def answer(path: str, document: object) -> dict[str, Any]:
    """The answer that the service would give at `path`. Raises InputError."""
    made: dict[str, Any] = json.loads(WORK[path](document))
    return made
