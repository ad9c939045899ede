"""A model server that does exactly what a script says, byte by byte; for tests of what goes wrong upstream.

A script is, for each model, the steps that the server takes when it is asked for it: bytes are sent, numbers are
seconds to wait, `HANG` waits until the other side closes the connection, `CUT` closes it. After the last step the
connection serves the next request. A script may also be a function that makes the steps of a request's headers and
body.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

HANG = "hang"
CUT = "cut"
Step = bytes | float | str
Script = Sequence[Step] | Callable[[dict[str, str], dict[str, Any]], Sequence[Step]]


def http(
    body: Any,
    status: str = "200 OK",
    content_type: str = "application/json",
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole HTTP reply; ``body`` is bytes, or anything JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n{more}content-length: {len(raw)}\r\n\r\n".encode()
        + raw
    )


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def sse(*events: Any) -> bytes:
    """Events of a stream; each is bytes, or anything JSON."""
    return b"".join(
        b"data: " + (e if isinstance(e, bytes) else json.dumps(e).encode()) + b"\n\n" for e in events
    )


def delta(
    content: str | None = None, finish: str | None = None, usage: Any = None, **more: Any
) -> dict[str, Any]:
    """A chunk as OpenAI's API sends it, from a server that calls itself something else."""
    message = {} if content is None else {"content": content}
    chunk = {
        "id": "upstream-secret-id", "object": "chat.completion.chunk", "created": 1, "model": "vendor-internal-name",
        "choices": [{"index": 0, "delta": message, "finish_reason": finish}],
    }  # fmt: skip
    return chunk | ({"usage": usage} if usage is not None else {}) | more


def whole(content: str = "hello", usage: Any = None, **more: Any) -> dict[str, Any]:
    """A whole reply, from the same server."""
    return {
        "id": "upstream-secret-id", "object": "chat.completion", "created": 1, "model": "vendor-internal-name",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": usage or {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    } | more  # fmt: skip


class ScriptedUpstream:
    """Serves scripts on a loopback port, in a thread of its own.

    ``seen[model]`` are the (headers, body) it was sent; ``left[model]`` counts the calls that the other side cut.
    """

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self.scripts = scripts
        self.seen: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = defaultdict(list)
        self.left: dict[str, int] = defaultdict(int)
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted upstream did not start")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._request(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(": ") for line in head.split("\r\n")[1:-2]]
        headers = {name.lower(): value for name, _, value in lines}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))) or b"{}")
        model = str(body.get("model"))
        self.seen[model].append((headers, body))
        script = self.scripts[model]
        steps = script if isinstance(script, Sequence) else script(headers, body)
        for step in steps:
            if step == CUT:
                return False
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif not await self._stays(reader, None if isinstance(step, str) else step):
                self.left[model] += 1
                return False
        return True

    async def _stays(self, reader: asyncio.StreamReader, seconds: float | None) -> bool:
        """Wait; False as soon as the other side has closed the connection."""
        reading = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait([reading], timeout=seconds)
        if done:
            return bool(reading.exception() is None and reading.result())
        reading.cancel()
        await asyncio.wait([reading])
        return True

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


def frames(text: str) -> list[str]:
    """The payloads of the `data:` lines in the text of a stream."""
    return [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
