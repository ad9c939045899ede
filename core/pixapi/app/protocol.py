"""The server's side of a connection: uvicorn's, without what a busy gateway pays for and never uses.

- *A reply's head waits for the first of its body* that comes in the same turn of the loop. Nearly all replies of a
  gateway are one piece, or begin with one that is ready; so both leave in one system call, and the caller wakes up
  once. A head that nothing follows leaves in the next turn.
- *Good replies are written by a shorter way.* Uvicorn looks at every header with two patterns; here the whole head is
  looked at once. What is unusual goes uvicorn's own way.
- *A head that came before is not parsed again* (`familiar_head`).
- *One timer for each connection*, not one for each reply, ends the connections that are idle for too long.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from pixapi.app.familiar_head import FamiliarHead, Scope, familiar
from pixapi.gateway.http import BODY_FOLLOWS

_OK = STATUS_LINE[200]
_JOINED_BYTES = 64 * 1024
"""Copying so much costs less than a second system call."""
_NOT_USUAL = (b"connection", b"transfer-encoding")
_LESSONS = 4
"""So many heads are learnt in a row without one that came again; then this client is taken for one that varies them."""


class Cycle(RequestResponseCycle):
    """One request and its reply."""

    _head: bytes | None = None
    """What waits for the first of the body."""
    _whole: bytes | None = None
    """The request's body, where it came all at once and was not yet asked for."""

    async def receive(self) -> Any:
        """See `RequestResponseCycle.receive`."""
        body, self._whole = self._whole, None
        if body is None or self.disconnected:
            return await super().receive()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """See `RequestResponseCycle.send`."""
        if self._is_unusual():
            usual = False
        elif self.response_started:
            usual = message["type"] == "http.response.body" and self._write(message)
        else:
            usual = message["type"] == "http.response.start" and self._begin(message)
        if not usual:
            self._flush()
            await super().send(message)

    def _is_unusual(self) -> bool:
        if self.flow.write_paused or self.disconnected or self.response_complete or not self.keep_alive:
            return True
        return self.access_log or self.scope["method"] == "HEAD"

    def _begin(self, message: Any) -> bool:
        """Make the head of a good reply; False where it is not quite usual."""
        if message["status"] != 200:
            return False
        length: int | None = None
        headers = [*self.default_headers, *message["headers"]]
        parts = [_OK]
        for name, value in headers:
            if name in _NOT_USUAL or not name.islower():
                return False
            if name == b"content-length":
                length = int(value)
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if length is not None else b"transfer-encoding: chunked\r\n\r\n")
        head = b"".join(parts)
        lines = len(headers) + (2 if length is not None else 3)
        if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
            return False  # something in a header would end it
        self.chunked_encoding, self.expected_content_length = length is None, length or 0
        self.response_started, self.waiting_for_100_continue = True, False
        self._head = head
        if BODY_FOLLOWS not in message:
            asyncio.get_running_loop().call_soon(self._flush)
        return True

    def _write(self, message: Any) -> bool:
        """Write a piece of the body; False where it is not quite usual."""
        body, more = message.get("body", b""), message.get("more_body", False)
        size = len(body)
        if size > _JOINED_BYTES:
            return False
        if self.chunked_encoding:
            before = b"%x\r\n" % size if size else b""
            after = (b"\r\n" if size else b"") if more else (b"\r\n0\r\n\r\n" if size else b"0\r\n\r\n")
        elif more or size != self.expected_content_length:
            return False
        else:
            before = after = b""
            self.expected_content_length = 0
        head, self._head = self._head or b"", None
        if data := b"".join((head, before, body, after)):
            self.transport.write(data)
        if not more:
            self.response_complete = True
            self.message_event.set()
            self.on_response()
        return True

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None and not self.transport.is_closing():
            self.transport.write(head)


class GatewayProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with such replies."""

    _idle_since_s: float | None = None
    _timer: asyncio.TimerHandle | None = None
    _familiar: FamiliarHead | None = None
    _lessons = 0
    """Heads learnt since one came again."""
    _begun = 0
    """Requests that the parser has begun, and has not finished."""

    def data_received(self, data: bytes) -> None:
        if self._begun or self.pipeline or not (self.cycle is None or self.cycle.response_complete):
            super().data_received(data)  # part of a request, or one sent ahead
            return
        read = None if self._familiar is None else self._familiar.read(data)
        if read is not None:
            self._lessons = 0
            self._begin(*read)
            return
        super().data_received(data)
        if not self._begun and self._lessons < _LESSONS:
            self._learn(data)

    def _learn(self, data: bytes) -> None:
        cycle = self.cycle
        if cycle is not None and cycle.keep_alive and not cycle.more_body and not self.pipeline:
            self._lessons += 1
            self._familiar = familiar(data, self.scope)

    def _begin(self, scope: Scope, body: bytes) -> None:
        """Start with a request of which all has come."""
        self._unset_keepalive_if_required()
        cycle = self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=True,
            on_response=self.on_response_complete,
        )
        cycle._whole, cycle.more_body = body, False
        self._start_asgi_task(cycle, self.app)

    def on_message_begin(self) -> None:
        self._begun += 1
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._begun -= 1
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Uvicorn has no place to name the class of its cycles. Ours adds no state that would have to be made.
        cycle.__class__ = Cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since_s = None

    def on_response_complete(self) -> None:
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since_s = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """Close the connection if nothing has come for too long; else look again when that may be."""
        since_s, now_s = self._idle_since_s, self.loop.time()
        left_s = self.timeout_keep_alive if since_s is None else since_s + self.timeout_keep_alive - now_s
        if since_s is not None and left_s <= 0:
            self.timeout_keep_alive_handler()
        else:
            self._timer = self.loop.call_later(left_s, self._end_if_idle)
