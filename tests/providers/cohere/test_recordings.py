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
from pixapi_providers.cohere import Cohere, Config

REASONS = {"COMPLETE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


@pytest.fixture
def provider() -> Provider:
    return Cohere(Config(api_key=Secret("cohere-test")))


@pytest.fixture
def call() -> Call:
    return Call("req_1", "chat", "openai", "alias", "command", {}, "chatcmpl_1", 1, stream=True)


def usage_of(said: dict[str, Any]) -> Usage:
    """What the vendor bills, taken down independently of the codec."""
    billed = said["billed_units"]
    return Usage(input=billed["input_tokens"], output=billed["output_tokens"])


def play(provider: Provider, call: Call, *pieces: bytes) -> list[Event]:
    decoder = provider.decoder(call)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def arguments(said: str) -> Any:
    return json.loads(said or "null") or {}


def test_a_whole_reply_says_what_was_recorded(provider: Provider, call: Call, whole: Any) -> None:
    said = json.loads(whole.body)
    result = provider.result(call, HttpReply(200, {}, whole.body))
    reply = result.chat
    assert reply is not None
    message = said["message"]
    texts = [block["text"] for block in message.get("content") or [] if block["type"] == "text"]
    assert [part.text for part in reply.parts if isinstance(part, Text)] == [
        *texts,
        *filter(None, [message.get("tool_plan")]),
    ]
    thoughts = [block["thinking"] for block in message.get("content") or [] if block["type"] == "thinking"]
    assert [part.text for part in reply.parts if isinstance(part, Reasoning)] == thoughts
    calls = message.get("tool_calls") or []
    assert [(p.id, p.name, json.loads(p.arguments)) for p in reply.parts if isinstance(p, ToolCall)] == [
        (c["id"], c["function"]["name"], arguments(c["function"]["arguments"])) for c in calls
    ]
    assert reply.finish_reason == REASONS[said["finish_reason"]]
    assert result.usage == usage_of(said["usage"])


def said_by(stream: bytes) -> list[dict[str, Any]]:
    lines = stream.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def test_a_stream_says_what_was_recorded(provider: Provider, call: Call, stream: Any) -> None:
    sent = said_by(stream.body)
    events = play(provider, call, stream.body)
    assert events[-1] == Ended()
    messages = [event.get("delta", {}).get("message", {}) for event in sent]
    contents = [m["content"] for m in messages if isinstance(m.get("content"), dict)]
    plan = "".join(m.get("tool_plan", "") for m in messages)
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == plan + "".join(
        content.get("text", "") for content in contents
    )
    thought = "".join(content.get("thinking", "") for content in contents)
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == thought
    marks = [e.signature for e in events if isinstance(e, ReasoningDelta) and e.signature]
    assert len(marks) == sum(content.get("type") == "thinking" for content in contents)
    tools: dict[int, list[str]] = {}
    for event in sent:
        if event["type"] == "tool-call-start":
            begun = event["delta"]["message"]["tool_calls"]
            tools[event["index"]] = [begun["id"], begun["function"]["name"], ""]
        if event["type"] == "tool-call-delta":
            piece = event["delta"]["message"]["tool_calls"]["function"]["arguments"]
            tools[event["index"]][2] += piece
    assert tools_of(events) == [(i, name, arguments(text)) for i, name, text in tools.values()]
    (end,) = [event["delta"] for event in sent if event["type"] == "message-end"]
    assert [e.reason for e in events if isinstance(e, Finished)] == [REASONS[end["finish_reason"]]]
    assert [e.usage for e in events if isinstance(e, UsageReport)] == [usage_of(end["usage"])]


def tools_of(events: list[Event]) -> list[tuple[str | None, str | None, Any]]:
    tools: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index not in tools:
                assert event.index == len(tools)
                tools[event.index] = [event.id, event.name, ""]
            tools[event.index][2] += event.arguments
    return [(call_id, name, json.loads(text)) for call_id, name, text in tools.values()]


@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_gives_the_same_events(
    provider: Provider, call: Call, stream: Any, cuttings: Any
) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    body = stream.body
    expected = play(provider, call, body)
    for pieces in cuttings(body):
        assert play(provider, call, *pieces) == expected
    with_crlf = body.replace(b"\n", b"\r\n")
    assert play(provider, call, *(with_crlf[at : at + 7] for at in range(0, len(body) * 2, 7))) == expected


def test_trap_07_a_stream_that_breaks_off_never_looks_finished(
    provider: Provider, call: Call, stream: Any
) -> None:
    end = stream.body.rindex(b'"message-end"')
    dice = random.Random(len(stream.body))
    for cut in {0, 1, end, *dice.sample(range(2, end), 30)}:
        *events, failed = play(provider, call, stream.body[:cut])
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, UpstreamCut)
        assert not any(isinstance(event, Finished | Ended) for event in events)


def test_a_recorded_request_is_the_one_that_is_sent(provider: Provider, call: Call, requested: Any) -> None:
    """The recorded messages have the shape of OpenAI's, but for thoughts: what goes out is what came in."""
    body = dict(requested.asked)
    choice = body.pop("tool_choice", None)
    call.stream, call.model = body["stream"], body.pop("model")
    if any(isinstance(message.get("content"), list) for message in body["messages"]):
        pytest.skip("its thoughts are of another vendor")
    said = {**body, **({"tool_choice": choice.lower()} if choice else {})}
    call.fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in said.items()}
    assert json.loads(provider.request(call).body) == requested.asked


def test_vectors_are_those_that_were_recorded(provider: Provider, call: Call, vectors: Any) -> None:
    said = json.loads(vectors.body)
    call.operation = "embeddings"
    result = provider.result(call, HttpReply(200, dict(vectors.headers), vectors.body))
    assert result.body is not None
    reply = json.loads(result.body)
    assert [item["embedding"] for item in reply["data"]] == said["embeddings"]["float"]
    tokens = said["meta"]["billed_units"]["input_tokens"]
    assert result.usage == Usage(input=tokens)
    assert reply["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    if vectors.asked:
        body = {"input": vectors.asked["texts"], "input_type": vectors.asked["input_type"]}
        call.fields = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}
        call.model = vectors.asked["model"]
        expected = {k: v for k, v in vectors.asked.items() if v is not None and k != "truncate"}
        assert json.loads(provider.request(call).body) == {**expected, "truncate": "NONE"}


def test_a_recorded_refusal_is_the_callers(provider: Provider, refused: Any) -> None:
    error = provider.error(HttpReply(refused.status, dict(refused.headers), refused.body))
    assert isinstance(error, UpstreamRejected)
    assert (error.status, error.upstream_status, error.code) == (404, 404, "model_not_found")
    assert error.message == json.loads(refused.body)["message"]
