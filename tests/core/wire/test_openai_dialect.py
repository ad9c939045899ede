"""OpenAI's dialect as the gateway sees every dialect, and its whole replies in the internal model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    ChatReply,
    ChatRequest,
    Ended,
    Message,
    Reasoning,
    Text,
    TextDelta,
    ToolCall,
    Usage,
    UsageReport,
)
from pixapi.wire.dialect import Sizes
from pixapi.wire.json import Fields, decode_fields
from pixapi.wire.openai_dialect import OpenAIDialect
from pixapi.wire.openai_input import PER_MESSAGE
from pixapi.wire.openai_quirks import Quirks
from pixapi.wire.openai_read_reply import read_chat_reply

DIALECT = OpenAIDialect()
USED = Usage(input=5, output=2)
HI = {"messages": [{"role": "user", "content": "hi"}]}


def fields(body: dict[str, Any]) -> Fields:
    return decode_fields(json.dumps({"model": "m", **body}, separators=(",", ":")).encode())


def call(dialect: Any = "openai") -> Call:
    return Call("req_1", "chat", dialect, "alias", "m", {}, "chatcmpl-1", 1, stream=True, include_usage=True)


def test_it_reads_bounds_and_requests() -> None:
    body = {**HI, "max_tokens": 9, "n": 2, "stream": True}
    assert DIALECT.streams(fields(body))
    assert not DIALECT.streams(fields({**HI, "stream": None}))
    assert DIALECT.sizes(fields(body), 100) == Sizes(2 * PER_MESSAGE + 2, output_cap=9, choices=2)
    names = {"max_output": "max_tokens"}
    assert DIALECT.read(fields(body)) == ChatRequest(
        [Message("user", [Text("hi")])], max_output=9, n=2, names=names
    )


@pytest.mark.parametrize(
    ("more", "budget"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, 2000),
        ({"reasoning": {"max_tokens": 3000}}, 3000),
        ({"reasoning": {"effort": "high"}, "thinking": None}, 0),
    ],
)
def test_a_budget_of_thought_as_compatible_servers_take_it(more: dict[str, Any], budget: int) -> None:
    assert DIALECT.sizes(fields({**HI, **more}), 100).thinking_budget == budget


@pytest.mark.parametrize(
    ("param", "more"),
    [
        ("stream", {"stream": "yes"}),
        ("thinking", {"thinking": 5}),
        ("thinking", {"thinking": {"budget_tokens": "all"}}),
        ("reasoning", {"reasoning": {"max_tokens": -1}}),
    ],
)
def test_wrong_types_are_refused_by_name(param: str, more: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as refusal:
        DIALECT.streams(fields({**HI, **more}))
        DIALECT.sizes(fields({**HI, **more}), 100)
    assert refusal.value.param == param


def test_it_writes_replies_streams_and_errors() -> None:
    body = json.loads(DIALECT.reply(call(), ChatReply([Text("a")], "stop"), USED))
    assert (body["id"], body["model"], body["usage"]["prompt_tokens"]) == ("chatcmpl-1", "alias", 5)
    encoder = DIALECT.encoder(call())
    stream = b"".join(map(encoder.encode, [TextDelta("a"), UsageReport(USED), Ended()]))
    assert stream.endswith(b"data: [DONE]\n\n")
    assert encoder.ping.startswith(b":")
    error = BadRequest("wrong", param="messages")
    assert json.loads(DIALECT.error(error, "req_1"))["error"]["param"] == "messages"
    assert encoder.error(error, "req_1") == b"data: " + DIALECT.error(error, "req_1") + b"\n\n"


# Whole replies for callers of other dialects


def completion(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return json.dumps({"id": "x", "choices": [choice, {**choice, "index": 1}], **more}).encode()


CALLED = {"id": "i", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
REPLIES: list[tuple[str, bytes, Quirks, ChatReply]] = [
    ("text", completion({"content": "a"}), Quirks(), ChatReply([Text("a")], "stop")),
    ("cut by its cap", completion({"content": "a"}, "length"), Quirks(), ChatReply([Text("a")], "length")),
    (
        "thoughts and calls",
        completion({"content": None, "reasoning_content": "hm", "tool_calls": [CALLED]}, "tool_calls"),
        Quirks(),
        ChatReply([Reasoning("hm"), ToolCall("i", "look", '{"at": 1}')], "tool_calls"),
    ),
    (
        "a call that the caller insisted on",
        completion({"content": None, "tool_calls": [CALLED]}, "stop"),
        Quirks(),
        ChatReply([ToolCall("i", "look", '{"at": 1}')], "tool_calls"),
    ),
    (
        "a call without id and arguments",
        completion({"tool_calls": [{"function": {"name": "look"}}]}, None),
        Quirks(),
        ChatReply([ToolCall("call_chatcmpl-1_0", "look", "{}")], "tool_calls"),
    ),
    (
        "thoughts under another name",
        completion({"content": "a", "reasoning": "hm"}),
        Quirks(reasoning_field="reasoning"),
        ChatReply([Reasoning("hm"), Text("a")], "stop"),
    ),
    (
        "a refusal",
        completion({"content": None, "refusal": "no"}),
        Quirks(),
        ChatReply([], "stop", refusal="no"),
    ),
    ("an odd reason", completion({"content": "a"}, "eos"), Quirks(), ChatReply([Text("a")], "stop")),
    ("filtered", completion({"content": ""}, "content_filter"), Quirks(), ChatReply([], "content_filter")),
]


@pytest.mark.parametrize(
    ("body", "quirks", "expected"), [case[1:] for case in REPLIES], ids=[case[0] for case in REPLIES]
)
def test_a_whole_reply_in_the_internal_model(body: bytes, quirks: Quirks, expected: ChatReply) -> None:
    result = read_chat_reply(call("anthropic"), body, quirks)
    assert (result.chat, result.body, result.usage) == (expected, None, None)


def test_its_usage_comes_along() -> None:
    body = completion({"content": "a"}, usage={"prompt_tokens": 5, "completion_tokens": 2})
    assert read_chat_reply(call("anthropic"), body).usage == USED


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html>", b'{"choices":[]}', b'{"choices":[{},5]}', b'{"error":{"message":"x"}}']
)
def test_what_is_no_reply(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        read_chat_reply(call("anthropic"), body)
