"""A reply that comes from within the process, with the manners of one that comes over the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from pixapi.errors import UpstreamCut, UpstreamInvalid


class LocalExchange:
    """A reply of ``pieces``, each after ``delay_s``; ``is_cut``: the connection breaks off after the last."""

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        pieces: list[bytes],
        *,
        delay_s: float = 0.0,
        is_cut: bool = False,
    ) -> None:
        self.status = status
        self.headers: Mapping[str, str] = headers
        self._pieces = pieces
        self._delay_s = delay_s
        self._is_cut = is_cut
        self._closed = False

    @property
    def is_complete(self) -> bool:
        return not self._is_cut

    async def read(self, limit: int) -> bytes:
        body = b"".join([piece async for piece in self.chunks()])
        if len(body) > limit:
            raise UpstreamInvalid(f"the reply is larger than {limit} bytes")
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            if self._closed:
                return
            yield piece
        if self._is_cut:
            raise UpstreamCut(
                "The provider of this model broke the connection off before its reply was complete."
            )

    async def close(self) -> None:
        self._closed = True
