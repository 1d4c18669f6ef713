"""What a running process holds besides the world, and what it does beside answering."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from app.api.keys import KeyRing
from app.api.lifecycle import Lifecycle
from app.api.load import Load
from app.api.metrics import Tallies, store_observed
from app.api.rates import Rates
from app.errors import StoreAwayError
from app.settings import Settings
from app.store import Store
from app.store.access_keys import AccessKey, read_entries

log = logging.getLogger("tunewise.api")
T = TypeVar("T")
FLUSH_SECONDS = 5.0
RETENTION_SECONDS = 3600.0


class Running:
    """The parts that outlive a request; nothing connects, listens or writes before it is used."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.database_url, settings.database_schema, store_observed)
        self.lifecycle = Lifecycle(settings.drain_seconds)
        self.load = Load(settings.max_concurrent_requests, settings.max_wait_seconds)
        self.keys = KeyRing(read_entries(settings.keys))
        names = ("rate_per_key", "rate_per_address", "rate_failed_keys")
        self.rates = Rates({name: getattr(settings, name) for name in names})
        self.tallies = Tallies()
        self._threads: ThreadPoolExecutor | None = None

    async def stored(self, work: Callable[[], T]) -> T:
        """`work` on the store, in a thread of its own: the event loop answers others meanwhile."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.settings.store_threads, "store")
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def read_keys(self) -> tuple[AccessKey, ...]:
        """The database's keys; none where there is no database yet, since looking must not make one."""
        return await self.stored(self.store.keys) if self.store.exists() else ()

    async def exchange(self, hits: Mapping[str, tuple[int, datetime]]) -> dict[str, int]:
        """Share rate counts."""
        return await self.stored(lambda: self.store.exchange(hits))

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Migrate, read the keys, watch; undone at the end."""
        loop = asyncio.get_running_loop()
        self.lifecycle.phase = "migrating"
        await self._migrate()
        await self.keys.refresh(self.read_keys)
        self.lifecycle.watch(loop)
        chores = [asyncio.create_task(chore) for chore in self._chores()]
        self.lifecycle.phase = "ready"
        try:
            yield
        finally:
            self.lifecycle.phase = "draining"
            self.lifecycle.unwatch()
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            self.tallies.flush()
            await self._close()

    async def _migrate(self) -> None:
        if not self.store.exists():
            return
        try:
            await self.stored(self.store.prepare)
        except StoreAwayError as error:  # advice needs no database: come up, and try again when something is stored
            log.warning("starting without the database: %s", error)

    def _chores(self) -> list[Coroutine[Any, Any, None]]:
        chores: list[Coroutine[Any, Any, None]] = [
            self.load.watch(),
            self.keys.keep_fresh(self.read_keys, self.settings.key_refresh_seconds),
            self._flush(),
        ]
        if self.store.shared or self.settings.workers > 1:
            chores.append(self.rates.share(self.exchange))
        if self.settings.retention_days is not None:
            chores.append(self._forget(self.settings.retention_days))
        return chores

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            self.tallies.flush()

    async def _forget(self, days: int) -> None:
        """Retention; every replica does it, the second finds nothing left."""
        while True:
            before = datetime.now(UTC) - timedelta(days=days)
            try:
                gone = await self.stored(lambda: self.store.remove_before(before))  # noqa: B023 - awaited at once
                log.info("retention", extra={"fields": {"deleted": gone}})
            except StoreAwayError as error:
                log.warning("nothing was deleted for its age: %s", error)
            await asyncio.sleep(RETENTION_SECONDS)

    async def _close(self) -> None:
        self.store.close()
        if self._threads is not None:
            self._threads.shutdown(wait=True)
            self._threads = None
