"""The page's routes: `/`, the proposal as a file, Swagger UI and ReDoc, and their assets."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import fastapi_offline
from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from app.answers import Answers
from app.errors import InputError, NotReadyError
from app.schemas.recommend import RecommendRequest
from app.web.files import file_for
from app.web.headers import SecurityHeaders
from app.web.history import Shelf, as_given
from app.web.page import STATIC, Example, Pages, environment, names_of
from app.web.proposal import as_yaml
from app.web.query import Values, request_of, values_of

router = APIRouter(include_in_schema=False)
HTML = "text/html; charset=utf-8"
UNPROCESSABLE = 422
_PRIVATE = {"Cache-Control": "no-store"}
"""An answer speaks of somebody's plans: no cache on the way keeps it."""
_ID, _CURSOR_MAX = "^rec_[0-9a-f]{32}$", 100
_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


def install(app: FastAPI, examples: tuple[Example, ...], shelf: Shelf) -> None:
    """Put the page, its documents and their security headers on an application that holds `Answers`."""
    environment()
    app.state.page_examples, app.state.shelf = examples, shelf
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(SecurityHeaders)


def _answers(request: Request) -> Answers:
    found = request.app.state.answers
    if not isinstance(found, Answers):
        raise NotReadyError("tunewise is starting or stopping.")
    return found


def _pages(request: Request, answers: Answers) -> Pages:
    return _pages_of(answers, request.app.state.page_examples)


@lru_cache(maxsize=4)
def _pages_of(answers: Answers, examples: tuple[Example, ...]) -> Pages:
    return Pages(names=names_of(answers.world.catalogue), examples=examples)


def _said(request: Request) -> Values:
    return values_of(request.query_params.multi_items())


def _dated(asked: RecommendRequest) -> RecommendRequest:
    """With today's date where none is asked for: whatever is shared of the page then says of which day it is."""
    return asked if asked.as_of else asked.model_copy(update={"as_of": datetime.now(UTC).date()})


@router.get("/")
async def page(request: Request) -> Response:
    """The form, or the answer to what the address asks."""
    answers, values = _answers(request), _said(request)
    pages = _pages(request, answers)
    if not values:
        return Response(pages.blank({}), media_type=HTML)
    try:
        return Response(answers.page(_dated(request_of(values)), pages.answer), media_type=HTML, headers=_PRIVATE)
    except InputError as error:
        return Response(pages.blank(values, error.problems), UNPROCESSABLE, _PRIVATE, HTML)


@router.get("/task.proposal.yaml")
async def proposal(request: Request) -> Response:
    """The task of an address as a file for `tunewise check`; problem+json where the address asks nothing sensible."""
    answers = _answers(request)
    asked = request_of(_said(request))
    text = as_yaml(asked, answers.made(asked).recommendation.approach)
    headers = {**_PRIVATE, "Content-Disposition": 'attachment; filename="task.proposal.yaml"'}
    return Response(text, media_type="application/yaml", headers=headers)


@router.get("/files/{tool}")
async def file(request: Request, tool: str) -> Response:
    """A plan as a tool's own file, for the task of the address."""
    found = file_for(tool, request_of(_said(request)), _answers(request))
    if found is None:
        raise HTTPException(404, f"No file is made for {tool[:40]}.")
    headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{found.file_name}"'}
    return Response(found.text, media_type=found.media_type, headers=headers)


@router.get("/history")
async def history(
    request: Request,
    id: Annotated[str | None, Query(pattern=_ID)] = None,
    cursor: Annotated[str | None, Query(max_length=_CURSOR_MAX)] = None,
) -> Response:
    """Kept answers, or one of them as it was given."""
    answers, shelf = _answers(request), request.app.state.shelf
    pages = _pages(request, answers)
    if id is None:
        return Response(pages.kept(await shelf.page(cursor)), media_type=HTML, headers=_PRIVATE)
    found = as_given(await shelf.get(id))
    if found is None:  # of another release: the page cannot show it, its JSON can be read
        return RedirectResponse(f"recommendations/{id}", 303, _PRIVATE)
    return Response(pages.answer(*found), media_type=HTML, headers=_PRIVATE)


@router.get("/docs")
async def swagger() -> Response:
    """Swagger UI without any request to elsewhere."""
    return Response(environment().get_template("swagger.html").render(), media_type=HTML)


@router.get("/redoc")
async def redoc() -> Response:
    """ReDoc without any request to elsewhere."""
    return Response(environment().get_template("redoc.html").render(), media_type=HTML)


@router.get("/redoc.js")
async def redoc_script() -> Response:
    """ReDoc's script, its logo's address taken out: it is the one thing that it would fetch from another host."""
    return Response(_redoc_script(), media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})


@lru_cache(maxsize=1)
def _redoc_script() -> bytes:
    file = Path(fastapi_offline.__file__).parent / "static" / "redoc.standalone.js"
    return file.read_bytes().replace(_LOGO, b"static/icon.svg")
