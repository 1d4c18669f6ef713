"""Who may do what: keys from the environment and the database, checked on every request without asking either.

Where there are no keys at all, callers of the same machine may do everything and others nothing.
"""

import asyncio
import logging
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address

from starlette.types import Scope

from app.errors import StoreAwayError
from app.records import record
from app.store.access_keys import NOBODY, AccessKey, split

log = logging.getLogger("tunewise.keys")
ReadKeys = Callable[[], Awaitable[tuple[AccessKey, ...]]]
READ, WRITE, ADMIN = "read", "write", "admin"
PUBLIC = frozenset({
    "/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/redoc.js", "/openapi.json", "/favicon.ico",
})  # fmt: skip
"""Health, and documents that say nothing about anybody."""
PUBLIC_FOLDERS = ("/static/", "/static-offline-docs/")
STORED = "/recommendations"
EXPORT = "/recommendations.jsonl"
ASK_AGAIN_SECONDS = 1.0
"""A key that is not known may be new: the database is asked, but no more often than this."""


@record(kw_only=True)
class Refusal:
    """Why a request is refused: its status, a stable code, and words."""

    status: int
    code: str
    detail: str


NO_KEY = Refusal(
    status=401, code="key_required", detail="Send a key: `Authorization: Bearer tw_...`. An operator makes one."
)
WRONG_KEY = Refusal(status=401, code="key_unknown", detail="This key is unknown, has expired or was revoked.")
NOT_HERE = Refusal(
    status=403,
    code="keys_not_set_up",
    detail="Without keys tunewise answers its own machine only: make one with `tunewise keys add`.",
)


def needed_scope(method: str, path: str) -> str | None:
    """The scope that a request needs; None for what everybody may see."""
    if path in PUBLIC or path.startswith(PUBLIC_FOLDERS):
        return None
    if path.startswith(STORED):
        if method == "DELETE" or path == EXPORT:
            return ADMIN
        return READ if method in {"GET", "HEAD"} else WRITE
    return READ


class KeyRing:
    """The keys that count now; refreshed in the background, kept as they are while the database is away."""

    def __init__(self, fixed: tuple[AccessKey, ...]) -> None:
        self._fixed = fixed
        self._keys = {key.id: key for key in fixed}
        self._asked = 0.0

    def __len__(self) -> int:
        return len(self._keys)

    async def refresh(self, read: ReadKeys) -> None:
        """Take over the database's keys; those of the environment win."""
        self._asked = time.monotonic()
        try:
            stored = await read()
        except StoreAwayError as error:
            log.warning("keys stay as they were: %s", error)
            return
        self._keys = {key.id: key for key in (*stored, *self._fixed)}

    async def keep_fresh(self, read: ReadKeys, seconds: float) -> None:
        """Refresh until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            await self.refresh(read)

    async def find(self, text: str, read: ReadKeys) -> AccessKey | None:
        """The key that `text` is, if it is one and has not expired."""
        key_id, secret = split(text)
        if key_id not in self._keys and key_id and time.monotonic() - self._asked > ASK_AGAIN_SECONDS:
            await self.refresh(read)
        key = self._keys.get(key_id, NOBODY)
        return key if key.holds(secret, datetime.now(UTC)) and key is not NOBODY else None


def sent_key(scope: Scope) -> str | None:
    """The key in `Authorization`: Bearer, or the password of Basic, which is what browsers ask their users for."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, rest = value.decode("latin-1").partition(" ")
            if kind.lower() == "bearer":
                return str(rest.strip())
            if kind.lower() == "basic":
                return _password(rest)
            return ""
    return None


def _password(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode().partition(":")[2]
    except ValueError:  # not ASCII, not Base64, not UTF-8
        return ""


def challenge(scope: Scope) -> str:
    """`WWW-Authenticate` of a 401: a browser that wants a page is asked for a password, a program for a bearer key."""
    wants_page = any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
    return 'Basic realm="tunewise: any name, a key as the password"' if wants_page else 'Bearer realm="tunewise"'


def from_elsewhere(scope: Scope) -> bool:
    """Whether the connection came in on an address that other machines reach."""
    return _is_elsewhere((scope.get("server") or ("", 0))[0])


@lru_cache(maxsize=64)
def _is_elsewhere(host: str) -> bool:
    try:
        return not ip_address(host).is_loopback
    except ValueError:  # a Unix socket, or a test without a network
        return False
