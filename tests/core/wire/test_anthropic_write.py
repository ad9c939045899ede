"""Answers of other dialects as messages, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy
from pixapi.interfaces import (
    Call,
    ChatReply,
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
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
from pixapi.interfaces.chat import FinishReason
from pixapi.wire.anthropic_dialect import AnthropicDialect
from pixapi.wire.anthropic_reply import read_reply
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi.wire.anthropic_usage import read_usage, write_usage

DIALECT = AnthropicDialect()
USED = Usage(input=7, cached_input=100, output=3)
SAID = {"input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 3}


def call() -> Call:
    return Call("req_1", "chat", "anthropic", "alias", "m", {}, "msg_1", 1, stream=True)


def whole(reply: ChatReply, usage: Usage | None = None) -> dict[str, Any]:
    return json.loads(DIALECT.reply(call(), reply, usage))


def test_a_whole_message() -> None:
    parts = [
        Reasoning("hm", "anthropic:s"),
        Reasoning("", "gemini:r", redacted=True),
        Reasoning("x"),
        Text("a"),
        Text("b"),
        ToolCall("i", "look", '{"n": 12345678901234567890}'),
        ToolCall("j", "look", '{"at": "Z'),
        ToolCall("k", "look", ""),
    ]
    body = DIALECT.reply(call(), ChatReply(parts, "tool_calls"), USED)
    assert b'{"n": 12345678901234567890}' in body
    assert json.loads(body) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "alias",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "gemini:r"},
            {"type": "thinking", "thinking": "x", "signature": ""},
            {"type": "text", "text": "ab"},
            {"type": "tool_use", "id": "i", "name": "look", "input": {"n": 12345678901234567890}},
            {"type": "tool_use", "id": "j", "name": "look", "input": {"INVALID_JSON": '{"at": "Z'}},
            {"type": "tool_use", "id": "k", "name": "look", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": SAID,
    }


REASONS: list[tuple[FinishReason, str]] = [
    ("stop", "end_turn"),
    ("length", "max_tokens"),
    ("tool_calls", "tool_use"),
    ("content_filter", "refusal"),
]


@pytest.mark.parametrize(("reason", "said"), REASONS)
def test_reasons_to_stop_both_ways(reason: FinishReason, said: str) -> None:
    body = DIALECT.reply(call(), ChatReply([Text("a")], reason), None)
    assert json.loads(body)["stop_reason"] == said
    again = read_reply(body, "anthropic").chat
    assert again is not None
    assert again.finish_reason == reason


def test_a_refusal_says_why() -> None:
    said = whole(ChatReply([], "stop", refusal="I will not."))
    assert (said["stop_reason"], said["stop_details"]["explanation"]) == ("refusal", "I will not.")
    assert said["usage"] == {"input_tokens": 0, "output_tokens": 0}


USAGES = [
    (Usage(input=7, output=3), {"input_tokens": 7, "output_tokens": 3}),
    (USED, SAID),
    (
        Usage(input=1, cached_input=2, cache_write=3, cache_write_1h=4, output=5, reasoning=6),
        {
            "input_tokens": 1,
            "cache_read_input_tokens": 2,
            "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 11,
            "output_tokens_details": {"thinking_tokens": 6},
        },
    ),
    (
        Usage(input=7, output=3, searches=2),
        {"input_tokens": 7, "output_tokens": 3, "server_tool_use": {"web_search_requests": 2}},
    ),
]


@pytest.mark.parametrize(("usage", "said"), USAGES)
def test_usage_both_ways(usage: Usage, said: dict[str, Any]) -> None:
    """Trap 19: what was read from a cache is not in `input_tokens`."""
    assert write_usage(usage) == said
    assert read_usage(said) == usage


def test_usage_without_a_count_of_its_own_is_ordinary() -> None:
    used = Usage(input=1, audio_input=2, image_input=3, cached_input=4, output=5, audio_output=6)
    assert write_usage(used) == {"input_tokens": 6, "cache_read_input_tokens": 4, "output_tokens": 11}


# Streams


def encoded(*events: Event) -> bytes:
    encoder = DIALECT.encoder(call())
    return b"".join(encoder.encode(event) for event in events)


def sent(stream: bytes) -> list[dict[str, Any]]:
    """The events' data; each has an `event:` line that names its type."""
    found = []
    for frame in filter(None, stream.decode().split("\n\n")):
        event, data = frame.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert event == f"event: {found[-1]['type']}"
    return found


def again(stream: bytes) -> list[Event]:
    decoder = MessagesDecoder("anthropic", "call")
    return decoder.feed(stream) + decoder.close()


def test_a_stream_event_by_event() -> None:
    stream = encoded(
        UsageReport(Usage(input=7, cached_input=100)),
        ReasoningDelta("h"),
        ReasoningDelta("m", "anthropic:s"),
        TextDelta("a"),
        TextDelta("b"),
        ToolCallDelta(0, "i", "look"),
        ToolCallDelta(0, arguments="{}"),
        Finished("tool_calls"),
        UsageReport(USED),
        Ended(),
    )
    start, *blocks, final, stop = sent(stream)
    assert start == {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "alias",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {**SAID, "output_tokens": 0},
        },
    }
    assert [(b["type"].removeprefix("content_block_"), b["index"]) for b in blocks] == [
        *[("start", 0), ("delta", 0), ("delta", 0), ("delta", 0), ("stop", 0)],
        *[("start", 1), ("delta", 1), ("delta", 1), ("stop", 1)],
        *[("start", 2), ("delta", 2), ("stop", 2)],
    ]
    assert blocks[3]["delta"] == {"type": "signature_delta", "signature": "s"}
    assert blocks[9]["content_block"] == {"type": "tool_use", "id": "i", "name": "look", "input": {}}
    assert blocks[10]["delta"] == {"type": "input_json_delta", "partial_json": "{}"}
    assert final == {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": SAID,
    }
    assert stop == {"type": "message_stop"}


ENDS: list[Event] = [Finished("stop"), Ended()]
STREAMS: list[tuple[str, list[Event]]] = [
    ("nothing", []),
    ("text", [TextDelta("a"), TextDelta("b")]),
    (
        "thoughts",
        [ReasoningDelta("a"), ReasoningDelta(signature="anthropic:s"), ReasoningDelta("b"), TextDelta("c")],
    ),
    ("a signature alone", [ReasoningDelta(signature="anthropic:s"), TextDelta("c")]),
    ("withheld thoughts", [ReasoningDelta(signature="anthropic:s", redacted=True), ReasoningDelta("b")]),
    ("text between thoughts", [TextDelta("a"), ReasoningDelta("b"), TextDelta("c")]),
    (
        "a call",
        [ToolCallDelta(0, "i", "x"), ToolCallDelta(0, arguments='{"a":'), ToolCallDelta(0, arguments="1}")],
    ),
    (
        "calls in turns",
        [
            ToolCallDelta(0, "i", "x"),
            ToolCallDelta(0, arguments='{"a":'),
            ToolCallDelta(1, "j", "y"),
            ToolCallDelta(1, arguments="{"),
            ToolCallDelta(0, arguments="1}"),
            ToolCallDelta(1, arguments="}"),
        ],
    ),
    (
        "text after a call",
        [ToolCallDelta(0, "i", "x"), ToolCallDelta(0, arguments="{}"), TextDelta("a"), TextDelta("b")],
    ),
]


@pytest.mark.parametrize("events", [case[1] for case in STREAMS], ids=[case[0] for case in STREAMS])
def test_a_stream_is_read_as_it_was_written(events: list[Event]) -> None:
    stream = encoded(*events, UsageReport(USED), *ENDS)
    found = [event for event in again(stream) if not isinstance(event, UsageReport)]
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert found == [*events, Finished("stop"), Ended()]
    assert all(call.id is None or call.name is not None for call in calls)
    numbers = [event["index"] for event in sent(stream) if event["type"] == "content_block_start"]
    assert numbers == list(range(len(numbers)))
    starts, stops = (
        [event["index"] for event in sent(stream) if event["type"] == f"content_block_{kind}"]
        for kind in ("start", "stop")
    )
    assert sorted(stops) == starts, "each block is stopped once"


def test_one_call_ends_before_the_next_begins() -> None:
    stream = encoded(
        ToolCallDelta(0, "i", "x"), ToolCallDelta(0, arguments="{}"), ToolCallDelta(1, "j", "y"), *ENDS
    )
    kinds = [event["type"].removeprefix("content_block_") for event in sent(stream)]
    assert kinds[1:6] == ["start", "delta", "stop", "start", "stop"]


def test_a_refusal_is_the_reason_to_stop() -> None:
    events = again(encoded(RefusalDelta("I will "), RefusalDelta("not."), *ENDS))
    assert events[-3:] == [RefusalDelta("I will not."), Finished("content_filter"), Ended()]


def test_errors_and_keep_alives() -> None:
    encoder = DIALECT.encoder(call())
    assert encoder.ping == b'event: ping\ndata: {"type":"ping"}\n\n'
    stream = encoder.encode(TextDelta("a")) + encoder.encode(Failed(UpstreamBusy("Come back later.")))
    assert sent(stream)[-1] == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Come back later.", "code": "upstream_busy"},
        "request_id": "req_1",
    }
    assert b"message_stop" not in stream
    assert encoder.encode(Passage(b"as it is")) == b"as it is"
