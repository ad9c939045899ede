"""What Gemini's server says: replies, streams in any framing, usage, errors."""

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
    ChatReply,
    Ended,
    Event,
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
from pixapi.wire.gemini_errors import read_error
from pixapi.wire.gemini_framing import EventParser
from pixapi.wire.gemini_partial import PartialCall
from pixapi.wire.gemini_reply import read_reply
from pixapi.wire.gemini_stream import GeminiDecoder
from pixapi.wire.gemini_usage import read_usage, write_usage


def reply(*parts: Any, reason: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}}
    if reason is not None:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], **more}


def sse(*events: Any) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


def decoded(*pieces: bytes) -> list[Event]:
    decoder = GeminiDecoder("gemini", "p")
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def read(body: Any) -> Any:
    return read_reply(json.dumps(body).encode(), "gemini", "p")


# Whole replies


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([{"text": "a"}, {"text": ""}], [Text("a")]),
        ([{"text": "hm", "thought": True}, {"text": "a"}], [Reasoning("hm"), Text("a")]),
        (
            [{"text": "hm", "thought": True, "thoughtSignature": "s"}],
            [Reasoning("hm", "gemini:s")],
        ),
        (
            [
                {"text": "a", "thoughtSignature": "s"},
                {"functionCall": {"name": "f"}, "thoughtSignature": "t"},
            ],
            [
                Reasoning("", "gemini:s"),
                Text("a"),
                Reasoning("", "gemini:t"),
                ToolCall("call_p_0", "f", "{}"),
            ],
        ),
        ([{"text": "", "thoughtSignature": "s"}], [Reasoning("", "gemini:s")]),
        (
            [{"functionCall": {"id": "a", "name": "f", "args": {"big": 12345678901234567890123}}}],
            [ToolCall("a", "f", '{"big":12345678901234567890123}')],
        ),
        ([{"executableCode": {"code": "1"}, "thoughtSignature": "s"}, {"text": "a"}], [Text("a")]),
        ([{"text": 5}, {"thought": True}, {"functionCall": 5}, {"functionCall": {}}], []),
    ],
)
def test_parts(parts: list[Any], expected: list[Any]) -> None:
    assert read(reply(*parts, reason="STOP")).chat.parts == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("OTHER", "stop"),
        ("NEW", "stop"),
    ],
)
def test_reasons(reason: str, expected: str) -> None:
    assert read(reply({"text": "a"}, reason=reason)).chat.finish_reason == expected
    assert [e.reason for e in decoded(sse(reply(reason=reason))) if isinstance(e, Finished)] == [expected]


def test_a_blocked_prompt_is_an_answer_that_was_filtered() -> None:
    said = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}}
    result = read(said)
    assert result.chat == ChatReply(
        [], "content_filter", "The provider of this model blocked the prompt (PROHIBITED_CONTENT)."
    )
    assert result.usage == Usage(input=9)
    *_, refusal, finished, ended = decoded(sse(said))
    assert isinstance(refusal, RefusalDelta)
    assert (finished, ended) == (Finished("content_filter"), Ended())


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"])
def test_a_model_that_went_wrong_has_not_answered(reason: str) -> None:
    with pytest.raises(UpstreamInvalid) as failed:
        read(reply(reason=reason))
    assert failed.value.upstream_code == reason
    events = decoded(sse(reply({"text": "a"}), reply(reason=reason)))
    assert events[0] == TextDelta("a")
    assert isinstance(events[-1], Failed)


@pytest.mark.parametrize(
    "body", [{}, {"candidates": []}, {"candidates": [{}]}, {"candidates": 5}, {"promptFeedback": {}}]
)
def test_what_is_no_answer(body: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        read(body)


# Streams


def test_a_stream_ends_with_the_connection() -> None:
    decoder = GeminiDecoder("gemini", "p")
    assert decoder.feed(sse(reply({"text": "a"}, reason="STOP"))) == [TextDelta("a")]
    assert decoder.feed(sse({"usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}})) == [
        UsageReport(Usage(input=3, output=0))
    ]
    assert decoder.close() == [Finished("stop"), Ended()]
    assert decoder.feed(sse(reply({"text": "b"}))) == []
    assert decoder.close() == []


def test_usage_is_a_running_total_and_told_once_where_it_stays() -> None:
    usages = [{"promptTokenCount": 3, "candidatesTokenCount": count} for count in (1, 1, 2)]
    events = decoded(sse(*(reply({"text": "a"}, usageMetadata=u) for u in usages), reply(reason="STOP")))
    assert [e.usage.output for e in events if isinstance(e, UsageReport)] == [1, 2]


def test_unknown_is_not_zero_while_the_answer_goes_on() -> None:
    """Google leaves out the count of an answer that has only begun, though the total is there."""
    begun = {"promptTokenCount": 3, "totalTokenCount": 3}
    events = decoded(
        sse(reply({"text": "a"}, usageMetadata=begun), reply(reason="STOP", usageMetadata=begun))
    )
    assert [e.usage.output for e in events if isinstance(e, UsageReport)] == [None, 0]


def test_only_the_first_of_several_candidates_is_read() -> None:
    first, second = (
        reply({"text": "a"}, reason="STOP")["candidates"][0],
        reply({"text": "b"})["candidates"][0],
    )
    events = decoded(sse({"candidates": [{**first, "index": 0}, {**second, "index": 1}]}))
    assert events == [TextDelta("a"), Finished("stop"), Ended()]


def test_a_call_in_pieces_comes_when_it_is_whole() -> None:
    pieces = [
        {"name": "f", "willContinue": True},
        {
            "partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}],
            "willContinue": True,
        },
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True},
        {},
    ]
    events = decoded(sse(*(reply({"functionCall": p}) for p in pieces), reply(reason="STOP")))
    assert events == [ToolCallDelta(0, "call_p_0", "f", '{"a":"xy"}'), Finished("tool_calls"), Ended()]


@pytest.mark.parametrize("end", [[], [{"text": ""}], [{"functionCall": {"name": "g"}}]])
def test_the_end_of_a_call_in_pieces_may_be_missing(end: list[Any]) -> None:
    start = {"functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.n", "numberValue": 1}]}}
    start["functionCall"]["willContinue"] = True
    events = decoded(sse(reply(start), reply(*end, reason="STOP")))
    assert events[0] == ToolCallDelta(0, "call_p_0", "f", '{"n":1}')
    assert len([e for e in events if isinstance(e, ToolCallDelta)]) == 1 + ("functionCall" in str(end))


def test_a_signature_comes_before_its_part() -> None:
    events = decoded(sse(reply({"text": "a", "thoughtSignature": "s"}, reason="STOP")))
    assert events[:2] == [ReasoningDelta(signature="gemini:s"), TextDelta("a")]


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"", UpstreamCut),
        (b": comment\n\n", UpstreamCut),
        (b"dat", UpstreamCut),
        (sse(reply({"text": "a"})), UpstreamCut),
        (b'[{"candidates": [{"cont', UpstreamCut),
        (b"[]", UpstreamInvalid),
        (b"{}", UpstreamInvalid),
        (b"null", UpstreamInvalid),
        (b"<html><body>Bad Gateway</body></html>", UpstreamInvalid),
        (b"data: 5\n\n", UpstreamInvalid),
        (sse({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}), UpstreamBusy),
        (b'{"error": {"code": 503, "message": "slow", "status": "UNAVAILABLE"}}', UpstreamBusy),
        (b'[{"error":\n {"code": 503, "message": "]}", "status": "UNAVAILABLE"}}\n]', UpstreamBusy),
        (b'[{"error": {"code": 503, "message": "slow"', UpstreamCut),
        (b"[" * 50_000, UpstreamCut),
    ],
)
def test_what_is_no_whole_stream(stream: bytes, error: type[UpstreamError]) -> None:
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        *before, failed = decoded(*pieces)
        assert isinstance(failed, Failed)
        assert type(failed.error) is error
        assert not any(isinstance(event, Finished | Ended) for event in before)


def test_the_last_event_may_lack_its_empty_line() -> None:
    stream = sse(reply({"text": "a"}, reason="STOP"))
    for end in (b"", b"\n", b"\r\n"):
        assert decoded(stream.rstrip(b"\n") + end) == [TextDelta("a"), Finished("stop"), Ended()]
    assert isinstance(decoded(stream.rstrip(b"\n")[:-1])[-1], Failed)


@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_are_cut_at_their_elements(indent: int | None) -> None:
    values = [{"a": 'x"}],[{\\'}, {"b": [{"c": "\\"}, []]}, {"d": "ü\u2028"}]
    for ascii_only in (True, False):
        text = b"\xef\xbb\xbf \n" + json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
        dice = random.Random(indent)
        ways = [[text], [text[at : at + 1] for at in range(len(text))]]
        for _ in range(50):
            cut = sorted(dice.sample(range(len(text)), 3))
            ways.append([text[a:b] for a, b in zip([0, *cut], [*cut, len(text)])])
        for pieces in ways:
            parser = EventParser()
            found = [event for piece in pieces for event in parser.feed(piece)]
            assert [json.loads(event) for event in found] == values
            assert not parser.is_broken()


def test_an_event_without_end_is_not_kept_for_ever() -> None:
    parser = EventParser()
    with pytest.raises(UpstreamInvalid):
        for _ in range(18):
            parser.feed(b'[{"a":"' + b"x" * 1024 * 1024)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.a", {"a": 1}),
        ("$.a.b[0].c", {"a": {"b": [{"c": 1}]}}),
        ("$.a[2]", {"a": [None, None, 1]}),
        ("$['a b'][\"c\"]", {"a b": {"c": 1}}),
        ("$", {}),
        ("$[0]", {}),
        ("$.a[99999]", {"a": []}),
        ("$" + ".a" * 100, {}),
        ("", {}),
    ],
)
def test_paths_of_arguments(path: str, value: Any) -> None:
    call = PartialCall("c", "f", None)
    call.take([{"jsonPath": path, "numberValue": 1}])
    assert call.arguments == value


def test_kinds_of_arguments_in_pieces() -> None:
    call = PartialCall("c", "f", {"kept": 1})
    size = call.take(
        [
            {"jsonPath": "$.s", "stringValue": "é", "willContinue": True},
            {"jsonPath": "$.s", "stringValue": "!"},
            {"jsonPath": "$.s2", "stringValue": "a"},
            {"jsonPath": "$.s2", "stringValue": "b"},
            {"jsonPath": "$.b", "boolValue": False},
            {"jsonPath": "$.z", "nullValue": "NULL_VALUE"},
            {"jsonPath": "$.kept.deeper", "numberValue": 0.5},
            "noise",
        ]
    )
    assert call.arguments == {"kept": {"deeper": 0.5}, "s": "é!", "s2": "b", "b": False, "z": None}
    assert size == 5


# Usage


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ({}, None),
        ({"trafficType": "ON_DEMAND"}, None),
        ({"promptTokenCount": 5}, Usage(input=5)),
        ({"promptTokenCount": 5, "totalTokenCount": 5}, Usage(input=5, output=0)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 0}, Usage(input=5, output=0)),
        (
            {"promptTokenCount": 100, "cachedContentTokenCount": 90, "candidatesTokenCount": 1},
            Usage(input=10, cached_input=90, output=1),
        ),
        (
            {
                "promptTokenCount": 5,
                "toolUsePromptTokenCount": 7,
                "candidatesTokenCount": 1,
                "totalTokenCount": 13,
            },
            Usage(input=12, output=1),
        ),
        (
            {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 30},
            Usage(input=5, output=1, reasoning=24),
        ),
        (
            {"promptTokenCount": 5, "thoughtsTokenCount": 4, "totalTokenCount": 19},
            Usage(input=5, output=10, reasoning=4),
        ),
        ({"promptTokenCount": "5", "candidatesTokenCount": 2.0}, Usage(input=5, output=2)),
        ({"promptTokenCount": 3, "cachedContentTokenCount": 9}, Usage(input=0, cached_input=9)),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 40,
                "candidatesTokenCount": 50,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 20},
                    {"modality": "IMAGE", "tokenCount": 60},
                    {"modality": "AUDIO", "tokenCount": 20},
                ],
                "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 40}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 45}],
            },
            Usage(input=20, cached_input=40, image_input=20, audio_input=20, output=5, image_output=45),
        ),
    ],
)
def test_usage(said: Any, expected: Usage | None) -> None:
    assert read_usage(said) == expected


def test_usage_of_others_is_written_inclusively() -> None:
    said = write_usage(Usage(input=1, cached_input=2, cache_write=3, cache_write_1h=4, output=5, reasoning=6))
    assert said == {
        "promptTokenCount": 10,
        "cachedContentTokenCount": 2,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 6,
        "totalTokenCount": 21,
    }


# Errors


def error(code: int, message: str, status: str, *details: Any) -> bytes:
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": details}}
    ).encode()


QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("body", "kind", "code", "wait_s"),
    [
        (
            error(429, QUOTA, "RESOURCE_EXHAUSTED", {"retryDelay": "34.4s"}),
            UpstreamBusy,
            "upstream_busy",
            34.4,
        ),
        (error(429, QUOTA + " limit: 0", "RESOURCE_EXHAUSTED"), UpstreamDenied, "upstream_denied", None),
        (
            error(429, QUOTA, "RESOURCE_EXHAUSTED", {"violations": [{"quotaValue": "0"}]}),
            UpstreamDenied,
            "upstream_denied",
            None,
        ),
        (
            error(429, "Your prepayment credits are depleted.", "RESOURCE_EXHAUSTED"),
            UpstreamDenied,
            "upstream_denied",
            None,
        ),
        (
            error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"),
            UpstreamDenied,
            "upstream_denied",
            None,
        ),
        (
            error(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"),
            UpstreamDenied,
            "upstream_denied",
            None,
        ),
        (
            error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"),
            UpstreamDenied,
            "upstream_denied",
            None,
        ),
        (
            error(400, "The input token count (9) exceeds the maximum number of tokens allowed (8).", "X"),
            UpstreamRejected,
            "context_length_exceeded",
            None,
        ),
        (error(400, "Invalid value at 'x'", "INVALID_ARGUMENT"), UpstreamRejected, "invalid_request", None),
        (error(401, "no", "UNAUTHENTICATED"), UpstreamDenied, "upstream_denied", None),
        (error(403, "no", "PERMISSION_DENIED"), UpstreamDenied, "upstream_denied", None),
        (error(404, "models/x is not found", "NOT_FOUND"), UpstreamRejected, "model_not_found", None),
        (error(500, "oh", "INTERNAL"), UpstreamError, "upstream_error", None),
        (error(503, "The model is overloaded.", "UNAVAILABLE"), UpstreamBusy, "upstream_busy", None),
        (error(504, "slow", "DEADLINE_EXCEEDED"), UpstreamError, "upstream_error", None),
    ],
)
def test_errors_mean_the_same_alone_in_a_list_and_in_a_stream(
    body: bytes, kind: type[UpstreamError], code: str, wait_s: float | None
) -> None:
    status = json.loads(body)["error"]["code"]
    for given, said in ((status, body), (status, b"[" + body + b"]"), (None, body)):
        found = read_error(given, said)
        assert type(found) is kind
        assert (found.code, found.retry_after_s, found.upstream_status) == (code, wait_s, status)
