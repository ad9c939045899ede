"""What is said in a call, whichever dialect it speaks; for guards.

Text is all that a model may read: messages, instructions, prompts, documents, tools and their descriptions, tool calls
and their results, and what stands in fields that nobody here has heard of. Links, inline files, names of roles and
types, and secrets for servers that the vendor calls are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call
from pixapi.wire.json import decode_any

_CONVERSATION = (
    "messages", "input", "system", "instructions", "contents", "systemInstruction", "system_instruction", "prompt",
    "query", "documents",
)  # fmt: skip
"""Where the most is said; it comes first, for whoever looks at so much only."""
_WITHOUT_TEXT = frozenset(
    {
        "audio", "background", "betas", "candidate_count", "container", "dimensions", "encoding_format",
        "frequency_penalty", "image", "images", "include", "input_fidelity", "labels", "logit_bias", "logprobs", "mask",
        "max_completion_tokens", "max_output_tokens", "max_tokens", "mcp_servers", "metadata", "modalities", "model",
        "moderation", "n", "output_compression", "output_format", "parallel_tool_calls", "partial_images",
        "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "quality",
        "reasoning", "reasoning_effort", "safetySettings", "safety_identifier", "safety_settings", "seed",
        "service_tier", "size", "speed", "stop", "stop_sequences", "store", "stream", "stream_format",
        "stream_options", "temperature", "thinking", "toolConfig", "tool_choice", "tool_config", "top_k",
        "top_logprobs", "top_n", "top_p", "truncation", "user", "verbosity", "voice", "web_search_options",
    }
)  # fmt: skip
"""Fields of the dialects that callers speak in which no model reads anything."""
_NOT_TEXT = frozenset({"data", "file_data", "id", "role", "signature", "tool_call_id", "type", "url"})
_SECRETS = frozenset({"authorization", "authorization_token", "headers"})


def texts_of(call: Call) -> Iterator[str]:
    """Every string of ``call`` that is text, field by field; within one, in the order of the body. Neighbours are not
    joined.

    Raises:
        BadRequest: a field cannot be read (it is nested too deeply, or holds a number beyond all bounds), and so nobody
            can tell what it says. Servers may be less strict.
    """
    names = dict.fromkeys((*_CONVERSATION, *call.fields))
    for name in names:
        raw = call.fields.get(name)
        if raw is None or name in _WITHOUT_TEXT:
            continue
        try:
            value = decode_any(raw)
        except ValueError:
            shown = name[:40]
            raise BadRequest(
                f"{shown} holds something broken, or is nested too deeply to be understood", param=shown
            ) from None
        yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    left: list[Any] = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            left += reversed(list(_members(item)))
        elif isinstance(item, list):
            left += reversed(item)


def _members(said: dict[str, Any]) -> Iterator[Any]:
    # A document of plain text has it where others have base64.
    is_plain = said.get("type") == "text"
    for name, item in said.items():
        if name in _SECRETS:
            continue
        if name not in _NOT_TEXT or not isinstance(item, str) or (is_plain and name == "data"):
            yield item
