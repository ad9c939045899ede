"""A reply under way: its status and headers have come, its body is read from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping

from pixapi.errors import UpstreamInvalid
from pixapi.transport.coding import Inflater
from pixapi.transport.pulse import Pulse
from pixapi.transport.reception import Reception


class UpstreamExchange:
    """Implements `pixapi.interfaces.Exchange` over a connection.

    It is its own iterator, and reading may be cancelled and taken up again: cancelling one ``anext`` loses
    nothing, so a reader may wait for a chunk with a time-out of its own. Whoever opened it closes it.
    """

    __slots__ = ("_pulse", "_reception", "headers", "status")

    def __init__(self, reception: Reception, pulse: Pulse) -> None:
        self._reception = reception
        self._pulse = pulse
        self.status: int = reception.status
        self.headers: Mapping[str, str] = reception.headers

    async def read(self, limit: int) -> bytes:
        """The whole body; see `pixapi.interfaces.Exchange.read`."""
        length = self.headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > limit:
            raise self._too_long(limit)
        blocks: list[bytes] = []
        size = 0
        while block := await self._next():
            blocks.append(block)
            size += len(block)
            if size > limit:
                raise self._too_long(limit)
        return blocks[0] if len(blocks) == 1 else b"".join(blocks)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; see `pixapi.interfaces.Exchange.chunks`."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data = await self._next()
        if not data:
            raise StopAsyncIteration
        return data

    def _next(self) -> Awaitable[bytes]:
        """The next piece of the body; empty at its end."""
        return self._reception.next()

    @property
    def is_complete(self) -> bool:
        """See `pixapi.interfaces.Exchange.is_complete`."""
        return self._reception.complete

    async def close(self) -> None:
        """Let go; see `pixapi.interfaces.Exchange.close`. May be called more than once."""
        self._pulse.leave(self._reception)
        self._reception.drop()

    def _too_long(self, limit: int) -> UpstreamInvalid:
        self._reception.drop()
        return UpstreamInvalid(
            f"the model's server sent a reply of more than the {limit} bytes that are read"
        )


class PackedExchange(UpstreamExchange):
    """A reply that came compressed; what is read of it is plain."""

    __slots__ = ("_inflater", "_pieces")

    def __init__(self, reception: Reception, pulse: Pulse, inflater: Inflater) -> None:
        super().__init__(reception, pulse)
        # They describe the packed body, which nobody will see.
        packed = ("content-encoding", "content-length")
        self.headers = {name: value for name, value in self.headers.items() if name not in packed}
        self._inflater = inflater
        self._pieces: Iterator[bytes] = iter(())

    async def _next(self) -> bytes:
        try:
            while (piece := next(self._pieces, None)) is None:
                packed = await super()._next()
                if not packed:
                    self._inflater.close()
                    return b""
                self._pieces = self._inflater.feed(packed)
        except UpstreamInvalid:
            self._reception.drop()
            raise
        return piece
