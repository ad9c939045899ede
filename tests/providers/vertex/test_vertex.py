"""The provider `vertex`: addresses by location, and tokens from a server that checks what it is shown."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from pixapi.clock import ManualClock
from pixapi.errors import (
    BadRequest,
    ConfigError,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
)
from pixapi.interfaces import Call, HttpRequest, Operation, Secret, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.calls import ordinary
from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.replay import Received, ReplayServer
from pixapi.transport.credentials import CredentialCache
from pixapi.transport.outbound import OutboundClient
from pixapi_providers.vertex import Config, Vertex, pixapi_register_providers

rsa = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.rsa", reason="NOT TESTED: no cryptography"
)

(KIND,) = pixapi_register_providers()
STREAM = (
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]}}],'
    b'"usageMetadata":{"trafficType":"ON_DEMAND"}}\r\n\r\n'
    b'data: {"candidates":[{"content":{"role":"model","parts":[{"text":"!"}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}}\r\n\r\n'
)
VECTOR = (
    b'{"predictions":[{"embeddings":{"statistics":{"token_count":4,"truncated":false},"values":[0.5]}}],'
    b'"metadata":{"billableCharacterCount":12}}'
)
QUOTA = b'[{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}]'

test_contract = provider_contract(
    KIND,
    {"project": "a-project", "credentials": "a service account's key"},
    recorded=[
        Recorded(
            "stream", STREAM, is_stream=True, text="Hi!", finish_reason="stop", usage=Usage(input=5, output=2)
        ),
        Recorded("vector", VECTOR, operation="embeddings", usage=Usage(input=4)),
        Recorded("quota", QUOTA, status=429, error=UpstreamBusy),
    ],
)


@pytest.mark.parametrize(
    ("settings", "root"),
    [
        ({}, "https://aiplatform.googleapis.com/v1/projects/p/locations/global"),
        ({"location": "eu"}, "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu"),
        ({"location": "us"}, "https://aiplatform.us.rep.googleapis.com/v1/projects/p/locations/us"),
        (
            {"location": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4",
        ),
        ({"base_url": "http://127.0.0.1:1/v1/"}, "http://127.0.0.1:1/v1/projects/p/locations/global"),
    ],
)
def test_the_address_follows_the_location(settings: dict[str, Any], root: str, pixapi_call: Any) -> None:
    call = pixapi_call(stream=True)
    call.model = "gemini-3-pro"
    request = Vertex(Config(project="p", **settings)).request(call)
    assert request.url == f"{root}/publishers/google/models/gemini-3-pro:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    "settings",
    [{"project": "a/b"}, {"project": "p", "location": "x.example.com/"}, {"project": "p", "key": "k"}, {}],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)


def test_embeddings_are_asked_for_as_the_model_wants() -> None:
    asked = {"input": "hi", "dimensions": 256, "task_type": "RETRIEVAL_QUERY"}
    for model, method, body in (
        (
            "gemini-embedding-2",
            "embedContent",
            {
                "content": {"parts": [{"text": "hi"}]},
                "outputDimensionality": 256,
                "taskType": "RETRIEVAL_QUERY",
            },
        ),
        (
            "text-embedding-005",
            "predict",
            {
                "instances": [{"content": "hi", "task_type": "RETRIEVAL_QUERY"}],
                "parameters": {"outputDimensionality": 256},
            },
        ),
    ):
        call = call_of(asked, operation="embeddings")
        call.model = model
        request = Vertex(Config(project="p")).request(call)
        assert request.url.endswith(f"/models/{model}:{method}")
        assert json.loads(request.body) == body
    call = call_of({"input": ["a", "b"]}, operation="embeddings")
    call.model = "gemini-embedding-2"
    with pytest.raises(BadRequest, match="one text"):
        Vertex(Config(project="p")).request(call)


@pytest.mark.parametrize(
    ("operation", "model", "method"),
    [
        ("images", "gemini-3-pro-image", "generateContent"),
        ("images", "imagen-4.0-generate-001", "predict"),
        ("image_edits", "gemini-3-pro-image", "generateContent"),
        ("speech", "gemini-3.8-flash-tts", "generateContent"),
    ],
)
def test_what_makes_images_and_sound_is_asked_by_its_own_method(
    operation: Operation, model: str, method: str
) -> None:
    call = ordinary(operation)
    call.fields.pop("n", None)
    call.model = model
    request = Vertex(Config(project="p")).request(call)
    assert request.url.endswith(f"/publishers/google/models/{model}:{method}")


def test_here_a_caller_chooses_the_format_of_an_image() -> None:
    call = call_of({"prompt": "a cat", "output_format": "jpeg"}, operation="images")
    sent = json.loads(Vertex(Config(project="p")).request(call).body)
    assert sent["generationConfig"]["imageConfig"] == {"imageOutputOptions": {"mimeType": "image/jpeg"}}


# Tokens


def token(value: str = "token-1", **more: Any) -> Recorded:
    return Recorded(value, json.dumps({"access_token": value, "expires_in": 3599, **more}).encode())


@pytest.fixture(scope="module")
def private_key() -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def tokens() -> Iterator[ReplayServer]:
    with ReplayServer([token(), token("token-2"), token("token-3")]) as server:
        yield server


def credentials(private_key: Any) -> Secret:
    from cryptography.hazmat.primitives import serialization as form

    pem = private_key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    account = {
        "type": "service_account",
        "client_email": "gateway@a-project.iam.gserviceaccount.com",
        "private_key": pem,
        "private_key_id": "key-1",
        "token_uri": "https://elsewhere.example/token",
    }
    return Secret(json.dumps(account))


def made(server: ReplayServer, secret: Secret | None) -> tuple[CredentialCache, ManualClock]:
    clock = ManualClock()
    config = Config(
        project="p",
        credentials=secret,
        token_url=server.url + "/token",
        metadata_url=server.url + "/computeMetadata/v1/token",
    )
    return CredentialCache(Vertex(config), OutboundClient([server.url]), clock), clock


async def used(cache: CredentialCache) -> str:
    signed = await cache.sign(HttpRequest("POST", "https://aiplatform.googleapis.com/", (("a", "b"),), b"{}"))
    assert signed.headers[0] == ("a", "b")
    return dict(signed.headers)["authorization"]


def shown(received: Received, private_key: Any) -> dict[str, Any]:
    """The claims that the server was shown, once their signature has been checked."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    form = parse_qs(received.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    statement, _, signature = form["assertion"][0].rpartition(".")
    private_key.public_key().verify(_decoded(signature), statement.encode(), PKCS1v15(), SHA256())
    header, claims = (json.loads(_decoded(part)) for part in statement.split("."))
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    return claims


def _decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


async def test_a_signed_statement_gets_a_token(tokens: ReplayServer, private_key: Any) -> None:
    cache, clock = made(tokens, credentials(private_key))
    assert await used(cache) == "Bearer token-1"
    claims = shown(tokens.received[0], private_key)
    at_s = clock.now_us() // 1_000_000
    assert claims == {
        "iss": "gateway@a-project.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "aud": tokens.url + "/token",
        "iat": at_s,
        "exp": at_s + 3600,
    }


async def test_a_stampede_gets_one_token(tokens: ReplayServer, private_key: Any) -> None:
    cache, _ = made(tokens, credentials(private_key))
    calls = [asyncio.create_task(used(cache)) for _ in range(50)]
    assert set(await asyncio.gather(*calls)) == {"Bearer token-1"}
    assert len(tokens.received) == 1


async def test_a_token_is_renewed_before_it_expires(tokens: ReplayServer, private_key: Any) -> None:
    cache, clock = made(tokens, credentials(private_key))
    assert await used(cache) == "Bearer token-1"
    clock.advance(3599)
    assert await used(cache) == "Bearer token-2", "an expired one is never used"
    clock.advance(3599 * 0.85)
    assert await used(cache) == "Bearer token-2", "the old one serves while the new one is fetched"
    for _ in range(200):
        await asyncio.sleep(0.01)
        if len(tokens.received) == 3:
            break
    await asyncio.sleep(0.05)
    assert await used(cache) == "Bearer token-3"
    assert shown(tokens.received[2], private_key)["iat"] == clock.now_us() // 1_000_000


async def test_a_token_that_is_refused_is_replaced(tokens: ReplayServer, private_key: Any) -> None:
    cache, clock = made(tokens, credentials(private_key))
    assert await used(cache) == "Bearer token-1"
    clock.advance(60)
    cache.invalidate()
    assert await used(cache) == "Bearer token-2"


async def test_the_machine_itself_may_give_out_the_token(tokens: ReplayServer) -> None:
    cache, _ = made(tokens, None)
    assert await used(cache) == "Bearer token-1"
    (received,) = tokens.received
    assert (received.method, received.path) == ("GET", "/computeMetadata/v1/token")
    assert received.headers["metadata-flavor"] == "Google"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Recorded("bad", b'{"error":"invalid_grant"}', status=400), UpstreamDenied),
        (Recorded("down", b"<html>", status=503), UpstreamError),
        (Recorded("slow", b"{}", status=429), UpstreamError),
        (Recorded("odd", b'{"token":"x"}'), UpstreamInvalid),
    ],
)
async def test_what_goes_wrong_at_the_token_server(
    reply: Recorded, error: type[UpstreamError], private_key: Any
) -> None:
    with ReplayServer([reply]) as server:
        cache, _ = made(server, credentials(private_key))
        with pytest.raises(error) as raised:
            await used(cache)
        assert type(raised.value) is error
        assert "PRIVATE" not in raised.value.message


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("no JSON", "service account"),
        ("{}", "service account"),
        ('{"client_email":"a@b","private_key":"no PEM"}', "RSA key"),
    ],
)
async def test_a_key_that_is_none_is_the_operators_fault(
    secret: str, said: str, tokens: ReplayServer
) -> None:
    cache, _ = made(tokens, Secret(secret))
    with pytest.raises(ConfigError, match=said):
        await used(cache)
    assert tokens.received == []


def test_signatures_of_the_two_ways_to_the_models_are_kept_apart(pixapi_call: Any) -> None:
    from pixapi.interfaces import HttpReply

    body = b'{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"c2ln"}]},"finishReason":"STOP"}]}'
    call: Call = pixapi_call()
    chat = Vertex(Config(project="p")).result(call, HttpReply(200, {}, body)).chat
    assert chat is not None
    assert getattr(chat.parts[0], "signature", None) == "vertex:c2ln"
