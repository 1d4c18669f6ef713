"""The FastAPI application: routes, limits, error shape, documents that need no network."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel

from app import __version__
from app.answers import Answers
from app.api import problems
from app.api.limits import BodyLimit
from app.api.routes import advice, batch, estimates, reading
from app.pipeline import World, load_world
from app.schemas.plan import LoraPlanRequest
from app.schemas.recommend import BatchRequest, RecommendRequest
from app.schemas.serving import ServingRequest
from app.schemas.training import TrainingRequest
from app.settings import Settings, settings

DESCRIPTION = """For this task, **prompt or fine-tune?** Describe the task in `POST /recommend` and read a verdict with its
reasons, both plans, memory, time, cost, latency, the break-even volume, what would flip the verdict, and the published cases
that resemble yours. Every number carries its source and date, every estimate a range: `low` and `high` hold four cases in five.

Errors are RFC 9457 problem documents with a JSON Pointer to each place. "It does not fit on this GPU" and "it is a close
call" are answers, not errors."""

BODIES: dict[str, type[BaseModel]] = {
    "/recommend": RecommendRequest,
    "/recommend/batch": BatchRequest,
    "/estimate/training": TrainingRequest,
    "/estimate/serving": ServingRequest,
    "/plan/lora": LoraPlanRequest,
}


def create_app(config: Settings | None = None, load: Callable[[Settings], World] | None = None) -> FastAPI:
    """The service; it is ready once its lifespan has loaded the world."""
    config = config or settings()
    loader = load or (lambda s: load_world(s.catalogue_overlay))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.answers = Answers(loader(config), config.answer_cache_entries)
        yield
        app.state.answers = None

    app = FastAPIOffline(
        docs_url=None, redoc_url=None,  # app.web serves both, without inline scripts
        title="tunewise", version=__version__, summary="Prompt or fine-tune? Advice with its numbers.",
        description=DESCRIPTION, license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"}, lifespan=lifespan,
    )  # fmt: skip
    app.state.answers = None
    app.add_middleware(BodyLimit, settings=config)
    problems.install(app, BODIES)
    for part in (advice, batch, estimates, reading):
        app.include_router(part.router)
    return app
