"""Access keys: minted once, kept as a salted digest, checked in constant time.

A key is 256 random bits, so one round of HMAC-SHA-256 is enough: there is no list of likely keys to try, and a slow
hash would only let a stranger keep the service busy.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from app.errors import InputError, MissingError
from app.records import record
from app.store.records import in_utc
from app.store.tables import access_keys

PREFIX = "tw"
SCOPES = ("read", "write", "admin")
"""Each holds those before it: read computes and reads, write stores, admin deletes and exports."""
ID_BYTES, SECRET_BYTES, SALT_BYTES = 6, 32, 16
NAME_MAX = 100


@record(kw_only=True)
class AccessKey:
    """What is kept of a key."""

    id: str
    name: str
    scopes: frozenset[str]
    salt: str
    digest: str
    created_at: datetime
    expires_at: datetime | None = None

    def holds(self, secret: str, now: datetime) -> bool:
        """Whether `secret` is this key's and it has not expired, in constant time."""
        same = hmac.compare_digest(digest_of(secret, self.salt), self.digest)
        return same and (self.expires_at is None or now < self.expires_at)

    def entry(self) -> str:
        """This key as an entry of TUNEWISE_KEYS."""
        until = "" if self.expires_at is None else f":{int(self.expires_at.timestamp())}"
        return f"{self.id}:{'+'.join(s for s in SCOPES if s in self.scopes)}:{self.salt}:{self.digest}{until}"


def digest_of(secret: str, salt: str) -> str:
    """HMAC-SHA-256 of a secret under a salt, in hex."""
    return hmac.new(bytes.fromhex(salt), secret.encode(), hashlib.sha256).hexdigest()


NOBODY = AccessKey(
    id="",
    name="",
    scopes=frozenset(),
    salt="00" * SALT_BYTES,
    digest="00" * 32,
    created_at=datetime.fromtimestamp(0, UTC),
)
"""Checked for an id that no key has, so that the answer takes as long."""


def mint(name: str, scopes: Iterable[str], now: datetime, days: float | None = None) -> tuple[AccessKey, str]:
    """A new key and its text, which is shown once and kept nowhere. Raises InputError for an unknown scope."""
    wanted = frozenset(scopes)
    for scope in sorted(wanted - set(SCOPES)):
        raise InputError.at("/scopes", f"Unknown scope {scope[:20]!r}.", f"One of: {', '.join(SCOPES)}.")
    if not wanted:
        raise InputError.at("/scopes", "A key needs a scope.", f"One of: {', '.join(SCOPES)}.")
    widest = max(SCOPES.index(scope) for scope in wanted)
    key_id, salt, secret = (
        secrets.token_hex(ID_BYTES),
        secrets.token_hex(SALT_BYTES),
        secrets.token_urlsafe(SECRET_BYTES),
    )
    made = AccessKey(
        id=key_id,
        name=name[:NAME_MAX],
        scopes=frozenset(SCOPES[: widest + 1]),
        salt=salt,
        digest=digest_of(secret, salt),
        created_at=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return made, f"{PREFIX}_{key_id}_{secret}"


def split(text: str) -> tuple[str, str]:
    """Id and secret of a key's text; ("", text) for text that is no key."""
    parts = text.split("_", 2)
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", text)


def read_entries(text: str) -> tuple[AccessKey, ...]:
    """The keys of TUNEWISE_KEYS: entries by `tunewise keys add --entry`, by commas or spaces. Raises InputError."""
    return tuple(_entry(part) for part in text.replace(",", " ").split())


def _entry(part: str) -> AccessKey:
    fields = part.split(":")
    try:
        key_id, scopes, salt, digest = fields[:4]
        until = datetime.fromtimestamp(int(fields[4]), UTC) if len(fields) > 4 else None
        known = frozenset(scopes.split("+")) & set(SCOPES)
        if len(bytes.fromhex(digest)) != hashlib.sha256().digest_size or not bytes.fromhex(salt) or not known:
            raise ValueError
    except (ValueError, OverflowError):
        hint = "Make one with `tunewise keys add NAME --entry`; a key's own text does not belong there."
        raise InputError.at("/keys", "TUNEWISE_KEYS holds an entry that is none.", hint) from None
    return AccessKey(
        id=key_id,
        name="TUNEWISE_KEYS",
        scopes=known,
        salt=salt,
        digest=digest,
        created_at=NOBODY.created_at,
        expires_at=until,
    )


def insert_key(connection: Connection, key: AccessKey) -> None:
    """Keep a key."""
    scopes = "+".join(s for s in SCOPES if s in key.scopes)
    columns = {name: getattr(key, name) for name in ("id", "name", "salt", "digest", "created_at", "expires_at")}
    connection.execute(insert(access_keys).values(scopes=scopes, **columns))


def all_keys(connection: Connection) -> tuple[AccessKey, ...]:
    """Every key kept, expired ones too, oldest first."""
    return tuple(_read(row) for row in connection.execute(select(access_keys).order_by(access_keys.c.created_at)))


def _read(row: Any) -> AccessKey:
    return AccessKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes.split("+")),
        salt=row.salt,
        digest=row.digest,
        created_at=in_utc(row.created_at),
        expires_at=None if row.expires_at is None else in_utc(row.expires_at),
    )


def expire(connection: Connection, key_id: str, moment: datetime) -> AccessKey:
    """Let a key end at `moment`, or leave it when it ends sooner. Raises MissingError."""
    row = connection.execute(select(access_keys).where(access_keys.c.id == key_id)).first()
    if row is None:
        raise MissingError(f"No key {key_id[:20]} is kept.")
    key = _read(row)
    ends = moment if key.expires_at is None else min(moment, key.expires_at)
    connection.execute(update(access_keys).where(access_keys.c.id == key_id).values(expires_at=ends))
    return replace(key, expires_at=ends)
