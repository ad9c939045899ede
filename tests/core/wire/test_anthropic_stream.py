"""Streams of the Messages API: the rare shapes that the recordings do not hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy, UpstreamCut, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import (
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from pixapi.wire.anthropic_stream import MessagesDecoder

START = {
    "type": "message_start",
    "message": {"content": [], "usage": {"input_tokens": 9, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}
STARTED, DONE = UsageReport(Usage(input=9)), UsageReport(Usage(input=9, output=4))


def begin(index: Any, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: Any, **said: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": said}


def stop(index: Any) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def final(reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason, **more}, "usage": {"output_tokens": 4}}


def frames(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in events)


def play(*pieces: bytes) -> list[Event]:
    decoder = MessagesDecoder("m", "call")
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def failure(events: list[Event]) -> UpstreamError:
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Finished | Ended) for event in events)
    return events[-1].error


def test_a_message() -> None:
    events = play(
        frames(
            START,
            begin(0, type="text", text="a"),
            delta(0, type="text_delta", text="b"),
            stop(0),
            final(),
            STOP,
        )
    )
    assert events == [STARTED, TextDelta("a"), TextDelta("b"), DONE, Finished("stop"), Ended()]


def test_searches_of_the_vendors_are_counted() -> None:
    used = {"output_tokens": 4, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}
    events = play(frames(START, begin(0, type="text", text="a"), stop(0), {**final(), "usage": used}, STOP))
    assert [e.usage for e in events if isinstance(e, UsageReport)][-1] == Usage(input=9, output=4, searches=3)


def test_trap_16_calls_are_numbered_densely_and_always_have_arguments() -> None:
    events = play(
        frames(
            START, begin(0, type="text", text=""), stop(0),
            begin(2, type="tool_use", id="t1", name="f", input={}),
            delta(2, type="input_json_delta", partial_json=""), stop(2),
            begin(7, type="tool_use", id="", name="g", input={"whole": 1}), stop(7),
            begin(9, type="tool_use", id="t3", name="h", input={}),
            delta(9, type="input_json_delta", partial_json='{"a":'), delta(9, type="input_json_delta", partial_json="1}"),
            final("tool_use"), STOP,
        )
    )  # fmt: skip
    assert events == [
        STARTED,
        ToolCallDelta(0, "t1", "f"), ToolCallDelta(0, arguments="{}"),
        ToolCallDelta(1, "call_1", "g"), ToolCallDelta(1, arguments='{"whole":1}'),
        ToolCallDelta(2, "t3", "h"), ToolCallDelta(2, arguments='{"a":'), ToolCallDelta(2, arguments="1}"),
        DONE, Finished("tool_calls"), Ended(),
    ]  # fmt: skip


def test_a_call_that_was_not_stopped_still_gets_its_arguments() -> None:
    events = play(frames(START, begin(0, type="tool_use", id="t", name="f", input={}), final(None), STOP))
    assert events == [
        STARTED, ToolCallDelta(0, "t", "f"), DONE, ToolCallDelta(0, arguments="{}"), Finished("tool_calls"), Ended(),
    ]  # fmt: skip


def test_trap_18_thoughts_come_with_their_seal_once() -> None:
    events = play(
        frames(
            START, begin(0, type="thinking", thinking="", signature=""), delta(0, type="thinking_delta", thinking="hm"),
            delta(0, type="signature_delta", signature="s"), stop(0),
            begin(1, type="redacted_thinking", data="d"), stop(1),
            begin(2, type="thinking", thinking="x", signature="whole"), stop(2), final(), STOP,
        )
    )  # fmt: skip
    assert events[1:-3] == [
        ReasoningDelta("hm"), ReasoningDelta(signature="m:s"), ReasoningDelta(signature="m:d", redacted=True),
        ReasoningDelta("x"), ReasoningDelta(signature="m:whole"),
    ]  # fmt: skip


def test_trap_21_pings_comments_and_unknown_events_mean_nothing() -> None:
    plain = [
        START,
        begin(0, type="text", text=""),
        delta(0, type="text_delta", text="b"),
        stop(0),
        final(),
        STOP,
    ]
    noise = frames({"type": "ping"}, {"type": "a_new_one", "index": []}, delta(0, type="a_new_delta", text=1))
    noisy = b": keep-alive\n\nevent: ping\ndata: \n\n" + b"".join(noise + frames(event) for event in plain)
    assert play(noisy) == play(frames(*plain))


def test_a_refusal_amid_a_stream() -> None:
    end = final("refusal", stop_details={"type": "refusal", "explanation": "No."})
    assert play(frames(START, end, STOP))[2:] == [RefusalDelta("No."), Finished("content_filter"), Ended()]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, UpstreamBusy),
        ({"type": "api_error", "message": "Internal"}, UpstreamError),
        ({"type": "invalid_request_error", "message": "prompt is too long"}, UpstreamRejected),
    ],
)
def test_trap_05_an_error_within_the_stream_ends_it(error: dict[str, str], kind: type[UpstreamError]) -> None:
    events = play(
        frames(START, begin(0, type="text", text="a"), {"type": "error", "error": error}, final(), STOP)
    )
    assert events[:-1] == [STARTED, TextDelta("a")]
    assert type(failure(events)) is kind


def test_trap_07_the_end_of_the_bytes_is_not_the_end_of_the_message() -> None:
    whole = frames(START, begin(0, type="text", text="a"), stop(0), final(), STOP)
    for cut in range(len(whole)):
        assert isinstance(failure(play(whole[:cut])), UpstreamCut), whole[:cut]


def test_a_second_message_amid_the_first_is_a_cut() -> None:
    assert isinstance(
        failure(play(frames(START, begin(0, type="text", text="a"), START, final(), STOP))), UpstreamCut
    )
    assert play(frames(START, START, final(), STOP))[-1] == Ended()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>busy</html>", UpstreamInvalid),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', UpstreamBusy),
        (b'{"type":"error",\n\n"error":{"type":"overloaded_error","message":"x"}}\n\n', UpstreamBusy),
        (b'{"type":"message","content":[]}', UpstreamInvalid),
        (b"data: no json\n\n", UpstreamInvalid),
        (b"data: [1]\n\n", UpstreamInvalid),
        (b"data: " + b"[" * 100_000 + b"\n\n", UpstreamInvalid),
        (b"event: message_stop\ndata: {}\n\n", UpstreamInvalid),
        (b"", UpstreamCut),
        (b"\xef\xbb\xbfevent: message_start\n", UpstreamCut),
    ],
)
def test_what_is_no_stream_of_messages(body: bytes, kind: type[UpstreamError]) -> None:
    assert type(failure(play(body))) is kind
    assert type(failure(play(*(body[at : at + 1] for at in range(min(len(body), 2000)))))) is not None


def test_what_was_passed_on_is_counted_for_a_call_whose_usage_never_came() -> None:
    decoder = MessagesDecoder("m", "call")
    assert decoder.delivered_output() == 0
    decoder.feed(
        frames(START, begin(0, type="text", text="12345"), begin(1, type="tool_use", id="t", name="f"))
    )
    decoder.feed(frames(delta(1, type="input_json_delta", partial_json='{"a":1}')))
    assert decoder.delivered_output() == 3


def test_nothing_follows_the_end() -> None:
    decoder = MessagesDecoder("m", "call")
    decoder.feed(frames(START, final(), STOP))
    assert decoder.feed(frames(begin(0, type="text", text="more"))) == []
    assert decoder.close() == []
