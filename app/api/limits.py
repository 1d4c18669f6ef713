"""Refuses bodies over the limit before they are read into memory.

FastAPI's own `max_body_size` answers in plain text when Content-Length is too large, whatever the handlers say;
callers were promised problem+json.
"""

from asyncio import get_running_loop, timeout_at
from math import inf

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import respond
from app.schemas.problem import problem
from app.settings import Settings

BATCH_PATH = "/recommend/batch"


class BodyLimit:
    """ASGI middleware: 413 when Content-Length or the bytes received pass the limit of the path."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.settings.max_batch_body_bytes if scope["path"] == BATCH_PATH else self.settings.max_body_bytes
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            refusal = respond(problem(413, "too_large", _words(limit)), {"Connection": "close"})
            await refusal(scope, receive, send)
            return
        await self.app(scope, _counted(receive, limit, self.settings.body_timeout_seconds), send)


def _counted(receive: Receive, limit: int, seconds: float) -> Receive:
    seen, due = 0, None  # the whole body has until `due`; once it is here, `receive` only waits for a hang-up

    async def counted() -> Message:
        nonlocal seen, due
        if due == inf:
            return await receive()
        due = due or get_running_loop().time() + seconds
        try:
            async with timeout_at(due):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"The body did not arrive within {seconds:g} s.") from None
        if not message.get("more_body", False):
            due = inf
        seen += len(message.get("body", b""))
        if seen > limit:  # an HTTPException passes through FastAPI's body reader, anything else would become a 400
            raise HTTPException(413, _words(limit))
        return message

    return counted


def _words(limit: int) -> str:
    return f"The body is larger than {limit:,} bytes."
