"""Access tokens of an application, with a token service and a model server on real ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from pixapi.clock import ManualClock
from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid

PROVIDER = """
[providers.up]
use = "azure_openai"
endpoint = "{url}"
authority = "{url}"
tenant_id = "tenant-1"
client_id = "app-1"
client_secret = "s3cret"
"""
ANSWER = {"id": "x", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}


class Cloud:
    """A token service that numbers its tokens, and a model server that knows which of them are good."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.used: list[str] = []
        self.withdrawn: set[str] = set()
        self.token_status = 200
        self.token_body: dict[str, Any] | None = None
        self.delay_s = 0.0

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(parse_qs(await request.text()))
        number = len(self.asked)
        await asyncio.sleep(self.delay_s)
        body = {"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{number}"}
        return web.json_response(self.token_body or body, status=self.token_status)

    async def chat(self, request: web.Request) -> web.Response:
        assert "api-key" not in request.headers
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.used.append(token)
        if token in self.withdrawn:
            return web.json_response({"error": {"code": "401", "message": "token expired"}}, status=401)
        return web.json_response(ANSWER)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def route(cloud: Cloud, clock: ManualClock, routed: Callable[..., Any]) -> AsyncIterator[Any]:
    app = web.Application()
    app.router.add_post("/tenant-1/oauth2/v2.0/token", cloud.token)
    app.router.add_post("/openai/v1/chat/completions", cloud.chat)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with routed(PROVIDER.format(url=url), "a-deployment", clock) as running:
        yield running
    await runner.cleanup()


async def test_a_token_is_asked_for_as_the_service_wants_it(cloud: Cloud, route: Any) -> None:
    assert await route.ask() == ANSWER
    assert cloud.asked == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["app-1"],
            "client_secret": ["s3cret"],
            "scope": ["https://cognitiveservices.azure.com/.default"],
        }
    ]
    assert cloud.used == ["token-1"]


async def test_fifty_calls_at_once_ask_for_one_token(cloud: Cloud, route: Any) -> None:
    cloud.delay_s = 0.1
    assert await asyncio.gather(*(route.ask() for _ in range(50))) == [ANSWER] * 50
    assert len(cloud.asked) == 1
    assert cloud.used == ["token-1"] * 50


async def test_a_token_is_renewed_early_while_the_old_one_serves(
    cloud: Cloud, route: Any, clock: ManualClock
) -> None:
    await route.ask()
    clock.advance(0.79 * 3599)
    await route.ask()
    assert len(cloud.asked) == 1
    clock.advance(0.02 * 3599)
    await asyncio.gather(*(route.ask() for _ in range(50)))
    async with asyncio.timeout(5):
        while cloud.used[-1] != "token-2":
            await route.ask()
    assert len(cloud.asked) == 2
    assert set(cloud.used) == {"token-1", "token-2"}


async def test_an_expired_token_is_never_sent(cloud: Cloud, route: Any, clock: ManualClock) -> None:
    await route.ask()
    clock.advance(3599)
    await route.ask()
    assert cloud.used == ["token-1", "token-2"]


async def test_a_withdrawn_token_is_replaced_and_the_call_tried_once_more(
    cloud: Cloud, route: Any, clock: ManualClock
) -> None:
    await route.ask()
    clock.advance(60)
    cloud.withdrawn = {"token-1"}
    assert await route.ask() == ANSWER
    assert cloud.used == ["token-1", "token-1", "token-2"]


async def test_a_second_refusal_is_the_operators(cloud: Cloud, route: Any, clock: ManualClock) -> None:
    await route.ask()
    clock.advance(60)
    cloud.withdrawn = {"token-1", "token-2"}
    with pytest.raises(UpstreamDenied):
        await route.ask()
    assert cloud.used == ["token-1", "token-1", "token-2"]
    assert len(cloud.asked) == 2


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (401, {"error": "invalid_client", "error_description": "AADSTS7000215: s3cret"}, UpstreamDenied),
        (400, {"error": "unauthorized_client"}, UpstreamDenied),
        (503, {"error": "temporarily_unavailable"}, UpstreamError),
        (200, {"expires_in": 3599}, UpstreamInvalid),
        (200, {"access_token": "t"}, UpstreamInvalid),
        (200, {"access_token": "t", "expires_in": -1}, UpstreamInvalid),
    ],
)
async def test_no_token_is_an_error_without_secrets(
    cloud: Cloud, route: Any, status: int, said: dict[str, Any], expected: type[UpstreamError]
) -> None:
    cloud.token_status, cloud.token_body = status, said
    with pytest.raises(UpstreamError) as raised:
        await route.ask()
    assert type(raised.value) is expected
    assert "s3cret" not in raised.value.message
    assert raised.value.upstream_code == (said.get("error") if status != 200 else None)
    assert cloud.used == []
