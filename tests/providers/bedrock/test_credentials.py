"""Keys of a role that is taken on, with a token service and a model server on real ports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from pixapi.clock import ManualClock, as_datetime
from pixapi.errors import UpstreamDenied, UpstreamError, UpstreamInvalid
from pixapi.wire.sigv4 import SigningKeys, authorization

MODEL = "us.amazon.nova-micro-v1:0"
PROVIDER = """
[providers.up]
use = "bedrock"
region = "eu-west-1"
base_url = "{url}"
access_key_id = "{keys.access_key_id}"
secret_access_key = "{keys.secret_access_key}"
role_arn = "{role}"
sts_url = "{url}"
sts_region = "us-west-2"
"""
ANSWER = {"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn"}
ROLE = "arn:aws:iam::123456789012:role/gateway"
OWN = SigningKeys("AKIDOWN", "own/secret")


class Aws:
    """A token service whose keys are numbered, and a model server; both verify every signature."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.asked: list[dict[str, list[str]]] = []
        self.used: list[str] = []
        self.withdrawn: set[str] = set()
        self.refusal: tuple[int, str | None] = (401, None)
        """How withdrawn keys are refused: status and the error's name."""
        self.sts_answer: tuple[int, str] | None = None
        self.delay_s = 0.0

    async def sts(self, request: web.Request) -> web.Response:
        self.asked.append(parse_qs(await request.text()))
        await self.verify(request, OWN, service="sts", region="us-west-2")
        number = len(self.asked)
        await asyncio.sleep(self.delay_s)
        if self.sts_answer is not None:
            status, text = self.sts_answer
            return web.Response(status=status, text=text, content_type="text/xml")
        until = (as_datetime(self.clock.now_us()) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = temporary(number)
        return web.Response(
            content_type="text/xml",
            text=f"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <AssumeRoleResult><Credentials><AccessKeyId>{keys.access_key_id}</AccessKeyId>
              <SecretAccessKey>{keys.secret_access_key}</SecretAccessKey>
              <SessionToken>{keys.session_token}</SessionToken><Expiration>{until}</Expiration>
              </Credentials></AssumeRoleResult></AssumeRoleResponse>""",
        )

    async def converse(self, request: web.Request) -> web.Response:
        token = request.headers["x-amz-security-token"]
        self.used.append(token)
        await self.verify(
            request, temporary(int(token.rpartition("-")[2])), service="bedrock", region="eu-west-1"
        )
        if token in self.withdrawn:
            status, name = self.refusal
            headers = {} if name is None else {"x-amzn-errortype": name}
            return web.json_response(
                {"message": "The security token is invalid"}, status=status, headers=headers
            )
        return web.json_response(ANSWER)

    async def verify(self, request: web.Request, keys: SigningKeys, *, service: str, region: str) -> None:
        """The signature, made again from what arrived."""
        said = request.headers["authorization"]
        names = said.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        headers = [(name, request.headers[name]) for name in names]
        digest = hashlib.sha256(await request.read()).hexdigest()
        assert request.headers["x-amz-content-sha256"] == digest
        url = f"http://{request.headers['host']}{request.raw_path}"
        assert {"host", "x-amz-date", "content-type"} <= set(names)
        stamp = request.headers["x-amz-date"]
        assert said == authorization(
            "POST", url, headers, digest, keys, region=region, service=service, stamp=stamp
        )


def temporary(number: int) -> SigningKeys:
    return SigningKeys(f"ASIA{number}", f"secret+/{number}=", f"token-{number}")


@pytest.fixture
def aws() -> Aws:
    return Aws(ManualClock())


@pytest.fixture
async def route(aws: Aws, routed: Callable[..., Any]) -> AsyncIterator[Any]:
    app = web.Application()
    app.router.add_post("/", aws.sts)
    app.router.add_post(f"/model/{MODEL}/converse", aws.converse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with routed(PROVIDER.format(url=url, keys=OWN, role=ROLE), MODEL, aws.clock) as running:
        yield running
    await runner.cleanup()


async def test_a_role_is_taken_on_and_its_keys_sign(aws: Aws, route: Any) -> None:
    assert await route.ask() == ANSWER
    assert aws.asked == [
        {
            "Action": ["AssumeRole"],
            "Version": ["2011-06-15"],
            "RoleArn": [ROLE],
            "RoleSessionName": ["pixapi"],
        }
    ]
    assert aws.used == ["token-1"]


async def test_fifty_calls_at_once_take_it_on_once(aws: Aws, route: Any) -> None:
    aws.delay_s = 0.1
    assert await asyncio.gather(*(route.ask() for _ in range(50))) == [ANSWER] * 50
    assert len(aws.asked) == 1
    assert aws.used == ["token-1"] * 50


async def test_keys_are_renewed_early_while_the_old_ones_serve(aws: Aws, route: Any) -> None:
    await route.ask()
    aws.clock.advance(0.79 * 3600)
    await route.ask()
    assert len(aws.asked) == 1
    aws.clock.advance(0.02 * 3600)
    await asyncio.gather(*(route.ask() for _ in range(50)))
    async with asyncio.timeout(5):
        while aws.used[-1] != "token-2":
            await route.ask()
    assert len(aws.asked) == 2


async def test_expired_keys_are_never_used(aws: Aws, route: Any) -> None:
    await route.ask()
    aws.clock.advance(3600)
    await route.ask()
    assert aws.used == ["token-1", "token-2"]


@pytest.mark.parametrize(
    "refusal",
    [
        (401, None),
        (403, "ExpiredTokenException"),
        (403, "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/"),
        (400, "ExpiredToken"),
        (403, "com.amazon.coral.service#UnrecognizedClientException"),
    ],
)
async def test_withdrawn_keys_are_replaced_and_the_call_tried_once_more(
    aws: Aws, route: Any, refusal: tuple[int, str | None]
) -> None:
    await route.ask()
    aws.clock.advance(60)
    aws.withdrawn, aws.refusal = {"token-1"}, refusal
    assert await route.ask() == ANSWER
    assert aws.used == ["token-1", "token-1", "token-2"]


@pytest.mark.parametrize(
    "refusal", [(403, None), (403, "AccessDeniedException"), (400, "ValidationException")]
)
async def test_another_refusal_is_no_reason_to_ask_again(
    aws: Aws, route: Any, refusal: tuple[int, str | None]
) -> None:
    await route.ask()
    aws.clock.advance(60)
    aws.withdrawn, aws.refusal = {"token-1"}, refusal
    with pytest.raises(UpstreamError):
        await route.ask()
    assert aws.used == ["token-1", "token-1"]


def denied(code: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>own/secret</Message></Error></ErrorResponse>"


NO_TIME = "<Credentials><AccessKeyId>a</AccessKeyId><SecretAccessKey>b</SecretAccessKey></Credentials>"


@pytest.mark.parametrize(
    ("answer", "expected", "code"),
    [
        ((403, denied("AccessDenied")), UpstreamDenied, "AccessDenied"),
        ((403, denied("InvalidClientTokenId")), UpstreamDenied, "InvalidClientTokenId"),
        ((503, denied("ServiceUnavailable")), UpstreamError, "ServiceUnavailable"),
        ((200, "<html>hello</html>"), UpstreamInvalid, None),
        ((200, NO_TIME), UpstreamInvalid, None),
    ],
)
async def test_a_role_that_cannot_be_taken_on_is_an_error_without_secrets(
    aws: Aws, route: Any, answer: tuple[int, str], expected: type[UpstreamError], code: str | None
) -> None:
    aws.sts_answer = answer
    with pytest.raises(UpstreamError) as raised:
        await route.ask()
    assert (type(raised.value), raised.value.upstream_code) == (expected, code)
    assert "own/secret" not in raised.value.message
    assert aws.used == []
