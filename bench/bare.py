"""The yardstick: a FastAPI endpoint that reads a JSON body and answers with as many bytes as we do."""

import os

from fastapi import FastAPI, Response

app = FastAPI(openapi_url=None)
_ANSWER = b'{"filler":"' + b"x" * max(0, int(os.environ.get("BARE_BYTES", "1000")) - 13) + b'"}'


@app.post("/bare")
async def bare(body: dict[str, object]) -> Response:  # noqa: ARG001 - it is read and parsed, as ours is
    """The same bytes every time."""
    return Response(_ANSWER, media_type="application/json")
