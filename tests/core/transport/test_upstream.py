"""The transport contract, against servers that keep none of theirs."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import socket
import ssl
import subprocess
import tracemalloc
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from pixapi.errors import (
    ConfigError,
    NotReady,
    UpstreamCut,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLost,
    UpstreamRefused,
    UpstreamTimeout,
)
from pixapi.interfaces import HttpRequest
from pixapi.transport.upstream import Timeouts, UpstreamClient

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CALM = Timeouts(connect_s=20, first_byte_s=20, idle_s=20, total_s=60)
WAIT_S = 20
LIMIT = 1 << 20


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def answers(peer) -> None:
    while True:
        await peer.request()
        await peer.send(OK)


async def fetch(
    client: UpstreamClient, request: HttpRequest, timeouts: Timeouts = CALM, limit: int = LIMIT
) -> bytes:
    async with asyncio.timeout(WAIT_S):
        exchange = await client.open(request, timeouts)
        try:
            return await exchange.read(limit)
        finally:
            await exchange.close()


async def test_a_reply_has_status_lower_case_headers_and_body(serve, client) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(b"HTTP/1.1 201 Created\r\nX-Some-Header: Value\r\nVary: a\r\nVary: b\r\n")
        await peer.send(b"Content-Length: 5\r\n\r\nhello")

    server = await serve(handler)
    exchange = await client.open(
        server.request(path="/v1/a%2Fb?q=%3A", body=b"[1]", authorization="Bearer k"), CALM
    )
    assert exchange.status == 201
    assert dict(exchange.headers) == {"x-some-header": "Value", "vary": "a, b", "content-length": "5"}
    assert await exchange.read(5) == b"hello"
    await exchange.close()
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert seen[0].startswith(b"POST /v1/a%2Fb?q=%3A HTTP/1.1\r\n")
    assert b"authorization: bearer k" in lines
    assert b"accept-encoding: identity" in lines
    assert any(line.startswith(b"user-agent: pixapi/") for line in lines)
    assert body == b"[1]"


async def test_the_callers_own_accept_encoding_is_kept(serve, client) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    server = await serve(handler)
    await fetch(client, server.request(accept_encoding="gzip"))
    assert b"accept-encoding: gzip\r\n" in seen[0].lower()
    assert b"identity" not in seen[0]


async def test_cancelling_before_the_headers_closes_the_connection(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.until_gone()

    server = await serve(handler)
    call = asyncio.create_task(client.open(server.request(), CALM))
    peer = await server.peer()
    await asyncio.sleep(0.05)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(peer.gone.wait(), WAIT_S)


async def test_cancelling_closes_the_connection_even_when_the_server_never_reads(serve, client) -> None:
    goes_on = asyncio.Event()

    async def handler(peer) -> None:
        peer.writer.transport.pause_reading()
        await goes_on.wait()
        peer.writer.transport.resume_reading()
        await peer.until_gone()

    server = await serve(handler)
    body = bytes(16 << 20)
    call = asyncio.create_task(client.open(server.request(body=body), CALM))
    peer = await server.peer()
    await asyncio.sleep(0.2)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    goes_on.set()
    await asyncio.wait_for(peer.gone.wait(), WAIT_S)


async def test_the_first_chunk_is_not_held_back(serve, client) -> None:
    goes_on = asyncio.Event()

    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"data: 1\n\n"))
        await goes_on.wait()
        await peer.send(chunk(b"data: 2\n\n") + b"0\r\n\r\n")

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    chunks = exchange.chunks()
    assert await asyncio.wait_for(anext(chunks), WAIT_S) == b"data: 1\n\n"
    goes_on.set()
    assert b"".join([data async for data in chunks]) == b"data: 2\n\n"
    await exchange.close()


async def test_a_cancelled_wait_for_a_chunk_loses_nothing(serve, client) -> None:
    goes_on = asyncio.Event()

    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await goes_on.wait()
        await peer.send(chunk(b"late") + b"0\r\n\r\n")

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    chunks = exchange.chunks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(chunks)
    goes_on.set()
    assert [data async for data in chunks] == [b"late"]
    await exchange.close()


async def test_refused_is_told_from_lost(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()

    server = await serve(handler)
    with pytest.raises(UpstreamLost):
        await fetch(client, server.request())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(UpstreamRefused) as refused:
            await fetch(client, HttpRequest("POST", f"http://127.0.0.1:{port}/v1?key=secret"))
    assert refused.value.message.startswith("the model's server cannot be reached: connection refused;")


async def late(coroutine: Coroutine[Any, Any, Any], by_s: float) -> Any:
    """Runs ``coroutine`` so that it gets its turn late each time, as in a loop that has much to do."""

    class Late:
        def __await__(self) -> Generator[Any, Any, Any]:
            steps = coroutine.__await__()
            while True:
                try:
                    waited_for = next(steps)
                except StopIteration as done:
                    return done.value
                yield waited_for
                yield from asyncio.sleep(by_s).__await__()

    return await Late()


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_connection_that_ends_before_anything_was_sent_is_refused_and_not_lost(
    serve, client, how: str
) -> None:
    """So the call may be sent again, even one that is paid: the server cannot have seen it."""
    asked: list[bytes] = []

    async def handler(peer) -> None:
        if len(server.peers) > 1:
            asked.append(await peer.request())
            await peer.send(OK)
        elif how == "reset":
            peer.reset()

    server = await serve(handler)
    with pytest.raises(UpstreamRefused, match="closed the connection at once; nothing was sent"):
        await late(client.open(server.request(), CALM), by_s=0.05)
    assert await fetch(client, server.request()) == b"{}"
    assert len(asked) == 1


async def test_a_reset_before_the_reply_is_lost(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        peer.reset()

    server = await serve(handler)
    with pytest.raises(UpstreamLost):
        await fetch(client, server.request())


async def test_half_a_header_is_lost(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-ty")

    server = await serve(handler)
    with pytest.raises(UpstreamLost):
        await fetch(client, server.request())


async def test_an_unknown_name_is_refused(client) -> None:
    with pytest.raises(UpstreamRefused, match="its name is not known"):
        await fetch(client, HttpRequest("POST", "http://does-not-exist.invalid/v1"))


async def test_no_tls_on_the_other_side_is_refused(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.reader.read(1)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await serve(handler)
    with pytest.raises(UpstreamRefused):
        await fetch(client, HttpRequest("POST", f"https://127.0.0.1:{server.port}/v1"))


async def test_a_certificate_that_nobody_vouches_for_is_refused(client, tmp_path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("NOT TESTED: there is no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    command += ["-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    seen: list[bytes] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(UpstreamRefused, match="its certificate is not trusted"):
        await fetch(client, HttpRequest("POST", f"https://localhost:{port}/v1", (("x-api-key", "secret"),)))
    server.close()
    assert not any(seen)


async def test_connecting_takes_no_longer_than_allowed(client) -> None:
    # A listener whose queue is full does not answer to further attempts.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            with pytest.raises(UpstreamTimeout) as late:
                await fetch(
                    client, HttpRequest("POST", f"http://127.0.0.1:{port}/v1"), Timeouts(0.2, 20, 20, 60)
                )
            assert late.value.phase == "connect"
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_trap_15_a_redirect_is_handed_on_and_the_key_goes_nowhere(serve, client, status: int) -> None:
    elsewhere = await serve(answers)

    async def handler(peer) -> None:
        await peer.request()
        where = b"http://127.0.0.1:%d/steal" % elsewhere.port
        await peer.send(b"HTTP/1.1 %d Moved\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n" % (status, where))

    server = await serve(handler)
    exchange = await client.open(server.request(authorization="Bearer sk-secret"), CALM)
    assert exchange.status == status
    assert exchange.headers["location"].endswith("/steal")
    assert await exchange.read(0) == b""
    assert elsewhere.peers == []


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nx-endless: ", b"a" * 4096),
        (b"HTTP/1.1 200 ", b"a" * 4096),
        (b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n" * 512),
        (b"HTTP/1.1 200 OK\r\n", b"x" * 4096),
    ],
    ids=["value", "reason", "lines", "name"],
)
async def test_endless_headers_end_in_an_error_within_bounded_memory(
    serve, client, start: bytes, more: bytes
) -> None:
    sent = 0

    async def handler(peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(more)
            sent += len(more)

    server = await serve(handler)
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamInvalid):
            await fetch(client, server.request())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    peer = await server.peer()
    await asyncio.wait_for(peer.gone.wait(), WAIT_S)


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{}",
        b"<html>no status line</html>\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_invalid(serve, client, reply: bytes) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(reply)
        await peer.until_gone()

    server = await serve(handler)
    with pytest.raises(UpstreamInvalid):
        await fetch(client, server.request())


async def test_silence_after_the_request_is_a_first_byte_time_out(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.until_gone()

    server = await serve(handler)
    with pytest.raises(UpstreamTimeout) as late:
        await fetch(client, server.request(), Timeouts(20, 0.2, 20, 60))
    assert late.value.phase == "first_byte"
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


async def test_a_server_that_never_reads_is_a_first_byte_time_out(serve, client) -> None:
    async def handler(peer) -> None:
        peer.writer.transport.pause_reading()
        await asyncio.sleep(WAIT_S)

    server = await serve(handler)
    with pytest.raises(UpstreamTimeout) as late:
        await fetch(client, server.request(body=bytes(16 << 20)), Timeouts(20, 0.3, 20, 60))
    assert late.value.phase == "first_byte"


async def test_a_slow_trickle_is_not_idle_but_ends_in_all(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        while True:
            await peer.send(chunk(b"."))
            await asyncio.sleep(0.05)

    server = await serve(handler)
    exchange = await client.open(server.request(), Timeouts(20, 20, 10, 1))
    got = b""
    with pytest.raises(UpstreamTimeout) as late:
        async for data in exchange.chunks():
            got += data
    assert late.value.phase == "total"
    assert got
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


async def test_a_trickle_of_headers_ends_in_all(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        for byte in b"HTTP/1.1 200 OK\r\nx-slow: " + b"a" * 1000:
            await peer.send(bytes([byte]))
            await asyncio.sleep(0.05)

    server = await serve(handler)
    with pytest.raises(UpstreamTimeout) as late:
        await fetch(client, server.request(), Timeouts(20, 10, 10, 1))
    assert late.value.phase == "total"


async def test_a_body_that_stops_is_idle(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"hello"))
        await peer.until_gone()

    server = await serve(handler)
    exchange = await client.open(server.request(), Timeouts(20, 20, 0.2, 60))
    chunks = exchange.chunks()
    assert await anext(chunks) == b"hello"
    with pytest.raises(UpstreamTimeout) as late:
        await asyncio.wait_for(anext(chunks), WAIT_S)
    assert late.value.phase == "idle"
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


BROKEN_BODIES = {
    "nothing after the headers": (CHUNKED, False),
    "chunked, no last chunk": (CHUNKED + chunk(b"hello"), False),
    "chunked, cut within a chunk": (CHUNKED + b"5\r\nhel", False),
    "chunked, reset": (CHUNKED + chunk(b"hello"), True),
    "length, too short": (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", False),
    "length, nothing": (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n", False),
    "length, reset": (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", True),
    "to the end, reset": (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
}


@pytest.mark.parametrize("case", BROKEN_BODIES)
async def test_a_body_that_breaks_off_is_cut(serve, client, case: str) -> None:
    data, reset = BROKEN_BODIES[case]
    seen = asyncio.Event()

    async def handler(peer) -> None:
        await peer.request()
        await peer.send(data)
        await seen.wait()
        if reset:
            peer.reset()

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    assert exchange.status == 200
    seen.set()
    with pytest.raises(UpstreamCut):
        await asyncio.wait_for(exchange.read(LIMIT), WAIT_S)
    await exchange.close()


async def test_a_broken_chunk_frame_is_cut(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"hello"))
        await asyncio.sleep(0.05)
        await peer.send(b"zz\r\nbroken\r\n")
        await peer.until_gone()

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    with pytest.raises(UpstreamError) as broken:
        await asyncio.wait_for(exchange.read(LIMIT), WAIT_S)
    assert type(broken.value) in (UpstreamCut, UpstreamInvalid)
    await exchange.close()


async def test_a_body_that_ends_with_its_connection_is_whole(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")

    server = await serve(handler)
    assert await fetch(client, server.request()) == b"hello"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_a_body_over_the_limit_is_invalid_and_not_read_on(serve, client, framing: str) -> None:
    async def handler(peer) -> None:
        await peer.request()
        block = bytes(65536)
        if framing == "length":
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        else:
            await peer.send(CHUNKED)
            block = chunk(block)
        while True:
            await peer.send(block)

    server = await serve(handler)
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamInvalid, match="more than the 100000 bytes"):
            await fetch(client, server.request(), limit=100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


async def test_closing_in_mid_stream_closes_the_connection(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"hello"))
        await peer.until_gone()

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    assert await anext(exchange.chunks()) == b"hello"
    await exchange.close()
    await exchange.close()
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)
    with pytest.raises(UpstreamCut):
        await anext(exchange.chunks())


async def test_a_connection_is_used_again_after_a_whole_body(serve, client) -> None:
    server = await serve(answers)
    for _ in range(5):
        assert await fetch(client, server.request()) == b"{}"
    assert len(server.peers) == 1


@pytest.mark.parametrize("when", ["at once", "later"])
async def test_an_answer_that_nobody_asked_for_reaches_nobody(serve, client, when: str) -> None:
    stray = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstray"
    said = asyncio.Event()

    async def handler(peer) -> None:
        while True:
            await peer.request()
            if when == "at once":
                await peer.send(OK + stray)
            else:
                await peer.send(OK)
                await asyncio.sleep(0.05)
                await peer.send(stray)
                said.set()

    server = await serve(handler)
    answers_: list[bytes | type[UpstreamError]] = []
    for _ in range(6):
        said.clear()
        try:
            answers_.append(await fetch(client, server.request()))
        except UpstreamLost:
            answers_.append(UpstreamLost)
            continue
        if when == "later":
            await asyncio.wait_for(said.wait(), WAIT_S)
            await asyncio.sleep(0.05)
    expected = [b"{}"] * 6
    assert answers_ == expected


@pytest.mark.parametrize(
    ("start", "more"),
    [(b"", b"HTTP/1.1 103 Early Hints\r\nx-a: b\r\n\r\n" * 64), (b"HTTP/1.1 103 X\r\n", b"x-a: b\r\n" * 64)],
    ids=["replies", "lines"],
)
async def test_endless_interim_replies_end_within_bounded_memory(
    serve, client, start: bytes, more: bytes
) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(start)
        while True:
            await peer.send(more)
            await asyncio.sleep(0.001)

    server = await serve(handler)
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamError):
            await fetch(client, server.request(), Timeouts(20, 20, 20, 2))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20


async def test_endless_trailers_end_in_an_error(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"hello") + b"0\r\n")
        while True:
            await peer.send(b"x-trailer: a\r\n" * 64)

    server = await serve(handler)
    with pytest.raises((UpstreamCut, UpstreamInvalid)):
        await fetch(client, server.request())
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


async def test_a_connection_is_not_used_again_after_half_a_body(serve, client) -> None:
    async def handler(peer) -> None:
        while True:
            await peer.request()
            await peer.send(CHUNKED + chunk(b"hello"))

    server = await serve(handler)
    for _ in range(3):
        exchange = await client.open(server.request(), CALM)
        await exchange.close()
    assert len(server.peers) == 3


async def test_an_answer_before_the_upload_is_complete_spoils_no_later_call(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await peer.until_gone()

    server = await serve(handler)
    for _ in range(3):
        exchange = await client.open(server.request(body=bytes(8 << 20)), CALM)
        assert exchange.status == 413
        assert await exchange.read(3) == b"big"
        await exchange.close()
    assert len(server.peers) == 3


async def test_a_large_body_arrives_whole(serve, client) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    server = await serve(handler)
    body = bytes(range(256)) * 20_000
    await fetch(client, server.request(body=body, content_type="application/json"))
    head, _, got = seen[0].partition(b"\r\n\r\n")
    assert got == body
    assert b"content-length: %d" % len(body) in head.lower()
    assert b"content-type: application/json" in head.lower()


async def test_cookies_are_not_kept(serve, client) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        while True:
            seen.append(await peer.request())
            await peer.send(b"HTTP/1.1 200 OK\r\nset-cookie: a=b; Path=/\r\ncontent-length: 2\r\n\r\n{}")

    server = await serve(handler)
    await fetch(client, server.request())
    await fetch(client, server.request())
    assert len(seen) == 2
    assert not any(b"cookie" in request.lower() for request in seen)


async def test_the_environments_proxy_is_not_used(serve, client, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = await serve(answers)
    server = await serve(answers)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert await fetch(client, server.request()) == b"{}"
    assert proxy.peers == []


async def test_a_compressed_reply_is_undone(serve, client) -> None:
    plain = b'{"text": "' + b"hello " * 50_000 + b'"}'
    packed = gzip.compress(plain)

    async def handler(peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
        )
        for start in range(0, len(packed), 100):
            await peer.send(packed[start : start + 100])

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    assert "content-encoding" not in exchange.headers
    assert "content-length" not in exchange.headers
    assert await exchange.read(LIMIT) == plain
    await exchange.close()


@pytest.mark.parametrize(
    ("body", "limit", "expected"),
    [
        (gzip.compress(bytes(1 << 30), 1), LIMIT, UpstreamInvalid),
        (gzip.compress(b"hello")[:-4], LIMIT, UpstreamCut),
        (b"this is no gzip", LIMIT, UpstreamInvalid),
    ],
    ids=["bomb", "cut", "not gzip"],
)
async def test_a_compressed_reply_that_is_broken_ends_in_an_error(
    serve, client, body: bytes, limit: int, expected: type[UpstreamError]
) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )

    server = await serve(handler)
    tracemalloc.start()
    try:
        with pytest.raises(expected):
            await fetch(client, server.request(), limit=limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


async def test_an_unknown_coding_is_refused(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 10\r\n\r\n")
        await peer.until_gone()

    server = await serve(handler)
    with pytest.raises(UpstreamInvalid, match="expected identity, gzip or deflate"):
        await fetch(client, server.request())
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "http://127.0.0.1:1/v1", (("authorization", "Bearer sk-secret\n"),)),
        HttpRequest("POST", "http://127.0.0.1:1/v1", (("x-a: b\r\nx-c", "d"),)),
        HttpRequest("POST", "127.0.0.1:1/v1"),
        HttpRequest("POST", "ftp://127.0.0.1/v1"),
        HttpRequest("POST", "http:///v1"),
        HttpRequest("POST", "http://127.0.0.1:70000/v1"),
    ],
    ids=["value", "name", "no scheme", "other scheme", "no host", "port"],
)
async def test_what_cannot_be_sent_is_a_matter_of_configuration(serve, client, request_: HttpRequest) -> None:
    server = await serve(answers)
    url = request_.url.replace(":1/", f":{server.port}/")
    with pytest.raises(ConfigError) as refused:
        await client.open(HttpRequest("POST", url, request_.headers), CALM)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "line", ["/v1\r\nx-injected: 1", "/v1 HTTP/1.1\r\nx-injected: 1\r\n\r\n", "/v1\nx: 1"]
)
async def test_a_url_cannot_smuggle_headers(serve, client, line: str) -> None:
    seen: list[bytes] = []

    async def handler(peer) -> None:
        seen.append(await peer.request())
        await peer.send(OK)

    server = await serve(handler)
    try:
        await fetch(client, HttpRequest("POST", f"http://127.0.0.1:{server.port}{line}"))
    except ConfigError:
        assert seen == []
    else:
        assert b"\nx" not in seen[0].partition(b"\r\n")[0]
        assert b"x-injected: 1\r\n" not in seen[0]


async def test_many_calls_at_once_have_a_connection_each(serve, client) -> None:
    arrived = 0
    everyone = asyncio.Event()

    async def handler(peer) -> None:
        nonlocal arrived
        await peer.request()
        arrived += 1
        if arrived == 300:
            everyone.set()
        await everyone.wait()
        await peer.send(OK)

    server = await serve(handler)
    replies = await asyncio.gather(*(fetch(client, server.request()) for _ in range(300)))
    assert replies == [b"{}"] * 300


async def test_a_client_that_is_not_running_says_so(serve, client) -> None:
    server = await serve(answers)
    idle = UpstreamClient()
    with pytest.raises(NotReady):
        await idle.open(server.request(), CALM)
    await client.close()
    with pytest.raises(NotReady):
        await client.open(server.request(), CALM)
    await client.close()


async def test_closing_the_client_ends_calls_under_way(serve, client) -> None:
    async def handler(peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + chunk(b"hello"))
        await peer.until_gone()

    server = await serve(handler)
    exchange = await client.open(server.request(), CALM)
    assert await anext(exchange.chunks()) == b"hello"
    await client.close()
    with pytest.raises(UpstreamCut):
        await asyncio.wait_for(anext(exchange.chunks()), WAIT_S)
    await asyncio.wait_for((await server.peer()).gone.wait(), WAIT_S)


async def test_nothing_is_left_behind(serve, client) -> None:
    server = await serve(answers)
    before = len(asyncio.all_tasks())
    for _ in range(20):
        await fetch(client, server.request())
    assert len(asyncio.all_tasks()) <= before + 1  # the server's own task for the one kept connection


async def test_a_trailer_without_an_end_is_not_kept(serve, client) -> None:
    sent = 0

    async def handler(peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(CHUNKED + b"2\r\n{}\r\n0\r\nx-trailer: ")
        while sent < 64 * 1024 * 1024:
            await peer.send(b"x" * 65536)
            sent += 65536
        await peer.send(b"\r\n\r\n")

    hostile = await serve(handler)
    async with asyncio.timeout(WAIT_S):
        exchange = await client.open(hostile.request(), CALM)
        try:
            with pytest.raises(UpstreamInvalid):
                await exchange.read(100)
        finally:
            await exchange.close()
    assert sent < 16 * 1024 * 1024
