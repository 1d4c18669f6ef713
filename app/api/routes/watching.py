"""GET /metrics."""

from fastapi import APIRouter, Request, Response

from app.api.documented import errors
from app.api.metrics import MEDIA_TYPE, exposed
from app.api.world import running_of

router = APIRouter(tags=["Health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **errors(401, 403, 429),
    },
    summary="Prometheus metrics",
)
async def metrics(request: Request) -> Response:
    """Requests by route template, verdicts, rule hits, close calls, stale prices, store latency."""
    running, answers = running_of(request), request.app.state.answers
    ready = running.lifecycle.phase == "ready"
    text = exposed(answers.world if answers else None, running.tallies, ready, running.load.wait_seconds)
    return Response(text, media_type=MEDIA_TYPE)
