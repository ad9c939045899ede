"""Streams of the Responses API: what servers leave out, spell otherwise or get wrong."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from pixapi.errors import (
    UpstreamBusy,
    UpstreamCut,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import (
    Call,
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.wire.responses_relay import ResponsesRelay, relay_reply
from pixapi.wire.responses_reply import read_reply
from pixapi.wire.responses_stream import ResponsesDecoder

CREATED = {
    "type": "response.created",
    "response": {"id": "resp_theirs", "model": "theirs", "status": "in_progress"},
}
USAGE = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}
USED = Usage(input=5, output=7)
CALL = Call("r", "chat", "responses", "alias", "m", {}, "resp_ours", 1)


def end(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    response = {
        "id": "resp_theirs",
        "model": "theirs",
        "status": status,
        "output": output,
        "usage": USAGE,
        **more,
    }
    return {"type": f"response.{status}", "response": response}


def added(place: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": place, "item": {"type": kind, **more}}


def done(place: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": {"type": kind, **more}}


def delta(kind: str, place: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": place, "delta": text, **more}


def stream(*events: dict[str, Any] | bytes) -> bytes:
    return b"".join(
        event if isinstance(event, bytes) else b"data: " + json.dumps(event).encode() + b"\n\n"
        for event in events
    )


def play(data: bytes, decoder: Decoder | None = None) -> list[Event]:
    decoder = decoder or ResponsesDecoder("openai", "call")
    return decoder.feed(data) + decoder.close()


def told(*events: dict[str, Any] | bytes) -> list[Event]:
    """What comes before the usage, of a stream that ends well."""
    *before, usage, finished, ended = play(stream(CREATED, *events))
    assert (usage, ended) == (UsageReport(USED), Ended())
    assert isinstance(finished, Finished)
    return before


WORDS = [{"type": "output_text", "text": "Hi you"}]
THOUGHT: dict[str, Any] = {
    "type": "reasoning",
    "summary": [{"text": "a"}, {"text": "b"}],
    "encrypted_content": "gA",
}
LOOK: dict[str, Any] = {"call_id": "c1", "name": "look", "arguments": "{}"}
CASES: list[tuple[str, list[dict[str, Any] | bytes], list[Event]]] = [
    ("deltas", [delta("output_text", 0, "Hi"), delta("output_text", 0, " you"), done(0, "message", content=WORDS), end()],
     [TextDelta("Hi"), TextDelta(" you")]),
    ("the rest of a text that comes whole", [delta("output_text", 0, "Hi"), done(0, "message", content=WORDS), end()],
     [TextDelta("Hi"), TextDelta(" you")]),
    ("nothing before the end", [end({"type": "message", "content": WORDS})], [TextDelta("Hi you")]),
    ("a call in one piece", [added(0, "function_call", **LOOK), done(0, "function_call", **LOOK), end()],
     [ToolCallDelta(0, "c1", "look"), ToolCallDelta(0, arguments="{}")]),
    ("a call that is only done", [done(3, "function_call", **LOOK), end()],
     [ToolCallDelta(0, "c1", "look"), ToolCallDelta(0, arguments="{}")]),
    ("a call without arguments", [done(0, "function_call", call_id="c1", name="look"), end()],
     [ToolCallDelta(0, "c1", "look"), ToolCallDelta(0, arguments="{}")]),
    ("a call without an id", [added(0, "function_call", name="look"),
                              delta("function_call_arguments", 0, "{}"), end()],
     [ToolCallDelta(0, "call_0", "look"), ToolCallDelta(0, arguments="{}")]),
    ("calls are numbered among themselves", [
        done(1, "function_call", **LOOK), done(4, "function_call", call_id="c2", name="stare", arguments="{}"), end()],
     [ToolCallDelta(0, "c1", "look"), ToolCallDelta(0, arguments="{}"),
      ToolCallDelta(1, "c2", "stare"), ToolCallDelta(1, arguments="{}")]),
    ("summaries are parted", [
        delta("reasoning_summary_text", 0, "a", summary_index=0), delta("reasoning_summary_text", 0, "b", summary_index=1),
        done(0, "reasoning", **THOUGHT), end()],
     [ReasoningDelta("a"), ReasoningDelta("\n\nb"), ReasoningDelta(signature="openai:gA")]),
    ("a thought in one piece", [done(0, "reasoning", **THOUGHT), end()],
     [ReasoningDelta("a"), ReasoningDelta("\n\nb"), ReasoningDelta(signature="openai:gA")]),
    ("a thought without words", [done(0, "reasoning", summary=[], encrypted_content="gA"), end()],
     [ReasoningDelta(signature="openai:gA", redacted=True)]),
    ("a thought and its summary are read once", [
        delta("reasoning_text", 0, "long", content_index=0), delta("reasoning_summary_text", 0, "short", summary_index=0),
        done(0, "reasoning", content=[{"text": "long"}], summary=[{"text": "short"}]), end()],
     [ReasoningDelta("long")]),
    ("refusals", [delta("refusal", 0, "N"), delta("refusal", 0, "o"), end()], [RefusalDelta("N"), RefusalDelta("o")]),
    ("ids that change all the time", [delta("output_text", 0, "a", item_id="x"), delta("output_text", 0, "b", item_id="y"),
                                      end()], [TextDelta("a"), TextDelta("b")]),
    ("items without a number, as llama.cpp has them", [
        {"type": "response.output_item.added", "item": {"type": "message", "id": "msg_1"}}, CREATED,
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hi"}, CREATED,
        {"type": "response.output_item.done", "item": {"type": "message", "id": "msg_1", "content": WORDS}},
        {"type": "response.output_item.added", "item": {"type": "function_call", **LOOK}},
        {"type": "response.function_call_arguments.delta", "item_id": "c1", "delta": "{}"},
        {"type": "response.output_item.done", "item": {"type": "function_call", **LOOK}}, end()],
     [TextDelta("Hi"), TextDelta(" you"), ToolCallDelta(0, "c1", "look"), ToolCallDelta(0, arguments="{}")]),
    ("tools on the server's side, and what nobody knows", [
        added(0, "web_search_call"), {"type": "response.web_search_call.searching", "output_index": 0},
        done(0, "web_search_call"), {"type": "response.smell.delta", "delta": "?"}, delta("output_text", 1, "a"), end()],
     [TextDelta("a")]),
    ("comments and a [DONE] before the end", [b": PROCESSING\n\n", delta("output_text", 0, "a"), b"data: [DONE]\n\n", end()],
     [TextDelta("a")]),
    ("what follows the end", [delta("output_text", 0, "a"), end(), b"data: [DONE]\n\n", b"data: {\n\n"], [TextDelta("a")]),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_a_stream_tells(events: list[dict[str, Any] | bytes], expected: list[Event]) -> None:
    assert told(*events) == expected


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (end(), "stop"),
        (end(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
        (end(status="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
        (end(status="incomplete"), "length"),
        (end({"type": "function_call", **LOOK}), "tool_calls"),
    ],
)
def test_why_it_stopped(last: dict[str, Any], reason: str) -> None:
    assert Finished(reason) in play(stream(CREATED, last))  # ty: ignore[invalid-argument-type]
    body = json.dumps(last["response"]).encode()
    chat = read_reply(body, "openai").chat
    assert chat is not None
    assert chat.finish_reason == reason


def failed(code: str, message: str = "It failed.", **more: Any) -> dict[str, Any]:
    return {
        "type": "response.failed",
        "response": {"status": "failed", "error": {"code": code, "message": message}, **more},
    }


FAILURES: list[tuple[str, list[dict[str, Any] | bytes], type[UpstreamError]]] = [
    ("a failed response", [CREATED, failed("server_error")], UpstreamError),
    ("a busy server", [CREATED, failed("rate_limit_exceeded")], UpstreamBusy),
    ("no quota", [CREATED, failed("insufficient_quota")], UpstreamDenied),
    ("a bad prompt", [CREATED, failed("invalid_prompt", "Your prompt was flagged.")], UpstreamRejected),
    ("a bad image", [CREATED, failed("failed_to_download_image")], UpstreamRejected),
    ("no reason given", [CREATED, {"type": "response.failed", "response": {"status": "failed"}}], UpstreamError),
    ("an error event as it is sent", [CREATED, {"type": "error", "error": {"code": "rate_limit_exceeded", "message": "m"}}],
     UpstreamBusy),
    ("an error event as it is described", [CREATED, {"type": "error", "code": "rate_limit_exceeded", "message": "m"}],
     UpstreamBusy),
    ("an error named by the event only", [b'event: error\ndata: {"code":"server_is_overloaded","message":"m"}\n\n'],
     UpstreamBusy),
    ("an error that is a string", [CREATED, {"type": "error", "error": "It failed."}], UpstreamError),
    ("an error without a type", [{"error": {"message": "m", "code": 503}}], UpstreamBusy),
    ("an error in place of a stream", [b'{"error":{"message":"m","type":"invalid_request_error"}}'], UpstreamRejected),
    ("HTML", [b"<html>Bad gateway</html>"], UpstreamInvalid),
    ("no JSON", [CREATED, b"data: {broken\n\n"], UpstreamInvalid),
    ("nothing", [], UpstreamCut),
    ("no end", [CREATED, delta("output_text", 0, "a")], UpstreamCut),
    ("only a [DONE]", [CREATED, delta("output_text", 0, "a"), b"data: [DONE]\n\n"], UpstreamCut),
    ("half of the end", [CREATED, stream(end())[:-30]], UpstreamCut),
]  # fmt: skip


@pytest.mark.parametrize("relays", [False, True])
@pytest.mark.parametrize(("events", "error"), [f[1:] for f in FAILURES], ids=[f[0] for f in FAILURES])
def test_a_failure_never_looks_finished(
    events: list[dict[str, Any] | bytes], error: type[UpstreamError], relays: bool
) -> None:
    decoder = ResponsesRelay(CALL) if relays else ResponsesDecoder("openai", "call")
    *before, last = play(stream(*events), decoder)
    assert isinstance(last, Failed)
    assert type(last.error) is error
    assert not any(isinstance(event, Finished | Ended) for event in before)
    assert decoder.feed(stream(end())) == decoder.close() == []


@pytest.mark.parametrize("relays", [False, True])
def test_noise_never_raises(relays: bool) -> None:
    dice = random.Random(9)
    good = stream(
        CREATED, delta("output_text", 0, "Gr\u00fc\u00dfe"), done(0, "message", content=WORDS), end()
    )
    for _ in range(2000):
        data = bytearray(good)
        for at in dice.sample(range(len(data)), dice.randint(1, 8)):
            data[at] = dice.randrange(256)
        decoder = ResponsesRelay(CALL) if relays else ResponsesDecoder("openai", "call")
        events = play(bytes(data), decoder)
        assert isinstance(events[-1], Failed | Ended)
        decoder.delivered_output()


@pytest.mark.parametrize("relays", [False, True])
def test_a_deep_hole_is_no_trap(relays: bool) -> None:
    deep = b"[" * 100_000
    for hole in (
        deep,
        b'{"response":' + deep,
        b'{"type":"response.completed","response":{"output":[{"a":' + deep,
    ):
        decoder = ResponsesRelay(CALL) if relays else ResponsesDecoder("openai", "call")
        assert isinstance(play(b"data: " + hole + b"\n\n", decoder)[-1], Failed)


def test_the_usage_of_a_failed_response_is_reported() -> None:
    for decoder in (ResponsesRelay(CALL), ResponsesDecoder("openai", "call")):
        events = play(
            stream(CREATED, delta("output_text", 0, "a"), failed("server_error", usage=USAGE)), decoder
        )
        assert UsageReport(USED) in events


def test_the_words_so_far_are_counted_where_usage_never_comes() -> None:
    data = stream(CREATED, delta("output_text", 0, "Grüße"), delta("function_call_arguments", 1, '{"a'))
    decoder = ResponsesDecoder("openai", "call")
    decoder.feed(stream(CREATED, added(1, "function_call", **LOOK)) + data)
    relay = ResponsesRelay(CALL)
    relay.feed(data)
    assert decoder.delivered_output() == relay.delivered_output() == 3  # ten bytes
    assert relay.delivered_output() == 3


# The relay


def relayed(*events: dict[str, Any] | bytes) -> list[Event]:
    return play(stream(*events), ResponsesRelay(CALL))


def test_only_what_carries_our_names_is_written_anew() -> None:
    odd = b'data: {"type":"response.output_text.delta",  "delta":"\\u00e9 \\"response\\": 1e2", "big":123456789012345678901}\n\n'
    passed, usage, final, ended = relayed(CREATED, odd, end(a_field_of_tomorrow=[1]))
    assert isinstance(passed, Passage)
    created, rest = passed.data.split(b"\n\n", 1)
    assert rest == odd
    name, line = created.split(b"\n")
    assert name == b"event: response.created"
    assert json.loads(line[6:])["response"] == {"id": "resp_ours", "model": "alias", "status": "in_progress"}
    assert isinstance(final, Passage)
    response = json.loads(final.data.split(b"\n")[1][6:])["response"]
    assert (response["id"], response["model"], response["a_field_of_tomorrow"]) == ("resp_ours", "alias", [1])
    assert (usage, ended) == (UsageReport(USED), Ended())


def test_until_something_of_the_answer_comes_another_route_may_be_tried() -> None:
    relay = ResponsesRelay(CALL)
    begun = {**CREATED, "type": "response.in_progress"}
    assert (
        relay.feed(stream(CREATED, begun, added(0, "message"), {"type": "response.content_part.added"})) == []
    )
    assert [type(event) for event in relay.feed(stream(failed("server_error")))] == [Failed]
    relay = ResponsesRelay(CALL)
    assert relay.feed(stream(CREATED, added(0, "message"))) == []
    (passed,) = relay.feed(stream(delta("output_text", 0, "a")))
    assert isinstance(passed, Passage)
    assert passed.data.count(b"\n\n") == 3


def test_words_that_look_like_members_are_words() -> None:
    for text in ("response", "error", "[DONE]", '"response"', '{"error":1}'):
        (passed, *_) = relayed(CREATED, delta("output_text", 0, text), end())
        assert isinstance(passed, Passage)
        assert json.loads(passed.data.split(b"data: ")[-1])["delta"] == text


def test_a_stream_without_any_answer_still_ends() -> None:
    held, usage, final, ended = relayed(CREATED, end())
    assert isinstance(held, Passage)
    assert isinstance(final, Passage)
    assert (usage, ended) == (UsageReport(USED), Ended())


# Whole replies

BAD_BODIES: list[tuple[bytes, type[UpstreamError]]] = [
    (b"<html>", UpstreamInvalid),
    (b"[]", UpstreamInvalid),
    (b"{}", UpstreamInvalid),
    (b'{"object":"response","output":null}', UpstreamInvalid),
    (b'{"error":{"code":"server_error","message":"m"}}', UpstreamError),
    (b'{"error":"It failed."}', UpstreamError),
    (b'{"message":"no such model","code":404}', UpstreamRejected),
    (b'{"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"m"}}', UpstreamBusy),
    (b'{"status":"in_progress","output":[]}', UpstreamCut),
]


@pytest.mark.parametrize(("body", "error"), BAD_BODIES)
def test_trap_06_an_error_in_a_good_status_is_an_error(body: bytes, error: type[UpstreamError]) -> None:
    for read in (lambda: read_reply(body, "openai"), lambda: relay_reply(CALL, body)):
        with pytest.raises(UpstreamError) as raised:
            read()
        assert type(raised.value) is error


def test_a_relayed_reply_keeps_what_nobody_reads() -> None:
    body = (
        b'{"id":"x","model":"m","output":[ ],"status":"completed","big":123456789012345678901,"usage":null}'
    )
    result = relay_reply(CALL, body)
    assert result.body == body.replace(b'"x"', b'"resp_ours"').replace(b'"m"', b'"alias"')
    assert result.usage is None
