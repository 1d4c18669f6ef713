"""POST /export/{format}: a tuning plan as a training tool's own file."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Request, Response

from app.api.documented import errors
from app.api.export_examples import EXPORT_EXAMPLES
from app.api.world import world_of
from app.exporters import Exported, ExportFormat, export
from app.exporters.exported import JSON, PYTHON, YAML
from app.schemas.plan_body import PlanBody

router = APIRouter(prefix="/export", tags=["Exports"])


def documented(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """The 200 of a route that answers a file."""
    content = {media_type: {"schema": {"type": "string"}} for media_type in media_types}
    return {200: {"description": "The file", "content": content}}


def answer(made: Exported) -> Response:
    """A file as a response."""
    headers = {"Content-Disposition": f'attachment; filename="{made.file_name}"'}
    return Response(made.text.encode(), media_type=made.media_type, headers=headers)


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
