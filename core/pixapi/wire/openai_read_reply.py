"""A whole chat completion as the internal model, for callers of other dialects (OpenAI API reference, "The chat
completion object").

It reads what the relay lets through (`openai_result`), so that both know the same errors and quirks. Only the
first choice is read; other dialects have no word for several.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.chat import ChatReply, Reasoning, Text, ToolCall
from pixapi.wire.json import Fields, decode_fields, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_chunk import finish_reason
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_result import relay_chat_reply


def read_chat_reply(call: Call, body: bytes, quirks: Quirks = PLAIN) -> Result:
    """What a reply says and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is not JSON, or has no choices.
    """
    relayed = relay_chat_reply(call, body, quirks)
    choices = lenient_objects(decode_fields(relayed.body or b"").get("choices"))
    if not choices:
        raise UpstreamInvalid("The provider of this model answered with choices that are none; try again.")
    message = lenient_fields(choices[0].get("message"))
    parts: list[Text | Reasoning | ToolCall] = []
    thought, text = _text(message.get("reasoning_content")), _text(message.get("content"))
    if thought:
        parts.append(Reasoning(thought))
    if text:
        parts.append(Text(text))
    parts += [_call(piece) for piece in lenient_objects(message.get("tool_calls")) if "function" in piece]
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    reply = ChatReply(
        parts=parts,
        finish_reason=finish_reason(lenient(choices[0].get("finish_reason")), has_calls=has_calls),
        refusal=_text(message.get("refusal")) or None,
    )
    return Result(usage=relayed.usage, chat=reply)


def _call(piece: Fields) -> ToolCall:
    function = lenient_fields(piece.get("function"))
    return ToolCall(
        _text(piece.get("id")), _text(function.get("name")), _text(function.get("arguments")) or "{}"
    )


def _text(raw: msgspec.Raw | None) -> str:
    """A string; the texts of a list of parts, joined; empty for anything else."""
    value = lenient(raw)
    if isinstance(value, list):
        pieces = [part.get("text") for part in value if isinstance(part, dict)]
        value = "".join(piece for piece in pieces if isinstance(piece, str))
    return value if isinstance(value, str) else ""
