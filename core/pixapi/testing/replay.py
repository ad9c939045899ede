"""A model server that answers with recorded bytes, cut at random places, on a real port.

::

    with ReplayServer([Recorded("a stream", body, is_stream=True)], seed=7) as server:
        ...  # configure a provider with base_url = server.url
        assert server.received[0].path == "/v1/chat/completions"
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType

from pixapi.testing.contracts.recorded import Recorded

_START_S = 10
_MOST_PIECES = 40


@dataclass(frozen=True)
class Received:
    """A request that the server got. Header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ReplayServer:
    """Answers the first request with the first recording, and so on; the last one answers all that follow.

    It runs in a thread of its own, so that it serves tests with and without an event loop. ``seed`` decides
    the cuts.
    """

    def __init__(self, replies: Iterable[Recorded], *, seed: int = 0) -> None:
        self.replies = list(replies)
        self.received: list[Received] = []
        self._dice = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._port = 0
        self._thread = threading.Thread(target=self._run, name="replay-server", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> ReplayServer:
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise RuntimeError("the replay server did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_S)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        async with server:
            self._port = server.sockets[0].getsockname()[1]
            self._ready.set()
            await self._stop.wait()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await self._request(reader)
                number = min(len(self.received), len(self.replies)) - 1
                await self._answer(writer, self.replies[number])
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.received.append(Received(method, path, headers, body))

    async def _answer(self, writer: asyncio.StreamWriter, reply: Recorded) -> None:
        kind = "text/event-stream" if reply.is_stream else "application/json"
        headers = {"content-type": kind, **reply.headers}
        for name in ("content-length", "content-encoding", "transfer-encoding", "connection"):
            headers.pop(name, None)  # they told of the bytes as they once came
        framing = "transfer-encoding: chunked" if reply.is_stream else f"content-length: {len(reply.body)}"
        lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", framing]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        for piece in self._cut(reply.body):
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.is_stream else piece)
            await writer.drain()
            await asyncio.sleep(0)
        if reply.is_stream:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    def _cut(self, body: bytes) -> list[bytes]:
        many = min(len(body), _MOST_PIECES) - 1
        places = sorted(self._dice.sample(range(1, len(body)), many)) if many > 0 else []
        pieces = zip([0, *places], [*places, len(body)], strict=True)
        return [body[start:end] for start, end in pieces if end > start]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
