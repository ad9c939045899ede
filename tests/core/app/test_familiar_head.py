"""Heads that come again on a connection: known by their bytes, and only where the parser would say the same."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
import pytest
from tests.core.app.test_protocol import Recorder, body, start
from uvicorn import Config
from uvicorn.server import ServerState

from pixapi.app.protocol import GatewayProtocol

HEAD = b"POST /v1/x?a=%%20b HTTP/1.1\r\nHost: x\r\nX-Case: Keeps Its Value\r\nContent-Length: %d\r\nAccept: */*\r\n\r\n"


def post(text: bytes, head: bytes = HEAD) -> bytes:
    return head % len(text) + text


class Seen:
    """A connection to an application that says what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, list[tuple[bytes, bytes]], bytes]] = []
        self.fed = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            # What fails here is not among what was asked.
            assert "pixapi.request_id" not in scope
            assert scope["state"] == {}
            assert set(scope["asgi"]) == {"version", "spec_version"}
            scope["pixapi.request_id"] = "one request's own"
            whole = b""
            while True:
                message = await receive()
                whole += message["body"]
                if not message["more_body"]:
                    break
            self.asked.append((scope["path"], scope["query_string"], list(scope["headers"]), whole))
            scope["headers"].clear()
            scope["state"]["mine"] = scope["asgi"]["mine"] = True
            await send(start((b"content-length", b"2")))
            await send(body(b"ok"))

        config = Config(app, ws="none", lifespan="off", log_config=None)
        config.load()
        self.protocol = GatewayProtocol(config, ServerState(), {})
        self.protocol.access_log = False
        self.transport = Recorder()
        self.protocol.connection_made(self.transport)
        self.protocol.parser = Counted(self.protocol, self)  # ty: ignore[invalid-assignment]

    async def take(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)
        while self.protocol.tasks:
            await asyncio.gather(*self.protocol.tasks)
            await asyncio.sleep(0)


class Counted:
    """The parser, and how often it was fed."""

    def __init__(self, protocol: GatewayProtocol, seen: Seen) -> None:
        self._parser = httptools.HttpRequestParser(protocol)
        self._seen = seen

    def feed_data(self, data: bytes) -> None:
        self._seen.fed += 1
        self._parser.feed_data(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


async def asked_of(*requests: tuple[bytes, ...] | bytes) -> tuple[list[Any], int]:
    """What was asked of the application, and how often the parser was fed."""
    seen = Seen()
    for request in requests:
        await seen.take(*(request if isinstance(request, tuple) else (request,)))
    return seen.asked, seen.fed


async def parsed(*requests: tuple[bytes, ...] | bytes) -> list[Any]:
    """The same, each on a connection of its own, where no head is familiar."""
    return [(await asked_of(request))[0][0] for request in requests]


async def test_a_head_that_comes_again_means_the_same_and_is_not_parsed() -> None:
    requests = [post(b"one"), post(b"another"), post(b""), post(b"x" * 70_000)]
    asked, fed = await asked_of(*requests)
    assert asked == await parsed(*requests)
    assert fed == 1


async def test_a_bodys_length_stands_in_the_headers() -> None:
    asked, _ = await asked_of(post(b"one"), post(b"another"))
    assert [dict(headers)[b"content-length"] for _, _, headers, _ in asked] == [b"3", b"7"]


@pytest.mark.parametrize(
    "other",
    [
        post(b"x", HEAD.replace(b"/v1/x", b"/v1/y")),
        post(b"x", HEAD.replace(b"Keeps", b"Other")),
        post(b"x", HEAD.replace(b"Accept", b"X-More: 1\r\nAccept")),
        (post(b"in two pieces")[:-5], post(b"in two pieces")[-5:]),
        (post(b"cut in its head")[:30], post(b"cut in its head")[30:]),
        (post(b"")[:-1], post(b"")[-1:]),
        b"GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
async def test_what_is_not_that_head_and_all_of_its_body_is_parsed(other: tuple[bytes, ...] | bytes) -> None:
    asked, fed = await asked_of(post(b"first"), other, post(b"last"))
    assert asked == await parsed(post(b"first"), other, post(b"last"))
    assert fed > 1


@pytest.mark.parametrize("digits", [b"+5", b"-5", b"5 ", b"0x5", b"5, 5", b"5_0", b"", b"\xb2"])
async def test_what_is_no_plain_length_is_left_to_the_parser(digits: bytes) -> None:
    request = HEAD.replace(b"%d", digits).replace(b"%%", b"%") + b"hello"
    seen = Seen()
    await seen.take(post(b"first"))
    await seen.take(request)
    assert seen.fed == 2


async def test_requests_sent_ahead_are_answered_in_turn() -> None:
    ahead = post(b"first") + post(b"second")
    asked, _ = await asked_of(ahead, post(b"third"), (post(b"fourth"), post(b"fifth")), post(b"sixth"))
    assert [text for *_, text in asked] == [b"first", b"second", b"third", b"fourth", b"fifth", b"sixth"]


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"Accept", b"Content-Length: %d\r\nAccept"),
        HEAD.replace(b"Keeps Its Value", b"goes\r\n on"),
        HEAD.replace(b"Accept: */*", b"Connection: close"),
        HEAD.replace(b"Accept: */*", b"Expect: 100-continue"),
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0"),
        HEAD.replace(b"POST", b"PUT"),
        HEAD.replace(b"\r\n", b"\n"),
        b"\r\n" + HEAD,
    ],
)
async def test_heads_that_may_be_read_in_two_ways_are_never_familiar(head: bytes) -> None:
    seen = Seen()
    request = head % ((5,) * head.count(b"%d")) + b"hello"
    for _ in range(3):
        await seen.take(request)
        if seen.transport.closed:
            return
    assert seen.fed == 3


async def test_a_smuggled_head_within_a_body_is_a_body() -> None:
    inner = b"\r\nContent-Length: 5\r\n\r\nhello"
    asked, _ = await asked_of(post(inner), post(inner), post(inner.replace(b"5", b"6")))
    assert [text for *_, text in asked] == [inner, inner, inner.replace(b"5", b"6")]


async def test_a_client_whose_heads_all_differ_is_not_learnt_for_ever() -> None:
    seen = Seen()
    for number in range(20):
        await seen.take(post(b"x", HEAD.replace(b"Keeps", str(number).encode())))
    await seen.take(post(b"x", HEAD.replace(b"Keeps", b"19")))
    assert seen.fed == 21
