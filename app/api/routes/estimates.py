"""POST /estimate/training and POST /estimate/serving."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Body, Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from app.api.documented import errors
from app.api.examples import SERVING_EXAMPLES, TRAINING_EXAMPLES
from app.api.world import world_of
from app.errors import InputError
from app.exporters import READERS, ReadFormat, RunFacts, estimate_back, run_facts
from app.pipeline import serving_estimate, training_estimate
from app.schemas.serving import ServingEstimate, ServingRequest
from app.schemas.training import TrainingEstimate, TrainingRequest
from app.schemas.vocabulary import Framework, Sharding

FACTS = tuple(RunFacts.__dataclass_fields__)
"""Query parameters that say what a tool's file does not."""
_write_training = TypeAdapter(TrainingEstimate).dump_json
_write_serving = TypeAdapter(ServingEstimate).dump_json


class ReadBackRoute(APIRoute):
    """With `?from=`, the body of /training is another tool's file, which FastAPI must not read as a request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, unless the query names a tool."""
        usual = super().get_route_handler()
        if not self.path.endswith("/training"):
            return usual

        async def handler(request: Request) -> Response:
            tool = request.query_params.get("from")
            if tool is not None:
                return await _training_from(tool, request)
            if stray := [name for name in FACTS if name in request.query_params]:
                raise InputError.at("", f"{stray[0]} in the query belongs to a tool's file.", "Add from=, or drop it.")
            return await usual(request)

        return handler


async def _training_from(tool: str, request: Request) -> Response:
    """The estimate of an Axolotl, LLaMA-Factory or PEFT configuration."""
    known: tuple[ReadFormat, ...] = tuple(READERS)
    form = next((name for name in known if name == tool), None)
    if form is None:
        raise InputError.at("", f"from={tool[:80]} is not known.", f"One of: {', '.join(known)}.")
    given = run_facts({name: request.query_params[name] for name in FACTS if name in request.query_params})
    world = world_of(request)
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError.at("", "The file is not UTF-8 text.") from None
    return Response(_write_training(estimate_back(form, text, given, world)), media_type="application/json")


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


FROM: dict[str, Any] = {
    "parameters": [
        _parameter("from", "The body is this tool's own file.", type="string", enum=list(get_args(ReadFormat))),
        _parameter("gpu", "With `from`: the GPU that trains.", type="string"),
        _parameter("gpu_count", "With `from`: GPUs that train together.", type="integer", minimum=1),
        _parameter("sharding", "With `from`: how they share the work.", type="string", enum=list(get_args(Sharding))),
        _parameter("examples", "With `from`: rows to train on.", type="integer", minimum=1),
        _parameter("mean_seq_length", "With `from`: mean tokens of a row.", type="number", exclusiveMinimum=0),
        _parameter("framework", "With `from`: whose memory behaviour.", type="string", enum=list(get_args(Framework))),
    ],
    "requestBody": {"content": {"application/yaml": {"schema": {"type": "string"}}}},
}
"""What FastAPI cannot know of `from`."""
router = APIRouter(prefix="/estimate", tags=["Estimates"], route_class=ReadBackRoute)


@router.post(
    "/training",
    response_model=TrainingEstimate,
    responses=errors(413, 422, 503),
    summary="Memory, time and cost of a fine-tuning run",
    openapi_extra=FROM,
)
async def training(
    request: Request, body: Annotated[TrainingRequest, Body(openapi_examples=TRAINING_EXAMPLES)]
) -> Response:
    """Exact parameter counts; peak memory by component at the moment of the peak; throughput, time, energy and dollars.

    A run that does not fit is an answer: it lists the single changes that would make it fit.

    With `?from=axolotl`, `llama_factory` or `peft` the body is that tool's own file instead, or an object with the file
    as `configuration` and, beside it, `architecture` (config.json fields), `training` and `hardware`. The tool's
    defaults that apply are among the assumptions; keys that matter and are not modelled, or are unknown, among the
    warnings.
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
    """KV cache, the concurrency that fits, time to first token, time per output token, throughput and dollars per
    million tokens. With a rate, replicas are sized for it and the wait in the queue is counted."""
    return Response(_write_serving(serving_estimate(body, world_of(request))), media_type="application/json")
