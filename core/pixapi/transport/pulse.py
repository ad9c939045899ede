"""One timer for many deadlines.

A timer of its own for each call's time-outs costs more than the rest of its bookkeeping, and nearly none of them
ever fires. So whoever waits for something is in a set that is looked through ten times a second, which costs a
tenth of a microsecond for each; a deadline is kept to within that tenth. Without anybody waiting nothing ticks.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

BEAT_S = 0.1


class Waiting(Protocol):
    """Something with deadlines."""

    def beat(self, now_s: float) -> None:
        """Look at the clock (the loop's). May leave the pulse; must not raise."""
        ...


class Pulse:
    """The beat of one event loop."""

    __slots__ = ("_handle", "_waiting", "loop", "now_s")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        """Whose beat it is; asking asyncio for the running loop costs a system call."""
        self.now_s = loop.time
        """The time that beats go by."""
        self._waiting: set[Waiting] = set()
        self._handle: asyncio.TimerHandle | None = None

    def join(self, waiting: Waiting) -> None:
        """From now on ``waiting`` feels the beat."""
        self._waiting.add(waiting)
        if self._handle is None:
            self._handle = self.loop.call_later(BEAT_S, self._beat)

    def leave(self, waiting: Waiting) -> None:
        """No longer. Harmless if it is not there."""
        self._waiting.discard(waiting)

    def stop(self) -> None:
        """Forget everybody."""
        self._waiting.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _beat(self) -> None:
        self._handle = None
        if not self._waiting:
            return
        now_s = self.loop.time()
        for waiting in list(self._waiting):
            waiting.beat(now_s)
        if self._handle is None and self._waiting:
            self._handle = self.loop.call_later(BEAT_S, self._beat)
