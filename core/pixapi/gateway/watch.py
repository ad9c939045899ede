"""Notices that a caller has left, without costing calls that are quick.

ASGI tells of a disconnect only to whoever waits in ``receive``. A task that does so for every call would cost more
than all other bookkeeping of a short call together; so the watch begins only when a call has lasted a while. The
disconnect is not lost meanwhile: ``receive`` answers at once when it came earlier.
"""

from __future__ import annotations

import asyncio

from pixapi.gateway.http import Receive
from pixapi.transport.pulse import Pulse

WATCH_AFTER_S = 0.2


class Watch:
    """Interrupts the task that serves a call when its caller leaves.

    ``armed``: an interruption is welcome. The owner disarms it around everything that must not be cut short
    (reading a reply that has begun, the ledger). The interruption is a `CancelledError` with ``gone`` set; the
    owner calls `taken` to go on after it. ``grace_s``: how long after the disconnect it comes.
    """

    __slots__ = ("_pulse", "_receive", "_serving", "_since_s", "_watching", "armed", "gone", "grace_s")

    def __init__(self, receive: Receive, pulse: Pulse) -> None:
        self._receive = receive
        self._pulse = pulse
        self._since_s = pulse.now_s()
        self._serving: asyncio.Task[object] | None = asyncio.current_task(pulse.loop)
        self._watching: asyncio.Task[None] | None = None
        pulse.join(self)
        self.armed = False
        self.gone = False
        self.grace_s = 0.0

    def beat(self, now_s: float) -> None:
        """See `pixapi.transport.pulse.Waiting`."""
        if now_s - self._since_s >= WATCH_AFTER_S:
            self._pulse.leave(self)
            self._watching = self._pulse.loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self.grace_s:
            await asyncio.sleep(self.grace_s)
        self.interrupt()

    def interrupt(self) -> None:
        """The caller has left, or takes nothing any more, which comes to the same."""
        self.gone = True
        if self.armed and self._serving is not None:
            self.armed = False
            self._serving.cancel()

    def taken(self) -> None:
        """The serving task has caught the interruption, if it was one, and goes on to clean up."""
        if self.gone and self._serving is not None:
            self._serving.uncancel()

    def close(self) -> None:
        """Stop watching."""
        self.armed = False
        self._pulse.leave(self)
        if self._watching is not None:
            self._watching.cancel()
