"""The hot path's HTTP client: a request out, a reply in, and every way in which that can go wrong told apart.

How it works. One request at a time goes over a connection (`connection`), whose bytes llhttp reads; free connections
wait in a pool. Nothing is between the socket and the caller but that, which is why a call costs a third of what a
general client takes (docs, explanation, performance).

- *Nothing is followed, stored or guessed*: no redirects (a 3xx is handed on as it is, so a key never travels to another
  host), no cookies, no proxies or credentials from the environment.
- *What was sent matters.* `UpstreamRefused` and ``UpstreamTimeout(phase="connect")`` mean that no byte of the
  request left; `UpstreamLost` means that it may have been received. Nothing is ever repeated here.
- *Time-outs.* ``connect_s`` covers looking the name up, connecting and TLS. ``first_byte_s`` runs from the moment
  the request is written, so that a server that does not read is caught too; ``idle_s`` while a reader waits for
  more of the body; ``total_s`` runs through. They are kept to a tenth of a second (`pulse`).
- *Answers* that nobody asked for, on a kept connection, reach nobody: the connection is given up.
- *Leaving.* A reply that is let go before its end has its connection aborted: closing it politely would first wait
  for the peer to read what is still to be written, or to say goodbye in TLS.
- *Keep-alive* ends after 4 s: many servers close after 5 s, and a request written into a connection that is being
  closed is lost.
- *Bounds.* Headers, their number, and what is read ahead are capped; a body is read up to its reader's limit.
  Compressed replies are undone in small pieces (`coding`).
"""

from __future__ import annotations

import asyncio

import msgspec

from pixapi.errors import NotReady, UpstreamCut, UpstreamLost, UpstreamRefused
from pixapi.interfaces import HttpRequest
from pixapi.transport.coding import Inflater
from pixapi.transport.connecting import Connector
from pixapi.transport.connection import Caps, Connection
from pixapi.transport.exchange import PackedExchange, UpstreamExchange
from pixapi.transport.pulse import Pulse
from pixapi.transport.request_head import Origin, RequestHead, write_head

_HEADS_KEPT = 1024


class Timeouts(msgspec.Struct, frozen=True):
    """How long each part of a call may take, in seconds."""

    connect_s: float = 5
    first_byte_s: float = 600
    idle_s: float = 300
    total_s: float = 3600


class UpstreamClient:
    """The pool of connections to model servers. One for a process."""

    def __init__(
        self,
        *,
        max_header_bytes: int = 64 * 1024,
        max_header_lines: int = 128,
        read_ahead_bytes: int = 256 * 1024,
        keepalive_s: float = 4,
    ) -> None:
        """``max_header_bytes`` bounds the headers of a reply together; ``read_ahead_bytes`` what is kept of a body
        until it is asked for.
        """
        self._caps = Caps(max_header_bytes, max_header_lines, read_ahead_bytes)
        self._keepalive_s = keepalive_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connector: Connector | None = None
        self._pulse: Pulse | None = None
        self._connections: dict[Connection, Origin] = {}
        self._free: dict[Origin, list[Connection]] = {}
        self._heads: dict[HttpRequest | tuple[object, ...], RequestHead] = {}
        self._swept_s = 0.0

    async def start(self) -> None:
        """Make ready. Called once, in the event loop that will use it."""
        self._loop = asyncio.get_running_loop()
        self._connector = Connector(self._loop)
        self._pulse = Pulse(self._loop)

    async def close(self) -> None:
        """Close every connection, those in use too."""
        if self._pulse is not None:
            self._pulse.stop()
        self._loop = self._connector = self._pulse = None
        for connection in list(self._connections):
            connection.give_up(UpstreamCut("the gateway closed the connection: it is stopping"))
        self._connections.clear()
        self._free.clear()

    @property
    def pulse(self) -> Pulse:
        """The beat of the loop that this client works in."""
        if self._pulse is None:
            raise NotReady("the client for model servers is not running")
        return self._pulse

    async def open(self, request: HttpRequest, timeouts: Timeouts) -> UpstreamExchange:
        """Send ``request``; return when status and headers have come.

        Cancelling it closes the connection.

        Raises:
            UpstreamRefused: no connection was made; nothing was sent.
            UpstreamLost: the connection ended after the request began to be sent, without a reply; ``was_kept``
                says whether it was one from an earlier call.
            UpstreamTimeout: with phase connect (nothing was sent), first_byte or total.
            UpstreamInvalid: the reply is not HTTP, its headers are too many or too long, or its coding is
                not known.
            ConfigError: the URL or a header cannot be sent at all.
            NotReady: the client is not started, or closed.
        """
        loop, pulse = self._loop, self._pulse
        if loop is None or pulse is None:
            raise NotReady("the client for model servers is not running: the gateway is starting or stopping")
        head = self._head(request)
        total_at_s = loop.time() + timeouts.total_s
        # What is paid for goes over a fresh one: lost on a kept one, nobody could say whether it had been received.
        kept = None if request.paid else self._take(head.origin, loop.time())
        connection = kept or await self._connect(head.origin, timeouts)
        reception = connection.ask(
            head.before(request.body),
            request.body,
            first_byte_s=timeouts.first_byte_s,
            idle_s=timeouts.idle_s,
            total_at_s=total_at_s,
        )
        pulse.join(reception)
        try:
            await reception.opened
            coding = reception.headers.get("content-encoding")
            if coding is None or coding == "identity":
                return UpstreamExchange(reception, pulse)
            return PackedExchange(reception, pulse, Inflater(coding))
        except BaseException as error:
            reception.drop()
            pulse.leave(reception)
            if kept is not None and isinstance(error, UpstreamLost):
                error.was_kept = True
                self._forget(head.origin)
            raise

    def _head(self, request: HttpRequest) -> RequestHead:
        """Calls on one route differ in their bodies only, so a head is written once."""
        key = (request.method, request.url, request.headers)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _HEADS_KEPT:
                self._heads.clear()
            head = self._heads[key] = write_head(request)
        return head

    def _take(self, origin: Origin, now_s: float) -> Connection | None:
        """The free connection that was used last, if it is fresh enough."""
        free = self._free.get(origin)
        while free:
            connection = free.pop()
            if connection.is_open and now_s - connection.idle_since_s < self._keepalive_s:
                return connection
            connection.give_up(UpstreamCut(""))
        return None

    def _forget(self, origin: Origin) -> None:
        """One of the free connections was lost when it was used, so the others most likely are as well."""
        for connection in self._free.pop(origin, []):
            connection.give_up(UpstreamCut(""))

    async def _connect(self, origin: Origin, timeouts: Timeouts) -> Connection:
        connector, loop = self._connector, self._loop
        assert connector is not None
        assert loop is not None
        limit_s = min(timeouts.connect_s, timeouts.total_s)
        connection = await connector.connect(
            origin, lambda: Connection(loop, self._caps, self._released), limit_s
        )
        if self._loop is None:
            connection.give_up(UpstreamCut(""))
            raise NotReady("the client for model servers is not running: the gateway is stopping")
        if not connection.is_open:
            raise UpstreamRefused("the model's server closed the connection at once; nothing was sent")
        self._connections[connection] = origin
        connection.on_lost = self._lost
        return connection

    def _released(self, connection: Connection) -> None:
        assert self._loop is not None
        now_s = connection.idle_since_s = self._loop.time()
        self._free.setdefault(self._connections[connection], []).append(connection)
        if now_s - self._swept_s >= self._keepalive_s:
            self._swept_s = now_s
            self._loop.call_later(self._keepalive_s, self._sweep)

    def _sweep(self) -> None:
        """Close what has been free for too long."""
        if self._loop is None:
            return
        before_s = self._loop.time() - self._keepalive_s
        for origin, free in list(self._free.items()):
            stale = [connection for connection in free if connection.idle_since_s <= before_s]
            self._free[origin] = [connection for connection in free if connection.idle_since_s > before_s]
            for connection in stale:
                connection.give_up(UpstreamCut(""))
            if not self._free[origin]:
                del self._free[origin]
        if self._free:
            self._swept_s = self._loop.time()
            self._loop.call_later(self._keepalive_s, self._sweep)

    def _lost(self, connection: Connection) -> None:
        origin = self._connections.pop(connection, None)
        free = None if origin is None else self._free.get(origin)
        if free is not None and connection in free:
            free.remove(connection)
