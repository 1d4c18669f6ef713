"""Brings a database to the newest schema, or back. Alembic is loaded only when something is to be done."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from app.store.tables import metadata

HEAD = "0003"
"""The newest revision; a test compares it with the scripts."""
FOLDER = Path(__file__).resolve().parent / "migrations"
LOCK = 7_286_145_021
"""Key of PostgreSQL's advisory lock: replicas that start together migrate one after the other."""


def current(engine: Engine) -> str | None:
    """The revision of the database; None for an empty one."""
    with engine.connect() as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


_VERSIONS = "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
"""Alembic's own table; going back to the base leaves it, empty."""


def create(engine: Engine) -> None:
    """The newest schema in a database that holds none of it: the tables that all scripts make, without Alembic."""
    with _alone(engine) as connection:
        if _current(connection) is None:
            metadata.create_all(connection)
            connection.execute(text(_VERSIONS))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Forward to `revision`, all in one transaction under a lock."""
    _run(engine, revision, forward=True)


def downgrade(engine: Engine, revision: str) -> None:
    """Back to `revision` ("base": nothing left)."""
    _run(engine, revision, forward=False)


def _run(engine: Engine, revision: str, *, forward: bool) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with _alone(engine) as connection:
        config.attributes["connection"] = connection
        if forward and _current(connection) != revision:
            command.upgrade(config, revision)
        elif not forward:
            command.downgrade(config, revision)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """One transaction that may take its time and that no other migration runs beside."""
    with engine.connect() as connection, connection.execution_options(writes=True).begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        yield connection
