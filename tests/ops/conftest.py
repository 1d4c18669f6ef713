"""Real databases and real processes. Run by `.ci/ops`; the ordinary tests leave this folder alone."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

collect_ignore_glob = [] if os.environ.get("TUNEWISE_OPS") else ["test_*.py"]
if os.environ.get("TUNEWISE_OPS"):
    from tests.ops.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator["Postgres"]:
    """A PostgreSQL of our own, from a wheel."""
    folder = Path(tempfile.mkdtemp(prefix="tunewise-pg-"))
    server = Postgres(folder)
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/t.sqlite3"
    made: Postgres = request.getfixturevalue("postgres")
    return made.new_database()
