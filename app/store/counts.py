"""Counts of a rate limit's windows, summed over all replicas."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from app.store.tables import rate_counts


def exchange(connection: Connection, hits: Mapping[str, tuple[int, datetime]]) -> dict[str, int]:
    """Add this replica's hits by window, each with the window's end; the sums of all replicas."""
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    sums: dict[str, int] = {}
    for key in sorted(hits):  # one order for all replicas: no deadlock
        amount, ends = hits[key]
        row = dialect.insert(rate_counts).values(window_key=key, hits=amount, expires_at=ends)
        added = row.on_conflict_do_update(
            index_elements=["window_key"], set_={"hits": rate_counts.c.hits + row.excluded.hits}
        )
        sums[key] = connection.execute(added.returning(rate_counts.c.hits)).scalar_one()
    return sums


def forget(connection: Connection, moment: datetime) -> None:
    """Drop windows that ended."""
    connection.execute(delete(rate_counts).where(rate_counts.c.expires_at < moment))
