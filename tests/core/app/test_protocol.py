"""Replies as they leave: what is written at once, what goes uvicorn's own way, and when connections end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from pixapi.app.protocol import GatewayProtocol
from pixapi.gateway.http import BODY_FOLLOWS

DATE = (b"date", b"Thu, 26 Nov 2026 00:00:00 GMT")
START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ndate: " + DATE[1] + b"\r\ncontent-type: text/plain\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


class Recorder(asyncio.Transport):
    """Notes what is written at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


class Served:
    """A connection over which requests come; ``messages`` answers each of them, None waits for the loop's next turn."""

    def __init__(self, messages: Sequence[dict[str, Any] | None], keep_alive_s: float = 5) -> None:
        async def app(_: Any, __: Any, send: Callable[[Any], Awaitable[None]]) -> None:
            for message in messages:
                if message is None:
                    await asyncio.sleep(0)
                    continue
                try:
                    await send(message)
                except RuntimeError as error:
                    self.errors.append(str(error))
                    raise

        config = Config(app, ws="none", lifespan="off", log_config=None, timeout_keep_alive=1)
        config.load()
        state = ServerState()
        state.default_headers = [DATE]
        self.errors: list[str] = []
        self.transport = Recorder()
        self.protocol = GatewayProtocol(config, state, {})
        self.protocol.access_log = False
        self.protocol.timeout_keep_alive = keep_alive_s  # ty: ignore[invalid-assignment] # whole seconds take too long
        self.protocol.connection_made(self.transport)

    async def ask(self, request: bytes = GET) -> list[bytes]:
        """What is written in answer."""
        before = len(self.transport.written)
        self.protocol.data_received(request)
        while self.protocol.tasks:
            with suppress(RuntimeError):
                await asyncio.gather(*self.protocol.tasks)
            await asyncio.sleep(0)
        return self.transport.written[before:]


async def answer(*messages: dict[str, Any] | None, request: bytes = GET) -> list[bytes]:
    return await Served(messages).ask(request)


async def test_a_stream_that_is_ready_leaves_with_its_head() -> None:
    assert await answer(START, body(b"hello")) == [CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"]


async def test_a_whole_reply_leaves_with_its_head() -> None:
    sized = start((b"content-type", b"text/plain"), (b"content-length", b"5"))
    assert await answer(sized, body(b"hello")) == [HEAD + b"content-length: 5\r\n\r\nhello"]


async def test_pieces_of_a_stream_leave_as_they_come() -> None:
    written = await answer(START, body(b"a" * 17, more=True), body(b"", more=True), body(b"b"), None)
    assert written == [CHUNKED + b"11\r\n" + b"a" * 17 + b"\r\n", b"1\r\nb\r\n0\r\n\r\n"]


async def test_a_head_that_nothing_follows_leaves_in_the_next_turn() -> None:
    assert await answer(START, None, None, body(b"")) == [CHUNKED, b"0\r\n\r\n"]


async def test_a_head_whose_body_is_announced_waits_for_it() -> None:
    announced = {**START, BODY_FOLLOWS: True}
    assert await answer(announced, None, body(b"hello")) == [CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"]


async def test_a_large_piece_is_not_copied_behind_its_head() -> None:
    large = b"x" * 100_000
    head, *rest = await answer(START, body(large))
    assert head == CHUNKED
    assert b"".join(rest) == b"186a0\r\n" + large + b"\r\n0\r\n\r\n"


async def test_a_whole_reply_in_pieces_goes_uvicorns_way() -> None:
    sized = start((b"content-type", b"text/plain"), (b"content-length", b"4"))
    written = await answer(sized, body(b"ab", more=True), body(b"cd"))
    assert b"".join(written) == HEAD + b"content-length: 4\r\n\r\nabcd"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (start((b"content-length", b"0"), status=404), b"HTTP/1.1 404 Not Found\r\n"),
        (start((b"content-length", b"0"), (b"connection", b"close")), b"connection: close\r\n"),
        (start((b"Content-Length", b"0")), b"content-length: 0\r\n"),
    ],
    ids=["an error", "the last of its connection", "a header in capitals"],
)
async def test_what_is_unusual_goes_uvicorns_way(message: dict[str, Any], expected: bytes) -> None:
    assert expected in (await answer(message, body(b"")))[0]


async def test_a_connection_that_shall_end_is_closed() -> None:
    served = Served([START, body(b"hello")])
    written = await served.ask(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"connection: close\r\n" in written[0]
    assert b"".join(written).endswith(b"5\r\nhello\r\n0\r\n\r\n")
    assert served.transport.closed


async def test_replies_to_head_have_no_body() -> None:
    sized = start((b"content-type", b"text/plain"), (b"content-length", b"5"))
    written = await answer(sized, body(b"hello"), request=GET.replace(b"GET", b"HEAD"))
    assert b"".join(written) == HEAD + b"content-length: 5\r\n\r\n"


@pytest.mark.parametrize("value", [b"a\r\nx: y", b"a\nb", b"a\rb", b"a\0b"])
async def test_no_header_ends_before_its_end(value: bytes) -> None:
    served = Served([start((b"x-a", value)), body(b"hello")])
    written = await served.ask()
    assert served.errors == ["Invalid HTTP header value."]
    assert value not in b"".join(written)


async def test_a_body_of_another_length_than_was_said_is_an_error() -> None:
    served = Served([start((b"content-length", b"5")), body(b"hell")])
    await served.ask()
    assert served.errors == ["Response content shorter than Content-Length"]


async def test_requests_sent_ahead_are_answered_in_turn() -> None:
    reply = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    assert await Served([START, body(b"hello")]).ask(GET * 3) == [reply] * 3


async def test_a_connection_ends_when_it_was_idle_for_long_enough() -> None:
    served = Served([START, body(b"hello")], keep_alive_s=0.2)
    for _ in range(5):
        await served.ask()
        await asyncio.sleep(0.1)
        assert not served.transport.closed
    await asyncio.sleep(0.5)
    assert served.transport.closed


async def test_a_connection_with_a_request_under_way_is_not_idle() -> None:
    served = Served([START, body(b"hello")], keep_alive_s=0.1)
    await served.ask()
    served.protocol.data_received(GET[:10])
    await asyncio.sleep(0.4)
    assert not served.transport.closed
    served.protocol.connection_lost(None)
