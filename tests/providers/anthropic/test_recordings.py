"""What was recorded is read as the recording itself states it."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest

from pixapi.errors import UpstreamCut, UpstreamRejected
from pixapi.interfaces import (
    Call,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    Reasoning,
    ReasoningDelta,
    RefusalDelta,
    Secret,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi_providers.anthropic import Anthropic, Config

REASONS = {
    "end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length",
    "tool_use": "tool_calls", "refusal": "content_filter",
}  # fmt: skip


@pytest.fixture
def provider() -> Anthropic:
    return Anthropic(Config(api_key=Secret("sk-ant-test")))


@pytest.fixture
def call() -> Call:
    return Call("req_1", "chat", "openai", "alias", "claude", {}, "chatcmpl_1", 1, stream=True)


def usage_of(said: dict[str, Any]) -> Usage:
    """The vendor's own numbers, taken down independently of the codec."""
    written = said.get("cache_creation_input_tokens")
    hour = said.get("cache_creation", {}).get("ephemeral_1h_input_tokens")
    thought = said.get("output_tokens_details", {}).get("thinking_tokens")
    return Usage(
        input=said["input_tokens"],
        cached_input=said.get("cache_read_input_tokens"),
        cache_write=None if written is None else written - (hour or 0),
        cache_write_1h=hour,
        output=said["output_tokens"] - (thought or 0),
        reasoning=thought,
        searches=said.get("server_tool_use", {}).get("web_search_requests"),
    )


def play(provider: Anthropic, call: Call, *pieces: bytes) -> list[Event]:
    decoder = provider.decoder(call)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def comparable(events: list[Event]) -> list[object]:
    """Errors compare by what they say."""
    return [(type(e.error), e.error.message) if isinstance(e, Failed) else e for e in events]


def test_a_whole_reply_says_what_was_recorded(provider: Anthropic, call: Call, whole: Any) -> None:
    said = json.loads(whole.body)
    result = provider.result(call, HttpReply(200, {}, whole.body))
    reply = result.chat
    assert reply is not None
    blocks = said["content"]
    texts = [block["text"] for block in blocks if block["type"] == "text" and block["text"]]
    assert [part.text for part in reply.parts if isinstance(part, Text)] == texts
    calls = [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    found = [(p.id, p.name, json.loads(p.arguments)) for p in reply.parts if isinstance(p, ToolCall)]
    assert found == calls
    thoughts = [
        ("", f"anthropic:{b['data']}") if "data" in b else (b["thinking"], f"anthropic:{b['signature']}")
        for b in blocks
        if b["type"] in ("thinking", "redacted_thinking")
    ]
    assert [(p.text, p.signature) for p in reply.parts if isinstance(p, Reasoning)] == thoughts
    assert reply.finish_reason == REASONS[said["stop_reason"]]
    assert reply.refusal == (said.get("stop_details") or {}).get("explanation")
    assert result.usage == usage_of(said["usage"])


def said_by(stream: bytes) -> list[dict[str, Any]]:
    lines = stream.decode().splitlines()
    return [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]


def test_a_stream_says_what_was_recorded(provider: Anthropic, call: Call, stream: Any) -> None:
    sent = said_by(stream.body)
    events = play(provider, call, stream.body)
    if stream.name.startswith("spliced-message-start"):
        assert isinstance(events[-1], Failed), "a second message began amid the first"
        return
    assert events[-1] == Ended()
    deltas = [event["delta"] for event in sent if event["type"] == "content_block_delta"]
    text = "".join(d["text"] for d in deltas if d["type"] == "text_delta")
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == text
    thought = "".join(d["thinking"] for d in deltas if d["type"] == "thinking_delta")
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == thought
    signatures = sum(d["type"] == "signature_delta" and d["signature"] != "" for d in deltas)
    sealed = [e for e in events if isinstance(e, ReasoningDelta) and e.signature and not e.redacted]
    assert len(sealed) == signatures
    assert tools_of(events) == recorded_tools(sent)
    began = next(event["message"] for event in sent if event["type"] == "message_start")
    whole = {"delta": {"stop_reason": began["stop_reason"]}, "usage": began["usage"]}
    final = [whole, *(event for event in sent if event["type"] == "message_delta")][-1]
    assert [e.reason for e in events if isinstance(e, Finished)] == [REASONS[final["delta"]["stop_reason"]]]
    refusals = [e.text for e in events if isinstance(e, RefusalDelta)]
    assert refusals == [d["explanation"] for d in [final["delta"].get("stop_details")] if d]
    reports = [e.usage for e in events if isinstance(e, UsageReport)]
    assert reports[-1] == usage_of(began["usage"] | final["usage"])
    if began["stop_reason"] is None:
        assert reports[0].output is None, "what it used when it begins is not what it will have used"


def tools_of(events: list[Event]) -> list[tuple[str | None, str | None, Any]]:
    tools: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index not in tools:
                assert event.index == len(tools)
                tools[event.index] = [event.id, event.name, ""]
            tools[event.index][2] += event.arguments
    return [(call_id, name, json.loads(arguments)) for call_id, name, arguments in tools.values()]


def recorded_tools(sent: list[dict[str, Any]]) -> list[tuple[str, str, Any]]:
    tools: dict[int, list[Any]] = {}
    began = next(event["message"] for event in sent if event["type"] == "message_start")
    for block in began["content"]:
        tools[len(tools)] = [block["id"], block["name"], block["input"], ""]
    for event in sent:
        if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
            block = event["content_block"]
            tools[event["index"]] = [block["id"], block["name"], block["input"], ""]
        delta = event.get("delta", {})
        if delta.get("type") == "input_json_delta" and event["index"] in tools:
            tools[event["index"]][3] += delta["partial_json"]
    return [(i, name, json.loads(text) if text else start) for i, name, start, text in tools.values()]


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_gives_the_same_events(
    provider: Anthropic, call: Call, stream: Any, cuttings: Any
) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    body = stream.body
    expected = comparable(play(provider, call, body))
    for pieces in cuttings(body):
        assert comparable(play(provider, call, *pieces)) == expected
    with_crlf = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert (
        comparable(play(provider, call, *(with_crlf[at : at + 7] for at in range(0, len(body) * 2, 7))))
        == expected
    )


def test_trap_07_a_stream_that_breaks_off_never_looks_finished(
    provider: Anthropic, call: Call, stream: Any
) -> None:
    end = stream.body.rindex(b'"message_stop"')
    dice = random.Random(len(stream.body))
    for cut in {0, 1, end, *dice.sample(range(2, end), min(end - 2, 20))}:
        events = play(provider, call, stream.body[:cut])
        failed = events[-1]
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, UpstreamCut)
        assert not any(isinstance(event, Finished | Ended) for event in events)


def test_a_recorded_refusal_is_the_callers(provider: Anthropic, refused: Any) -> None:
    said = json.loads(refused.body)
    error = provider.error(HttpReply(refused.status, dict(refused.headers), refused.body))
    assert isinstance(error, UpstreamRejected)
    assert (error.upstream_status, error.upstream_code) == (refused.status, said["error"]["type"])
    assert error.message == said["error"]["message"]
    assert (error.code == "model_not_found") == (refused.status == 404)


def test_a_recorded_conversation_can_go_on(provider: Anthropic, call: Call, whole: Any) -> None:
    """Trap 18: what callers keep of a reply, sent back, holds the same thoughts and calls."""
    from pixapi.wire.openai_chat import read_chat_request
    from pixapi.wire.openai_reply import encode_chat_reply

    said = json.loads(whole.body)
    result = provider.result(call, HttpReply(200, {}, whole.body))
    assert result.chat is not None
    message = json.loads(encode_chat_reply(call, result.chat, result.usage))["choices"][0]["message"]
    body = {"messages": [{"role": "user", "content": "go on"}, message, {"role": "user", "content": "and?"}]}
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    asked = msgspec.structs.replace(call, fields=fields, chat=read_chat_request(fields))
    again = json.loads(provider.request(asked).body)
    sent = [block for turn in again["messages"] if turn["role"] == "assistant" for block in turn["content"]]
    for kind in ("thinking", "redacted_thinking", "tool_use"):
        expected = [b for b in said["content"] if b["type"] == kind]
        kept = {"type", "thinking", "signature", "data", "id", "name", "input"}
        assert [b for b in sent if b["type"] == kind] == [
            {name: value for name, value in block.items() if name in kept} for block in expected
        ]
