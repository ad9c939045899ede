"""A reply under way: its status and headers have come, its body is read from here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError

from pixapi.errors import UpstreamCut, UpstreamInvalid
from pixapi.transport.coding import Inflater
from pixapi.transport.failures import body_failure


class UpstreamExchange:
    """Implements `pixapi.interfaces.Exchange` on aiohttp.

    It is its own iterator, and reading may be cancelled and taken up again: cancelling one ``anext`` loses
    nothing, so a reader may wait for a chunk with a time-out of its own. Whoever opened it closes it.
    """

    __slots__ = ("_content", "_protocol", "_response", "headers", "status")

    def __init__(
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str], protocol: ResponseHandler | None
    ) -> None:
        """``protocol`` is given where the connection's end is all that ends the body."""
        self._response = response
        self._content = response.content
        self._protocol = protocol
        self.status: int = response.status
        self.headers: Mapping[str, str] = headers

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

    async def _next(self) -> bytes:
        """The next piece of the body; empty at its end."""
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, HttpProcessingError, OSError, RuntimeError) as error:
            self._response.close()
            raise body_failure(error) from None
        if not data and self._protocol is not None:
            reset = isinstance(self._protocol.exception(), aiohttp.ClientOSError)
            self._protocol = None
            if reset:
                raise UpstreamCut("the model's server reset the connection within its reply")
        return data

    async def close(self) -> None:
        """Let go; see `pixapi.interfaces.Exchange.close`. May be called more than once."""
        if not self._response.closed:
            self._response.close()

    def _too_long(self, limit: int) -> UpstreamInvalid:
        self._response.close()
        return UpstreamInvalid(
            f"the model's server sent a reply of more than the {limit} bytes that are read"
        )


class PackedExchange(UpstreamExchange):
    """A reply that came compressed; what is read of it is plain."""

    __slots__ = ("_inflater", "_pieces")

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        headers: Mapping[str, str],
        protocol: ResponseHandler | None,
        inflater: Inflater,
    ) -> None:
        # They describe the packed body, which nobody will see.
        plain = {k: v for k, v in headers.items() if k not in ("content-encoding", "content-length")}
        super().__init__(response, plain, protocol)
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
            self._response.close()
            raise
        return piece
