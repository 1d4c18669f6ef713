"""Brings a database to the newest schema, or back. Alembic is loaded only when something is to be done."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

HEAD = "0002"
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
    with engine.connect() as bare, bare.execution_options(writes=True).begin():
        if engine.dialect.name == "postgresql":
            bare.execute(text("SET LOCAL statement_timeout = 0"))
            bare.execute(text("SET LOCAL lock_timeout = 0"))
            bare.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config.attributes["connection"] = bare
        if forward and _current(bare) != revision:
            command.upgrade(config, revision)
        elif not forward:
            command.downgrade(config, revision)
