"""The FastAPI application: routes, limits, error shape, documents that need no network."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel

from app import __version__
from app.answers import Answers
from app.api import problems
from app.api.documented import with_examples
from app.api.front import Front
from app.api.limits import BodyLimit
from app.api.routes import advice, batch, estimates, exports, reading, stored, watching
from app.api.running import Running
from app.exporters import EXPORTERS, KITS
from app.pipeline import World, load_world
from app.schemas.plan import LoraPlanRequest
from app.schemas.plan_body import PlanBody
from app.schemas.recommend import BatchRequest, RecommendRequest
from app.schemas.serving import ServingRequest
from app.schemas.training import TrainingRequest
from app.settings import Settings, settings

DESCRIPTION = """For this task, **prompt or fine-tune?** Describe the task in `POST /recommend` and read a verdict
with its reasons, both plans, memory, time, cost, latency, the break-even volume, what would flip the verdict, and the
published cases that resemble yours. Every number carries its source and date, every estimate a range: `low` and
`high` hold four cases in five.

Errors are RFC 9457 problem documents with a JSON Pointer to each place. "It does not fit on this GPU" and "it
is a close call" are answers, not errors."""

TELEMETRY, NO_TELEMETRY = (
    TelemetryConfig(tracing=wanted, metrics=wanted, logs=False, auto_configure=wanted) for wanted in (True, False)
)
"""OpenTelemetry by FastAPI itself; its logs quote requests, so they stay off."""

BODIES: dict[str, type[BaseModel]] = {
    "/recommend": RecommendRequest,
    "/recommend/batch": BatchRequest,
    "/estimate/training": TrainingRequest,
    "/estimate/serving": ServingRequest,
    "/plan/lora": LoraPlanRequest,
    "/recommendations": RecommendRequest,
    **{f"/export/{form}": PlanBody for form in EXPORTERS},
    **{f"/export/{form}": RecommendRequest for form in KITS},
}


def create_app(config: Settings | None = None, load: Callable[[Settings], World] | None = None) -> FastAPI:
    """The service; it is ready once its lifespan has loaded the world."""
    config = config or settings()
    running = Running(config)
    loader = load or (lambda s: load_world(s.catalogue_overlay))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        answers = Answers(loader(config), config.answer_cache_entries)
        answers.told = running.tallies.answered
        async with running.started():
            app.state.answers = answers
            yield
        app.state.answers = None

    app = FastAPIOffline(
        docs_url=None, redoc_url=None,  # app.web serves both, without inline scripts
        title="tunewise", version=__version__, summary="Prompt or fine-tune? Advice with its numbers.",
        description=DESCRIPTION, license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"}, lifespan=lifespan,
        telemetry=TELEMETRY if config.telemetry else NO_TELEMETRY,
    )  # fmt: skip
    app.state.answers, app.state.running = None, running
    app.add_middleware(BodyLimit, settings=config)
    app.add_middleware(Front, running=running)
    problems.install(app, BODIES)
    for part in (advice, batch, estimates, exports, reading, stored, watching):
        app.include_router(part.router)
    with_examples(app)
    return app
