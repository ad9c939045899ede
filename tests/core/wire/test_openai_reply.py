"""Answers of other dialects written as OpenAI's."""

import json

import pytest

from pixapi.errors import UpstreamCut
from pixapi.interfaces import (
    Call,
    ChatReply,
    Ended,
    Failed,
    Finished,
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
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_reply import ChatStreamEncoder, encode_chat_reply
from pixapi.wire.openai_stream import OpenAIChatDecoder

USED = Usage(input=3, output=2)


def call(**more):
    return Call("r", "chat", "openai", "alias", "m", {}, "chatcmpl-ours", 7, stream=True, **more)


def encode(*events, **more):
    encoder = ChatStreamEncoder(call(**more))
    return b"".join(encoder.encode(event) for event in events)


def chunks(stream):
    return [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: {")]


def deltas(stream):
    return [chunk["choices"][0]["delta"] for chunk in chunks(stream) if chunk["choices"]]


def test_a_whole_answer():
    reply = ChatReply([Text("a"), Text("b")], "stop")
    assert json.loads(encode_chat_reply(call(), reply, USED)) == {
        "id": "chatcmpl-ours", "object": "chat.completion", "created": 7, "model": "alias",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ab", "refusal": None},
                     "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }  # fmt: skip


def test_trap_17_an_answer_of_calls_alone_has_null_for_content():
    reply = ChatReply([ToolCall("c", "f", "{}")], "tool_calls")
    message = json.loads(encode_chat_reply(call(), reply, None))["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]
    empty = json.loads(encode_chat_reply(call(), ChatReply([], "stop", refusal="no"), None))
    assert empty["choices"][0]["message"] == {"role": "assistant", "content": "", "refusal": "no"}
    assert "usage" not in empty


def test_trap_18_signed_thoughts_come_back_as_they_went():
    thoughts = [Reasoning("hm", "sig"), Reasoning("", "blob", redacted=True)]
    reply = json.loads(encode_chat_reply(call(), ChatReply([*thoughts, Text("yes")], "stop"), None))
    body = json.dumps({"messages": [reply["choices"][0]["message"]]}).encode()
    assert read_chat_request(decode_fields(body)).messages[0].parts == [*thoughts, Text("yes")]


def test_trap_18_so_do_those_of_a_stream():
    stream = encode(
        ReasoningDelta("h"), ReasoningDelta("m"), ReasoningDelta(signature="sig"),
        ReasoningDelta(signature="blob", redacted=True), ReasoningDelta("2", "sig2"), TextDelta("yes"),
    )  # fmt: skip
    details = [detail for delta in deltas(stream) for detail in delta.get("reasoning_details", [])]
    message = {"role": "assistant", "content": "yes", "reasoning_details": details}
    body = json.dumps({"messages": [message]}).encode()
    assert read_chat_request(decode_fields(body)).messages[0].parts == [
        Reasoning("hm", "sig"), Reasoning("", "blob", redacted=True), Reasoning("2", "sig2"), Text("yes")
    ]  # fmt: skip
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas(stream)) == "hm2"


def test_the_first_chunk_names_the_role_and_only_that():
    stream = encode(TextDelta("a"), TextDelta("b"), Finished("stop"), Ended())
    assert deltas(stream) == [{"role": "assistant", "content": "a"}, {"content": "b"}, {}]
    assert {(c["id"], c["model"], c["created"], c["object"]) for c in chunks(stream)} == {
        ("chatcmpl-ours", "alias", 7, "chat.completion.chunk")
    }
    assert stream.endswith(b"data: [DONE]\n\n")


def test_usage_is_one_chunk_after_the_finish_for_who_asked():
    events = [TextDelta("a"), UsageReport(Usage(input=1)), Finished("stop"), UsageReport(USED), Ended()]
    asked = encode(*events, include_usage=True)
    assert chunks(asked)[-1]["choices"] == []
    assert chunks(asked)[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert asked.count(b'"usage"') == 1
    assert b"usage" not in encode(*events)
    assert b"usage" not in encode(TextDelta("a"), Finished("stop"), Ended(), include_usage=True)


def test_an_error_ends_the_stream_without_done():
    stream = encode(TextDelta("a"), Failed(UpstreamCut("broken off")))
    assert json.loads(stream.split(b"\n\n")[1].removeprefix(b"data: "))["error"]["message"] == "broken off"
    assert b"[DONE]" not in stream


EVENTS = [
    ReasoningDelta("hm"), TextDelta("he"), TextDelta("llo 你好"), RefusalDelta("no"),
    ToolCallDelta(0, "c", "f", ""), ToolCallDelta(0, arguments='{"a":'), ToolCallDelta(0, arguments="1}"),
    ToolCallDelta(1, "d", "g", "{}"), Finished("tool_calls"), UsageReport(USED), Ended(),
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_what_is_encoded_is_decoded_again(size):
    stream = encode(*EVENTS, include_usage=True)
    decoder = OpenAIChatDecoder(call())
    events = [e for at in range(0, len(stream), size) for e in decoder.feed(stream[at : at + size])]
    assert events + decoder.close() == EVENTS
    assert decoder.delivered_output() > 0


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("stop", "stop"), ("max_tokens", "length"), ("function_call", "tool_calls"), ("eos", "stop")],
)
def test_finish_reasons_of_others(theirs, ours):
    chunk = {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": theirs}]}
    decoder = OpenAIChatDecoder(call())
    events = decoder.feed(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
    assert Finished(ours) in events
