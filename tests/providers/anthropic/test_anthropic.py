"""The provider `anthropic`: addresses, headers, settings; and its contract on recordings."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import Call, HttpReply, HttpRequest, Secret, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.calls import fields_of
from pixapi.testing.contracts.recorded import Recorded, play, read_events, read_result
from pixapi.testing.replay import ReplayServer
from pixapi_providers.anthropic import Anthropic, Config, pixapi_register_providers

(KIND,) = pixapi_register_providers()
WHOLE = (
    b'{"type":"message","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"look",'
    b'"input":{"at":"Z\xc3\xbcrich"}}],"stop_reason":"tool_use","usage":{"input_tokens":5,"output_tokens":7}}'
)
STREAM = (
    b'event: message_start\r\ndata: {"type":"message_start","message":{"content":[],"usage":{"input_tokens":5}}}\r\n\r\n'
    b'event: content_block_start\r\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\r\n\r\n'
    b"event: ping\r\ndata: {}\r\n\r\n"
    b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,\r\n'
    b'data: "delta":{"type":"text_delta","text":"Gr\xc3\xbc\xc3\x9fe"}}\r\n\r\n'
    b'event: content_block_stop\r\ndata: {"type":"content_block_stop","index":0}\r\n\r\n'
    b'event: message_delta\r\ndata: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},'
    b'"usage":{"output_tokens":7}}\r\n\r\n'
    b'event: message_stop\r\ndata: {"type":"message_stop"}   \r\n\r\n'
)
BUSY_STREAM = STREAM[: STREAM.index(b"event: content_block_stop")] + (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
)
TOO_LONG = b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}'
USED = Usage(input=5, output=7)

test_contract = provider_contract(
    KIND,
    {"api_key": "sk-ant-for-tests"},
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
        Recorded("busy", b'{"error":{"type":"overloaded_error"}}', status=529, error=UpstreamBusy),
        Recorded("too long", TOO_LONG, status=400, error=UpstreamRejected),
    ],
)


def provider(**settings: Any) -> Anthropic:
    return Anthropic(Config(api_key=Secret("sk-ant-key"), **settings))


def headers(request: HttpRequest) -> dict[str, str]:
    return dict(request.headers)


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({}, "authorization", "Bearer sk-ant-key"),
        ({"version": "2023-06-01"}, "x-api-key", "sk-ant-key"),
        ({"version": "2023-06-01", "auth": "bearer"}, "authorization", "Bearer sk-ant-key"),
        ({"auth": "x-api-key"}, "x-api-key", "sk-ant-key"),
    ],
)
def test_the_key_goes_where_the_version_wants_it(
    settings: dict[str, Any], name: str, value: str, pixapi_call: Callable[..., Call]
) -> None:
    for request in (provider(**settings).request(pixapi_call()), provider(**settings).probe()):
        assert request is not None
        sent = headers(request)
        assert sent[name] == value
        assert len({"authorization", "x-api-key"} & sent.keys()) == 1
        assert sent["anthropic-version"] == settings.get("version", "2026-10-21")
        assert sent["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://api.deepseek.com/anthropic/", "https://api.deepseek.com/anthropic/v1/messages"),
    ],
)
def test_the_address(base_url: str, url: str, pixapi_call: Callable[..., Call]) -> None:
    assert provider(base_url=base_url).request(pixapi_call()).url == url


def test_betas_are_named_once(pixapi_call: Callable[..., Call]) -> None:
    request = provider(betas=["a-2026-01-01", "b-2026-01-01"]).request(pixapi_call())
    assert headers(request)["anthropic-beta"] == "a-2026-01-01,b-2026-01-01"
    assert "anthropic-beta" not in headers(provider().request(pixapi_call()))
    thought = {"type": "reasoning.text", "text": "hm", "signature": "anthropic:s"}
    said = {"role": "assistant", "content": "hi", "reasoning_details": [thought]}
    asked = call_of(
        {"messages": [{"role": "user", "content": "hello"}, said, {"role": "user", "content": "?"}]}
    )
    asked.model = "claude-opus-5-5"
    beta = "thinking-binding-controls-2026-08-01"
    assert headers(provider(betas=[beta]).request(asked))["anthropic-beta"] == beta
    assert headers(provider().request(asked))["anthropic-beta"] == beta


@pytest.mark.parametrize(
    ("said", "cap", "sent"),
    [
        ({}, 77, 77),
        ({"max_tokens": 500}, 77, 77),
        ({"max_completion_tokens": 500}, None, 500),
        ({}, None, 4096),
    ],
)
def test_the_cap_on_output(
    said: dict[str, Any], cap: int | None, sent: int, pixapi_call: Callable[..., Call]
) -> None:
    request = provider().request(pixapi_call(output_cap=cap, **said))
    assert json.loads(request.body)["max_tokens"] == sent


# Callers of the same dialect


def message(**more: Any) -> Call:
    body = {"model": "alias", "messages": [{"role": "user", "content": "hello"}], **more}
    stream = body.get("stream") is True
    return Call(
        "r", "chat", "anthropic", "alias", "claude-opus-5", fields_of(body), "msg_1", 1, stream=stream
    )


@pytest.mark.parametrize(
    ("said", "cap", "sent"),
    [
        ({}, None, {"max_tokens": 4096}),
        ({"max_tokens": None}, None, {"max_tokens": 4096}),
        ({"max_tokens": 500}, None, {"max_tokens": 500}),
        ({"max_tokens": 500, "stream": False}, 77, {"max_tokens": 77}),
        ({"max_tokens": 500, "stream": True}, 77, {"max_tokens": 77, "stream": True}),
        ({"max_tokens": 5, "a_field_of_tomorrow": [1]}, None, {"max_tokens": 5, "a_field_of_tomorrow": [1]}),
    ],
)
def test_a_message_goes_on_as_it_came(said: dict[str, Any], cap: int | None, sent: dict[str, Any]) -> None:
    call = message(**said)
    call.output_cap = cap
    body = json.loads(provider().request(call).body)
    assert body == {"model": "claude-opus-5", "messages": [{"role": "user", "content": "hello"}], **sent}


def test_what_the_version_and_the_account_refuse_is_named() -> None:
    call = message(temperature=0.5, top_p=None, workspace_id="w", stream=False, a_field_of_tomorrow=1)
    assert provider().request(call).dropped == ("temperature", "workspace_id")
    assert provider().request(message(stream=True)).dropped == ()


def test_a_caller_who_binds_thoughts_gets_the_beta_for_it() -> None:
    binding = {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}
    asked = headers(provider().request(message(thinking=binding)))
    assert asked["anthropic-beta"] == "thinking-binding-controls-2026-08-01"
    assert "anthropic-beta" not in headers(provider().request(message(thinking={"type": "adaptive"})))


def test_tokens_are_counted_beforehand(pixapi_call: Callable[..., Call]) -> None:
    asked = message(max_tokens=5, stream=True, system="s", metadata={"user_id": "u"}, temperature=1)
    for call, system in ((asked, "s"), (pixapi_call("hello", stream=True, max_tokens=5), None)):
        request = provider().count_request(call)
        assert (request.url, request.paid) == ("https://api.anthropic.com/v1/messages/count_tokens", False)
        body = json.loads(request.body)
        assert body.get("system") == system
        assert body.keys() <= {"model", "messages", "system"}
        assert provider().count(call, HttpReply(200, {}, b'{"input_tokens":7}')) == 7


def test_another_vendors_signatures_are_not_ours(pixapi_call: Callable[..., Call]) -> None:
    """Trap 18: a vendor who offers the same API signs with a key of its own."""
    thinking = b'{"content":[{"type":"thinking","thinking":"hm","signature":"s"}],"stop_reason":"end_turn"}'
    chat = (
        provider(base_url="https://api.deepseek.com/anthropic")
        .result(pixapi_call(), HttpReply(200, {}, thinking))
        .chat
    )
    assert chat is not None
    assert getattr(chat.parts[0], "signature", None) == "api.deepseek.com:s"


def test_it_only_chats(pixapi_call: Callable[..., Call]) -> None:
    with pytest.raises(BadRequest):
        provider().request(call_of({"input": "hi"}, operation="embeddings"))


def test_a_refused_key_is_the_operators(pixapi_call: Callable[..., Call]) -> None:
    body = (
        b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key sk-ant-key"}}'
    )
    error = provider().error(HttpReply(401, {}, body))
    assert type(error) is UpstreamDenied
    assert (error.status, error.upstream_code) == (502, "authentication_error")
    assert "sk-ant" not in error.message


@pytest.mark.parametrize("settings", [{"version": "newest"}, {"auth": "basic"}, {"key": "x"}])
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"api_key": "k", **settings})


@pytest.mark.parametrize("seed", range(3))
async def test_over_a_socket_in_random_pieces(seed: int, pixapi_call: Callable[..., Call]) -> None:
    import httpx2

    with ReplayServer([Recorded("w", WHOLE), Recorded("s", STREAM, is_stream=True)], seed=seed) as server:
        ours = provider(base_url=server.url)
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
        assert [received.path for received in server.received] == ["/v1/messages"] * 2
        assert json.loads(server.received[1].body)["stream"] is True
