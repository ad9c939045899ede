"""The bare proxy: what forwarding costs on this stack when nothing else is done.

Raw ASGI on uvicorn, uvloop and httptools, with aiohttp as its client (the usual choice, and what the bars are
measured by) or, where CLIENT is "pixapi", with the gateway's own. Both bodies are parsed, as any gateway must; there
are no keys, limits, prices or records. UPSTREAM says where calls go.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from pixapi.interfaces import HttpRequest
from pixapi.transport.upstream import Timeouts, UpstreamClient

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TIMEOUTS = Timeouts()
HEADERS = {"authorization": "Bearer sk-upstream", "content-type": "application/json"}


class Proxy:
    """An ASGI application with one upstream."""

    def __init__(self, upstream: str) -> None:
        self.url = f"{upstream}/v1/chat/completions"
        self.client: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
        elif scope["method"] == "GET":
            await self.reply(send, b"{}")
        else:
            await self.forward(receive, send)

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.client.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def forward(self, receive: Receive, send: Send) -> None:
        assert self.client is not None
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        call = msgspec.json.decode(body)
        data = msgspec.json.encode(call)
        async with self.client.post(self.url, data=data, headers=HEADERS, allow_redirects=False) as reply:
            if not call.get("stream"):
                whole = await reply.read()
                msgspec.json.decode(whole)
                await self.reply(send, whole)
                return
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            async for chunk in reply.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async def reply(self, send: Send, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class SameClient(Proxy):
    """The same with the client that Pixapi uses: what accounts and billing alone cost."""

    async def lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.upstream = UpstreamClient()
        await self.upstream.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.upstream.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def forward(self, receive: Receive, send: Send) -> None:
        call = msgspec.json.decode((await receive())["body"])
        request = HttpRequest("POST", self.url, tuple(HEADERS.items()), msgspec.json.encode(call))
        exchange = await self.upstream.open(request, TIMEOUTS)
        if not call.get("stream"):
            whole = await exchange.read(1 << 20)
            msgspec.json.decode(whole)
            await self.reply(send, whole)
        else:
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": exchange.status, "headers": headers})
            async for chunk in exchange.chunks():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        await exchange.close()


def create() -> Proxy:
    """For `uvicorn --factory`."""
    kind = SameClient if os.environ.get("CLIENT") == "pixapi" else Proxy
    return kind(os.environ["UPSTREAM"])
