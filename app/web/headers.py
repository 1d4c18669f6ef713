"""Security headers of every response: nothing is loaded from elsewhere, nothing runs that is not a file of ours."""

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CLOSED = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_DOCUMENTS = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; font-src 'self' data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""Swagger UI and ReDoc write styles into the document as they run; scripts stay as strict as on the page."""

Headers = tuple[tuple[bytes, bytes], ...]
_DOCUMENT_PATHS = frozenset({"/docs", "/redoc"})
_PAGE_PATHS = frozenset({"/", "/history"})

_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # An address of the page holds the description of a task: no other site may learn it.
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def _encoded(policy: str) -> Headers:
    named = {**_COMMON, "Content-Security-Policy": policy}
    return tuple((name.lower().encode(), value.encode()) for name, value in named.items())


_FOR_PAGES, _FOR_DOCUMENTS, _FOR_OTHERS = _encoded(_PAGE), _encoded(_DOCUMENTS), _encoded(_CLOSED)


class SecurityHeaders:
    """ASGI middleware that adds them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        added = _headers_of(scope["path"].removeprefix(scope.get("root_path", "")))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*_without(message["headers"], added), *added]
            await send(message)

        await self.app(scope, receive, with_headers)


def _headers_of(path: str) -> Headers:
    if path in _PAGE_PATHS:
        return _FOR_PAGES
    return _FOR_DOCUMENTS if path in _DOCUMENT_PATHS else _FOR_OTHERS


def _without(headers: Iterable[tuple[bytes, bytes]], added: Headers) -> list[tuple[bytes, bytes]]:
    names = {name for name, _ in added}
    return [(name, value) for name, value in headers if name not in names]
