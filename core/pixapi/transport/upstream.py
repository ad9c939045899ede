"""The hot path's HTTP client: a request out, a reply in, and every way in which that can go wrong told apart.

How it works. aiohttp does HTTP/1.1; this module decides what may happen and names what did.

- *Nothing is followed, stored or guessed*: no redirects (a 3xx is handed on as it is, so a key never travels
  to another host), no cookies, no proxies or credentials from the environment.
- *What was sent matters.* `UpstreamRefused` and ``UpstreamTimeout(phase="connect")`` mean that no byte of the
  request left; `UpstreamLost` means that it may have been received. A POST is never repeated here (aiohttp
  repeats a GET once when a kept connection turns out to be dead).
- *Time-outs.* ``connect_s`` covers looking the name up, connecting and TLS. ``first_byte_s`` is aiohttp's
  read timer, which for a large body is started before it is written, so that a server that does not read is
  caught too; once the headers have come the same timer is set to ``idle_s``. ``total_s`` runs through. No task
  is made for any of them.
- *Answers* that nobody asked for, on a kept connection, reach nobody: the connection is given up.
- *Leaving.* A reply that is let go before its end has its connection aborted: closing it politely would first
  wait for the peer to read what is still to be written, or to say goodbye in TLS.
- *Keep-alive* ends after 4 s: many servers close after 5 s, and a request written into a connection that is
  being closed is lost.
- *Bounds.* Header lines, their number, and the read buffer are capped; a body is read up to its reader's
  limit. Compressed replies are undone in small pieces (`pixapi.transport.coding`).
"""

from __future__ import annotations

import asyncio
import io
from types import CoroutineType
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from multidict import CIMultiDictProxy
from yarl import URL

from pixapi import __version__
from pixapi.errors import NotReady, UpstreamInvalid
from pixapi.interfaces import HttpRequest
from pixapi.transport.coding import Inflater
from pixapi.transport.exchange import PackedExchange, UpstreamExchange
from pixapi.transport.failures import open_failure

_UPLOAD_BYTES = 32 * 1024
"""Larger bodies may not fit into the buffers between us and a server that does not read."""
_CACHED = 1024


class Timeouts(msgspec.Struct, frozen=True):
    """How long each part of a call may take, in seconds."""

    connect_s: float = 5
    first_byte_s: float = 600
    idle_s: float = 300
    total_s: float = 3600


class _Response(aiohttp.ClientResponse):
    """A reply whose connection dies at once when it is let go, and that is no other call's.

    A server that has sent more than it was asked for on a kept connection would otherwise have that taken for
    the answer to the next request.
    """

    def start(self, connection: Connection) -> CoroutineType[Any, Any, aiohttp.ClientResponse]:
        """See `aiohttp.ClientResponse.start`."""
        protocol = connection.protocol
        if protocol is not None and protocol.should_close and protocol.exception() is None:
            raise aiohttp.ClientConnectionError("there is an answer before the request")
        return super().start(connection)

    def close(self) -> None:
        """See `aiohttp.ClientResponse.close`."""
        connection = self.connection
        transport = None if connection is None else connection.transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        super().close()


class _UploadResponse(_Response):
    """The reply to a request so large that a server which does not read it holds it up."""

    def start(self, connection: Connection) -> CoroutineType[Any, Any, aiohttp.ClientResponse]:
        """See `aiohttp.ClientResponse.start`; the read timer runs from now on, not from the upload's end."""
        if connection.protocol is not None:
            connection.protocol.start_timeout()
        return super().start(connection)


class _Watch:
    """Tells the reader of a chunked body that its connection has ended.

    aiohttp does so itself, except where it closed the connection because a chunk's frame was broken: then the
    reader would wait until ``total_s``. There is one watch for each connection, over all its replies.
    """

    def __init__(self) -> None:
        self.content: aiohttp.StreamReader | None = None

    def ended(self, connection: asyncio.Future[None]) -> None:
        """The connection's end, in good order or not."""
        connection.exception()
        content = self.content
        if content is not None and not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection ended within the body"))


class UpstreamClient:
    """The pool of connections to model servers. One for a process."""

    def __init__(
        self,
        *,
        max_header_bytes: int = 16 * 1024,
        max_header_lines: int = 128,
        read_buffer_bytes: int = 128 * 1024,
        keepalive_s: float = 4,
    ) -> None:
        """``max_header_bytes`` bounds a header line and the status line; ``read_buffer_bytes`` what is read
        ahead.
        """
        self._max_header_bytes = max_header_bytes
        self._max_header_lines = max_header_lines
        self._read_buffer_bytes = read_buffer_bytes
        self._keepalive_s = keepalive_s
        self._session: aiohttp.ClientSession | None = None
        self._uploads: aiohttp.ClientSession | None = None
        self._limits: dict[Timeouts, aiohttp.ClientTimeout] = {}
        self._urls: dict[str, URL] = {}
        self._watches: WeakKeyDictionary[ResponseHandler, _Watch] = WeakKeyDictionary()

    async def start(self) -> None:
        """Make the pool. Called once, in the event loop that will use it."""
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=10, keepalive_timeout=self._keepalive_s)
        self._session = self._new_session(connector, _Response)
        self._uploads = self._new_session(connector, _UploadResponse)

    def _new_session(
        self, connector: aiohttp.TCPConnector, replies: type[aiohttp.ClientResponse]
    ) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=replies is _Response,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"pixapi/{__version__}", "Accept-Encoding": "identity"},
            trust_env=False,
            auto_decompress=False,
            raise_for_status=False,
            response_class=replies,
            read_bufsize=self._read_buffer_bytes,
            max_line_size=self._max_header_bytes,
            max_field_size=self._max_header_bytes,
            max_headers=self._max_header_lines,
        )

    async def close(self) -> None:
        """Close every connection, those in use too."""
        sessions = (self._uploads, self._session)
        self._session = self._uploads = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def open(self, request: HttpRequest, timeouts: Timeouts) -> UpstreamExchange:
        """Send ``request``; return when status and headers have come.

        Cancelling it closes the connection.

        Raises:
            UpstreamRefused: no connection was made; nothing was sent.
            UpstreamLost: the connection ended after the request began to be sent, without a reply.
            UpstreamTimeout: with phase connect (nothing was sent), first_byte or total.
            UpstreamInvalid: the reply is not HTTP, its headers are too many or too long, or its coding is
                not known.
            ConfigError: the URL or a header cannot be sent at all.
            NotReady: the client is not started, or closed.
        """
        body: bytes | io.BytesIO = request.body
        session = self._session
        if len(request.body) > _UPLOAD_BYTES:
            # As a file it is written in steps, each when the one before has left.
            body, session = io.BytesIO(request.body), self._uploads
        if session is None:
            raise NotReady("the client for model servers is not running: the gateway is starting or stopping")
        try:
            response = await session.request(
                request.method,
                self._urls.get(request.url) or self._url(request.url),
                headers=request.headers,
                data=body,
                allow_redirects=False,
                timeout=self._limits.get(timeouts) or self._limit(timeouts),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise open_failure(error) from None
        connection = response.connection
        # Without a connection, the whole body has come along with the headers.
        protocol = None if connection is None else self._watch_body(response, connection, timeouts)
        headers = _lower(response.headers)
        coding = headers.get("content-encoding", "identity")
        if coding == "identity" or response.content.at_eof():
            return UpstreamExchange(response, headers, protocol)
        try:
            return PackedExchange(response, headers, protocol, Inflater(coding))
        except UpstreamInvalid:
            response.close()
            raise

    def _watch_body(
        self, response: aiohttp.ClientResponse, connection: Connection, timeouts: Timeouts
    ) -> ResponseHandler | None:
        """From here on the read timer is the idle timer. Returns the protocol where its end ends the body."""
        protocol = connection.protocol
        if protocol is None:
            return None
        if timeouts.idle_s != timeouts.first_byte_s:
            protocol.read_timeout = timeouts.idle_s
            protocol.start_timeout()
        if "Content-Length" in response.headers:
            return None
        if "Transfer-Encoding" not in response.headers:
            return protocol
        watch = self._watches.get(protocol)
        if watch is None and protocol.closed is not None:
            watch = self._watches[protocol] = _Watch()
            protocol.closed.add_done_callback(watch.ended)
        if watch is not None:
            watch.content = response.content
        return None

    def _url(self, text: str) -> URL:
        """``text`` as it stands: encoding it anew would break what a provider has signed."""
        url = URL(text, encoded=True)
        if len(self._urls) >= _CACHED:
            self._urls.clear()
        self._urls[text] = url
        return url

    def _limit(self, timeouts: Timeouts) -> aiohttp.ClientTimeout:
        if len(self._limits) >= _CACHED:
            self._limits.clear()
        limit = self._limits[timeouts] = aiohttp.ClientTimeout(
            total=timeouts.total_s,
            connect=min(timeouts.connect_s, timeouts.total_s),
            sock_read=timeouts.first_byte_s,
        )
        return limit


def _lower(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """Lower-case names; values of the same name joined by a comma (RFC 9110 section 5.3)."""
    names = {name.lower(): value for name, value in headers.items()}
    if len(names) < len(headers):
        return {name: ", ".join(headers.getall(name)) for name in names}
    return names
