"""The caller's end of a stream: starts late, keeps alive, falls silent when the caller has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pixapi.gateway.http import BODY_FOLLOWS, Headers, Send
from pixapi.gateway.plain import call_headers

if TYPE_CHECKING:
    from pixapi.calls.flight import Flight
    from pixapi.errors import PixapiError
    from pixapi.gateway.watch import Watch
    from pixapi.transport.pulse import Pulse
    from pixapi.wire.dialect import StreamEncoder

_TYPES = {"sse": b"text/event-stream; charset=utf-8", "json": b"application/json"}
_HEADERS = [
    (b"cache-control", b"no-cache"),
    # Reverse proxies would otherwise hold small events back.
    (b"x-accel-buffering", b"no"),
]


class StreamReply:
    """Sends a 200 with the first frame, or with a keep-alive when ``keepalive_s`` have passed without one.

    Sending waits for a caller who reads slowly. One who takes nothing for as long as the route's server may be
    silent counts as gone: else a connection that is kept open unread would keep the call, its hold and its
    connection to the server for ever.
    """

    __slots__ = (
        "_ending", "_flight", "_headers", "_keepalive_s", "_ping", "_pulse", "_send", "_sending", "_sent_s", "_watch",
        "encoder", "started",
    )  # fmt: skip

    def __init__(self, flight: Flight, send: Send, watch: Watch, pulse: Pulse, keepalive_s: float) -> None:
        self.encoder: StreamEncoder | None = None
        """Made where the provider speaks another dialect than the caller, or the gateway has something to say."""
        self._flight = flight
        self._headers: Headers | None = None
        self._send = send
        self._watch = watch
        self._pulse = pulse
        self._sending = 0
        self._keepalive_s = keepalive_s
        self._sent_s = pulse.now_s()
        self._ping: asyncio.Task[None] | None = None
        self._ending = False
        """The call is settled, and nothing is left to do but to send the last frames: that may be cut short."""
        self.started = False
        pulse.join(self)

    def encoding(self) -> StreamEncoder:
        """What knows how the caller's dialect says something in this stream."""
        if self.encoder is None:
            assert self._flight.call is not None
            self.encoder = self._flight.dialect.encoder(self._flight.call)
        return self.encoder

    def beat(self, now_s: float) -> None:
        """See `pixapi.transport.pulse.Waiting`."""
        if self._sending:
            route = self._flight.route
            if route is not None and now_s - self._sent_s >= route.timeouts.idle_s:
                self._watch.armed = self._watch.armed or self._ending
                self._watch.interrupt()
        elif now_s - self._sent_s >= self._keepalive_s:
            self._ping = self._pulse.loop.create_task(self.write(self.encoding().ping))

    async def write(self, data: bytes) -> None:
        self._sent_s = self._pulse.now_s()
        self._sending += 1
        if not self.started:
            await self._start()
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._sending -= 1

    async def _start(self) -> None:
        self.started = True
        headers = self._headers or self._make_headers()
        await self._send(
            {"type": "http.response.start", "status": 200, "headers": headers, BODY_FOLLOWS: True}
        )

    def make_ready(self) -> None:
        """The next thing to come is the end; what of its reply is known already need not wait for it."""
        if not self.started:
            self._headers = self._make_headers()

    def _make_headers(self) -> Headers:
        headers = call_headers(self._flight)
        headers.append((b"content-type", _TYPES[self._flight.framing]))
        headers += _HEADERS
        return headers

    async def finish(self, data: bytes) -> None:
        """The last frames."""
        self._sent_s = self._pulse.now_s()
        self._sending += 1
        self._ending = True
        if not self.started:
            await self._start()
        await self._send({"type": "http.response.body", "body": data})
        self._pulse.leave(self)

    async def fail(self, error: PixapiError) -> None:
        """Tell of an error within the stream and end it, without the mark of a good end."""
        await self.finish(self.encoding().error(error, self._flight.request_id))

    def close(self) -> None:
        self._pulse.leave(self)
        if self._ping is not None:
            self._ping.cancel()
