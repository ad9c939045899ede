"""One connection to a model's server, speaking HTTP/1.1: one request at a time, and what comes back for it.

llhttp (by `httptools`) reads the bytes; what is here is what it leaves to its user: which reply belongs to whom,
how much may be read ahead, how long may be waited, and what a connection's end means.

A *reception* is the reply to one request. Bytes that come while there is none, or after its end, are an answer
that nobody asked for: they reach nobody, and the connection is given up. Interim replies (1xx) are skipped. Trailers
are read and dropped. The end of the connection ends a body only where nothing else says how long it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid, UpstreamLost
from pixapi.interfaces import Body
from pixapi.transport.reception import Reception
from pixapi.transport.sending import Sending

_FIRST_FINAL_STATUS = 200
_LOST = "the connection to the model's server ended before it answered"
_NOT_HTTP = "the model's server answered with what is not HTTP, or with headers too long or too many"
_BROKEN_OFF = "the model's server broke off its reply"
_RESET = "the model's server reset the connection within its reply"


class Caps(NamedTuple):
    """How much a server may send before it is believed to mean harm."""

    header_bytes: int
    """All header lines of a reply together, those of its interim replies too; likewise its trailers."""
    header_lines: int
    read_ahead_bytes: int
    """What is read of a body before somebody has asked for it."""


class Connection(asyncio.Protocol):
    """One socket. ``released`` is called with it whenever it is free for another request."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, caps: Caps, released: Callable[[Connection], None]
    ) -> None:
        self.loop = loop
        self.idle_since_s = 0.0
        self.on_lost: Callable[[Connection], None] | None = None
        """Called once, when the socket is closed."""
        self._caps = caps
        self._released = released
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._reception: Reception | None = None
        self._headers: dict[str, str] = {}
        self._head_bytes = 0
        """What has come since the last piece of a body: heads, trailers, the lengths of chunks."""
        self._head_lines = 0
        self._in_head = True
        self._spoiled = False
        """It cannot serve another request."""
        self._paused = False
        self._reads_to_end = False
        self._sending: Sending | None = None
        """The body under way that is too large to be written at once."""

    # What its user does

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(
        self, head: bytes, body: bytes | Body, *, first_byte_s: float, idle_s: float, total_at_s: float
    ) -> Reception:
        """Send a request; the reply comes into what is returned."""
        transport = self._transport
        assert transport is not None
        reception = self._reception = Reception(
            self,
            self.loop.create_future(),
            now_s=self.loop.time(),
            first_byte_s=first_byte_s,
            idle_s=idle_s,
            total_at_s=total_at_s,
        )
        self._head_bytes = self._head_lines = 0
        if not isinstance(body, bytes):
            transport.write(head)
            self._sending = Sending(self.loop, transport, body, self._sent)
        elif len(body) > self._caps.read_ahead_bytes:
            transport.write(head)
            transport.write(body)
        else:
            transport.write(head + body)
        return reception

    def give_up(self, error: UpstreamError) -> None:
        """Close at once, without waiting for what is still to be written or for TLS to say goodbye."""
        reception, self._reception = self._reception, None
        self._stop_sending()
        if self._transport is not None:
            self._transport.abort()
        if reception is not None:
            reception.fail(error)

    def _sent(self, error: UpstreamError | None) -> None:
        self._sending = None
        if error is not None:
            self.give_up(error)

    def _stop_sending(self) -> None:
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.stop()

    def read_on(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's have no base class in common

    def data_received(self, data: bytes) -> None:
        reception = self._reception
        if reception is None:
            self._spoiled = True
            if self._transport is not None:
                self._transport.abort()
            return
        # A header or trailer without an end is not told of by the parser before it ends.
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._garbled(reception, error)
            return
        reception.heard(self.loop.time())
        if reception.complete:
            self._finish()
        elif self._head_bytes > self._caps.header_bytes:
            self.give_up(UpstreamInvalid(_NOT_HTTP))
        elif reception.is_ahead(self._caps.read_ahead_bytes) and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        if self._sending is not None:
            self._sending.pause()

    def resume_writing(self) -> None:
        if self._sending is not None:
            self._sending.resume()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        reception, self._reception = self._reception, None
        self._stop_sending()
        if reception is not None:
            if not reception.status:
                reception.fail(UpstreamLost(_LOST))
            elif self._reads_to_end and exc is None:
                reception.complete = True
                reception.heard(self.loop.time())
            else:
                reception.fail(UpstreamCut(_RESET if exc is not None else _BROKEN_OFF))
        if self.on_lost is not None:
            self.on_lost(self)

    # What the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_lines += 1
        if self._head_lines > self._caps.header_lines or len(name) + len(value) > self._caps.header_bytes:
            raise ValueError(_NOT_HTTP)
        if not self._in_head:
            return  # a trailer
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        known = self._headers.get(key)
        self._headers[key] = text if known is None else f"{known}, {text}"

    def on_message_begin(self) -> None:
        if self._reception is not None and self._reception.complete:
            self._spoiled = True
        self._in_head = True
        self._headers = {}

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        reception = self._reception
        if reception is None or reception.complete or status < _FIRST_FINAL_STATUS:
            return
        self._in_head = False
        self._head_bytes = 0
        reception.headers = headers = self._headers
        self._reads_to_end = "content-length" not in headers and "transfer-encoding" not in headers
        reception.open(status)

    def on_body(self, data: bytes) -> None:
        reception = self._reception
        self._head_bytes = 0
        if reception is not None and not reception.complete:
            reception.body(data)

    def on_message_complete(self) -> None:
        reception = self._reception
        if reception is not None and reception.status:
            reception.complete = True
            self._spoiled |= not self._parser.should_keep_alive()

    def _garbled(self, reception: Reception, error: Exception) -> None:
        self._spoiled = True
        if reception.complete:  # what follows the reply is none
            self._finish()
        elif not reception.status or isinstance(error, HttpParserUpgrade):
            self.give_up(UpstreamInvalid(_NOT_HTTP))
        else:
            reception.heard(self.loop.time())
            self.give_up(UpstreamCut(_BROKEN_OFF))

    def _finish(self) -> None:
        """The reply is complete: the connection is free, or of no more use."""
        self._reception = None
        transport = self._transport
        if transport is None:
            return
        if self._spoiled or self._sending is not None or transport.get_write_buffer_size():
            self._stop_sending()
            transport.abort()
            return
        self._in_head = True
        self.read_on()
        self._released(self)
