"""The provider `cohere`: what it asks for, odd replies; and its contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pixapi.errors import (
    BadRequest,
    UpstreamBusy,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import Call, ChatRequest, HttpReply, Message, Secret, Text, Usage
from pixapi.testing import provider_contract
from pixapi.testing.contracts.calls import call as call_of
from pixapi.testing.contracts.recorded import Recorded, last_usage, play, read_events, read_result
from pixapi.testing.replay import ReplayServer
from pixapi.wire.openai_reply import encode_chat_reply
from pixapi_providers.cohere import Cohere, Config, pixapi_register_providers

(KIND,) = pixapi_register_providers()
HELLO = [{"role": "user", "content": "hello"}]
BILLED = {"billed_units": {"input_tokens": 5, "output_tokens": 7}, "tokens": {"input_tokens": 500}}
USED = Usage(input=5, output=7)


def event(kind: str, message: dict[str, Any] | None = None, **more: Any) -> bytes:
    delta = {"delta": {"message": message}} if message is not None else {}
    return b"event: %s\ndata: %s\n\n" % (
        kind.encode(),
        json.dumps({"type": kind, **delta, **more}).encode(),
    )


def call_event(kind: str, **said: Any) -> bytes:
    return event(f"tool-call-{kind}", {"tool_calls": said} if said else None, index=0)


def end(reason: str = "COMPLETE", **more: Any) -> bytes:
    return event("message-end", delta={"finish_reason": reason, "usage": BILLED, **more})


START = event("message-start", {"role": "assistant"}, id="m")
TEXT = event("content-start", {"content": {"type": "text", "text": ""}}, index=0) + event(
    "content-delta", {"content": {"text": "Grüße"}}, index=0
)
STREAM = START + TEXT + event("content-end", index=0) + end() + b"data: [DONE]\n\n"
CALLS = (
    START
    + event("tool-plan-delta", {"tool_plan": "I look."})
    + call_event("start", id="look_1", type="function", function={"name": "look", "arguments": ""})
    + call_event("delta", function={"arguments": "nu"})
    + call_event("delta", function={"arguments": "ll"})
    + call_event("end")
    + end("TOOL_CALL")
)
WHOLE = {
    "id": "m",
    "message": {
        "role": "assistant",
        "tool_plan": "I look.",
        "tool_calls": [
            {
                "id": "look_1",
                "type": "function",
                "function": {"name": "look", "arguments": '{"at":"Zürich"}'},
            }
        ],
    },
    "finish_reason": "TOOL_CALL",
    "usage": BILLED,
}


def body(said: Any) -> bytes:
    return json.dumps(said).encode()


TOO_LONG = body({"id": "1", "message": "too many tokens: size limit exceeded by 11 tokens."})
test_contract = provider_contract(
    KIND,
    {"api_key": "cohere-key-for-tests"},
    recorded=[
        Recorded(
            "tools",
            body(WHOLE),
            text="I look.",
            tool_calls=(("look", {"at": "Zürich"}),),
            finish_reason="tool_calls",
            usage=USED,
        ),
        Recorded("stream", STREAM, is_stream=True, text="Grüße", finish_reason="stop", usage=USED),
        Recorded(
            "calls", CALLS, is_stream=True, text="I look.", tool_calls=(("look", {}),), usage=USED
        ),
        Recorded("failed", START + TEXT + end("ERROR"), is_stream=True, error=UpstreamError),
        Recorded("too long", TOO_LONG, status=400, error=UpstreamRejected),
        Recorded("busy", body({"message": "trial key limit"}), status=429, error=UpstreamBusy),
    ],
)  # fmt: skip


def provider(**settings: Any) -> Cohere:
    return Cohere(Config(api_key=Secret("cohere-key"), **settings))


def sent(**said: Any) -> dict[str, Any]:
    call = call_of({"messages": HELLO, **said})
    call.model = said.get("model", "command-r7b-12-2024")
    return json.loads(provider().request(call).body)


TOOLS = [{"type": "function", "function": {"name": name, "description": name}} for name in ("look", "go")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"temperature": 2, "top_p": 1, "top_k": 3}, {"temperature": 1.0, "p": 0.99, "k": 3}),
        ({"top_k": 999, "seed": -1}, {"k": 500, "seed": None}),
        ({"top_p": 0, "seed": 7}, {"p": 0.01, "seed": 7}),
        ({"frequency_penalty": -1, "presence_penalty": 0.5}, {"frequency_penalty": 0.0, "presence_penalty": 0.5}),
        ({"stop": "END", "max_tokens": 9}, {"stop_sequences": ["END"], "max_tokens": 9}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}},
            {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}},
        ),
        ({"reasoning_effort": "none", "model": "command-a-reasoning"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "high", "model": "command-a-reasoning"}, {"thinking": {"type": "enabled"}}),
        (
            {"reasoning": {"max_tokens": 99}, "model": "command-a-reasoning"},
            {"thinking": {"type": "enabled", "token_budget": 99}},
        ),
    ],
)  # fmt: skip
def test_how_it_is_to_answer(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    said = sent(**asked)
    assert {name: said.get(name) for name in expected} == expected


def test_a_model_that_does_not_think_is_not_asked_to() -> None:
    assert "thinking" not in sent(reasoning_effort="high")


def test_one_tool_that_must_be_called_goes_alone() -> None:
    said = sent(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "go"}})
    assert [tool["function"]["name"] for tool in said["tools"]] == ["go"]
    assert said["tool_choice"] == "REQUIRED"


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "fly"}}}, "tool_choice"),
        ({"tools": TOOLS, "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "eA=="}}]}]}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(asked: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        sent(**asked)
    assert raised.value.param == param


def test_a_turn_that_calls_tools_says_so_in_its_plan() -> None:
    function = {"name": "look", "arguments": "{}"}
    called = {"id": "c1", "type": "function", "function": function}
    said = {"role": "assistant", "content": "I look.", "tool_calls": [called]}
    answer = {"role": "tool", "tool_call_id": "c1", "content": "seen"}
    assert sent(messages=[*HELLO, said, answer])["messages"] == [
        *HELLO,
        {"role": "assistant", "tool_calls": [called], "tool_plan": "I look."},
        answer,
    ]


def test_images_go_as_they_came() -> None:
    url = "data:image/png;base64,eA=="
    image = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    parts = [{"type": "text", "text": "what?"}, image]
    assert sent(messages=[{"role": "user", "content": parts}])["messages"][0]["content"] == parts


def test_trap_18_thoughts_go_back_to_whom_they_came_from() -> None:
    thought = {
        "message": {"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "2"}]}
    }
    call = call_of({"messages": HELLO})
    result = provider().result(call, HttpReply(200, {}, body({**thought, "finish_reason": "COMPLETE"})))
    assert result.chat is not None
    message = json.loads(encode_chat_reply(call, result.chat, None))["choices"][0]["message"]
    again = sent(messages=[*HELLO, message, *HELLO])["messages"][1]
    assert again == {"role": "assistant", "content": thought["message"]["content"]}
    foreign = {
        **message,
        "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "anthropic:s"}],
    }
    assert sent(messages=[*HELLO, foreign, *HELLO])["messages"][1] == {"role": "assistant", "content": "2"}


def test_a_conversation_that_another_dialect_was_read_into_is_taken_as_it_is() -> None:
    call = call_of({})
    call.dialect = "anthropic"
    call.chat = ChatRequest(
        [Message("system", [Text("Be kind.")]), Message("user", [Text("hello")])], max_output=5
    )
    said = json.loads(provider().request(call).body)
    assert said["messages"] == [{"role": "system", "content": "Be kind."}, *HELLO]
    assert said["max_tokens"] == 5


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({"billed_units": {}, "tokens": {}}, None),
        ({"tokens": {"input_tokens": 9, "output_tokens": 4}}, Usage(input=9, output=4)),
        (
            {"tokens": {"input_tokens": 9, "output_tokens": 4, "reasoning_tokens": 3}, "cached_tokens": 6},
            Usage(input=3, cached_input=6, output=1, reasoning=3),
        ),
        ({"billed_units": {"input_tokens": 0, "output_tokens": 0.0}, "tokens": {"input_tokens": 9}}, Usage(input=0, output=0)),
    ],
)  # fmt: skip
def test_what_is_billed_counts_and_else_what_went_through(usage: Any, expected: Usage | None) -> None:
    """Trap 19: tokens from the cache are counted once."""
    said = {**WHOLE, "usage": usage}
    assert provider().result(call_of({}), HttpReply(200, {}, body(said))).usage == expected


@pytest.mark.parametrize(
    ("status", "said", "expected", "code"),
    [
        (401, {"message": "invalid api token"}, UpstreamDenied, "upstream_denied"),
        (498, {"message": "invalid token"}, UpstreamDenied, "upstream_denied"),
        (402, {"message": "Please add a payment method"}, UpstreamDenied, "upstream_quota_exhausted"),
        (429, {"message": "too many requests"}, UpstreamBusy, "upstream_busy"),
        (400, {"message": "too many tokens: 9 > 8"}, UpstreamRejected, "context_length_exceeded"),
        (400, {"message": "x", "error_type": "TOO_MANY_TOKENS"}, UpstreamRejected, "context_length_exceeded"),
        (404, {"message": "model 'x' not found"}, UpstreamRejected, "model_not_found"),
        (500, {"message": "internal server error"}, UpstreamError, "upstream_error"),
        (503, {}, UpstreamBusy, "upstream_busy"),
    ],
)  # fmt: skip
def test_trap_25_errors_by_their_kind(
    status: int, said: dict[str, Any], expected: type[UpstreamError], code: str
) -> None:
    error = provider().error(HttpReply(status, {}, body(said)))
    assert (type(error), error.code, error.upstream_status) == (expected, code, status)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"message": "rate limited", "error_type": "too_many_requests"}, UpstreamBusy),
        ({**WHOLE, "finish_reason": "ERROR"}, UpstreamError),
        ({**WHOLE, "finish_reason": "TIMEOUT"}, UpstreamError),
        ({}, UpstreamInvalid),
        ([], UpstreamInvalid),
    ],
)
def test_trap_06_a_200_that_is_no_answer(said: Any, expected: type[UpstreamError]) -> None:
    with pytest.raises(UpstreamError) as raised:
        provider().result(call_of({}), HttpReply(200, {}, body(said)))
    assert type(raised.value) is expected


def test_the_probe_is_free() -> None:
    probe = provider(base_url="https://api.cohere.com/v2/").probe()
    assert probe is not None
    assert (probe.method, probe.url) == ("GET", "https://api.cohere.com/v1/models?page_size=1")


@pytest.mark.parametrize("seed", range(3))
async def test_over_a_socket_in_random_pieces(seed: int, pixapi_call: Callable[..., Call]) -> None:
    import httpx2

    with ReplayServer(
        [Recorded("w", body(WHOLE)), Recorded("s", STREAM, is_stream=True)], seed=seed
    ) as server:
        ours = provider(base_url=server.url)
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            call = pixapi_call("hi")
            request = ours.request(call)
            reply = await client.post(request.url, content=request.body, headers=dict(request.headers))
            read = read_result(call, ours.result(call, HttpReply(reply.status_code, {}, reply.content)))
            assert read.text == "I look."
            call = pixapi_call("hi", stream=True)
            request = ours.request(call)
            async with client.stream(
                "POST", request.url, content=request.body, headers=dict(request.headers)
            ) as streamed:
                pieces = [piece async for piece in streamed.aiter_raw()]
            events = play(ours, call, *pieces)
            assert read_events(call, events).text == "Grüße"
            assert last_usage(events) == USED
        assert [received.path for received in server.received] == ["/v2/chat"] * 2
        assert server.received[0].headers["authorization"] == "Bearer cohere-key"
