"""Access tokens of an application, with a token service and a model server on real ports."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from pixapi.clock import ManualClock
from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid
from pixapi.gateway.routes import open_route
from pixapi.interfaces import Call, Secret
from pixapi.transport.credentials import CredentialCache
from pixapi.transport.outbound import OutboundClient
from pixapi.transport.upstream import Timeouts, UpstreamClient
from pixapi_providers.azure_openai import Config, EntraAzureOpenAI

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


class Caller:
    """What the gateway does with a route whose provider has credentials, with the time in hand."""

    def __init__(self, provider: EntraAzureOpenAI, url: str, upstream: UpstreamClient, call: Call) -> None:
        self.clock = ManualClock()
        self.outbound = OutboundClient([url])
        self.cache = CredentialCache(provider, self.outbound, self.clock)
        self._services: Any = SimpleNamespace(upstream=upstream)
        self._flight: Any = SimpleNamespace(
            is_large=False,
            ready=None,
            call=call,
            configured=SimpleNamespace(credentials={"azure": self.cache}),
            headers_came=False,
            pause_s=0.0,
            suit=lambda _: None,
        )
        self._route: Any = SimpleNamespace(
            provider=provider, key_label="azure", timeouts=Timeouts(first_byte_s=10)
        )

    async def ask(self) -> int:
        exchange = await open_route(self._services, self._flight, self._route)
        assert json.loads(await exchange.read(10_000)) == ANSWER
        await exchange.close()
        return exchange.status


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
async def caller(cloud: Cloud, pixapi_call: Callable[..., Call]) -> AsyncIterator[Caller]:
    app = web.Application()
    app.router.add_post("/tenant-1/oauth2/v2.0/token", cloud.token)
    app.router.add_post("/openai/v1/chat/completions", cloud.chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = Config(
        endpoint=url, authority=url, tenant_id="tenant-1", client_id="app-1", client_secret=Secret("s3cret")
    )
    upstream = UpstreamClient()
    await upstream.start()
    made = Caller(EntraAzureOpenAI(config), url, upstream, pixapi_call("hi"))
    yield made
    await made.cache.close()
    await made.outbound.close()
    await upstream.close()
    await runner.cleanup()


async def test_a_token_is_asked_for_as_the_service_wants_it(cloud: Cloud, caller: Caller) -> None:
    assert await caller.ask() == 200
    assert cloud.asked == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["app-1"],
            "client_secret": ["s3cret"],
            "scope": ["https://cognitiveservices.azure.com/.default"],
        }
    ]
    assert cloud.used == ["token-1"]


async def test_fifty_calls_at_once_ask_for_one_token(cloud: Cloud, caller: Caller) -> None:
    cloud.delay_s = 0.1
    assert await asyncio.gather(*(caller.ask() for _ in range(50))) == [200] * 50
    assert len(cloud.asked) == 1
    assert cloud.used == ["token-1"] * 50


async def test_a_token_is_renewed_early_while_the_old_one_serves(cloud: Cloud, caller: Caller) -> None:
    await caller.ask()
    caller.clock.advance(0.79 * 3599)
    await caller.ask()
    assert len(cloud.asked) == 1
    caller.clock.advance(0.02 * 3599)
    await asyncio.gather(*(caller.ask() for _ in range(50)))
    async with asyncio.timeout(5):
        while cloud.used[-1] != "token-2":
            await caller.ask()
    assert len(cloud.asked) == 2
    assert set(cloud.used) == {"token-1", "token-2"}


async def test_an_expired_token_is_never_sent(cloud: Cloud, caller: Caller) -> None:
    await caller.ask()
    caller.clock.advance(3599)
    await caller.ask()
    assert cloud.used == ["token-1", "token-2"]


async def test_a_withdrawn_token_is_replaced_and_the_call_tried_once_more(
    cloud: Cloud, caller: Caller
) -> None:
    await caller.ask()
    caller.clock.advance(60)
    cloud.withdrawn = {"token-1"}
    assert await caller.ask() == 200
    assert cloud.used == ["token-1", "token-1", "token-2"]


async def test_a_second_refusal_is_the_operators(cloud: Cloud, caller: Caller) -> None:
    await caller.ask()
    caller.clock.advance(60)
    cloud.withdrawn = {"token-1", "token-2"}
    with pytest.raises(UpstreamDenied):
        await caller.ask()
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
    cloud: Cloud, caller: Caller, status: int, said: dict[str, Any], expected: type[UpstreamError]
) -> None:
    cloud.token_status, cloud.token_body = status, said
    with pytest.raises(UpstreamError) as raised:
        await caller.ask()
    assert type(raised.value) is expected
    assert "s3cret" not in raised.value.message
    assert raised.value.upstream_code == (said.get("error") if status != 200 else None)
    assert cloud.used == []
