"""The whole application: the API and the page on one world. What `tunewise serve` starts."""

from collections.abc import Callable

from fastapi import FastAPI

from app.api.app import create_app as create_api
from app.api.examples import RECOMMEND_EXAMPLES
from app.api.running import Running
from app.pipeline import World
from app.schemas.stored import StoredPage
from app.settings import Settings
from app.web.examples import examples_of
from app.web.history import Document, Shelf
from app.web.routes import install

PAGE_ROWS = 50
"""Kept answers on one page."""


def create_app(config: Settings | None = None, load: Callable[[Settings], World] | None = None) -> FastAPI:
    """API and page; ready once its lifespan has loaded the world."""
    app = create_api(config, load)
    install(app, examples_of(RECOMMEND_EXAMPLES), shelf_of(app.state.running))
    return app


def shelf_of(running: Running) -> Shelf:
    """The page's view of what is stored; looking makes no database where there is none."""

    async def page(cursor: str | None) -> StoredPage:
        if not running.store.exists():
            return StoredPage(items=(), next_cursor=None)
        return await running.stored(lambda: running.store.page(PAGE_ROWS, cursor, None, None))

    async def get(record_id: str) -> Document:
        return await running.stored(lambda: running.store.get(record_id))

    return Shelf(page, get)
