"""Engines for SQLite (WAL) and PostgreSQL (psycopg 3), and what their failures mean to a caller."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import InputError, StoreAwayError

WAIT_SECONDS = 5
"""Longest wait for a lock, a connection or a statement: a caller is told to come again rather than kept."""
CONNECT_SECONDS = 2
POOL_SIZE, POOL_OVERFLOW = 5, 5
"""Connections of one process; PostgreSQL's default of 100 then carries some ten processes."""
MILLISECONDS = 1000


def read_url(text: str) -> URL:
    """The database's URL with the driver that tunewise uses. Raises InputError for another database."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise InputError.at("/database_url", "TUNEWISE_DATABASE_URL is not a database URL.", _HINT) from None
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        return url.set(drivername="sqlite+pysqlite")
    raise InputError.at("/database_url", f"{url.get_backend_name()} is no database tunewise can use.", _HINT)


_HINT = "Write postgresql://user:password@host/name or sqlite:////path/to/file.sqlite3."


def make_engine(url: URL) -> Engine:
    """An engine that has not connected yet."""
    try:
        return _sqlite(url) if is_sqlite(url) else _postgresql(url)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise StoreAwayError("The database driver is not installed.") from None


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def _postgresql(url: URL) -> Engine:
    options = f"-c statement_timeout={WAIT_SECONDS * MILLISECONDS} -c lock_timeout={WAIT_SECONDS * MILLISECONDS}"
    return create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": options, "application_name": "tunewise"},
    )


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, pool_timeout=WAIT_SECONDS,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False},
    )  # fmt: skip
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """WAL: readers never wait for the writer. FULL: a commit is on the disk before it is acknowledged."""
    connection.isolation_level = None  # the driver's own BEGIN would start writes as reads, which then deadlock
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def has_file(url: URL) -> bool:
    """Whether the SQLite file of `url` is there."""
    return bool(url.database) and Path(str(url.database)).is_file()


def make_folder(url: URL) -> None:
    """The folder of a SQLite file. Raises StoreAwayError where it cannot be made."""
    if not is_sqlite(url) or not url.database or url.database == ":memory:":
        return
    try:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreAwayError(f"Nothing can be stored here: {error.strerror}.") from None


@contextmanager
def translated() -> Iterator[None]:
    """Turns a database that is away, full, locked or read-only into StoreAwayError; other errors are our own bugs."""
    try:
        yield
    except PoolTimeoutError:
        raise StoreAwayError("The database is too busy.") from None
    except DBAPIError as error:
        if not _is_away(error):
            raise
        raise StoreAwayError("The database cannot be used right now.") from error


AWAY_STATES = ("08", "53", "55", "57", "25006", "40")
"""SQLSTATE classes: no connection, no room, locked, shutting down or timed out, read-only, rolled back."""


def _is_away(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    original: Any = error.orig
    if type(original) in (sqlite3.OperationalError, sqlite3.DatabaseError):  # locked, full, read-only; no database
        return True
    state = getattr(original, "sqlstate", None)
    if state is None:  # psycopg gives none when there was no connection to ask
        return type(original).__name__ in {"OperationalError", "ConnectionTimeout", "InterfaceError"}
    return str(state).startswith(AWAY_STATES)
