"""From a name to a connected socket: addresses looked up and remembered, tried in turn, TLS on top.

Both families of addresses are tried with a short head start for the first (RFC 8305), so that a host whose IPv6 is
broken costs a quarter of a second and not the whole time-out.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any

from aiohappyeyeballs import start_connection

from pixapi.errors import UpstreamRefused, UpstreamTimeout
from pixapi.transport.connection import Connection
from pixapi.transport.request_head import Origin

_ADDRESSES_GOOD_S = 10.0
_HEAD_START_S = 0.25
_MOST_NAMES = 1024
_CANNOT_CONNECT_IN_TIME = "the model's server could not be connected to in time; nothing was sent"


class Connector:
    """Makes connections in one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._addresses: dict[tuple[str, int], tuple[float, list[Any]]] = {}
        self._tls: ssl.SSLContext | None = None

    async def connect(self, origin: Origin, make: Callable[[], Connection], timeout_s: float) -> Connection:
        """A new connection.

        Raises:
            UpstreamRefused: none could be made; the sentence says why.
            UpstreamTimeout: with phase connect.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._connect(origin, make)
        except TimeoutError:
            raise UpstreamTimeout(_CANNOT_CONNECT_IN_TIME, phase="connect") from None
        except (OSError, ssl.SSLError, RuntimeError) as error:
            self._addresses.pop((origin.host, origin.port), None)
            raise UpstreamRefused(
                f"the model's server cannot be reached: {_why(error)}; nothing was sent"
            ) from None

    async def _connect(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        addresses = await self._look_up(origin.host, origin.port)
        sock = await start_connection(addresses, happy_eyeballs_delay=_HEAD_START_S, loop=self._loop)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await self._loop.create_connection(
                make,
                sock=sock,
                ssl=self._context() if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    async def _look_up(self, host: str, port: int) -> list[Any]:
        now_s = self._loop.time()
        known = self._addresses.get((host, port))
        if known is not None and known[0] > now_s:
            return known[1]
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if len(self._addresses) >= _MOST_NAMES:
            self._addresses.clear()
        self._addresses[host, port] = (now_s + _ADDRESSES_GOOD_S, found)
        return found

    def _context(self) -> ssl.SSLContext:
        """The system's certificates; made when it is first needed, for that takes some milliseconds."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _why(error: Exception) -> str:
    """Made here and never taken from the exception: that may hold addresses."""
    match error:
        case socket.gaierror():
            return "its name is not known"
        case ssl.SSLCertVerificationError():
            return "its certificate is not trusted"
        case ssl.SSLError():
            return "TLS could not be agreed on"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case _:
            return "the connection was refused"
