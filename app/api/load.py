"""Says no before everything gets slow: 503 with Retry-After while answers would come too late.

Answers are computed on the event loop, so what waits is not counted anywhere; but a timer that should have rung is
late by just as long as a request would wait now. That lateness is what is measured.
"""

import asyncio
import math
import time

TICK_SECONDS = 0.05
LATE_TICKS = 2
"""Late so often in a row: one slow answer makes one tick late, only a queue that stands makes the next one late too."""


class Load:
    """How busy this process is."""

    def __init__(self, max_concurrent: int, max_wait_seconds: float) -> None:
        self.under_way = 0
        self.wait_seconds = 0.0
        self._late = 0
        self._most, self._longest = max_concurrent, max_wait_seconds

    def refusal(self) -> int | None:
        """Seconds after which a refused caller may come again; None when there is room."""
        if self._late >= LATE_TICKS or self.under_way > self._most:
            return max(1, math.ceil(self.wait_seconds))
        return None

    async def watch(self) -> None:
        """Measures until cancelled."""
        while True:
            due = time.monotonic() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            self.wait_seconds = max(0.0, time.monotonic() - due)
            self._late = self._late + 1 if self.wait_seconds > self._longest else 0
