"""A stand-in for a model vendor, cheap enough not to be what is measured: `python upstream.py PORT`.

It speaks the OpenAI dialect over a raw asyncio protocol. What it answers depends on the model asked for:

    bench    at once: a reply with usage 42 in, 48 out; streamed, 100 content events, usage 42 in, 100 out
    paced    the same events one by one, 20 ms apart
    cut      streamed, 30 events and then the connection is closed; else a reply with a part of its body
    error    500 with a JSON error
    busy     429 with Retry-After
    silent   nothing, until the caller leaves

It prints its port when it listens; port 0 takes a free one. `GET /count` tells how many calls were answered
in full, and how many connections are open.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import Any, cast

import uvloop

WORDS = 100
PACE_S = 0.02
MODEL = re.compile(rb'"model"\s*:\s*"([^"]*)"')
STREAMED = re.compile(rb'"stream"\s*:\s*true')


def usage(output: int) -> dict[str, Any]:
    return {
        "prompt_tokens": 42,
        "completion_tokens": output,
        "total_tokens": 42 + output,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def whole_reply() -> bytes:
    message = {"role": "assistant", "content": "word " * 48, "refusal": None}
    return json.dumps({
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1735689600,
        "model": "bench",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage(48),
    }).encode()  # fmt: skip


def event(delta: dict[str, str], finish: str | None = None, counted: dict[str, Any] | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    chunk = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1735689600,
        "model": "bench",
        "choices": [] if counted else [choice],
        "usage": counted,
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def stream_events() -> list[bytes]:
    words = [event({"content": f" token{number}"}) for number in range(WORDS)]
    ending = [event({}, "stop"), event({}, None, usage(WORDS)), b"data: [DONE]\n\n"]
    return [event({"role": "assistant", "content": ""}), *words, *ending]


def head(status: str, kind: bytes, length: int | None, more: bytes = b"") -> bytes:
    framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
    return b"HTTP/1.1 %b\r\ncontent-type: %b\r\n%b%b\r\n\r\n" % (status.encode(), kind, more, framing)


def framed(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


class Canned:
    """The replies, made once."""

    def __init__(self) -> None:
        plain, self.events = whole_reply(), stream_events()
        streamed = b"".join(self.events)
        self.plain = head("200 OK", b"application/json", len(plain)) + plain
        self.stream = head("200 OK", b"text/event-stream", None) + framed(streamed) + b"0\r\n\r\n"
        self.stream_head = head("200 OK", b"text/event-stream", None)
        self.cut_plain = head("200 OK", b"application/json", len(plain)) + plain[:100]
        self.cut_stream = self.stream_head + framed(b"".join(self.events[:30]))
        sorry = b'{"error": {"message": "The upstream stand-in was asked to fail.", "type": "server_error"}}'
        self.error = head("500 Internal Server Error", b"application/json", len(sorry)) + sorry
        retry = b"retry-after: 1\r\n"
        self.busy = head("429 Too Many Requests", b"application/json", len(sorry), retry) + sorry
        self.answered = 0
        self.open = 0


class Connection(asyncio.Protocol):
    def __init__(self, canned: Canned) -> None:
        self.canned = canned
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its ancestry
        self.canned.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.canned.open -= 1

    def data_received(self, data: bytes) -> None:
        self.unread += data
        while (end := self.unread.find(b"\r\n\r\n")) >= 0:
            header = self.unread[:end].lower()
            found = re.search(rb"\r\ncontent-length:\s*(\d+)", header)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.unread) < whole:
                return
            body, self.unread = self.unread[end + 4 : whole], self.unread[whole:]
            self.answer(header, body)

    def answer(self, header: bytes, body: bytes) -> None:
        if header.startswith(b"get "):
            counts = json.dumps({"answered": self.canned.answered, "open": self.canned.open - 1}).encode()
            self.transport.write(head("200 OK", b"application/json", len(counts)) + counts)
            return
        found = MODEL.search(body)
        model, streamed = found[1].decode() if found else "bench", bool(STREAMED.search(body))
        if model == "paced" and streamed:
            self.transport.write(self.canned.stream_head)
            self.pace(0)
        elif model == "cut":
            self.transport.write(self.canned.cut_stream if streamed else self.canned.cut_plain)
            self.transport.close()
        elif model in {"error", "busy"}:
            self.transport.write(self.canned.error if model == "error" else self.canned.busy)
        elif model != "silent":
            self.canned.answered += 1
            self.transport.write(self.canned.stream if streamed else self.canned.plain)

    def pace(self, number: int) -> None:
        if self.transport.is_closing():
            return
        if number == len(self.canned.events):
            self.canned.answered += 1
            self.transport.write(b"0\r\n\r\n")
            return
        self.transport.write(framed(self.canned.events[number]))
        asyncio.get_running_loop().call_later(PACE_S, self.pace, number + 1)


async def main(port: int) -> None:
    canned = Canned()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(canned), "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
