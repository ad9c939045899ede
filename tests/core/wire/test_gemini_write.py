"""Answers of other vendors as Gemini's callers read them: whole, streamed in both framings, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InsufficientCredit,
    InternalError,
    ModelNotFound,
    NotOffered,
    NotReady,
    PixapiError,
    RateLimited,
    TooLarge,
    Unauthenticated,
    UpstreamCut,
    UpstreamTimeout,
)
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
from pixapi.wire.gemini_dialect import GeminiDialect
from pixapi.wire.gemini_reply import read_reply
from pixapi.wire.gemini_signature import pack
from pixapi.wire.gemini_stream import GeminiDecoder

DIALECT = GeminiDialect()
USED = Usage(input=5, cached_input=100, output=7, reasoning=2)
SAID = {
    "promptTokenCount": 105,
    "cachedContentTokenCount": 100,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 2,
    "totalTokenCount": 114,
}


def call(framing: Any = "sse") -> Call:
    return Call("req_1", "chat", "gemini", "alias", "m", {}, "reply_1", 1, True, framing=framing)


def streamed(events: list[Event], framing: Any = "sse") -> bytes:
    encoder = DIALECT.encoder(call(framing))
    return b"".join(encoder.encode(event) for event in events)


def replies(stream: bytes) -> list[Any]:
    return [json.loads(event.removeprefix(b"data: ")) for event in stream.split(b"\n\n") if event]


def parts(stream: bytes) -> list[Any]:
    return [part for reply in replies(stream) for part in reply["candidates"][0]["content"]["parts"]]


END: list[Event] = [Finished("stop"), UsageReport(USED), Ended()]


def test_each_event_is_a_reply_of_its_own() -> None:
    stream = streamed([TextDelta("Hel"), UsageReport(Usage(input=5, output=1)), TextDelta("lo"), *END])
    assert stream.startswith(b'data: {"candidates":[')
    first, second, last = replies(stream)
    assert first == {
        "candidates": [{"content": {"parts": [{"text": "Hel"}], "role": "model"}, "index": 0}],
        "modelVersion": "alias",
        "responseId": "reply_1",
    }
    assert second["usageMetadata"] == {
        "promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6
    }  # fmt: skip
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"] == SAID


@pytest.mark.parametrize("framing", ["sse", "json"])
def test_both_framings_hold_the_same_events(framing: Any) -> None:
    events: list[Event] = [TextDelta("a\nb"), ToolCallDelta(0, "c", "f", '{"x":\n1}'), *END]
    written = streamed(events, framing)
    found = json.loads(written) if framing == "json" else replies(written)
    assert [r["candidates"][0]["content"]["parts"] for r in found] == [
        [{"text": "a\nb"}],
        [{"functionCall": {"id": "c", "name": "f", "args": {"x": 1}}}],
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [("stop", "STOP"), ("tool_calls", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY")],
)
def test_reasons_to_stop(reason: Any, said: str) -> None:
    assert replies(streamed([Finished(reason), Ended()]))[-1]["candidates"][0]["finishReason"] == said


def test_no_sign_within_a_text_looks_like_a_line_end() -> None:
    """google-genai before 2.0 cuts lines at these three as well."""
    text = "a\u2028b\u2029c\u0085d\u2014\u00e9"
    stream = streamed([TextDelta(text), *END])
    assert len(stream.decode().splitlines()) == 4
    assert parts(stream)[0] == {"text": text}


def test_calls_are_gathered_until_they_are_whole() -> None:
    stream = streamed(
        [
            ToolCallDelta(0, "a", "look", '{"at"'),
            ToolCallDelta(0, arguments=":1}"),
            ToolCallDelta(1, "b", "wait"),
            ToolCallDelta(1, arguments=""),
            ToolCallDelta(2, "c", "look", '{"at":'),
            *END,
        ]
    )
    (last,) = replies(stream)
    assert last["candidates"][0]["finishReason"] == "STOP", "clients that call by themselves look here only"
    assert [part["functionCall"] for part in parts(stream)] == [
        {"id": "a", "name": "look", "args": {"at": 1}},
        {"id": "b", "name": "wait", "args": {}},
        {"id": "c", "name": "look", "args": {"INVALID_JSON": '{"at":'}},
    ]


def test_trap_18_geminis_own_signatures_stand_on_the_part_that_follows() -> None:
    stream = streamed(
        [
            ReasoningDelta("hm"),
            ReasoningDelta(signature="gemini:c2ln"),
            ToolCallDelta(0, "a", "look", "{}"),
            TextDelta("so"),
            ReasoningDelta(signature="gemini:bGFzdA"),
            *END,
        ]
    )
    assert parts(stream) == [
        {"text": "hm", "thought": True},
        {"functionCall": {"id": "a", "name": "look", "args": {}}, "thoughtSignature": "c2ln"},
        {"text": "so"},
        {"text": "", "thoughtSignature": "bGFzdA"},
    ]


def test_trap_18_signatures_of_others_stand_on_the_thought() -> None:
    stream = streamed(
        [
            ReasoningDelta("hm"),
            ReasoningDelta(signature="anthropic:s"),
            ReasoningDelta(signature="anthropic:r", redacted=True),
            TextDelta("so"),
            *END,
        ]
    )
    assert parts(stream)[:-1] == [
        {"text": "hm", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": pack("anthropic:s")},
        {"text": "", "thought": True, "thoughtSignature": pack("anthropic:r", redacted=True)},
        {"text": "so"},
    ]


def test_a_refusal_is_said_in_words() -> None:
    stream = streamed([RefusalDelta("I will not."), Finished("content_filter"), Ended()])
    assert parts(stream)[0] == {"text": "I will not."}


def test_keep_alives_are_no_comments() -> None:
    """google-genai takes every line that is neither empty nor data for JSON."""
    encoder = DIALECT.encoder(call())
    assert encoder.ping == b"\n"
    assert json.loads(DIALECT.encoder(call("json")).ping + streamed(END, "json"))


@pytest.mark.parametrize("framing", ["sse", "json"])
@pytest.mark.parametrize("before", [[], [TextDelta("so")]])
def test_an_error_ends_the_stream_without_a_finish(framing: Any, before: list[Event]) -> None:
    encoder = DIALECT.encoder(call(framing))
    stream = b"".join(encoder.encode(event) for event in before)
    stream += encoder.error(UpstreamCut("it broke off"), "req_1")
    last = (json.loads(stream) if framing == "json" else replies(stream))[-1]
    assert (last["error"]["code"], last["error"]["status"]) == (502, "UNAVAILABLE")
    assert b"finishReason" not in stream
    decoder = GeminiDecoder("gemini", "x")
    assert isinstance(decoder.feed(stream)[-1], Failed)


def test_passages_are_handed_on_and_close_themselves() -> None:
    encoder = DIALECT.encoder(call("json"))
    assert encoder.encode(Passage(b"[{}")) == b"[{}"
    assert encoder.encode(UsageReport(USED)) == b""
    assert encoder.encode(Ended()) == b""
    assert encoder.error(UpstreamCut("x"), "").startswith(b',\n{"error":')


@pytest.mark.parametrize(
    ("reply", "usage"),
    [
        (ChatReply([Text("hi")], "stop"), USED),
        (ChatReply([], "stop"), None),
        (ChatReply([Reasoning("hm"), Text("hi")], "length"), USED),
        (ChatReply([Reasoning("", "gemini:c2ln"), ToolCall("a", "f", '{"x":1}')], "tool_calls"), USED),
        (ChatReply([Text("a"), Reasoning("", "gemini:c2ln")], "stop"), Usage(input=1, output=2)),
        (
            ChatReply([Text("a")], "stop"),
            Usage(input=3, audio_input=4, image_input=5, output=6, image_output=7, audio_output=8),
        ),
    ],
)
def test_a_whole_reply_reads_as_it_was(reply: ChatReply, usage: Usage | None) -> None:
    body = DIALECT.reply(call(), reply, usage)
    again = read_reply(body, "gemini", "x")
    assert (again.chat, again.usage) == (reply, usage)
    assert json.loads(body)["modelVersion"] == "alias"


def test_a_whole_refusal_is_said_in_words() -> None:
    body = json.loads(DIALECT.reply(call(), ChatReply([], "content_filter", "I will not."), None))
    assert body["candidates"][0]["content"]["parts"] == [{"text": "I will not."}]
    assert body["candidates"][0]["finishReason"] == "SAFETY"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (BadRequest("wrong"), 400, "INVALID_ARGUMENT"),
        (Unauthenticated("who"), 401, "UNAUTHENTICATED"),
        (InsufficientCredit("no", needed_micro=2_000_000, available_micro=1), 402, "FAILED_PRECONDITION"),
        (Forbidden("no"), 403, "PERMISSION_DENIED"),
        (ModelNotFound("no"), 404, "NOT_FOUND"),
        (Conflict("no"), 409, "ABORTED"),
        (TooLarge("no"), 413, "INVALID_ARGUMENT"),
        (RateLimited("slow", retry_after_s=1.5), 429, "RESOURCE_EXHAUSTED"),
        (InternalError("oh"), 500, "INTERNAL"),
        (NotOffered("no"), 501, "UNIMPLEMENTED"),
        (UpstreamCut("oh"), 502, "UNAVAILABLE"),
        (NotReady("wait"), 503, "UNAVAILABLE"),
        (UpstreamTimeout("slow", phase="idle"), 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_errors(error: PixapiError, code: int, status: str) -> None:
    said = json.loads(DIALECT.error(error, "req_1"))["error"]
    assert (said["code"], said["status"], said["message"]) == (code, status, error.message)
    details = {detail["@type"].rpartition(".")[2]: detail for detail in said["details"]}
    assert details["ErrorInfo"]["reason"] == error.code.upper()
    assert details["RequestInfo"]["requestId"] == "req_1"
    assert details.get("RetryInfo", {}).get("retryDelay") == ("1.5s" if error.retry_after_s else None)
    if isinstance(error, InsufficientCredit):
        assert details["ErrorInfo"]["metadata"]["needed_credits"] == "2"


def test_an_error_names_the_field() -> None:
    said = json.loads(DIALECT.error(BadRequest("wrong", param="contents"), ""))["error"]["details"]
    assert said[1]["fieldViolations"] == [{"field": "contents", "description": "wrong"}]
    assert len(said) == 2
