"""The server's side of a connection: uvicorn's, but for one thing that a busy gateway notices.

Uvicorn sends the head of a reply by itself, and whatever follows by itself. Nearly all replies of a gateway are one
piece, or begin with one that is ready, so the head is kept until the first of the body comes in the same turn of the
loop, and both leave in one system call; the caller wakes up once. A head that nothing follows leaves in the next turn.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "
_JOINED_BYTES = 64 * 1024
"""Copying so much costs less than a second buffer."""


class HeadWithBody(asyncio.Transport):
    """A transport that keeps a reply's head for a moment."""

    __slots__ = (
        "_head",
        "_loop",
        "_transport",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
    )

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data``, after the head if that still waits."""
        head = self._head
        if head is None:
            if type(data) is bytes and data.startswith(_HEAD):
                self._head = data
                self._loop.call_soon(self._flush)
            else:
                self._transport.write(data)
            return
        self._head = None
        if len(data) <= _JOINED_BYTES:
            self._transport.write(b"".join((head, data)))
        else:
            self._transport.writelines((head, data))

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()


class GatewayProtocol(HttpToolsProtocol):
    """Uvicorn's protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(HeadWithBody(transport, self.loop))
