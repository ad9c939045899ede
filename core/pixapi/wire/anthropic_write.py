"""Answers of other dialects as whole messages of the Messages API (Anthropic API reference, "Messages").

Parts keep their order; neighbouring pieces of text become one block. Thoughts carry their signature as the
dialect's callers keep it (`anthropic_seal`); one without a signature has an empty one, which goes back to nobody.
A refusal is the reason to stop, its words are in ``stop_details``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import ChatReply, FinishReason, Reasoning, Text, ToolCall
from pixapi.interfaces.usage import Usage
from pixapi.wire.anthropic_seal import seal_in_dialect
from pixapi.wire.anthropic_usage import write_usage
from pixapi.wire.json import decode_fields, encode

_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}


def encode_message(call: Call, reply: ChatReply, usage: Usage | None) -> bytes:
    """A whole answer as the JSON body of a message, under the caller's model name and our id."""
    return encode(
        {
            **message_head(call),
            "content": _blocks(reply),
            **write_stop(reply.finish_reason, reply.refusal),
            "usage": write_usage(usage),
        }
    )


def message_head(call: Call) -> dict[str, Any]:
    """The members of a message that say whose it is."""
    return {"id": call.reply_id, "type": "message", "role": "assistant", "model": call.alias}


def write_stop(reason: FinishReason | None, refusal: str | None) -> dict[str, Any]:
    """Why the model stopped, as a message and the end of a stream say it. Which sequence stopped it is not known."""
    said = "refusal" if refusal else _REASONS.get(reason or "stop")
    stop: dict[str, Any] = {"stop_reason": said, "stop_sequence": None}
    if refusal:
        stop["stop_details"] = {"type": "refusal", "category": None, "explanation": refusal}
    return stop


def write_arguments(arguments: str) -> Any:
    """A tool call's arguments as an object. What the model wrote is kept byte for byte; where it is no object, it
    stands in one.
    """
    try:
        decode_fields(arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"INVALID_JSON": arguments} if arguments else {}
    return msgspec.Raw(arguments.encode())


def _blocks(reply: ChatReply) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for part in reply.parts:
        if isinstance(part, Reasoning):
            blocks.append(_thought(part))
        elif isinstance(part, ToolCall):
            blocks.append(
                {
                    "type": "tool_use",
                    "id": part.id,
                    "name": part.name,
                    "input": write_arguments(part.arguments),
                }
            )
        elif isinstance(part, Text) and part.text:
            if blocks and blocks[-1]["type"] == "text":
                blocks[-1]["text"] += part.text
            else:
                blocks.append({"type": "text", "text": part.text})
    return blocks


def _thought(part: Reasoning) -> dict[str, Any]:
    signature = seal_in_dialect(part.signature)
    if part.redacted:
        return {"type": "redacted_thinking", "data": signature}
    return {"type": "thinking", "thinking": part.text, "signature": signature}
