"""A server that may do anything: raw sockets, one handler per connection."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import uvloop

from pixapi.interfaces import HttpRequest
from pixapi.transport.upstream import UpstreamClient

WAIT_S = 20


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable]:
    """Every test here runs on the loop of production, and on the standard library's."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self) -> bytes:
        """Head and body of the next request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return head + await self.reader.readexactly(length)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_gone(self) -> None:
        """Returns when the client has closed the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.gone.set()

    def reset(self) -> None:
        """End the connection with RST in place of FIN."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Hostile:
    """A listening server, and the connections it has had."""

    port: int
    peers: list[Peer] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def request(
        self, path: str = "/v1/x", body: bytes = b"{}", method: str = "POST", **headers: str
    ) -> HttpRequest:
        pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return HttpRequest(method, f"http://127.0.0.1:{self.port}{path}", pairs, body)

    async def peer(self, index: int = 0) -> Peer:
        """The connection number ``index``, once it is there."""
        async with asyncio.timeout(WAIT_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.peers) > index)
        return self.peers[index]


Handler = Callable[[Peer], Awaitable[None]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[Hostile]]]:
    """Starts servers on loopback: ``await serve(handler)``."""
    servers: list[asyncio.Server] = []
    tasks: set[asyncio.Task[None]] = set()

    async def start(handler: Handler) -> Hostile:
        hostile = Hostile(0)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            peer = Peer(reader, writer)
            async with hostile.arrived:
                hostile.peers.append(peer)
                hostile.arrived.notify_all()
            try:
                await handler(peer)
            except (ConnectionError, asyncio.IncompleteReadError):
                peer.gone.set()
            finally:
                writer.close()
                tasks.discard(task)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        servers.append(server)
        hostile.port = server.sockets[0].getsockname()[1]
        return hostile

    yield start
    for server in servers:
        server.close()
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    """A client with the caps of production."""
    upstream = UpstreamClient()
    await upstream.start()
    yield upstream
    await upstream.close()
