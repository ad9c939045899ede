"""A call leaves nothing behind that only the collector of cycles could free: its pauses would fall on other calls."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest

from pixapi.api.build import build_api
from pixapi.app.assembly import services
from pixapi.clock import SystemClock
from pixapi.config.load import load_settings
from pixapi.testing.gateway import RunningGateway

CALLS = 20
TOML = """
[providers.echo]
use = "echo"
[[models]]
id = "m"
routes = [ { provider = "echo", model = "m" } ]
price = { input = "1.00", output = "10.00", per = "1M tokens" }
"""


async def call(app: Any, key: str, path: str, body: dict[str, Any]) -> None:
    """One call over ASGI, as the server would make it."""
    sent: list[Any] = []
    asked = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive() -> Any:
        if asked:
            return asked.pop()
        return await asyncio.Future()

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"authorization", f"Bearer {key}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent


@pytest.mark.parametrize(
    ("path", "stream"),
    [("/v1/chat/completions", False), ("/v1/chat/completions", True), ("/v1/messages", True)],
)
def test_calls_leave_no_cycles(tmp_path: Path, path: str, stream: bool) -> None:
    gateway = RunningGateway(tmp_path, TOML)
    key = gateway.account(credits="1000")
    body = {
        "model": "m",
        "max_tokens": 50,
        "stream": stream,
        "messages": [{"role": "user", "content": "a b c"}],
    }

    async def garbage() -> list[object]:
        async with services(load_settings(gateway.config), SystemClock()) as parts:
            app = build_api(parts)
            await call(app, key, path, body)
            gc.collect()
            gc.disable()
            gc.set_debug(gc.DEBUG_SAVEALL)
            try:
                for _ in range(CALLS):
                    await asyncio.create_task(call(app, key, path, body))
                gc.collect()
                return [thing for thing in gc.garbage if type(thing).__module__.startswith("pixapi")]
            finally:
                gc.set_debug(0)
                gc.garbage.clear()
                gc.enable()

    left = asyncio.run(garbage())
    assert len(left) < CALLS, sorted({type(thing).__qualname__ for thing in left})
