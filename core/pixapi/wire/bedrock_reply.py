"""A whole reply of Converse as the internal model (Amazon Bedrock API reference, "Converse", "TokenUsage").

Blocks for tools that run on the vendor's side, and their results, have no word in the internal model and are
left out; the text that the model made of them stays. ``inputTokens`` holds neither what was read from the
cache nor what was written to it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Result
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.interfaces.usage import Usage
from pixapi.wire.bedrock_errors import not_understood
from pixapi.wire.bedrock_messages import MAKER
from pixapi.wire.json import Fields, decode_fields, lenient, lenient_fields, lenient_objects
from pixapi.wire.seal import seal

SERVER_TOOL = "server_tool_use"
"""The type of a call that the vendor answers itself."""
_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def read_reply(body: bytes) -> Result:
    """What a reply says and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not JSON, or no message.
    """
    try:
        fields = decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_understood(body) from None
    if "output" not in fields:
        raise not_understood(body)
    content = lenient_fields(lenient_fields(fields["output"]).get("message")).get("content")
    if content is None or not bytes(content).startswith(b"["):
        raise UpstreamInvalid("The provider of this model answered without any content; try again.")
    parts = [part for part in map(_part, lenient_objects(content)) if part is not None]
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    reason = finish_reason(lenient(fields.get("stopReason")), has_calls=has_calls)
    return Result(usage=read_usage(lenient(fields.get("usage"))), chat=ChatReply(parts, reason))


def finish_reason(said: Any, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model."""
    if isinstance(said, str) and said in _REASONS:
        return _REASONS[said]
    return "tool_calls" if has_calls else "stop"


def read_usage(said: Any) -> Usage | None:
    """The counts of a reply, disjoint as they come; None where it says nothing."""
    if not isinstance(said, dict):
        return None
    written, hour = _count(said.get("cacheWriteInputTokens")), _written_for_an_hour(said.get("cacheDetails"))
    if written is not None and hour is not None:
        hour = min(hour, written)
        written -= hour
    usage = Usage(
        input=_count(said.get("inputTokens")),
        cached_input=_count(said.get("cacheReadInputTokens")),
        cache_write=written,
        cache_write_1h=hour,
        output=_count(said.get("outputTokens")),
    )
    return usage if usage != Usage() else None


def _written_for_an_hour(details: Any) -> int | None:
    if not isinstance(details, list):
        return None
    entries = [entry for entry in details if isinstance(entry, dict) and entry.get("ttl") == "1h"]
    return sum(_count(entry.get("inputTokens")) or 0 for entry in entries) if entries else None


def _count(value: Any) -> int | None:
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else None


def _part(block: Fields) -> Text | Reasoning | ToolCall | None:
    if "text" in block:
        text = _text(block, "text")
        return Text(text) if text else None
    if "toolUse" in block:
        said = lenient_fields(block["toolUse"])
        if _text(said, "type") == SERVER_TOOL:
            return None
        given = bytes(said.get("input", b"{}"))
        arguments = given.decode("utf-8", "replace") if given.startswith(b"{") else "{}"
        return ToolCall(_text(said, "toolUseId"), _text(said, "name"), arguments)
    if "reasoningContent" not in block:
        return None
    thought = lenient_fields(block["reasoningContent"])
    redacted = _text(thought, "redactedContent")
    if redacted:
        return Reasoning("", seal(MAKER, redacted), redacted=True)
    shown = lenient_fields(thought.get("reasoningText"))
    signature = _text(shown, "signature")
    return Reasoning(_text(shown, "text"), seal(MAKER, signature) if signature else None)


def _text(block: Fields, name: str) -> str:
    value = lenient(block.get(name))
    return value if isinstance(value, str) else ""
