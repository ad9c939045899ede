"""The reply to one request over a connection: its head, its body as it comes, and how long it may keep one waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pixapi.errors import PixapiError, UpstreamCut, UpstreamTimeout

if TYPE_CHECKING:
    from pixapi.transport.connection import Connection

_BROKEN_OFF = "the model's server broke off its reply"
_NO_FIRST_BYTE = "the model's server did not begin to answer in time"
_SILENT = "the model's server fell silent within its reply"
_TOO_LONG = "the call took longer than it may in all"


class Reception:
    """The reply to one request: its head, and the pieces of its body as they come."""

    __slots__ = (
        "_connection", "_failure", "_first_byte_at_s", "_heard_s", "_idle_s", "_pieces", "_size", "_total_at_s",
        "_waiter", "complete", "headers", "opened", "status",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        opened: asyncio.Future[None],
        *,
        now_s: float,
        first_byte_s: float,
        idle_s: float,
        total_at_s: float,
    ) -> None:
        self._connection = connection
        self._heard_s = now_s
        self._first_byte_at_s = now_s + first_byte_s
        self._idle_s = idle_s
        self._total_at_s = total_at_s
        self._pieces: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._failure: PixapiError | None = None
        self.opened = opened
        """Done when status and headers have come."""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = False
        """The reply has ended as it should; pieces of it may still be waiting here."""

    async def next(self) -> bytes:
        """The next piece of the body, as much as has come; empty at its end.

        Cancelling it loses nothing. Raises UpstreamCut, UpstreamTimeout or UpstreamInvalid.
        """
        pieces = self._pieces
        while not pieces:
            if self._failure is not None:
                raise self._failure
            if self.complete:
                return b""
            self._waiter = self._connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._size = 0
        if not self.complete:
            self._connection.read_on()
        return data

    def beat(self, now_s: float) -> None:
        """See `pixapi.transport.pulse.Waiting`."""
        if self.complete or self._failure is not None:
            return  # the connection is another call's by now
        if now_s >= self._total_at_s:
            self._connection.give_up(UpstreamTimeout(_TOO_LONG, phase="total"))
        elif not self.status:
            if now_s >= self._first_byte_at_s:
                self._connection.give_up(UpstreamTimeout(_NO_FIRST_BYTE, phase="first_byte"))
        elif self._waiter is not None and now_s >= self._heard_s + self._idle_s:
            self._connection.give_up(UpstreamTimeout(_SILENT, phase="idle"))

    def drop(self) -> None:
        """Nobody wants the rest: the connection is closed, unless the reply has ended."""
        if not self.complete and self._failure is None:
            self._connection.give_up(UpstreamCut(_BROKEN_OFF))

    # What the connection tells

    def heard(self, now_s: float) -> None:
        """Something was read: the caller may look."""
        self._heard_s = now_s
        if self._waiter is not None and not self._waiter.done() and (self._pieces or self.complete):
            self._waiter.set_result(None)

    def body(self, data: bytes) -> None:
        """A piece of the body."""
        self._pieces.append(data)
        self._size += len(data)

    def is_ahead(self, cap_bytes: int) -> bool:
        """Whether more than that waits for its reader."""
        return self._size > cap_bytes

    def open(self, status: int) -> None:
        """Status and headers have come."""
        self.status = status
        if not self.opened.done():
            self.opened.set_result(None)

    def fail(self, error: PixapiError) -> None:
        """It will not become complete; what has come of it is still given first."""
        if self.complete or self._failure is not None:
            return
        self._failure = error
        if not self.status:
            if not self.opened.done():
                self.opened.set_exception(error)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
