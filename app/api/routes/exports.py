"""POST /export/{format}: a tuning plan as a training tool's own file."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from app.api.documented import errors
from app.api.examples import RECOMMEND_EXAMPLES
from app.api.export_examples import EXPORT_EXAMPLES
from app.api.world import world_of
from app.exporters import KITS, Exported, ExportFormat, export
from app.exporters.exported import JSON, MARKDOWN, PYTHON, YAML
from app.pipeline.kits import kit_case
from app.schemas.plan_body import PlanBody
from app.schemas.recommend import RecommendRequest

router = APIRouter(prefix="/export", tags=["Exports"])


def documented(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """The 200 of a route that answers a file."""
    content = {name: {"schema": {"type": "object" if name in (JSON, YAML) else "string"}} for name in media_types}
    return {200: {"description": "The file", "content": content}}


def answer(made: Exported) -> Response:
    """A file as a response."""
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"'}
    return Response(made.text.encode(), media_type=made.media_type, headers=headers)


async def _kit(request: Request, form: str, body: RecommendRequest) -> Response:
    as_of = body.as_of or datetime.now(UTC).date()
    return answer(KITS[form](kit_case(body, world_of(request), as_of)))


@router.post(
    "/serve",
    response_class=Response,
    responses={**documented(MARKDOWN), **errors(413, 422, 503)},
    summary="How to merge and serve a task's tuned base model",
)
async def export_serve(
    request: Request, body: Annotated[RecommendRequest, Body(openapi_examples=RECOMMEND_EXAMPLES)]
) -> Response:
    """How to merge the adapter; vLLM and SGLang commands for merged and for many adapters, sized by the estimate."""
    return await _kit(request, "serve", body)


@router.post(
    "/prompt_kit",
    response_class=Response,
    responses={**documented(MARKDOWN), **errors(413, 422, 503)},
    summary="What a task's prompting plan needs",
)
async def export_prompt_kit(
    request: Request, body: Annotated[RecommendRequest, Body(openapi_examples=RECOMMEND_EXAMPLES)]
) -> Response:
    """A system prompt to fill in, the order that prompt caching likes, an output schema, retrieval, and an evaluation
    set with the metric and the number of rows that separates the options."""
    return await _kit(request, "prompt_kit", body)


@router.post(
    "/{format}",
    response_class=Response,
    responses={**documented(JSON, YAML, PYTHON), **errors(413, 422, 503)},
    summary="A tuning plan as a training tool's file",
)
async def export_plan(
    request: Request,
    form: Annotated[ExportFormat, Path(alias="format", description="The training tool.")],
    body: Annotated[PlanBody, Body(openapi_examples=EXPORT_EXAMPLES)],
) -> Response:
    """PEFT's adapter_config.json, a TRL or Unsloth script, Axolotl's or LLaMA-Factory's YAML: complete but for the path
    of the rows, with the reasons as comments.

    The body is the plan as POST /plan/lora answers it (`fine_tuning` in a recommendation). What a tool cannot do as
    planned is refused with a pointer, never bent. Axolotl's and LLaMA-Factory's files can be estimated again with
    POST /estimate/training?from=.
    """
    world_of(request)
    return answer(export(form, body.plan()))
