"""What was recorded is read as the recording itself states it, however its bytes are cut."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from typing import Any

import pytest

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Call,
    Ended,
    Event,
    Failed,
    Finished,
    HttpReply,
    Passage,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.wire.openai_stream import OpenAIChatDecoder
from pixapi_providers.openai_compatible import Config, build


def call_of(recording: Any, **more: Any) -> Call:
    return Call(
        "req_1",
        recording.operation,
        "openai",
        "the-alias",
        "m",
        {},
        "chatcmpl-ours",
        1,
        stream=recording.is_stream,
        **more,
    )


def config_of(recording: Any) -> Config:
    return Config(vendor=recording.vendor, base_url="http://127.0.0.1/v1")


def payloads(stream: bytes) -> list[dict[str, Any]]:
    """The JSON of a stream's events, read in the plainest way."""
    lines = stream.decode().replace("\r\n", "\n").split("\n")
    found = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(line) for line in found if line and line != "[DONE]"]


def text_of(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Text, thoughts, tool calls and finish reason of choice 0, whoever spells them."""
    text = thoughts = ""
    reason, calls = None, {}
    for choice in [choice for chunk in chunks for choice in chunk.get("choices") or []]:
        delta = choice.get("delta") or {}
        content = delta.get("content") or ""
        for part in content if isinstance(content, list) else []:
            text += part["text"] if part["type"] == "text" else ""
            thoughts += "".join(p["text"] for p in part["thinking"]) if part["type"] == "thinking" else ""
        text += content if isinstance(content, str) else ""
        thoughts += delta.get("reasoning_content") or delta.get("reasoning") or ""
        for piece in delta.get("tool_calls") or []:
            call = calls.setdefault(piece.get("index", len(calls)), ["", "", ""])
            call[0] = call[0] or piece.get("id") or ""
            call[1] += piece["function"].get("name") or ""
            call[2] += piece["function"].get("arguments") or ""
        reason = choice.get("finish_reason") or reason
    found = [tuple(calls[index]) for index in sorted(calls)]
    return {"text": text, "thoughts": thoughts, "calls": found, "reason": reason}


def usage_said(chunks: list[dict[str, Any]]) -> dict[str, Any] | None:
    said = None
    for chunk in chunks:
        said = chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") or said
    return said


def totals(said: dict[str, Any]) -> tuple[int, int]:
    """Input and output in all, taken down independently of the codec."""
    prompt, completion = said.get("prompt_tokens"), said.get("completion_tokens", 0)
    if prompt is None:
        return said["total_tokens"], 0
    total = said.get("total_tokens", prompt + completion)
    return prompt, max(completion, total - prompt)


def play(recording: Any, *pieces: bytes, **more: Any) -> list[Event]:
    decoder = build(config_of(recording)).decoder(call_of(recording, **more))
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def joined(events: list[Event]) -> tuple[bytes, list[object]]:
    """The bytes for the caller, and the facts; errors compare by what they say."""
    sent = b"".join(event.data for event in events if isinstance(event, Passage))
    facts = [event for event in events if not isinstance(event, Passage)]
    return sent, [(type(f.error), f.error.message) if isinstance(f, Failed) else f for f in facts]


def test_a_stream_reaches_the_caller_whole_and_under_our_names(stream: Any) -> None:
    events = play(stream, stream.body, include_usage=True)
    sent, _ = joined(events)
    recorded, chunks = payloads(stream.body), payloads(sent)
    if isinstance(events[-1], Failed):
        assert any("error" in chunk for chunk in recorded)
        assert b"[DONE]" not in sent
        return
    expected, found = text_of(recorded), text_of(chunks)
    assert [call[1:] for call in found.pop("calls")] == [call[1:] for call in expected.pop("calls")]
    assert found == expected
    assert {(chunk["id"], chunk["model"]) for chunk in chunks} == {("chatcmpl-ours", "the-alias")}
    assert sent.endswith(b"data: [DONE]\n\n")
    assert sent.count(b"[DONE]") == 1
    usage_chunks = [chunk for chunk in chunks if chunk.get("usage") is not None]
    if usage_said(recorded) is not None:
        assert usage_chunks == [chunks[-1]]
        assert chunks[-1]["choices"] == []
        assert totals(chunks[-1]["usage"]) == totals(usage_said(recorded) or {})


def test_usage_is_what_the_stream_says(stream: Any) -> None:
    events = play(stream, stream.body)
    said = usage_said(payloads(stream.body))
    reports = [event.usage for event in events if isinstance(event, UsageReport)]
    if said is None or isinstance(events[-1], Failed):
        assert not reports
        return
    assert (reports[-1].total_input(), reports[-1].total_output()) == totals(said)
    details = said.get("completion_tokens_details") or {}
    assert reports[-1].reasoning == details.get("reasoning_tokens", said.get("reasoning_tokens"))
    cached = (said.get("prompt_tokens_details") or {}).get("cached_tokens", said.get("cached_tokens"))
    assert reports[-1].cached_input == cached
    sent, _ = joined(events)
    assert all(chunk.get("usage") is None for chunk in payloads(sent)), "the caller did not ask for usage"
    assert b"_tokens" not in sent


@pytest.mark.timeout(600)
@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cutting_gives_the_same(stream: Any, cuttings: Any) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    whole = joined(play(stream, stream.body, include_usage=True))
    body = stream.body
    for pieces in cuttings(body):
        assert joined(play(stream, *pieces, include_usage=True)) == whole
    events = [event + b"\n\n" for event in body.split(b"\n\n")]
    assert joined(play(stream, *events, include_usage=True)) == whole
    chance = random.Random(len(body))
    for _ in range(12):
        cuts = sorted(
            {0, len(body), *(chance.randrange(len(body)) for _ in range(chance.choice([1, 5, 60])))}
        )
        assert joined(play(stream, *(body[a:b] for a, b in pairwise(cuts)), include_usage=True)) == whole


def test_trap_09_line_ends_of_any_kind_give_the_same(stream: Any) -> None:
    whole = joined(play(stream, stream.body))
    for line_end in (b"\r\n", b"\r"):
        body = stream.body.replace(b"\n", line_end)
        assert joined(play(stream, body)) == whole
        cuts = sorted(random.Random(1).sample(range(1, len(body)), 40))
        pieces = [body[a:b] for a, b in pairwise([0, *cuts, len(body)])]
        assert joined(play(stream, *pieces)) == whole


def test_trap_07_a_stream_that_breaks_off_is_an_error_and_never_done(stream: Any) -> None:
    finish = stream.body.find(b'"finish_reason":"')
    finish = stream.body.find(b'"finish_reason": "') if finish < 0 else finish
    for part in (0.1, 0.5, 0.9):
        cut = int(len(stream.body[: finish if finish > 0 else None]) * part)
        events = play(stream, stream.body[:cut])
        assert isinstance(events[-1], Failed)
        assert isinstance(events[-1].error, UpstreamCut)
        assert b"[DONE]" not in joined(events)[0]


@pytest.mark.timeout(600)
@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cutting_reads_the_same_into_the_internal_model(stream: Any, cuttings: Any) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    quirks = config_of(stream).quirks()

    def seen(*pieces: bytes) -> tuple[list[object], int]:
        decoder = OpenAIChatDecoder(call_of(stream), quirks)
        events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()
        facts = [(type(e.error), e.error.message) if isinstance(e, Failed) else e for e in events]
        return facts, decoder.delivered_output()

    whole = seen(stream.body)
    for pieces in cuttings(stream.body):
        assert seen(*pieces) == whole


def test_a_stream_is_read_into_the_internal_model(stream: Any) -> None:
    decoder = OpenAIChatDecoder(call_of(stream), config_of(stream).quirks())
    events = decoder.feed(stream.body) + decoder.close()
    if isinstance(events[-1], Failed):
        return
    expected = text_of(payloads(stream.body))
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == expected["text"]
    assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == expected["thoughts"]
    calls: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            piece = calls.setdefault(event.index, ["", ""])
            piece[0] += event.name or ""
            piece[1] += event.arguments
    assert [tuple(calls[at]) for at in range(len(calls))] == [call[1:] for call in expected["calls"]]
    assert [e.reason for e in events if isinstance(e, Finished)] == [expected["reason"]]
    assert isinstance(events[-1], Ended)


def test_a_whole_reply_keeps_what_it_says(whole: Any) -> None:
    said = json.loads(whole.body)
    provider = build(config_of(whole))
    if "error" in said or any(choice.get("error") for choice in said.get("choices") or []):
        with pytest.raises(UpstreamError):
            provider.result(call_of(whole), HttpReply(200, {}, whole.body))
        return
    result = provider.result(call_of(whole), HttpReply(200, {}, whole.body))
    assert result.body is not None
    found = json.loads(result.body)
    assert (found.pop("id"), found.pop("model")) == ("chatcmpl-ours", "the-alias")
    assert result.usage is not None
    assert (result.usage.total_input(), result.usage.total_output()) == totals(usage_said([said]) or {})
    for name in set(said) - {"id", "model", "choices", "usage", "provider"}:
        assert found[name] == said[name]
    assert "provider" not in found
    assert not {"cost", "cost_details", "cost_in_usd_ticks", "is_byok"} & set(found.get("usage") or {})
    for mine, theirs in zip(found["choices"], said["choices"], strict=True):
        assert mine["finish_reason"] == theirs["finish_reason"]
        content = theirs["message"].get("content")
        if not isinstance(content, list):
            assert mine["message"].get("content") == content
        thoughts = theirs["message"].get("reasoning_content", theirs["message"].get("reasoning"))
        if not isinstance(content, list):
            assert mine["message"].get("reasoning_content", mine["message"].get("reasoning")) == thoughts
        calls = theirs["message"].get("tool_calls")
        if calls:
            names = [call["function"]["name"] for call in calls]
            assert [call["function"]["name"] for call in mine["message"]["tool_calls"]] == names
            assert all(call["id"] for call in mine["message"]["tool_calls"])


def test_vectors_come_as_asked(vectors: Any) -> None:
    said = json.loads(vectors.body)
    floats = Call("r", "embeddings", "openai", "the-alias", "m", {}, "x", 1)
    result = build(config_of(vectors)).result(floats, HttpReply(200, {}, vectors.body))
    found = json.loads(result.body or b"")
    assert found["model"] == "the-alias"
    assert len(found["data"]) == len(said["data"])
    assert all(isinstance(item["embedding"], list) for item in found["data"])
    assert result.usage == Usage(input=totals(said["usage"])[0])


def test_a_refusal_is_told_apart(refused: Any) -> None:
    error = build(config_of(refused)).error(HttpReply(refused.status, dict(refused.headers), refused.body))
    assert error.upstream_status == refused.status
    assert not isinstance(error, UpstreamInvalid)
    assert error.status == (503 if refused.status == 429 else refused.status)


def test_no_recorded_host_is_forgotten(asked_hosts: set[str], known_hosts: set[str]) -> None:
    """Every host that was asked for chat or embeddings in this dialect is read, or left out for a reason."""
    assert asked_hosts
    assert asked_hosts <= known_hosts
