"""Calls as values whichever dialect they came in, and replies as values."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import msgspec
import pytest

from pixapi.adapters import (
    chat_result,
    embeddings_result,
    read_arguments,
    read_chat,
    read_embeddings,
    read_error,
    read_json,
    refuse_unsayable,
)
from pixapi.errors import BadRequest, UpstreamBusy, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import (
    ChatReply,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    Message,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.testing.contracts.calls import call, chat, fields_of, ordinary

HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "look"}}
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def test_a_conversation_is_read_whatever_the_dialect() -> None:
    asked = chat("hello")
    assert read_chat(asked) is asked.chat
    bare = msgspec.structs.replace(asked, chat=None)
    assert read_chat(bare).messages == [Message("user", [Text("hello")])]
    body = {"model": "m", "max_tokens": 5, "messages": HELLO, "system": "Be kind."}
    other = msgspec.structs.replace(bare, dialect="anthropic", fields=fields_of(body))
    assert [message.role for message in read_chat(other).messages] == ["system", "user"]


def test_a_body_that_is_no_conversation() -> None:
    with pytest.raises(BadRequest, match="messages"):
        read_chat(call({"messages": 5}))


@pytest.mark.parametrize(
    ("lack", "body", "param"),
    [
        ("tools", {"tools": [TOOL]}, "tools"),
        ("tools", {"messages": [*HELLO, {"role": "tool", "tool_call_id": "1", "content": "x"}]}, "tools"),
        ("forced_tools", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ("single_calls", {"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ("images", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": PIXEL}]}]}, "messages"),
        (
            "image_urls",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "https://a.example/b"}]}]},
            "messages",
        ),
        (
            "files",
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "QQ=="}}]}]},
            "messages",
        ),
        ("schemas", {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}}, "response_format"),
        ("json", {"response_format": {"type": "json_object"}}, "response_format"),
        ("stop", {"stop": ["END"]}, "stop"),
    ],
)  # fmt: skip
def test_what_a_vendor_lacks_is_refused(lack: Any, body: dict[str, Any], param: str) -> None:
    asked = read_chat(call({"messages": HELLO, **body}))
    refuse_unsayable(asked)
    with pytest.raises(BadRequest) as refused:
        refuse_unsayable(asked, lack)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("lack", "body"),
    [
        ("tools", {"tools": [TOOL], "tool_choice": "none"}),
        ("forced_tools", {"tools": [TOOL], "tool_choice": "auto"}),
        ("single_calls", {"parallel_tool_calls": False}),
        ("image_urls", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": PIXEL}]}]}),
        ("schemas", {"response_format": {"type": "json_object"}}),
        ("json", {"response_format": {"type": "text"}}),
    ],
)  # fmt: skip
def test_what_asks_for_nothing_of_it_goes_on(lack: Any, body: dict[str, Any]) -> None:
    refuse_unsayable(read_chat(call({"messages": HELLO, **body})), lack)


@pytest.mark.parametrize(
    "body", [{"n": 2}, {"logprobs": True}, {"tool_choice": "required"}, {"audio": {"voice": "a"}}]
)
def test_what_no_other_vendor_has_is_always_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        refuse_unsayable(read_chat(call({"messages": HELLO, **body})))


def test_arguments_keep_their_text() -> None:
    text = '{"n": 12345678901234567890123, "s":"ü"}'
    assert bytes(read_arguments(ToolCall("1", "f", text))).decode() == text


@pytest.mark.parametrize("text", ["", "null", "[]", '{"a":', "[" * 50_000, '{"a":"\ud800"}'])
def test_arguments_that_are_no_object(text: str) -> None:
    with pytest.raises(BadRequest, match="no JSON object"):
        read_arguments(ToolCall("1", "f", text))


EVENTS: list[Event] = [
    ReasoningDelta("Let me "),
    ReasoningDelta("see.", "signed"),
    ReasoningDelta("More."),
    TextDelta("Hel"),
    TextDelta("lo"),
    ToolCallDelta(0, "a", "look", '{"x":'),
    ToolCallDelta(1, "b", "wait"),
    ToolCallDelta(0, arguments="1}"),
    RefusalDelta("No."),
    UsageReport(Usage(input=1, output=1)),
    UsageReport(Usage(input=1, output=2)),
    Finished("tool_calls"),
    Ended(),
]


def test_events_are_a_whole_reply() -> None:
    result = chat_result([*EVENTS, TextDelta("never read")])
    assert result.usage == Usage(input=1, output=2)
    parts = [
        Reasoning("Let me see.", "signed"),
        Reasoning("More."),
        Text("Hello"),
        ToolCall("a", "look", '{"x":1}'),
        ToolCall("b", "wait", "{}"),
    ]
    assert result.chat == ChatReply(parts, "tool_calls", "No.")


def test_events_that_do_not_end_are_none() -> None:
    with pytest.raises(UpstreamInvalid, match="not complete"):
        chat_result(EVENTS[:-1])
    with pytest.raises(UpstreamBusy):
        chat_result([TextDelta("a"), Failed(UpstreamBusy("busy"))])


def test_embeddings_are_asked_and_answered() -> None:
    asked = call({"input": ["a", "b"], "dimensions": 2}, operation="embeddings")
    assert read_embeddings(asked).texts == ["a", "b"]
    result = embeddings_result(asked, [[0.5, -1.0], [0.0, 2.0]], 7)
    assert result.usage == Usage(input=7)
    said = json.loads(result.body or b"")
    assert [item["embedding"] for item in said["data"]] == [[0.5, -1.0], [0.0, 2.0]]
    assert said["usage"]["prompt_tokens"] == 7


def test_embeddings_in_base64_and_without_a_count() -> None:
    result = embeddings_result(ordinary("embeddings"), [[0.5]], None)
    assert result.usage is None  # the core estimates, and charges
    asked = call({"input": "a", "encoding_format": "base64"}, operation="embeddings")
    (item,) = json.loads(embeddings_result(asked, [[0.5]], 1).body or b"")["data"]
    assert struct.unpack("<f", base64.b64decode(item["embedding"])) == (0.5,)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"a": "x"}', b"\xff", b"[" * 50_000])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        read_json(body, dict[str, int])
    assert read_json(b'{"a": 1}', dict[str, int]) == {"a": 1}


def test_errors() -> None:
    rejected = read_error(HttpReply(400, body=b'{"error": "no such thing here"}'))
    assert isinstance(rejected, UpstreamRejected)
    assert rejected.message == "no such thing here"
    assert isinstance(read_error(HttpReply(503, {"retry-after": "7"}, b"")), UpstreamBusy)
    within = read_error(HttpReply(200, body=b'{"error": "the runner has stopped"}'))
    assert type(within) is UpstreamError
