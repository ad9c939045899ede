"""What was recorded of the Responses API is read, passed on and written again as the recording states it."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import msgspec
import pytest

from pixapi.adapters import ResponsesApi
from pixapi.errors import BadRequest, UpstreamCut, UpstreamDenied, UpstreamRejected
from pixapi.interfaces import (
    Call,
    ChatReply,
    Decoder,
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
from pixapi.wire.responses_dialect import ResponsesDialect
from pixapi.wire.responses_relay import ResponsesRelay, relay_reply
from pixapi.wire.responses_reply import read_reply
from pixapi.wire.responses_stream import ResponsesDecoder

UNFINISHED = ("queued", "in_progress")
ENDS = ("response.completed", "response.incomplete")
EDITED = "openai-shell-container.1.chunks.txt#0"
"""Somebody shortened the pieces of this recording's text, and not the whole of it."""
DIALECT = ResponsesDialect()


@pytest.fixture
def call() -> Call:
    return Call("req_1", "chat", "responses", "alias", "gpt", {}, "resp_of_ours", 1, stream=True)


def said_by(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, taken apart independently of the codec."""
    lines = [line for line in stream.decode().split("\n") if line.startswith("data:")]
    return [json.loads(line[5:]) for line in lines if line[5:].strip() != "[DONE]"]


def usage_of(said: dict[str, Any]) -> Usage:
    """The vendor's own numbers: what is in a part is not in the rest."""
    inputs, outputs = said["input_tokens_details"], said["output_tokens_details"]
    written, reasoning = inputs.get("cache_write_tokens"), outputs["reasoning_tokens"]
    ticks, cost = said.get("cost_in_usd_ticks"), said.get("cost")
    if ticks is not None:
        cost = ticks / 10**10
    return Usage(
        input=said["input_tokens"] - inputs["cached_tokens"] - (written or 0),
        cached_input=inputs["cached_tokens"],
        cache_write=written,
        output=said["output_tokens"] - reasoning,
        reasoning=reasoning,
        provider_cost_usd=None if cost is None else f"{cost:.12f}".rstrip("0"),
    )


def content_of(response: dict[str, Any]) -> dict[str, Any]:
    """What a recorded response says, in plain values."""
    items = response["output"]
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    calls = [item for item in items if item["type"] == "function_call"]
    thoughts = [item for item in items if item["type"] == "reasoning"]
    words = [item.get("content") or item["summary"] for item in thoughts]
    reason = "tool_calls" if calls else "stop"
    return {
        "text": "".join(part["text"] for part in parts if part["type"] == "output_text"),
        "refusal": "".join(part["refusal"] for part in parts if part["type"] == "refusal"),
        "calls": [(item["call_id"], item["name"], item["arguments"]) for item in calls],
        "thoughts": "".join("\n\n".join(part["text"] for part in said) for said in words),
        "sealed": [f"openai:{i['encrypted_content']}" for i in thoughts if i.get("encrypted_content")],
        "reason": reason if response["status"] != "incomplete" else "length",
    }


def content_in(reply: ChatReply) -> dict[str, Any]:
    thoughts = [part for part in reply.parts if isinstance(part, Reasoning)]
    return {
        "text": "".join(part.text for part in reply.parts if isinstance(part, Text)),
        "refusal": reply.refusal or "",
        "calls": [(p.id, p.name, p.arguments) for p in reply.parts if isinstance(p, ToolCall)],
        "thoughts": "".join(part.text for part in thoughts),
        "sealed": [part.signature for part in thoughts if part.signature],
        "reason": reply.finish_reason,
    }


def content_told(events: list[Event]) -> dict[str, Any]:
    calls: dict[int, list[Any]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            if event.index not in calls:
                assert event.index == len(calls)
                calls[event.index] = [event.id, event.name, ""]
            calls[event.index][2] += event.arguments
    thoughts = [event for event in events if isinstance(event, ReasoningDelta)]
    return {
        "text": "".join(event.text for event in events if isinstance(event, TextDelta)),
        "refusal": "".join(event.text for event in events if isinstance(event, RefusalDelta)),
        "calls": [tuple(made) for made in calls.values()],
        "thoughts": "".join(event.text for event in thoughts),
        "sealed": [event.signature for event in thoughts if event.signature],
        "reason": next(event.reason for event in events if isinstance(event, Finished)),
    }


def play(decoder: Decoder, *pieces: bytes) -> list[Event]:
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def decoded(stream: bytes) -> list[Event]:
    return play(ResponsesDecoder("openai", "call"), stream)


def comparable(events: list[Event]) -> list[object]:
    """Errors compare by what they say, passages by their bytes together."""
    seen: list[object] = []
    for event in events:
        if isinstance(event, Failed):
            seen.append((type(event.error), event.error.message))
        elif isinstance(event, Passage) and event.content:
            if seen and isinstance(seen[-1], bytes):
                seen[-1] += event.data
            else:
                seen.append(event.data)
        else:
            seen.append(event)
    return seen


def test_a_whole_reply_says_what_was_recorded(whole: Any) -> None:
    said = json.loads(whole.body)
    if said["status"] in UNFINISHED:
        with pytest.raises(UpstreamCut):
            read_reply(whole.body, "openai")
        return
    result = read_reply(whole.body, "openai")
    assert result.chat is not None
    assert content_in(result.chat) == content_of(said)
    assert result.usage == usage_of(said["usage"])


def test_a_stream_says_what_was_recorded(stream: Any) -> None:
    events = decoded(stream.body)
    sent = said_by(stream.body)
    last = sent[-1]
    if last["type"] not in ENDS:
        assert isinstance(events[-1], Failed), "it failed, or was fetched before it had ended"
        return
    assert events[-1] == Ended()
    expected = content_of(last["response"])
    if stream.name.endswith(EDITED):
        expected["text"] = "".join(e["delta"] for e in sent if e["type"] == "response.output_text.delta")
    # The same thought is encrypted anew for each event; the first has it.
    done = [event["item"] for event in sent if event["type"] == "response.output_item.done"]
    secrets = [item.get("encrypted_content") for item in done if item["type"] == "reasoning"]
    expected["sealed"] = [f"openai:{secret}" for secret in secrets if secret]
    assert content_told(events) == expected
    assert [e.usage for e in events if isinstance(e, UsageReport)] == [usage_of(last["response"]["usage"])]


def test_trap_05_a_recorded_failure_is_one(stream: Any) -> None:
    failed = [event for event in said_by(stream.body) if event["type"] in ("error", "response.failed")]
    for decoder in (ResponsesDecoder("openai", "call"), ResponsesRelay(Call(*"rcradm", {}, "id", 1))):
        events = play(decoder, stream.body)
        errors = [event.error for event in events if isinstance(event, Failed)]
        if failed:
            (error,) = errors
            assert isinstance(error, UpstreamDenied), "the operator's quota is exceeded"
            assert not [event for event in events if isinstance(event, Passage)]
        else:
            assert not errors or isinstance(errors[0], UpstreamCut)


@pytest.mark.parametrize("relays", [False, True])
@pytest.mark.timeout(600)
@pytest.mark.sized(0, short=61, full=1009)
def test_trap_09_any_cut_gives_the_same_events(call: Call, stream: Any, relays: bool, cuttings: Any) -> None:
    """In the long form at every place of every stream; `cuttings` says how."""
    body = stream.body

    def seen(*pieces: bytes) -> list[object]:
        decoder = ResponsesRelay(call) if relays else ResponsesDecoder("openai", "call")
        return comparable(play(decoder, *pieces))

    expected = seen(body)
    for pieces in cuttings(body):
        assert seen(*pieces) == expected
    with_crlf = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert seen(*(with_crlf[at : at + 997] for at in range(0, len(with_crlf), 997))) == expected


@pytest.mark.parametrize("relays", [False, True])
def test_trap_07_a_stream_that_breaks_off_never_looks_finished(call: Call, stream: Any, relays: bool) -> None:
    kinds = [event["type"] for event in said_by(stream.body)]
    if kinds[-1] not in ENDS:
        return
    end = stream.body.rindex(b'"%s"' % kinds[-1].encode())
    dice = random.Random(end)
    for cut in {0, 1, end, *dice.sample(range(2, end), min(end - 2, 15))}:
        decoder = ResponsesRelay(call) if relays else ResponsesDecoder("openai", "call")
        *before, failed = play(decoder, stream.body[:cut])
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, UpstreamCut)
        assert not any(isinstance(event, Finished | Ended) for event in before)


def test_a_relayed_stream_is_the_recorded_one_under_our_names(call: Call, stream: Any) -> None:
    sent = said_by(stream.body)
    if sent[-1]["type"] not in ENDS:
        return
    events = play(ResponsesRelay(call), stream.body)
    passed = b"".join(event.data for event in events if isinstance(event, Passage))
    for event in sent:
        if "response" in event:
            event["response"] |= {"id": "resp_of_ours", "model": "alias"}
    assert said_by(passed) == sent
    deltas = re.findall(rb"data: [^\n]*\.delta\"[^\n]*\n", stream.body)
    assert re.findall(rb"data: [^\n]*\.delta\"[^\n]*\n", passed) == deltas, "byte for byte"
    usage, final, end = events[-3:]
    assert usage == UsageReport(usage_of(sent[-1]["response"]["usage"]))
    assert isinstance(final, Passage)
    assert not final.content, "it waits until the charge is written"
    assert end == Ended()


def test_a_relayed_reply_is_the_recorded_one_under_our_names(call: Call, whole: Any) -> None:
    said = json.loads(whole.body)
    if said["status"] in UNFINISHED:
        return
    result = relay_reply(call, whole.body)
    assert result.body is not None
    assert json.loads(result.body) == said | {"id": "resp_of_ours", "model": "alias"}
    assert result.usage == usage_of(said["usage"])


def test_what_is_written_again_is_read_again(call: Call, whole: Any) -> None:
    said = json.loads(whole.body)
    if said["status"] in UNFINISHED:
        return
    result = read_reply(whole.body, "openai")
    assert result.chat is not None
    again = read_reply(DIALECT.reply(call, result.chat, result.usage), "x")
    assert again.chat is not None
    expected = content_in(result.chat)
    marks = [("redacted:" if p.redacted else "") + p.signature for p in result.chat.parts
             if isinstance(p, Reasoning) and p.signature]  # fmt: skip
    assert content_in(again.chat) == expected | {"sealed": [f"x:{mark}" for mark in marks]}
    assert again.usage is not None
    assert result.usage is not None
    assert again.usage.total_input() == result.usage.total_input()
    assert again.usage.total_output() == result.usage.total_output()


def test_a_stream_that_is_written_again_is_read_again(call: Call, stream: Any) -> None:
    events = decoded(stream.body)
    if events[-1] != Ended():
        return
    encoder = DIALECT.encoder(call)
    written = b"".join(encoder.encode(event) for event in events)
    numbers = [event["sequence_number"] for event in said_by(written)]
    assert numbers == list(range(len(numbers)))
    again = decoded(written)
    expected = content_told(events)
    marks = [("redacted:" if e.redacted else "") + e.signature for e in events
             if isinstance(e, ReasoningDelta) and e.signature]  # fmt: skip
    assert content_told(again) == expected | {"sealed": [f"openai:{mark}" for mark in marks]}
    final = json.dumps(said_by(written)[-1]["response"]).encode()
    whole = read_reply(final, "openai").chat
    assert whole is not None
    assert content_in(whole) == content_told(again), "the last event says the same as those before it"


def test_a_recorded_refusal_is_the_callers(refused: Any) -> None:
    from pixapi.wire.openai_errors import read_error

    said = json.loads(refused.body)["error"]
    error = read_error(refused.status, refused.body, dict(refused.headers))
    assert isinstance(error, UpstreamRejected)
    assert (error.message, error.param) == (said["message"], said["param"])


FOREIGN = {
    "previous_response_id", "conversation", "background", "store", "moderation",
    "web_search", "mcp", "file_search", "code_interpreter",
    "message.output_text.logprobs", "compaction", "web_search_call", "mcp_list_tools", "mcp_call", "code_interpreter_call",
}  # fmt: skip
"""What only the vendor's own server has: stored state, tools that run there, and the traces of both."""


def needs_of(request: dict[str, Any]) -> list[str]:
    """The fields, kinds of tools and kinds of items of a recorded request."""
    items = request["input"] if isinstance(request["input"], list) else []
    kinds = [thing.get("type", "message") for thing in (*request.get("tools", ()), *items)]
    return [*(name for name, value in request.items() if value), *kinds, *request.get("include", ())]


def test_what_clients_sent_is_read_or_refused_with_a_sentence(asked: Any) -> None:
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in asked.request.items()}
    if FOREIGN & set(needs_of(asked.request)):
        with pytest.raises(
            BadRequest, match=r"not offered|no other|cannot read|nothing is stored"
        ) as refusal:
            DIALECT.read(fields)
        assert refusal.value.param in {*asked.request, "top_logprobs"}
        return
    chat = DIALECT.read(fields)
    sizes = DIALECT.sizes(fields, image_bound=2000)
    texts = [part.text for message in chat.messages for part in message.parts if isinstance(part, Text)]
    assert sizes.input_bound >= sum(len(text.encode()) for text in texts)
    call = Call("r", "chat", "openai", "a", "gpt-5", {}, "id", 1, chat=chat)
    sent = json.loads(ResponsesApi("openai").body(call)[0])
    assert sent["store"] is False
    assert_same_conversation(asked.request, sent)


def test_the_bound_is_above_what_was_used(asked: Any) -> None:
    if FOREIGN & set(needs_of(asked.request)) or asked.status != 200:
        return  # what tools on the server's side and stored state add is not in the request
    if asked.request.get("reasoning", {}).get("mode") == "pro":
        return  # the model reads the request many times over
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in asked.request.items()}
    said = said_by(asked.body)[-1]["response"] if asked.is_stream else json.loads(asked.body)
    assert DIALECT.sizes(fields, image_bound=2000).input_bound >= said["usage"]["input_tokens"]


def assert_same_conversation(recorded: dict[str, Any], sent: dict[str, Any]) -> None:
    """What was said, called and answered comes out as it went in."""
    items = recorded["input"] if isinstance(recorded["input"], list) else []
    for kind, members in (
        ("function_call", ("call_id", "name", "arguments")),
        ("function_call_output", ("call_id", "output")),
    ):
        expected = [tuple(i[m] for m in members) for i in items if i.get("type") == kind]
        assert [tuple(i[m] for m in members) for i in sent["input"] if i.get("type") == kind] == expected
    choice = recorded.get("tool_choice")
    allowed = choice.get("tools") if isinstance(choice, dict) else None
    names = [t["name"] for t in recorded.get("tools", ()) if not allowed or t["name"] in str(allowed)]
    assert [tool["name"] for tool in sent.get("tools", [])] == names
