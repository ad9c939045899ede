"""What is noted of a call when it is over, and nobody waits for: done in time that would go by unused.

Where calls come all the time, most of them wait for the ledger's next commit together, and meanwhile the process has
nothing to do (`pixapi.ledger.ticket`). Counting a call there and not before the next one is read shortens the time of
all. It is done within `DUE_S` in any case, and at once where much has gathered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pixapi.telemetry.logs import logger

DUE_S = 0.02
_MOST = 64

log = logger("telemetry")


class Afterwards:
    """What is still to be noted, of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._works: list[Callable[[], None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, work: Callable[[], None]) -> None:
        """Have ``work`` done soon. Called in the loop, as is the work."""
        self._works.append(work)
        if len(self._works) >= _MOST:
            self.do()
        elif self._timer is None:
            self._timer = self._loop.call_later(DUE_S, self._is_due)

    def do(self) -> None:
        """Do all that is left. A work that fails is logged, and the others are done."""
        works, self._works = self._works, []
        works.reverse()
        try:
            while works:
                _try(works.pop())
        finally:
            self._works[:0] = reversed(works)  # nothing, unless even the log has failed

    def _is_due(self) -> None:
        self._timer = None
        self.do()


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:
        log.exception("afterwards_failed")
