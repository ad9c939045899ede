"""The caller's end of a stream: starts late, keeps alive, falls silent when the caller has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pixapi.gateway.http import Send
from pixapi.gateway.plain import reply_headers
from pixapi.wire.openai_errors import encode_error

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.errors import PixapiError

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Reverse proxies would otherwise hold small events back.
    (b"x-accel-buffering", b"no"),
]
_PING = b": ping\n\n"


class StreamReply:
    """Sends a 200 with the first frame, or with a keep-alive when ``keepalive_s`` have passed without one."""

    __slots__ = ("_flight", "_handle", "_keepalive_s", "_loop", "_ping", "_send", "_sent_s", "started")

    def __init__(self, flight: Flight, send: Send, keepalive_s: float) -> None:
        self._flight = flight
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._keepalive_s = keepalive_s
        self._sent_s = self._loop.time()
        self._ping: asyncio.Task[None] | None = None
        self._handle = self._loop.call_later(keepalive_s, self._look)
        self.started = False

    def _look(self) -> None:
        silent_s = self._loop.time() - self._sent_s
        if silent_s >= self._keepalive_s:
            self._ping = self._loop.create_task(self.write(_PING))
            silent_s = 0.0
        self._handle = self._loop.call_later(self._keepalive_s - silent_s, self._look)

    async def write(self, data: bytes) -> None:
        self._sent_s = self._loop.time()
        if not self.started:
            self.started = True
            headers = reply_headers(self._flight) + _HEADERS
            await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """The last frames."""
        self._handle.cancel()
        if not self.started:
            await self.write(data)
            data = b""
        await self._send({"type": "http.response.body", "body": data})

    async def fail(self, error: PixapiError) -> None:
        """Tell of an error within the stream and end it, without the mark of a good end."""
        await self.finish(encode_error(error))

    def close(self) -> None:
        self._handle.cancel()
        if self._ping is not None:
            self._ping.cancel()
