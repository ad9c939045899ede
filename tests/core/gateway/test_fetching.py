"""Files that a reply only names: which are asked for again, and what is too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pixapi.gateway.fetching import fetch_all
from pixapi.transport.addresses import public_addresses
from pixapi.transport.outbound import OutboundClient


class Files:
    """A server that answers with what ``replies`` has for a path, one after the other; the last one stays."""

    def __init__(self) -> None:
        self.replies: dict[str, list[bytes]] = {}
        self.asked: list[str] = []
        self.heads: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split(b" ")[1].decode()
        self.asked.append(path)
        self.heads.append(head)
        left = self.replies[path]
        reply = left.pop(0) if len(left) > 1 else left[0]
        writer.write(reply)
        await writer.drain()
        if reply is not WAIT:
            writer.close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def http(status: int, body: bytes = b"", *more: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (f"content-length: {len(body)}", "connection: close", *more))
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


WAIT = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"
GOOD = http(200, b"image")


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    made = Files()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


async def fetch(files: Files, *paths: str, **limits: float) -> dict[str, bytes]:
    client = OutboundClient([files.url("")], limit_bytes=1000, lookup=public_addresses)
    urls = [path if "://" in path else files.url(path) for path in paths]
    found = await fetch_all(client, urls, "req_1", **limits)  # type: ignore[arg-type]
    await client.close()
    return {url.rpartition("/")[2]: reply.body for url, reply in found.items()}


@pytest.mark.parametrize(
    ("replies", "asked", "came"),
    [
        ([GOOD], 1, True),
        ([http(503), GOOD], 2, True),
        ([CUT, http(404), GOOD], 3, True),
        ([b"", GOOD], 2, True),
        ([http(200), GOOD], 2, True),
        ([http(503)], 3, False),
        ([http(403), GOOD], 1, False),
        ([http(410), GOOD], 1, False),
        ([http(302, b"", "location: /b"), GOOD], 1, False),
        ([http(200, bytes(1001)), GOOD], 1, False),
    ],
)
async def test_a_file_is_asked_for_three_times_at_most(files, replies, asked, came) -> None:
    files.replies["/a"] = list(replies)
    assert await fetch(files, "/a") == ({"a": b"image"} if came else {})
    assert files.asked == ["/a"] * asked


async def test_nothing_of_ours_goes_along(files) -> None:
    files.replies["/a?sig=1"] = [GOOD]
    await fetch(files, "/a?sig=1")
    names = {line.split(b":")[0].lower() for line in files.heads[0].split(b"\r\n")[1:] if line}
    assert names == {b"host", b"accept", b"accept-encoding", b"connection", b"user-agent"}


async def test_other_hosts_are_not_asked_and_do_not_spoil_the_rest(files) -> None:
    files.replies["/a"] = [GOOD]
    elsewhere = f"http://localhost:{files.port}/b"
    assert await fetch(files, elsewhere, "https://10.0.0.1/c", "no address", "/a") == {"a": b"image"}
    assert files.asked == ["/a"]


async def test_what_is_too_much_together_is_left(files) -> None:
    for path in ("/a", "/b", "/c"):
        files.replies[path] = [GOOD]
    assert len(await fetch(files, "/a", "/b", "/c", limit_bytes=11)) == 2


async def test_a_reply_that_names_files_without_end_has_as_many_fetched_as_a_call_can_ask_for(files) -> None:
    urls = [f"/{number}" for number in range(1000)]
    files.replies = {url: [GOOD] for url in urls}
    assert len(await fetch(files, *urls)) == len(files.asked) == 128


async def test_what_takes_too_long_together_is_left(files) -> None:
    files.replies |= {"/a": [WAIT], "/b": [GOOD]}
    assert await fetch(files, "/a", "/b", timeout_s=0.5) == {"b": b"image"}
