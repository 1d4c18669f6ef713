"""The one layer before all routes: request id, load, keys, rates, time limit, metrics, one log line.

One ASGI layer rather than seven: each would cost every request two more coroutines and a wrapped `send`.
"""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import metrics
from app.api.keys import NO_KEY, NOT_HERE, WRONG_KEY, Refusal, challenge, from_elsewhere, needed_scope, sent_key
from app.api.logs import TOLD_MAX, access, answered
from app.api.problems import respond
from app.api.running import Running
from app.schemas.problem import problem

log = logging.getLogger("tunewise.api")
HEALTH = frozenset({"/healthz", "/readyz", "/metrics"})
"""Answered however busy the process is: who watches it must see."""
CALLER = "tunewise.caller"
"""In the scope: the id of the caller's key, "" without one."""
_OWN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_FAILED = 500


class Front:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, running: Running) -> None:
        self.app, self.running = app, running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call = _Call(scope, send, self.running.lifecycle.draining)
        load = self.running.load
        load.under_way += 1
        try:
            refusal = await self._refusal(scope)
            if refusal is not None:
                await _refuse(scope, receive, call.send, *refusal)
            else:
                await self._answer(scope, self._heard(call, receive), call)
        finally:
            load.under_way -= 1
            call.ended()

    async def _answer(self, scope: Scope, receive: Receive, call: "_Call") -> None:
        """The routes' answer, or what a route that failed or took too long leaves to say."""
        try:
            async with asyncio.timeout(self.running.settings.request_timeout_seconds) as call.limit:
                await self.app(scope, receive, call.send)
        except TimeoutError:
            failed = Refusal(status=503, code="too_slow", detail="This took too long; what it asked may yet be done.")
            await self._failed(scope, receive, call, failed, {"Retry-After": "1"})
        except Exception as error:
            log.error("unexpected error", exc_info=error, extra={"fields": {"request_id": call.request_id}})
            words = "Something went wrong on our side; it has been logged."
            await self._failed(scope, receive, call, Refusal(status=_FAILED, code="internal_error", detail=words), {})

    async def _failed(
        self, scope: Scope, receive: Receive, call: "_Call", refusal: Refusal, headers: Mapping[str, str]
    ) -> None:
        call.limit = None  # its time is over, however it was spent
        if call.status:  # half an answer is on its way: cut the connection, so that nobody takes it for a whole one
            raise ConnectionAbortedError
        await _refuse(scope, receive, call.send, refusal, headers)

    async def _refusal(self, scope: Scope) -> tuple[Refusal, Mapping[str, str]] | None:
        path = scope["path"]
        if path not in HEALTH and (seconds := self.running.load.refusal()) is not None:
            busy = Refusal(status=503, code="busy", detail="Too many requests are waiting already.")
            return busy, {"Retry-After": str(seconds)}
        if not self.running.keys:
            scope[CALLER] = ""
            return (NOT_HERE, {}) if from_elsewhere(scope) and needed_scope(scope["method"], path) else None
        return await self._access(scope, needed_scope(scope["method"], path))

    async def _access(self, scope: Scope, needed: str | None) -> tuple[Refusal, Mapping[str, str]] | None:
        scope[CALLER] = ""
        if needed is None:
            return None
        rates, address = self.running.rates, (scope.get("client") or ("", 0))[0]
        if (wait := rates.hit("rate_per_address", address)) is not None:
            return _slow_down("address", wait)
        text = sent_key(scope)
        if text is None:
            return NO_KEY, {"WWW-Authenticate": challenge(scope)}
        if (wait := rates.exhausted("rate_failed_keys", address)) is not None:
            return _slow_down("address, after so many wrong keys", wait)
        key = await self.running.keys.find(text, self.running.read_keys)
        if key is None:
            rates.hit("rate_failed_keys", address)
            return WRONG_KEY, {"WWW-Authenticate": challenge(scope)}
        scope[CALLER] = key.id
        if (wait := rates.hit("rate_per_key", key.id)) is not None:
            return _slow_down("key", wait)
        if needed not in key.scopes:
            return Refusal(status=403, code="scope_missing", detail=f"This key lacks the scope `{needed}`."), {}
        return None

    def _heard(self, call: "_Call", receive: Receive) -> Receive:
        """`receive`, noting the body for the log where the operator asked for that."""
        if not self.running.settings.log_descriptions:
            return receive

        async def heard() -> Message:
            message = await receive()
            call.body += message.get("body", b"")[: TOLD_MAX - len(call.body)]
            return message

        return heard


class _Call:
    """One request and what became of it."""

    __slots__ = ("_closing", "_scope", "_send", "_started", "body", "limit", "request_id", "status")

    def __init__(self, scope: Scope, send: Send, closing: bool) -> None:
        self._scope, self._send, self._closing = scope, send, closing
        self._started = time.perf_counter()
        self.request_id = _request_id(scope)
        self.status = 0
        self.limit: asyncio.Timeout | None = None
        self.body = b""

    async def send(self, message: Message) -> None:
        """Pass a message on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(None)  # a long answer may take its time once it has begun
            headers = [*message["headers"], (b"x-request-id", self.request_id.encode())]
            if self._closing:
                headers.append((b"connection", b"close"))
            if self._scope["method"] != "GET" or self._scope["path"] not in HEALTH:
                _no_store(headers)
            message["headers"] = headers
        await self._send(message)

    def ended(self) -> None:
        """Count and log it: by its route's template, since an address can hold what a caller wrote."""
        route = getattr(self._scope.get("route"), "path", None) or metrics.UNMATCHED
        duration = time.perf_counter() - self._started
        method = self._scope["method"] if self._scope["method"] in _METHODS else "OTHER"
        metrics.request_answered(method, route, self.status, duration)
        if access.isEnabledFor(logging.INFO):
            fields = {
                "request_id": self.request_id,
                "method": method,
                "route": route,
                "status": self.status,
                "seconds": round(duration, 6),
                "client": (self._scope.get("client") or ("",))[0],
                "key": self._scope.get(CALLER, ""),
            }
            if self.body:
                fields["body"] = self.body.decode(errors="replace")
            answered(fields)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def _no_store(headers: list[tuple[bytes, bytes]]) -> None:
    if not any(name == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _OWN_ID.fullmatch(value):
            return str(value.decode())
    return uuid4().hex


def _slow_down(what: str, seconds: int) -> tuple[Refusal, Mapping[str, str]]:
    words = f"Too many requests from this {what}; come again in {seconds} s."
    return Refusal(status=429, code="too_many_requests", detail=words), {"Retry-After": str(seconds)}


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal, headers: Mapping[str, str]) -> None:
    metrics.refused.labels(refusal.code).inc()
    answer = respond(problem(refusal.status, refusal.code, refusal.detail), headers)
    await answer(scope, receive, send)
