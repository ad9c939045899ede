"""Bodies that do not lie in memory: sent in pieces, no faster than they are read, and let go with their call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from pixapi.errors import UpstreamError
from pixapi.transport.upstream import Timeouts

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CALM = Timeouts(connect_s=20, first_byte_s=20, idle_s=20, total_s=60)
WAIT_S = 20
PIECE = bytes(range(256)) * 256
MANY = 400


class Pieces:
    """Implements `pixapi.interfaces.Body`: 26 MB of 64 kB each; ``fails_at``: the number of one that cannot be read."""

    def __init__(self, many: int = MANY, *, fails_at: int | None = None) -> None:
        self.many = many
        self.fails_at = fails_at
        self.given = 0
        self.threads: set[int] = set()

    def __len__(self) -> int:
        return self.many * len(PIECE)

    def chunks(self) -> Iterator[bytes]:
        for number in range(self.many):
            if number == self.fails_at:
                raise OSError(5, "Input/output error")
            self.given += 1
            self.threads.add(threading.get_ident())
            yield PIECE


async def test_it_arrives_whole_and_the_connection_serves_the_next_call(serve, client) -> None:
    came = []

    async def handler(peer) -> None:
        for _ in range(3):
            came.append((await peer.request()).partition(b"\r\n\r\n")[2])
            await peer.send(OK)
        await peer.until_gone()

    hostile = await serve(handler)
    body = Pieces(64)
    async with asyncio.timeout(WAIT_S):
        for sent in (body, b"small", body):
            exchange = await client.open(hostile.request(body=sent), CALM)
            assert await exchange.read(100) == b"{}"
            await exchange.close()
    assert came == [PIECE * 64, b"small", PIECE * 64]
    assert len(hostile.peers) == 1
    assert threading.get_ident() not in body.threads, "it was read in the event loop"


async def test_a_server_that_does_not_read_is_not_read_ahead_for(serve, client) -> None:
    async def handler(peer) -> None:
        await asyncio.sleep(0.5)
        given.append(body.given)
        await peer.request()
        await peer.send(OK)

    body, given = Pieces(), []
    hostile = await serve(handler)
    async with asyncio.timeout(WAIT_S):
        exchange = await client.open(hostile.request(body=body), CALM)
        await exchange.close()
    assert body.given == MANY
    assert given[0] < MANY / 2, "more was read than sockets hold"


async def test_an_answer_before_the_end_is_one_and_ends_the_sending(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(OK)
        await asyncio.sleep(0.3)
        await peer.until_gone()

    body = Pieces()
    hostile = await serve(handler)
    async with asyncio.timeout(WAIT_S):
        exchange = await client.open(hostile.request(body=body), CALM)
        assert await exchange.read(100) == b"{}"
        await exchange.close()
        await (await hostile.peer()).gone.wait()
        exchange = await client.open(hostile.request(), CALM)
        await exchange.close()
    assert len(hostile.peers) == 2, "a connection with half a request on it was used again"
    assert body.given < MANY


async def test_a_call_that_is_cancelled_stops_reading(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.5)
        await peer.until_gone()

    body = Pieces()
    hostile = await serve(handler)
    async with asyncio.timeout(WAIT_S):
        opening = asyncio.create_task(client.open(hostile.request(body=body), CALM))
        await asyncio.sleep(0.2)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await (await hostile.peer()).gone.wait()
    given = body.given
    await asyncio.sleep(0.2)
    assert body.given == given < MANY


async def test_a_body_shorter_than_it_said_is_not_made_longer(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.until_gone()

    hostile = await serve(handler)
    body = Pieces(3)
    body.chunks = lambda: iter([PIECE])
    with pytest.raises(UpstreamError) as caught:
        await client.open(hostile.request(body=body), CALM)
    assert caught.value.code == "upload_lost"


async def test_a_disk_that_fails_is_no_fault_of_the_servers(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.until_gone()

    hostile = await serve(handler)
    with pytest.raises(UpstreamError) as caught:
        await client.open(hostile.request(body=Pieces(fails_at=3)), CALM)
    assert (caught.value.code, caught.value.scope, caught.value.retryable) == ("upload_lost", "call", False)
