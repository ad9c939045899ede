"""Messages and tools of a chat request, adapted to what a server accepts; what need not change stays as it
was.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.wire.json import Fields, decode_any, decode_objects, is_null, lenient, raw
from pixapi.wire.openai_quirks import Quirks

_REASONING = "reasoning_content"
_DETAILS = "reasoning_details"


def adapt_messages(messages: msgspec.Raw, quirks: Quirks) -> msgspec.Raw:
    """``messages`` as the row of quirks wants them. A shape that cannot be read is left for the server to
    refuse.
    """
    text = bytes(messages)
    if not (
        (quirks.flatten_text and (b'"content":[' in text or b'"content": [' in text))
        or (quirks.omit_empty_content and b'"tool_calls"' in text)
        or ((not quirks.echo_reasoning or quirks.reasoning_field != _REASONING) and b'"reasoning_' in text)
    ):
        return messages
    try:
        taken = decode_objects(messages)
    except msgspec.DecodeError:
        return messages
    return raw([_adapt(message, quirks) for message in taken])


def _adapt(message: Fields, quirks: Quirks) -> Fields:
    if quirks.flatten_text:
        joined = _joined(message.get("content"))
        if joined is not None:
            message["content"] = raw(joined)
    only_calls = not is_null(message.get("tool_calls")) and not lenient(message.get("content"))
    if quirks.omit_empty_content and only_calls:
        message.pop("content", None)
    if not quirks.echo_reasoning:
        message.pop(_REASONING, None)
        message.pop(_DETAILS, None)
    elif quirks.reasoning_field != _REASONING and _REASONING in message:
        value = message.pop(_REASONING)
        message.setdefault(quirks.reasoning_field, value)
    return message


def _joined(content: msgspec.Raw | None) -> str | None:
    """A list of nothing but text parts as one string; None for anything else."""
    if content is None or not bytes(content).startswith(b"["):
        return None
    parts = lenient(content)
    if not isinstance(parts, list):
        return None
    texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
    whole = len(texts) == len(parts) and all(part.get("type") == "text" for part in parts)
    return "".join(texts) if whole else None


def plain_schemas(value: msgspec.Raw) -> msgspec.Raw:
    """Tools or a response format without the schema words that some servers refuse."""
    try:
        return raw(_plain(decode_any(value)))
    except msgspec.DecodeError:
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _plain(item)
        for key, item in value.items()
        if key not in ("strict", "$schema", "$id") and not (key == "additionalProperties" and item is False)
    }
