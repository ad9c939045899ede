"""The plugins' way to the network."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator

import pytest

from pixapi.errors import (
    ConfigError,
    PluginError,
    UpstreamCut,
    UpstreamInvalid,
    UpstreamLost,
    UpstreamRefused,
    UpstreamTimeout,
)
from pixapi.interfaces import HttpRequest
from pixapi.transport.outbound import OutboundClient

OK = b"HTTP/1.1 200 OK\r\nX-Some: a\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
async def out() -> AsyncIterator[OutboundClient]:
    client = OutboundClient(["127.0.0.1"], limit_bytes=1 << 20)
    yield client
    await client.close()


def replying(data: bytes, stay: bool = False):
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(data)
        if stay:
            await peer.until_gone()

    return handler


async def test_a_reply_comes_whole(serve, out) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    server = await serve(handler)
    reply = await out.send(server.request(path="/token?x=1", body=b"grant", authorization="Basic abc"))
    assert (reply.status, reply.body, reply.headers["x-some"]) == (200, b"{}", "a")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?x=1 HTTP/1.1\r\n")
    assert b"authorization: basic abc" in head.lower()
    assert b"accept-encoding: identity" in head.lower()
    assert body == b"grant"


@pytest.mark.parametrize(
    ("allowed", "url", "said"),
    [
        ("api.example.test", "https://other.example.test/", "does not name"),
        ("api.example.test", "https://api.example.test.evil.test/", "does not name"),
        ("api.example.test", "https://api.example.test@evil.test/", "does not name"),
        ("api.example.test", "http://api.example.test/", "https only"),
        ("api.example.test:8443", "https://api.example.test/", "does not name"),
        ("https://api.example.test/v1", "http://api.example.test:443/", "https only"),
        ("http://10.0.0.1:8000/v1", "http://10.0.0.1:8001/", "does not name"),
        ("127.0.0.1", "ftp:///x", "does not name"),
        ("127.0.0.1", "http://[", "does not name"),
        ("127.0.0.1", "http://2130706433/", "does not name"),
    ],
)
async def test_trap_15_other_hosts_are_refused(allowed: str, url: str, said: str) -> None:
    out = OutboundClient([allowed])
    with pytest.raises(PluginError, match=said):
        await out.send(HttpRequest("GET", url))


@pytest.mark.parametrize("entry", ["", "https://", "ftp://example.test", "http://[", "a:b:c"])
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="is no host to allow"):
        OutboundClient([entry])


async def test_a_configured_url_allows_its_own_port_over_http(serve) -> None:
    server = await serve(replying(OK))
    out = OutboundClient([f"http://localhost:{server.port}/v1"])
    reply = await out.send(HttpRequest("GET", f"http://LOCALHOST:{server.port}/other"))
    assert reply.status == 200
    await out.close()


async def test_trap_15_redirects_are_not_followed_and_cookies_not_kept(serve, out) -> None:
    elsewhere = await serve(replying(OK))
    seen: list[bytes] = []

    async def handler(peer) -> None:
        while True:
            seen.append(await peer.request())
            where = b"http://127.0.0.1:%d/" % elsewhere.port
            await peer.send(
                b"HTTP/1.1 307 X\r\nlocation: %s\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n" % where
            )

    server = await serve(handler)
    for _ in range(2):
        assert (await out.send(server.request())).status == 307
    assert elsewhere.peers == []
    assert not any(b"cookie" in request.lower() for request in seen)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", UpstreamLost),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", UpstreamCut),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", UpstreamCut),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n" + bytes(2_000_000), UpstreamInvalid),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{}", UpstreamInvalid),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(bytes(1 << 26)),
            UpstreamInvalid,
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"hello")[:-1], UpstreamCut),
    ],
    ids=["nothing", "short", "cut", "large", "coding", "bomb", "cut gzip"],
)
async def test_a_bad_reply_is_an_error(serve, out, data: bytes, expected: type[Exception]) -> None:
    server = await serve(replying(data))
    with pytest.raises(expected):
        await out.send(server.request())


async def test_a_compressed_reply_is_undone(serve, out) -> None:
    server = await serve(
        replying(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b"hello"))
    )
    assert (await out.send(server.request())).body == b"hello"


async def test_a_silent_server_is_a_time_out(serve, out) -> None:
    server = await serve(replying(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", stay=True))
    with pytest.raises(UpstreamTimeout) as late:
        await out.send(server.request(), timeout_s=0.2)
    assert late.value.phase == "total"
    await asyncio.wait_for((await server.peer()).gone.wait(), 20)


async def test_a_closed_port_is_refused(serve, out) -> None:
    with pytest.raises(UpstreamRefused):
        await out.send(HttpRequest("GET", "http://127.0.0.1:1/"))


async def test_a_header_with_a_line_break_is_not_sent(serve, out) -> None:
    server = await serve(replying(OK))
    with pytest.raises(PluginError, match="does not allow"):
        await out.send(server.request(authorization="Bearer a\r\nx: y"))


async def test_the_log_has_the_host_and_nothing_else_of_the_request(serve, out, caplog) -> None:
    caplog.set_level(logging.INFO, "pixapi.outbound")
    server = await serve(replying(OK))
    await out.send(
        server.request(path="/secret-path?key=secret-key", body=b"secret-body", authorization="secret-header")
    )
    lines = [record.msg for record in caplog.records if record.name == "pixapi.outbound"]
    assert [(line["host"], line["method"], line["status"]) for line in lines] == [("127.0.0.1", "POST", 200)]
    assert "secret" not in str(lines)
