"""From starting to stopping: what /readyz says, and how SIGTERM loses no request.

On SIGTERM the service first only says that it is not ready and closes each connection after its next answer; after
`drain_seconds`, when load balancers have looked elsewhere, the server's own shutdown finishes what is under way.
"""

import asyncio
import gc
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Literal

from app.errors import NotReadyError

log = logging.getLogger("tunewise.lifecycle")
Phase = Literal["starting", "migrating", "ready", "draining"]


class Lifecycle:
    """Where a process stands between start and stop."""

    def __init__(self, drain_seconds: float) -> None:
        self.phase: Phase = "starting"
        self._drain_seconds = drain_seconds
        self._before: Callable[[int, FrameType | None], object] | None = None

    @property
    def draining(self) -> bool:
        """Whether connections should end with their next answer."""
        return self.phase == "draining"

    def require_ready(self) -> None:
        """NotReadyError unless requests should be sent here."""
        if self.phase != "ready":
            raise NotReadyError(f"tunewise is {self.phase}.")

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Put draining before what the server itself does on SIGTERM; nothing where no server handles it."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGTERM)
        if not callable(before):
            return
        self._before = before
        # 300,000 objects of the world never go: a full collection that walks them stops all answers for 150 ms.
        gc.collect()
        gc.freeze()
        signal.signal(signal.SIGTERM, lambda number, _: loop.call_soon_threadsafe(self._drain, loop, number))

    def _drain(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        if self._before is None:
            return
        again = self.draining
        self.phase = "draining"
        log.info("draining for %s s", 0 if again else self._drain_seconds)
        loop.call_later(0 if again else self._drain_seconds, self._before, number, None)

    def unwatch(self) -> None:
        """Give the signal back."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None
