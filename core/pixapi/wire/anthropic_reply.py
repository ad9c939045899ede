"""A whole reply of the Messages API, as the internal model or for callers of the same dialect (Anthropic API
reference, "Messages").

In the model, blocks for tools that run on the vendor's side, and their results, have no word in the internal model and
are left out; the text that was made of them stays.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.wire.anthropic_errors import not_understood
from pixapi.wire.anthropic_seal import NATIVE, seal_fields
from pixapi.wire.anthropic_usage import read_usage
from pixapi.wire.json import Fields, decode_fields, encode, lenient, lenient_objects, raw
from pixapi.wire.seal import seal

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def read_reply(body: bytes, maker: str) -> Result:
    """What a reply says and what it used. ``maker`` marks its signatures (`seal`).

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not JSON, or no message.
    """
    try:
        return _read(decode_fields(body), body, maker)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_understood(body) from None


def _read(fields: Fields, body: bytes, maker: str) -> Result:
    content = _content_of(fields, body)
    blocks = (_part(block, maker) for block in lenient_objects(content))
    parts = [part for part in blocks if part is not None]
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    reply = ChatReply(
        parts=parts,
        finish_reason=finish_reason(lenient(fields.get("stop_reason")), has_calls=has_calls),
        refusal=refusal_of(lenient(fields.get("stop_details"))),
    )
    return Result(usage=read_usage(lenient(fields.get("usage"))), chat=reply)


def _content_of(fields: Fields, body: bytes) -> msgspec.Raw:
    content = fields.get("content")
    if lenient(fields.get("type")) == "error" or "error" in fields:
        raise not_understood(body)
    if content is None or not bytes(content).startswith(b"["):
        raise UpstreamInvalid("The provider of this model answered without any content; try again.")
    return content


def finish_reason(said: Any, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model."""
    if isinstance(said, str) and said in _REASONS:
        return _REASONS[said]
    return "tool_calls" if has_calls else "stop"


def refusal_of(details: Any) -> str | None:
    """Why the model refused, in the vendor's words, where ``stop_details`` says it."""
    explanation = details.get("explanation") if isinstance(details, dict) else None
    return explanation if isinstance(explanation, str) and explanation else None


def _part(block: Fields, maker: str) -> Text | Reasoning | ToolCall | None:
    kind = lenient(block.get("type"))
    if kind == "text":
        text = _text(block, "text")
        return Text(text) if text else None
    if kind == "thinking":
        signature = _text(block, "signature")
        return Reasoning(_text(block, "thinking"), seal(maker, signature) if signature else None)
    if kind == "redacted_thinking":
        return Reasoning("", seal(maker, _text(block, "data")), redacted=True)
    if kind == "tool_use":
        arguments = bytes(block.get("input", b"{}")).decode("utf-8", "replace")
        return ToolCall(_text(block, "id"), _text(block, "name"), arguments)
    return None


def _text(block: Fields, name: str) -> str:
    value = lenient(block.get(name))
    return value if isinstance(value, str) else ""


def relay_reply(call: Call, body: bytes, maker: str) -> Result:
    """A reply for a caller of the same dialect: under the caller's model name and our id, all else as it came.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not JSON, or no message.
    """
    try:
        fields = decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise not_understood(body) from None
    content = _content_of(fields, body)
    if maker != NATIVE:
        blocks = lenient_objects(content)
        for block in blocks:
            seal_fields(block, maker)
        fields["content"] = raw(blocks)
    fields["id"], fields["model"] = raw(call.reply_id), raw(call.alias)
    return Result(usage=read_usage(lenient(fields.get("usage"))), body=encode(fields))
