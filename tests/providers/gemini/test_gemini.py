"""The provider `gemini`: addresses, key, settings; and its contract on recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import Call, HttpReply, HttpRequest, Secret, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.recorded import Recorded, play, read_events, read_result
from pixapi.testing.replay import ReplayServer
from pixapi_providers.gemini import Config, Gemini, pixapi_register_providers

(KIND,) = pixapi_register_providers()
WHOLE = (
    b'{"candidates":[{"content":{"role":"model","parts":[{"text":"I look."},{"functionCall":{"name":"look",'
    b'"args":{"at":"Z\xc3\xbcrich"}},"thoughtSignature":"c2ln"}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":7,"totalTokenCount":12}}'
)
STREAM = (
    b'data: {"candidates": [{"content": {"parts": [{"text": "Gr\xc3\xbc"}],"role": "model"},"index": 0}],'
    b'"usageMetadata": {"promptTokenCount": 5,"totalTokenCount": 5}}\r\n\r\n'
    b'data: {"candidates": [{"content": {"parts": [{"text": "\xc3\x9fe"}],"role": "model"},"index": 0}]}\r\n\r\n'
    b'data: {"candidates": [{"content": {"parts": [{"text": ""}],"role": "model"},"finishReason": "MAX_TOKENS"}],'
    b'"usageMetadata": {"promptTokenCount": 5,"candidatesTokenCount": 7,"totalTokenCount": 12}}\r\n\r\n'
)
BUSY = b'{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}'
BUSY_STREAM = STREAM[: STREAM.rindex(b"data:")] + b"data: " + BUSY + b"\r\n\r\n"
BARE_BUSY_STREAM = b"[" + BUSY + b"]"
TOO_LONG = (
    b'{"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens '
    b'allowed (8).", "status": "INVALID_ARGUMENT"}}'
)
DRAWN = (
    b'{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]},"finishReason":"STOP"}],'
    b'"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290,"totalTokenCount":1295}}'
)
UNSAFE = b'{"candidates":[{"finishReason":"IMAGE_SAFETY","index":0}],"usageMetadata":{"promptTokenCount":5}}'
USED = Usage(input=5, output=7)

test_contract = provider_contract(
    KIND,
    {"api_key": "a-key-for-these-tests"},
    recorded=[
        Recorded(
            "tools",
            WHOLE,
            text="I look.",
            tool_calls=(("look", {"at": "Zürich"}),),
            finish_reason="tool_calls",
            usage=USED,
        ),
        Recorded("stream", STREAM, is_stream=True, text="Grüße", finish_reason="length", usage=USED),
        Recorded("busy stream", BUSY_STREAM, is_stream=True, error=UpstreamBusy),
        Recorded("an error in a list", BARE_BUSY_STREAM, is_stream=True, error=UpstreamBusy),
        Recorded("busy", BUSY, status=503, error=UpstreamBusy),
        Recorded("too long", TOO_LONG, status=400, error=UpstreamRejected),
        Recorded(
            "embeddings",
            b'{"embeddings":[{"values":[0.5,1]}],"usageMetadata":{"promptTokenCount":3}}',
            operation="embeddings",
            usage=Usage(input=3),
        ),
        Recorded(
            "an image",
            DRAWN,
            operation="images",
            usage=Usage(input=5, output=0, image_output=1290, images=1, megapixels=Decimal("1.048576")),
        ),
        Recorded("an unsafe image", UNSAFE, operation="image_edits", error=UpstreamRejected),
    ],
)


def provider(**settings: Any) -> Gemini:
    return Gemini(Config(api_key=Secret("a-key-of-the-operator"), **settings))


def headers(request: HttpRequest) -> dict[str, str]:
    return dict(request.headers)


@pytest.mark.parametrize(
    ("model", "streams", "url"),
    [
        ("gemini-3-pro", False, "models/gemini-3-pro:generateContent"),
        ("gemini-3-pro", True, "models/gemini-3-pro:streamGenerateContent?alt=sse"),
        ("models/gemini-3-pro", False, "models/gemini-3-pro:generateContent"),
        ("tunedModels/mine", False, "tunedModels/mine:generateContent"),
        ("a model?", False, "models/a%20model%3F:generateContent"),
    ],
)
def test_the_address(model: str, streams: bool, url: str, pixapi_call: Callable[..., Call]) -> None:
    call = pixapi_call(stream=streams)
    call.model = model
    request = provider().request(call)
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/" + url
    assert headers(request)["x-goog-api-key"] == "a-key-of-the-operator"
    ours = provider(base_url="http://127.0.0.1:1/v1/").request(call)
    assert ours.url == "http://127.0.0.1:1/v1/" + url


@pytest.mark.parametrize(
    ("said", "cap", "sent"),
    [
        ({}, 77, 77),
        ({"max_tokens": 500}, 77, 77),
        ({"max_completion_tokens": 500}, None, 500),
        ({}, None, None),
    ],
)
def test_the_cap_on_output(
    said: dict[str, Any], cap: int | None, sent: int | None, pixapi_call: Callable[..., Call]
) -> None:
    body = json.loads(provider().request(pixapi_call(output_cap=cap, **said)).body)
    assert body.get("generationConfig", {}).get("maxOutputTokens") == sent


def test_another_host_makes_other_signatures(pixapi_call: Callable[..., Call]) -> None:
    """Trap 18: a proxy or another vendor who offers the same API may not know Google's signatures."""
    for base_url, maker in (
        ("https://generativelanguage.googleapis.com/v1beta", "gemini"),
        ("https://gemini.example/v1", "gemini.example"),
    ):
        chat = provider(base_url=base_url).result(pixapi_call(), HttpReply(200, {}, WHOLE)).chat
        assert chat is not None
        assert getattr(chat.parts[1], "signature", None) == f"{maker}:c2ln"


def test_tools_that_the_operator_does_not_pay_for_are_refused() -> None:
    call = call_of({"contents": [{"parts": [{"text": "hi"}]}], "tools": [{"google_search": {}}]})
    call.dialect = "gemini"
    assert b"google_search" in provider().request(call).body
    with pytest.raises(BadRequest, match="googleSearch"):
        provider(refused_tools=["googleSearch"]).request(call)


def test_what_is_spoken_is_held_for_and_kept_to() -> None:
    call = call_of({"input": "hello", "voice": "Kore"}, operation="speech")
    bound = provider().bound(call)
    assert bound is not None
    sent = json.loads(provider().request(call).body)
    assert sent["generationConfig"]["maxOutputTokens"] == bound.total_output() == 306


@pytest.mark.parametrize("wanted", [["hi", ""], [], 5, [[1, 2]], None])
def test_embeddings_are_of_text(wanted: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        provider().request(call_of({"input": wanted}, operation="embeddings"))
    assert refused.value.param == "input"


def test_embeddings_come_in_the_format_that_was_asked_for() -> None:
    body = b'{"embeddings":[{"values":[1.0,-2.5]},{"values":[0,1]}]}'
    call = call_of({"input": ["a", "b"], "encoding_format": "base64"}, operation="embeddings")
    result = provider().result(call, HttpReply(200, {}, body))
    assert result.body is not None
    assert [item["embedding"] for item in json.loads(result.body)["data"]] == ["AACAPwAAIMA=", "AAAAAAAAgD8="]
    assert result.usage is None, "the server did not say; unknown is not zero"


def test_a_refused_key_is_the_operators() -> None:
    """Google says 400 where others say 401."""
    body = (
        b'{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",'
        b'"details":[{"reason":"API_KEY_INVALID"}]}}'
    )
    error = provider().error(HttpReply(400, {}, body))
    assert type(error) is UpstreamDenied
    assert (error.status, error.upstream_code) == (502, "INVALID_ARGUMENT")


@pytest.mark.parametrize("settings", [{"base_url": 5}, {"refused_tools": "googleSearch"}, {"key": "x"}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"api_key": "k", **settings})


@pytest.mark.parametrize("seed", range(3))
async def test_over_a_socket_in_random_pieces(seed: int, pixapi_call: Callable[..., Call]) -> None:
    import httpx2

    with ReplayServer([Recorded("w", WHOLE), Recorded("s", STREAM, is_stream=True)], seed=seed) as server:
        ours = provider(base_url=server.url + "/v1beta")
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            call = pixapi_call("hi")
            request = ours.request(call)
            reply = await client.post(request.url, content=request.body, headers=headers(request))
            result = ours.result(call, HttpReply(reply.status_code, {}, reply.content))
            assert read_result(call, result).text == "I look."
            call = pixapi_call("hi", stream=True)
            request = ours.request(call)
            async with client.stream(
                "POST", request.url, content=request.body, headers=headers(request)
            ) as streamed:
                pieces = [piece async for piece in streamed.aiter_raw()]
            assert read_events(call, play(ours, call, *pieces)).text == "Grüße"
        assert [received.path.rpartition(":")[2] for received in server.received] == [
            "generateContent",
            "streamGenerateContent?alt=sse",
        ]
