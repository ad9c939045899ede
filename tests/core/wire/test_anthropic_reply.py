"""Whole replies, usage and errors of the Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy, UpstreamDenied, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Usage
from pixapi.interfaces.chat import Reasoning, Text, ToolCall
from pixapi.wire.anthropic_errors import read_error
from pixapi.wire.anthropic_reply import read_reply
from pixapi.wire.anthropic_usage import UsageTally, read_usage
from pixapi.wire.seal import seal, unseal


def reply(*content: dict[str, Any], stop: str | None = "end_turn", **more: Any) -> bytes:
    said = {
        "type": "message",
        "content": list(content),
        "stop_reason": stop,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    return json.dumps(said | more).encode()


def test_parts_in_their_order() -> None:
    result = read_reply(
        reply(
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "thinking", "thinking": "unsigned", "signature": ""},
            {"type": "text", "text": "hi"},
            {"type": "server_tool_use", "id": "x", "name": "web_search", "input": {}},
            {"type": "text", "text": ""},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1}},
            stop="tool_use",
        ),
        "m",
    )
    assert result.chat is not None
    assert result.chat.parts == [
        Reasoning("hm", "m:s"), Reasoning("", "m:d", redacted=True), Reasoning("unsigned"), Text("hi"),
        ToolCall("t", "f", '{"n": 1}'),
    ]  # fmt: skip
    assert result.chat.finish_reason == "tool_calls"
    assert result.usage == Usage(input=1, output=2)


def test_trap_26_arguments_keep_their_numbers() -> None:
    raw = b'{"content":[{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890.10}}]}'
    result = read_reply(raw, "m")
    assert result.chat is not None
    assert result.chat.parts == [ToolCall("t", "f", '{"n":12345678901234567890.10}')]
    assert result.chat.finish_reason == "tool_calls"
    assert result.usage is None


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("end_turn", "stop"), ("stop_sequence", "stop"), ("pause_turn", "stop"), ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"), ("tool_use", "tool_calls"), ("refusal", "content_filter"),
        ("a_new_one", "stop"), (None, "stop"),
    ],
)  # fmt: skip
def test_trap_17_reasons_to_stop_and_replies_without_text(stop: str | None, reason: str) -> None:
    chat = read_reply(reply(stop=stop), "m").chat
    assert chat is not None
    assert (chat.parts, chat.finish_reason) == ([], reason)


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No."}
    chat = read_reply(reply(stop="refusal", stop_details=details), "m").chat
    assert chat is not None
    assert (chat.refusal, chat.finish_reason) == ("No.", "content_filter")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", UpstreamInvalid),
        (b"<html><body>gateway</body></html>", UpstreamInvalid),
        (b"[]", UpstreamInvalid),
        (b"{}", UpstreamInvalid),
        (b'{"content":"text"}', UpstreamInvalid),
        (b'{"content":null}', UpstreamInvalid),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', UpstreamBusy),
        (b'{"error":{"type":"invalid_request_error","message":"bad"}}', UpstreamRejected),
        (b"\xff" * 9, UpstreamInvalid),
        (b"[" * 100_000, UpstreamInvalid),
    ],
)
def test_trap_06_what_is_no_reply_is_an_error(body: bytes, kind: type[UpstreamError]) -> None:
    with pytest.raises(kind) as caught:
        read_reply(body, "m")
    assert "<html" not in caught.value.message


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 7}, Usage(input=5, output=7)),
        ({"input_tokens": 0, "output_tokens": 0}, Usage(input=0, output=0)),
        ({"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 7},
         Usage(input=5, cached_input=100, cache_write=30, output=7)),
        ({"input_tokens": 5, "cache_creation_input_tokens": 30, "output_tokens": 7,
          "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}},
         Usage(input=5, cache_write=10, cache_write_1h=20, output=7)),
        ({"output_tokens": 133, "output_tokens_details": {"thinking_tokens": 55}}, Usage(output=78, reasoning=55)),
        ({"output_tokens": 3, "output_tokens_details": {"thinking_tokens": 55}}, Usage(output=0, reasoning=3)),
        ({"input_tokens": 5, "output_tokens": 7, "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 9}},
         Usage(input=5, output=7, searches=2)),
        ({"input_tokens": 5, "output_tokens": 7, "server_tool_use": {"web_search_requests": 0}},
         Usage(input=5, output=7, searches=0)),
        ({"input_tokens": 5, "output_tokens": 7, "server_tool_use": None}, Usage(input=5, output=7)),
        ({"input_tokens": 5, "output_tokens": 7, "server_tool_use": {"web_search_requests": "2"}}, Usage(input=5, output=7)),
        ({"input_tokens": "5", "output_tokens": True}, None),
        ({"input_tokens": -5}, Usage(input=0)),
        (None, None),
    ],
)  # fmt: skip
def test_trap_19_nothing_is_counted_twice_and_unknown_is_not_none(said: Any, usage: Usage | None) -> None:
    assert read_usage(said) == usage


def test_a_later_report_replaces_what_it_names() -> None:
    tally = UsageTally()
    tally.take({"input_tokens": 2, "cache_creation_input_tokens": 3068, "cache_read_input_tokens": 0, "output_tokens": 69,
                "cache_creation": {"ephemeral_5m_input_tokens": 68, "ephemeral_1h_input_tokens": 3000}}, final=False)  # fmt: skip
    assert tally.usage() == Usage(input=2, cached_input=0, cache_write=68, cache_write_1h=3000)
    tally.take({"input_tokens": 6, "cache_creation_input_tokens": 3337, "output_tokens": 100})
    tally.take({"output_tokens": 198, "server_tool_use": {"web_search_requests": 1}})
    tally.take({"output_tokens": 199, "server_tool_use": {"web_search_requests": 3}})
    tally.take({"output_tokens": 200})
    assert tally.usage() == Usage(
        input=6, cached_input=0, cache_write=337, cache_write_1h=3000, output=200, searches=3
    )


def error(kind: str, message: str = "words") -> bytes:
    return json.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req"}
    ).encode()


TOO_LONG = "prompt is too long: 215000 tokens > 200000 maximum"
SPENT = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
BROKE = "Your credit balance is too low to access the Anthropic API."


@pytest.mark.parametrize(
    ("status", "body", "kind", "ours", "code"),
    [
        (400, error("invalid_request_error"), UpstreamRejected, 400, "invalid_request"),
        (400, error("invalid_request_error", TOO_LONG), UpstreamRejected, 400, "context_length_exceeded"),
        (400, error("invalid_request_error", SPENT), UpstreamDenied, 502, "upstream_quota_exhausted"),
        (400, error("invalid_request_error", BROKE), UpstreamDenied, 502, "upstream_quota_exhausted"),
        (401, error("authentication_error", "invalid x-api-key"), UpstreamDenied, 502, "upstream_denied"),
        (402, error("billing_error"), UpstreamDenied, 502, "upstream_quota_exhausted"),
        (403, error("permission_error"), UpstreamDenied, 502, "upstream_denied"),
        (404, error("not_found_error", "model: claude-x"), UpstreamRejected, 404, "model_not_found"),
        (413, error("request_too_large"), UpstreamRejected, 413, "invalid_request"),
        (429, error("rate_limit_error"), UpstreamBusy, 503, "upstream_busy"),
        (500, error("api_error"), UpstreamError, 502, "upstream_error"),
        (504, error("timeout_error"), UpstreamError, 502, "upstream_error"),
        (529, error("overloaded_error"), UpstreamBusy, 503, "upstream_busy"),
        (502, b"<html>bad gateway</html>", UpstreamError, 502, "upstream_error"),
        (None, error("overloaded_error"), UpstreamBusy, 503, "upstream_busy"),
        (None, error("rate_limit_error"), UpstreamBusy, 503, "upstream_busy"),
        (None, error("api_error"), UpstreamError, 502, "upstream_error"),
        (None, error("invalid_request_error", TOO_LONG), UpstreamRejected, 400, "context_length_exceeded"),
        (None, error("authentication_error"), UpstreamDenied, 502, "upstream_denied"),
    ],
)
def test_errors(status: int | None, body: bytes, kind: type[UpstreamError], ours: int, code: str) -> None:
    found = read_error(status, body)
    assert type(found) is kind
    assert (found.status, found.code) == (ours, code)
    assert "<html" not in found.message


def test_a_busy_server_says_when_to_come_back() -> None:
    assert read_error(429, error("rate_limit_error"), {"retry-after": "17"}).retry_after_s == 17
    assert read_error(429, error("rate_limit_error")).retry_after_s is None


def test_a_seal_is_opened_by_its_maker_alone() -> None:
    sealed = seal("anthropic", "a:b==")
    assert unseal("anthropic", sealed) == "a:b=="
    assert unseal("elsewhere", sealed) is None
    assert unseal("anthropic", "a:b==") is None
    assert unseal("anthropic", "anthropic:") is None
    assert unseal("anthropic", None) is None
