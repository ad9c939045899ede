"""The ``usage`` of the Responses API to and from the disjoint `Usage` (OpenAI API reference, "The response
object").

Its counts are inclusive like those of chat completions and differ from them in their names only, so the
arithmetic is the same (`openai_usage`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.interfaces.usage import Usage
from pixapi.wire.json import encode, lenient_fields
from pixapi.wire.openai_usage import read_usage as read_chat_usage

_CHAT_NAMES = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
    "output_tokens_details": "completion_tokens_details",
}


def read_usage(value: msgspec.Raw | bytes | None) -> Usage | None:
    """What a ``usage`` object says; None where it is absent, null or empty."""
    said = lenient_fields(value)
    if not said:
        return None
    return read_chat_usage(encode({_CHAT_NAMES.get(name, name): count for name, count in said.items()}))


def write_usage(usage: Usage) -> dict[str, Any]:
    """A `Usage` as the inclusive object. Clients insist on every member, so what is unknown is 0 here."""
    received, made = usage.total_input(), usage.total_output()
    return {
        "input_tokens": received,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input or 0,
            "cache_write_tokens": (usage.cache_write or 0) + (usage.cache_write_1h or 0),
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": received + made,
    }
