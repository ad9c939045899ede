"""A request's body that does not lie in memory, on its way into a connection.

Its pieces are read in threads, one at a time, and the next is asked for when the socket has taken the one before. So
a call with a large file needs no more memory than a piece, however slow its server reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pixapi.errors import UpstreamError
from pixapi.interfaces import Body
from pixapi.telemetry.logs import logger

log = logger("transport")


class Sending:
    """One body, being written. ``done`` is called when all of it is, or with the error that ended it; not after
    `stop`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.WriteTransport,
        body: Body,
        done: Callable[[UpstreamError | None], None],
    ) -> None:
        self._loop = loop
        self._transport = transport
        self._body = body
        self._done = done
        self._writable = asyncio.Event()
        self._writable.set()
        self._task = loop.create_task(self._send(), name="send-body")

    def pause(self) -> None:
        """The socket takes no more for now."""
        self._writable.clear()

    def resume(self) -> None:
        """It does again."""
        self._writable.set()

    def stop(self) -> None:
        """Nobody wants the rest to be sent."""
        self._task.cancel()

    async def _send(self) -> None:
        error: UpstreamError | None = None
        try:
            pieces, left = self._body.chunks(), len(self._body)
            while left > 0:
                await self._writable.wait()
                piece = await self._loop.run_in_executor(None, next, pieces, b"")
                if not 0 < len(piece) <= left:
                    raise OSError("the body has another length than it said")
                left -= len(piece)
                self._transport.write(piece)
        except OSError as fault:
            log.error("body_not_read", error=fault.strerror, errno=fault.errno)
            error = UpstreamError(
                "the gateway could not read the file again that it was sent; try again",
                status=500,
                code="upload_lost",
                scope="call",
                retryable=False,
            )
        self._done(error)
