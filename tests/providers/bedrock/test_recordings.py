"""What was recorded is read as the recording itself states it."""

from __future__ import annotations

import json
import random
import struct
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
    Provider,
    Reasoning,
    ReasoningDelta,
    Secret,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.wire.openai_reply import encode_chat_reply
from pixapi_providers.bedrock import Config, build

REASONS = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}


@pytest.fixture
def provider() -> Provider:
    return build(Config(api_key=Secret("bedrock-test")))


@pytest.fixture
def call() -> Call:
    return Call("req_1", "chat", "openai", "alias", "anthropic.claude", {}, "chatcmpl_1", 1, stream=True)


def usage_of(said: dict[str, Any]) -> Usage:
    """The vendor's own numbers, taken down independently of the codec; they add up to its own total."""
    read, written = said.get("cacheReadInputTokens"), said.get("cacheWriteInputTokens")
    assert said["inputTokens"] + said["outputTokens"] + (read or 0) + (written or 0) == said["totalTokens"]
    return Usage(
        input=said["inputTokens"], cached_input=read, cache_write=written, output=said["outputTokens"]
    )


def play(provider: Provider, call: Call, *pieces: bytes) -> list[Event]:
    decoder = provider.decoder(call)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def comparable(events: list[Event]) -> list[object]:
    """Errors compare by what they say."""
    return [(type(e.error), e.error.message) if isinstance(e, Failed) else e for e in events]


def test_a_whole_reply_says_what_was_recorded(provider: Provider, call: Call, whole: Any) -> None:
    said = json.loads(whole.body)
    result = provider.result(call, HttpReply(200, {}, whole.body))
    reply = result.chat
    assert reply is not None
    blocks = said["output"]["message"]["content"]
    texts = [block["text"] for block in blocks if block.get("text")]
    assert [part.text for part in reply.parts if isinstance(part, Text)] == texts
    uses = [block["toolUse"] for block in blocks if "toolUse" in block]
    calls = [(u["toolUseId"], u["name"], u["input"]) for u in uses if u.get("type") != "server_tool_use"]
    found = [(p.id, p.name, json.loads(p.arguments)) for p in reply.parts if isinstance(p, ToolCall)]
    assert found == calls
    thoughts = [block["reasoningContent"] for block in blocks if "reasoningContent" in block]
    assert [(p.text, p.signature) for p in reply.parts if isinstance(p, Reasoning)] == [
        ("", f"bedrock:{thought['redactedContent']}")
        if "redactedContent" in thought
        else (thought["reasoningText"]["text"], sealed(thought["reasoningText"].get("signature")))
        for thought in thoughts
    ]
    assert reply.finish_reason == REASONS[said["stopReason"]]
    assert result.usage == usage_of(said["usage"])


def sealed(signature: str | None) -> str | None:
    return None if signature is None else f"bedrock:{signature}"


def said_by(stream: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream, cut by their lengths alone."""
    events, at = [], 0
    while at < len(stream):
        total, headers = struct.unpack_from(">II", stream, at)
        names = stream[at + 12 : at + 12 + headers]
        kind = names.split(b":event-type\x07", 1)[1]
        length = struct.unpack_from(">H", kind)[0]
        payload = stream[at + 12 + headers : at + total - 4]
        events.append((kind[2 : 2 + length].decode(), json.loads(payload)))
        at += total
    return events


def test_a_stream_says_what_was_recorded(provider: Provider, call: Call, stream: Any) -> None:
    sent = said_by(stream.body)
    events = play(provider, call, stream.body)
    assert events[-1] == Ended()
    deltas = [said["delta"] for kind, said in sent if kind == "contentBlockDelta"]
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == "".join(
        delta.get("text", "") for delta in deltas
    )
    thoughts = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
    thought = "".join(piece.get("text", "") for piece in thoughts)
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == thought
    signatures = [e.signature for e in events if isinstance(e, ReasoningDelta) and e.signature]
    said_of_them = [t.get("signature") or t.get("redactedContent") for t in thoughts]
    assert signatures == [f"bedrock:{said}" for said in said_of_them if said]
    assert tools_of(events) == recorded_tools(sent)
    (stop,) = [said["stopReason"] for kind, said in sent if kind == "messageStop"]
    assert [e.reason for e in events if isinstance(e, Finished)] == [REASONS[stop]]
    usages = [usage_of(said["usage"]) for kind, said in sent if kind == "metadata"]
    assert [e.usage for e in events if isinstance(e, UsageReport)] == usages


def tools_of(events: list[Event]) -> list[tuple[str | None, str | None, Any]]:
    tools: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index not in tools:
                assert event.index == len(tools)
                tools[event.index] = [event.id, event.name, ""]
            tools[event.index][2] += event.arguments
    return [(call_id, name, json.loads(arguments)) for call_id, name, arguments in tools.values()]


def recorded_tools(sent: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, Any]]:
    tools: dict[int, list[Any]] = {}
    for kind, said in sent:
        use = said.get("start", {}).get("toolUse")
        if kind == "contentBlockStart" and use and use.get("type") != "server_tool_use":
            tools[said["contentBlockIndex"]] = [use["toolUseId"], use["name"], ""]
        piece = said.get("delta", {}).get("toolUse") if kind == "contentBlockDelta" else None
        if piece and said["contentBlockIndex"] in tools:
            tools[said["contentBlockIndex"]][2] += piece["input"]
    return [(call_id, name, json.loads(text or "{}")) for call_id, name, text in tools.values()]


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_gives_the_same_events(
    provider: Provider, call: Call, stream: Any, cuttings: Any
) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    body = stream.body
    expected = comparable(play(provider, call, body))
    for pieces in cuttings(body):
        assert comparable(play(provider, call, *pieces)) == expected


def test_trap_07_a_stream_that_breaks_off_never_looks_finished(
    provider: Provider, call: Call, stream: Any
) -> None:
    body = stream.body
    last = max(body.rindex(b"messageStop"), body.rfind(b"metadata"))
    dice = random.Random(len(body))
    for cut in {0, 1, len(body) - 1, last, *dice.sample(range(2, body.rindex(b"messageStop")), 30)}:
        *events, failed = play(provider, call, body[:cut])
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, UpstreamCut)
        assert not any(isinstance(event, Finished | Ended) for event in events)


def test_a_recorded_refusal_is_the_callers(provider: Provider, refused: Any) -> None:
    error = provider.error(HttpReply(refused.status, dict(refused.headers), refused.body))
    assert isinstance(error, UpstreamRejected)
    assert error.upstream_status == refused.status
    assert error.message == json.loads(refused.body)["message"]
    assert (error.status, error.code, error.retryable) == (404, "model_not_found", True)


def test_a_recorded_conversation_can_go_on(provider: Provider, call: Call, whole: Any) -> None:
    """Trap 18: what callers keep of a reply, sent back, holds the same thoughts and calls."""
    said = json.loads(whole.body)["output"]["message"]["content"]
    result = provider.result(call, HttpReply(200, {}, whole.body))
    assert result.chat is not None
    message = json.loads(encode_chat_reply(call, result.chat, result.usage))["choices"][0]["message"]
    tool = {"type": "function", "function": {"name": "look"}}
    body = {
        "messages": [{"role": "user", "content": "go on"}, message, {"role": "user", "content": "and?"}],
        "tools": [tool],
    }
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    again = json.loads(provider.request(msgspec.structs.replace(call, fields=fields, model=whole.model)).body)
    sent = [block for turn in again["messages"] if turn["role"] == "assistant" for block in turn["content"]]
    signed = [
        block
        for block in said
        if "redactedContent" in block.get("reasoningContent", {})
        or "signature" in block.get("reasoningContent", {}).get("reasoningText", {})
    ]
    assert [block for block in sent if "reasoningContent" in block] == signed
    uses = [
        {name: value for name, value in block["toolUse"].items() if name != "type"}
        for block in said
        if block.get("toolUse", {"type": "server_tool_use"}).get("type") != "server_tool_use"
    ]
    assert [block["toolUse"] for block in sent if "toolUse" in block] == uses


def test_vectors_are_those_that_were_recorded(provider: Provider, vectors: Any) -> None:
    said = json.loads(vectors.body)
    found = said.get("embeddings", [said.get("embedding")])
    found = found["float"] if isinstance(found, dict) else found
    found = [item["embedding"] if isinstance(item, dict) else item for item in found]
    call = embeddings_call(vectors)
    result = provider.result(call, HttpReply(200, dict(vectors.headers), vectors.body))
    assert result.body is not None
    reply = json.loads(result.body)
    assert [item["embedding"] for item in reply["data"]] == found
    tokens = int(dict(vectors.headers)["x-amzn-bedrock-input-token-count"])
    assert result.usage == Usage(input=tokens)
    assert (reply["usage"]["prompt_tokens"], reply["model"]) == (tokens, "alias")


def test_an_embeddings_request_is_the_one_that_was_recorded(provider: Provider, vectors: Any) -> None:
    asked = vectors.asked
    ours = json.loads(provider.request(embeddings_call(vectors)).body)
    for chosen in ("normalize", "truncate", "max_tokens"):  # what callers of OpenAI's dialect cannot say
        asked, ours = ({k: v for k, v in body.items() if k != chosen} for body in (asked, ours))
    for body in (asked, ours):
        body.get("singleEmbeddingParams", {}).get("text", {}).pop("truncationMode", None)
    assert ours == asked


def embeddings_call(recording: Any) -> Call:
    """The call that would have asked for what was recorded."""
    asked = recording.asked
    single = asked.get("singleEmbeddingParams", {})
    body = {
        "input": asked.get("texts") or asked.get("inputText") or single["text"]["value"],
        "dimensions": asked.get("dimensions")
        or asked.get("output_dimension")
        or single.get("embeddingDimension"),
        "input_type": asked.get("input_type") or single.get("embeddingPurpose"),
    }
    fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
    return Call("r", "embeddings", "openai", "alias", recording.model, fields, "id", 1)
