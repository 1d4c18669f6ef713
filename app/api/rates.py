"""Rate limits by `limits`, counted here at once and summed over all replicas through the database.

Each process decides by its own memory, so a limit costs microseconds and needs no database to be up. Every second it
tells the others what it counted and learns what they did: over all replicas a limit is exact to what came in a second.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from app.errors import InputError, StoreAwayError

log = logging.getLogger("tunewise.rates")
SYNC_SECONDS = 1.0
Exchange = Callable[[Mapping[str, tuple[int, datetime]]], Awaitable[dict[str, int]]]
"""Adds hits by window, answers with the sums of all replicas."""


class SharedCounts(Storage):
    """A `limits` storage in memory that can be told what other replicas counted.

    `MemoryStorage` starts a thread to forget old windows; this one is tidied by the loop that exchanges counts.
    """

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}
        self._fresh: dict[str, int] = {}

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        """None that a caller would have to expect."""
        return ()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more in the window that is open, or in a new one."""
        now = time.time()
        count, ends = self._counts.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, (now // expiry + 1) * expiry  # the same edges on every replica
            self._fresh.pop(key, None)
        self._counts[key] = (count + amount, ends)
        self._fresh[key] = self._fresh.get(key, 0) + amount
        return count + amount

    def get(self, key: str) -> int:
        """What was counted in the window that is open."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends."""
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        """It is there."""
        return True

    def reset(self) -> int | None:
        """Forget everything."""
        forgotten = len(self._counts)
        self._counts.clear()
        self._fresh.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._counts.pop(key, None)
        self._fresh.pop(key, None)

    def take_fresh(self) -> dict[str, tuple[int, float]]:
        """What was counted since the last call, by window (key and end); forgets windows that ended."""
        now = time.time()
        for key in [key for key, (_, ends) in self._counts.items() if ends <= now]:
            self.clear(key)
        taken = {key: (hits, self._counts[key][1]) for key, hits in self._fresh.items()}
        self._fresh = {}
        return taken

    def learn(self, key: str, ends: float, total: int) -> None:
        """All replicas counted `total` in this window, this one's hits since included."""
        count, open_until = self._counts.get(key, (0, 0.0))
        if open_until == ends:
            self._counts[key] = (max(count, total + self._fresh.get(key, 0)), ends)

    def give_back(self, taken: Mapping[str, tuple[int, float]]) -> None:
        """The exchange failed: tell these hits next time."""
        for key, (hits, ends) in taken.items():
            if self._counts.get(key, (0, 0.0))[1] == ends:
                self._fresh[key] = self._fresh.get(key, 0) + hits


class Rates:
    """The limits of one process; `hit` says how long to wait."""

    def __init__(self, limits: Mapping[str, str]) -> None:
        self.counts = SharedCounts()
        self._limiter = FixedWindowRateLimiter(self.counts)
        self._items = {name: _read(name, text) for name, text in limits.items() if text}

    def hit(self, name: str, who: str) -> int | None:
        """Count one; seconds to wait when that was one too many."""
        item = self._items.get(name)
        if item is None or self._limiter.hit(item, name, who):
            return None
        return self._wait(item, name, who)

    def exhausted(self, name: str, who: str) -> int | None:
        """Seconds to wait when one more would be too many; counts nothing."""
        item = self._items.get(name)
        if item is None or self._limiter.test(item, name, who):
            return None
        return self._wait(item, name, who)

    def _wait(self, item: RateLimitItem, name: str, who: str) -> int:
        ends = self.counts.get_expiry(item.key_for(name, who))
        return max(1, math.ceil(ends - time.time()))

    async def share(self, exchange: Exchange) -> None:
        """Exchange counts every second until cancelled; a database that is away leaves each replica with its own."""
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            await self.share_once(exchange)

    async def share_once(self, exchange: Exchange) -> None:
        """Tell what was counted, learn what others counted."""
        taken = self.counts.take_fresh()
        if not taken:
            return
        told = {_window(key, ends): (hits, datetime.fromtimestamp(ends, UTC)) for key, (hits, ends) in taken.items()}
        try:
            totals = await exchange(told)
        except StoreAwayError as error:
            self.counts.give_back(taken)
            log.warning("rate limits are counted by each replica alone: %s", error)
            return
        for key, (_, ends) in taken.items():
            self.counts.learn(key, ends, totals[_window(key, ends)])


def _window(key: str, ends: float) -> str:
    return f"{key}@{int(ends)}"


def _read(name: str, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        words = f"TUNEWISE_{name.upper()}={text[:40]} is no rate."
        raise InputError.at(f"/{name}", words, "Write 6000/minute, or nothing for no limit.") from None
