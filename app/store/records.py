"""Recommendations on a connection: add, read, list, delete. Every function is one part of a caller's transaction."""

import hashlib
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select

from app.errors import InputError, MissingError, StaleError
from app.records import record
from app.schemas.stored import StoredPage, StoredSummary
from app.store.tables import documents, idempotency, recommendations

DEFLATE_LEVEL = 3
"""Level 9 would save a tenth more bytes for three times the time."""
PAGE_MAX = 100
EXPORT_ROWS = 200
"""Rows that an export holds at a time."""


@record(kw_only=True)
class New:
    """A recommendation to store: what a list shows of it, and both documents as JSON."""

    id: str
    created_at: datetime
    title: str | None
    approach: str
    confidence: float
    close_call: bool
    request: bytes
    report: bytes


@record(kw_only=True)
class Repeat:
    """An Idempotency-Key as its caller sent it, and what the request asks."""

    caller: str
    key: str
    request_digest: str

    @property
    def key_digest(self) -> str:
        """What is kept of the key: callers put names and numbers of their own in it."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@record(kw_only=True)
class Stored:
    """A stored recommendation; request, report and outcome are JSON."""

    id: str
    created_at: datetime
    title: str | None
    state: str
    revision: int
    request: bytes
    report: bytes
    outcome: bytes | None


_WHOLE = select(
    recommendations.c.id, recommendations.c.created_at, recommendations.c.title, recommendations.c.state,
    recommendations.c.revision, documents.c.request, documents.c.report, documents.c.outcome, recommendations.c.number,
).join_from(recommendations, documents)  # fmt: skip
_SUMMARY = select(
    recommendations.c.number, recommendations.c.id, recommendations.c.created_at, recommendations.c.title,
    recommendations.c.approach, recommendations.c.confidence, recommendations.c.close_call, recommendations.c.state,
    recommendations.c.done_approach, recommendations.c.revision,
)  # fmt: skip


def in_utc(moment: datetime) -> datetime:
    """SQLite forgets the zone; everything stored is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def add(connection: Connection, new: New, repeat: Repeat | None) -> None:
    """Store it, with the Idempotency-Key that asked for it."""
    row = {name: getattr(new, name) for name in ("id", "created_at", "title", "approach", "confidence", "close_call")}
    if new.title:
        row["title"] = new.title.replace("\0", "\ufffd")  # PostgreSQL takes no NUL; the request keeps what was sent
    made = connection.execute(insert(recommendations).values(row).returning(recommendations.c.number)).scalar_one()
    packed = {"request": zlib.compress(new.request, DEFLATE_LEVEL), "report": zlib.compress(new.report, DEFLATE_LEVEL)}
    connection.execute(insert(documents).values(number=made, **packed))
    if repeat:
        connection.execute(
            insert(idempotency).values(
                caller=repeat.caller,
                key_digest=repeat.key_digest,
                request_digest=repeat.request_digest,
                number=made,
            )
        )


def repeated(connection: Connection, repeat: Repeat) -> Stored | None:
    """What this Idempotency-Key made before. Raises InputError when it was used for another request."""
    known = connection.execute(
        select(idempotency.c.request_digest, idempotency.c.number).where(
            idempotency.c.caller == repeat.caller, idempotency.c.key_digest == repeat.key_digest
        )
    ).first()
    if known is None:
        return None
    if known.request_digest != repeat.request_digest:
        hint = "Send a new key with a new request."
        words = "This Idempotency-Key was used for another request."
        raise InputError.at("", words, hint, "idempotency_key_reused")
    return _stored(connection.execute(_WHOLE.where(recommendations.c.number == known.number)).one())


def get(connection: Connection, record_id: str) -> Stored:
    """The recommendation. Raises MissingError."""
    found = connection.execute(_WHOLE.where(recommendations.c.id == record_id)).first()
    if found is None:
        raise missing(record_id)
    return _stored(found)


def missing(record_id: str) -> MissingError:
    """No such recommendation."""
    return MissingError(f"No recommendation {record_id} is stored.")


def _stored(row: Any) -> Stored:
    return Stored(
        id=row.id,
        created_at=in_utc(row.created_at),
        title=row.title,
        state=row.state,
        revision=row.revision,
        request=zlib.decompress(row.request),
        report=zlib.decompress(row.report),
        outcome=None if row.outcome is None else row.outcome.encode(),
    )


def page(connection: Connection, limit: int, cursor: str | None, approach: str | None, state: str | None) -> StoredPage:
    """A page, newest first: rows added meanwhile never shift it. Raises InputError for a cursor that is none."""
    wanted: Select[Any] = _SUMMARY.order_by(recommendations.c.number.desc()).limit(limit + 1)
    if cursor is not None:
        wanted = wanted.where(recommendations.c.number < _read_cursor(cursor))
    if approach is not None:
        wanted = wanted.where(recommendations.c.approach == approach)
    if state is not None:
        wanted = wanted.where(recommendations.c.state == state)
    rows = connection.execute(wanted).all()
    more = len(rows) > limit
    shown = rows[:limit]
    return StoredPage(
        items=tuple(_summary(row) for row in shown), next_cursor=_write_cursor(shown[-1].number) if more else None
    )


def _summary(row: Any) -> StoredSummary:
    return StoredSummary(
        id=row.id,
        created_at=in_utc(row.created_at),
        title=row.title,
        approach=row.approach,
        confidence=row.confidence,
        close_call=row.close_call,
        state=row.state,
        done_approach=row.done_approach,
        revision=row.revision,
    )


def _write_cursor(number: int) -> str:
    return urlsafe_b64encode(f"before:{number}".encode()).decode().rstrip("=")


def _read_cursor(text: str) -> int:
    try:
        word, _, number = urlsafe_b64decode(text.encode() + b"==").decode().partition(":")
        found = int(number)
    except (Base64Error, UnicodeError, ValueError):
        word, found = "", 0
    if word != "before" or not 0 < found < 1 << 62:
        raise InputError.at("", "cursor: not one that this service gave.", "Take next_cursor of the page before.")
    return found


def remove(connection: Connection, record_id: str, revision: int | None) -> None:
    """Delete it with everything about it. Raises MissingError, or StaleError when it is not at `revision` any more."""
    wanted = delete(recommendations).where(recommendations.c.id == record_id)
    if revision is not None:
        wanted = wanted.where(recommendations.c.revision == revision)
    if connection.execute(wanted).rowcount == 0:
        raise refusal(connection, record_id)


def refusal(connection: Connection, record_id: str) -> MissingError | StaleError:
    """Why a change to `id` at a revision found no row."""
    now = connection.execute(select(recommendations.c.revision).where(recommendations.c.id == record_id)).scalar()
    if now is None:
        return missing(record_id)
    return StaleError(f"{record_id} is at revision {now}: somebody changed it. Read it again.")


def remove_before(connection: Connection, moment: datetime) -> int:
    """Delete what is older; how many that were."""
    return connection.execute(delete(recommendations).where(recommendations.c.created_at < moment)).rowcount


def export(connection: Connection, after: int) -> Iterator[tuple[int, Stored]]:
    """The next rows in order of storing, each with its number."""
    rows = connection.execute(
        _WHOLE.where(recommendations.c.number > after).order_by(recommendations.c.number).limit(EXPORT_ROWS)
    )
    for row in rows:
        yield row.number, _stored(row)
