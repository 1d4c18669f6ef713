"""A stand-in on loopback for the API of GitHub and GitLab: comments of one merge request, kept in memory."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

PER_PAGE = re.compile(r"per_page=(\d+)&page=(\d+)")


class Forge:
    """What the stand-in holds, and every request it got."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.token = "secret-token"
        self.status: int | None = None
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and JSON of one request."""
        self.requests.append((method, path, headers))
        if self.status is not None:
            return self.status, {"message": "no"}
        given = headers.get("private-token") or headers.get("authorization", "").removeprefix("Bearer ")
        if given != self.token:
            return 401, {"message": "Bad credentials"}
        if method == "GET" and (page := PER_PAGE.search(path)):
            size, number = int(page[1]), int(page[2])
            return 200, self.comments[size * (number - 1) : size * number]
        if method == "POST":
            self.comments.append({"id": 100 + len(self.comments), "body": body["body"]})
            return 201, self.comments[-1]
        found = next((c for c in self.comments if str(c["id"]) == path.rsplit("/", 1)[1]), None)
        if method in ("PATCH", "PUT") and found is not None:
            found["body"] = body["body"]
            return 200, found
        return 404, {"message": "Not found"}

    @property
    def writes(self) -> list[str]:
        """Methods and paths that changed something."""
        return [f"{method} {path}" for method, path, _ in self.requests if method != "GET"]


@contextmanager
def forge() -> Iterator[Forge]:
    """A running stand-in."""
    held = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, made = held.answer(self.command, self.path, headers, json.loads(raw or b"null"))
            data = json.dumps(made).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
