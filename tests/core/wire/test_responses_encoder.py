"""Answers as the Responses API has them: the whole object, and the events of a stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import InternalError, PixapiError, UpstreamBusy, UpstreamCut, UpstreamRejected
from pixapi.interfaces import (
    Call,
    ChatReply,
    Ended,
    Event,
    Failed,
    Finished,
    Message,
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
from pixapi.wire.json import decode_fields
from pixapi.wire.responses_dialect import ResponsesDialect

DIALECT = ResponsesDialect()
REQUIRED = (
    "id object created_at completed_at status incomplete_details model previous_response_id instructions output error "
    "tools tool_choice truncation parallel_tool_calls text top_p presence_penalty frequency_penalty top_logprobs "
    "temperature reasoning user usage max_output_tokens max_tool_calls store background service_tier metadata "
    "safety_identifier prompt_cache_key"
)
"""The members that the Open Responses specification demands of every response."""
USED = Usage(input=10, cached_input=4, cache_write=1, output=5, reasoning=2)


def call(body: bytes = b"{}") -> Call:
    return Call("r", "chat", "responses", "alias", "m", decode_fields(body), "resp_7f", 1_750_000_000)


def whole(reply: ChatReply, usage: Usage | None = USED, body: bytes = b"{}") -> dict[str, Any]:
    return json.loads(DIALECT.reply(call(body), reply, usage))


def sent(*events: Event, error: PixapiError | None = None) -> list[dict[str, Any]]:
    encoder = DIALECT.encoder(call())
    data = b"".join(encoder.encode(event) for event in events)
    if error is not None:
        data += encoder.error(error, "req_1")
    frames = [frame.split(b"\n") for frame in data.split(b"\n\n")[:-1]]
    said = [json.loads(line.removeprefix(b"data: ")) for _, line in frames]
    assert [name for name, _ in frames] == [b"event: " + event["type"].encode() for event in said]
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    return said


def test_a_whole_answer() -> None:
    parts: list[Text | Reasoning | ToolCall] = [
        Reasoning("hm", "anthropic:s"), Text("I "), Text("look."), ToolCall("c1", "look", '{"at":1}'),
    ]  # fmt: skip
    said = whole(ChatReply(parts, "tool_calls"))
    assert (said["id"], said["model"], said["object"], said["status"]) == (
        "resp_7f",
        "alias",
        "response",
        "completed",
    )
    assert (said["created_at"], said["store"], said["error"]) == (1_750_000_000, False, None)
    assert said["output"] == [
        {"id": "rs_7f_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
         "encrypted_content": "anthropic:s"},
        {"id": "msg_7f_1", "type": "message", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "text": "I look.", "annotations": [], "logprobs": []}]},
        {"id": "fc_7f_2", "type": "function_call", "status": "completed", "call_id": "c1", "name": "look",
         "arguments": '{"at":1}'},
    ]  # fmt: skip
    assert said["usage"] == {
        "input_tokens": 15,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 22,
    }
    assert not set(REQUIRED.split()) - said.keys()


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_how_it_ended(reason: Any, status: str, details: Any) -> None:
    reply = whole(ChatReply([Text("hi")], reason))
    last = sent(TextDelta("hi"), Finished(reason), UsageReport(USED), Ended())[-1]
    assert last["type"] == f"response.{status}"
    assert last["response"] == reply
    assert (reply["status"], reply["incomplete_details"]) == (status, details)
    assert reply["output"][0]["status"] == status


def test_a_refusal_and_a_withheld_thought() -> None:
    said = whole(
        ChatReply([Reasoning("", "anthropic:d", redacted=True)], "content_filter", refusal="No."), None
    )
    thought, message = said["output"]
    assert thought == {
        "id": "rs_7f_0",
        "type": "reasoning",
        "summary": [],
        "encrypted_content": "redacted:anthropic:d",
    }
    assert message["content"] == [{"type": "refusal", "refusal": "No."}]
    assert said["usage"] is None


def test_trap_18_what_callers_send_back_is_what_they_got() -> None:
    parts: list[Any] = [
        Reasoning("hm\n\nso", "anthropic:s"), Reasoning("", "anthropic:shown", redacted=False),
        Reasoning("", "openai:d", redacted=True), Reasoning("unsigned"), Text("I look."), ToolCall("c1", "look", "{}"),
    ]  # fmt: skip
    output = whole(ChatReply(parts, "tool_calls"))["output"]
    fields = decode_fields(json.dumps({"input": [{"role": "user", "content": "?"}, *output]}).encode())
    assert DIALECT.read(fields).messages[1:] == [Message("assistant", parts)]


def test_the_request_is_repeated_in_the_callers_own_words() -> None:
    body = (
        b'{"instructions":"Be kind.","tools":[{"type":"function","name":"f"}],"tool_choice":"none","temperature":0.10,'
        b'"text":{"verbosity":"low"},"reasoning":{"effort":"high"},"metadata":{"a":"b"},"max_output_tokens":9,'
        b'"user":null,"service_tier":"auto","store":false}'
    )
    text = DIALECT.reply(call(body), ChatReply([], "stop"), None)
    assert b'"temperature":0.10' in text
    said = json.loads(text)
    assert said["tools"] == [
        {"type": "function", "name": "f", "description": None, "parameters": None, "strict": None}
    ]
    assert said["text"] == {"format": {"type": "text"}, "verbosity": "low"}
    assert said["reasoning"] == {"effort": "high", "summary": None}
    echoed = ("instructions", "tool_choice", "metadata", "max_output_tokens", "user", "service_tier", "top_p")
    assert [said[name] for name in echoed] == ["Be kind.", "none", {"a": "b"}, 9, None, "default", 1.0]


def test_a_stream_event_by_event() -> None:
    events = sent(
        ReasoningDelta("h"),
        ReasoningDelta("m"),
        ReasoningDelta(signature="anthropic:s"),
        TextDelta("I look"),
        TextDelta("."),
        ToolCallDelta(0, "c1", "look"),
        ToolCallDelta(0, arguments='{"at":1}'),
        Finished("tool_calls"),
        UsageReport(USED),
        Ended(),
    )
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    assert events[0]["response"]["status"] == "in_progress"
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert [(event["output_index"], event["item"]["id"]) for event in added] == [
        (0, "rs_7f_0"), (1, "msg_7f_1"), (2, "fc_7f_2"),
    ]  # fmt: skip
    assert added[1]["item"]["content"] == []
    assert added[2]["item"]["arguments"] == ""
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    parts: list[Text | Reasoning | ToolCall] = [
        Reasoning("hm", "anthropic:s"), Text("I look."), ToolCall("c1", "look", '{"at":1}'),
    ]  # fmt: skip
    assert done == events[-1]["response"]["output"]
    assert events[-1]["response"] == whole(ChatReply(parts, "tool_calls"))


def test_calls_whose_pieces_come_mixed() -> None:
    events = sent(
        ToolCallDelta(0, "a", "f", "{"),
        ToolCallDelta(1, "b", "g"),
        ToolCallDelta(0, arguments="}"),
        TextDelta("wait"),
        Finished("tool_calls"),
        Ended(),
    )
    output = events[-1]["response"]["output"]
    assert [item.get("arguments") for item in output] == ["{}", "{}", None]
    done = [event["output_index"] for event in events if event["type"] == "response.output_item.done"]
    assert done == [0, 1, 2]


def test_a_refusal_after_some_text_is_a_part_of_its_own() -> None:
    events = sent(TextDelta("Well. "), RefusalDelta("N"), RefusalDelta("o."), Finished("stop"), Ended())
    (message,) = events[-1]["response"]["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    deltas = [event for event in events if event["type"] == "response.refusal.delta"]
    assert [(event["content_index"], event["delta"]) for event in deltas] == [(1, "N"), (1, "o.")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamCut("It broke off."), "server_error"),
        (UpstreamBusy("It is busy."), "rate_limit_exceeded"),
        (UpstreamRejected("It is too long.", code="context_length_exceeded"), "invalid_prompt"),
        (InternalError("A fault."), "server_error"),
    ],
)
def test_trap_05_an_error_ends_the_stream_and_nothing_looks_finished(error: PixapiError, code: str) -> None:
    begun = (ReasoningDelta("hm"), TextDelta("I lo"), ToolCallDelta(0, "c", "f", '{"a'))
    for events in (sent(*begun, error=error), sent(error=error)):
        said, failed = events[-2:]
        assert said["type"] == "error"
        assert (said["code"], said["message"]) == (error.code, error.message)
        assert said["error"]["message"] == error.message
        assert failed["type"] == "response.failed"
        assert failed["response"]["status"] == "failed"
        assert failed["response"]["error"] == {"code": code, "message": error.message}
    thought, message, made = sent(*begun, error=error)[-1]["response"]["output"]
    assert thought["summary"][0]["text"] == "hm"
    assert message["content"][0]["text"] == "I lo"
    assert (made["arguments"], made["status"]) == ('{"a', "incomplete")


def test_a_failure_among_the_events_is_an_error() -> None:
    assert sent(TextDelta("a"), Failed(UpstreamCut("cut")))[-1]["type"] == "response.failed"


def test_passages_are_handed_on_and_numbers_go_on_after_them() -> None:
    encoder = DIALECT.encoder(call())
    passed = b'event: a\ndata: {"sequence_number":0}\n\nevent: b\ndata: {"sequence_number":1}\n\n'
    assert encoder.encode(Passage(passed)) == passed
    assert b'"sequence_number":2' in encoder.error(UpstreamCut("cut"), "r").split(b"\n\n")[0]


def test_a_keep_alive_is_a_comment() -> None:
    assert DIALECT.encoder(call()).ping == b": ping\n\n"


def test_an_error_has_the_shape_of_the_whole_api() -> None:
    said = json.loads(DIALECT.error(UpstreamRejected("No.", param="input"), "r"))
    assert said["error"] == {
        "message": "No.", "type": "invalid_request_error", "param": "input", "code": "invalid_request",
    }  # fmt: skip
