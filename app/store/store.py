"""The store: an engine made when first needed, its schema brought up to date, one transaction an operation."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import date, datetime
from typing import Literal

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from app.errors import StoreAwayError
from app.schemas.stored import CalibrationReport, OutcomeRequest, StoredPage
from app.store import access_keys, calibration, counts, migrate, outcomes, records
from app.store.acceptance import NONE_IN_FORCE, InForce
from app.store.engine import has_file, is_sqlite, make_engine, make_folder, read_url, translated

DEFAULT_URL = "sqlite:///var/tunewise.sqlite3"
Migrate = Literal["auto", "manual"]
Observe = Callable[[str, float, bool], None]
"""Told of every operation: its name, its seconds, whether it succeeded."""


def _unobserved(operation: str, seconds: float, succeeded: bool) -> None:
    pass


class Store:
    """Thread-safe; nothing is connected or written before the first operation.

    Every method raises StoreAwayError when the database cannot be used; nothing is then half done.
    """

    def __init__(self, url: str | None = None, schema: Migrate = "auto", observe: Observe = _unobserved) -> None:
        self.url = read_url(url or DEFAULT_URL)
        self._schema, self._observe = schema, observe
        self._engine: Engine | None = None
        self._checked = False
        self._lock = threading.Lock()
        self._writer = threading.Lock()
        """SQLite has one writer at a time: waiting here is fair and wakes at once, waiting in SQLite polls."""

    @property
    def shared(self) -> bool:
        """Whether replicas on other machines see the same data."""
        return not is_sqlite(self.url)

    def exists(self) -> bool:
        """False for a SQLite file that nothing has been stored in yet."""
        return self.shared or has_file(self.url)

    def prepare(self) -> None:
        """Connect and bring the schema up to date, once."""
        if not self._checked:
            with self._lock, translated():
                if not self._checked:
                    self._check(self.engine())
                    self._checked = True

    def engine(self) -> Engine:
        """The engine, made now if it was not."""
        if self._engine is None:
            make_folder(self.url)
            self._engine = make_engine(self.url)
        return self._engine

    def _check(self, engine: Engine) -> None:
        found = migrate.current(engine)
        if found is not None and found > migrate.HEAD:
            return  # a newer release has been here; its migrations keep what the release before it reads
        if found == migrate.HEAD:
            return
        if self._schema == "manual":
            raise StoreAwayError("The database's schema is not up to date: run `tunewise migrate`.")
        if found is None:
            migrate.create(engine)
        else:
            migrate.upgrade(engine)

    def close(self) -> None:
        """Give all connections back."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine, self._checked = None, False

    @contextmanager
    def _transaction(self, operation: str, *, writes: bool) -> Iterator[Connection]:
        started, done = time.perf_counter(), False
        try:
            self.prepare()
            alone = self._writer if writes and not self.shared else nullcontext()
            with alone, translated(), self.engine().execution_options(writes=writes).begin() as connection:
                yield connection
            done = True
        except StoreAwayError:
            raise
        except BaseException:
            done = True  # a refusal is an answer: the database did its part
            raise
        finally:
            self._observe(operation, time.perf_counter() - started, done)

    def add(self, new: records.New, repeat: records.Repeat | None = None) -> records.Stored | None:
        """Store durably; what this Idempotency-Key made before, else None. Raises InputError for a reused key."""
        try:
            with self._transaction("add", writes=True) as connection:
                before = records.repeated(connection, repeat) if repeat else None
                if before is None:
                    records.add(connection, new, repeat)
                return before
        except IntegrityError:  # the same key at the same time: the other one was first
            if repeat is None:
                raise
            with self._transaction("add", writes=False) as connection:
                return records.repeated(connection, repeat)

    def get(self, record_id: str) -> records.Stored:
        """One recommendation. Raises MissingError."""
        with self._transaction("get", writes=False) as connection:
            return records.get(connection, record_id)

    def page(self, limit: int, cursor: str | None, approach: str | None, state: str | None) -> StoredPage:
        """A page, newest first. Raises InputError for a cursor that is none."""
        with self._transaction("list", writes=False) as connection:
            return records.page(connection, limit, cursor, approach, state)

    def remove(self, record_id: str, revision: int | None) -> None:
        """Delete one. Raises MissingError, StaleError."""
        with self._transaction("delete", writes=True) as connection:
            records.remove(connection, record_id, revision)

    def record(
        self, record_id: str, revision: int | None, outcome: OutcomeRequest, moment: datetime
    ) -> outcomes.Recorded:
        """Record an outcome over `revision` (None: any). Raises MissingError, StaleError."""
        with self._transaction("outcome", writes=True) as connection:
            return outcomes.record_outcome(connection, record_id, revision, outcome, moment)

    def calibration(self, today: date, in_force: InForce = NONE_IN_FORCE) -> CalibrationReport:
        """Predictions beside outcomes; corrections offered on top of those `in_force`."""
        with self._transaction("calibration", writes=False) as connection:
            return calibration.calibration(connection, today, in_force)

    def export(self, after: int = 0) -> list[tuple[int, records.Stored]]:
        """The next rows after number `after`, each with its number; [] at the end."""
        with self._transaction("export", writes=False) as connection:
            return list(records.export(connection, after))

    def remove_before(self, moment: datetime) -> int:
        """Retention: delete what is older, and windows that ended; how many recommendations that were."""
        with self._transaction("purge", writes=True) as connection:
            counts.forget(connection, moment)
            return records.remove_before(connection, moment)

    def add_key(self, key: access_keys.AccessKey) -> None:
        """Keep a key."""
        with self._transaction("keys", writes=True) as connection:
            access_keys.insert_key(connection, key)

    def keys(self) -> tuple[access_keys.AccessKey, ...]:
        """Every key, oldest first."""
        with self._transaction("keys", writes=False) as connection:
            return access_keys.all_keys(connection)

    def expire_key(self, key_id: str, moment: datetime) -> access_keys.AccessKey:
        """Let a key end. Raises MissingError."""
        with self._transaction("keys", writes=True) as connection:
            return access_keys.expire(connection, key_id, moment)

    def exchange(self, hits: Mapping[str, tuple[int, datetime]]) -> dict[str, int]:
        """Add this process's hits to the shared rate counts; the sums."""
        with self._transaction("rates", writes=True) as connection:
            return counts.exchange(connection, hits)
