"""The whole application: the API and the page on one world. What `tunewise serve` starts."""

from collections.abc import Callable

from fastapi import FastAPI

from app.api.app import create_app as create_api
from app.api.examples import RECOMMEND_EXAMPLES
from app.pipeline import World
from app.settings import Settings
from app.web.examples import examples_of
from app.web.routes import install


def create_app(config: Settings | None = None, load: Callable[[Settings], World] | None = None) -> FastAPI:
    """API and page; ready once its lifespan has loaded the world."""
    app = create_api(config, load)
    install(app, examples_of(RECOMMEND_EXAMPLES))
    return app
