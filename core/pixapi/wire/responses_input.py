"""The most that a Responses call can use, read from its body without understanding it (OpenAI API reference,
"Create a response").

As for chat completions (`openai_input`): bytes of text bound tokens, media count by the bound of the model,
and what is unknown counts by its bytes. What needs state on the server is refused here already, because a
call between equal dialects is never read any further.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import Fields, decode_any, decode_fields, decode_list, is_null
from pixapi.wire.openai_input import PER_MESSAGE, TOOLS_PREAMBLE

PREAMBLE = 128
"""Tokens of instructions that servers put before the caller's: questions of a few words counted up to 91."""

_MEDIA = frozenset({b'"input_image"', b'"input_file"', b'"input_audio"', b'"input_video"'})
_WITHOUT_TEXT = frozenset(
    {
        "background",
        "conversation",
        "include",
        "input",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "moderation",
        "parallel_tool_calls",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
    }
)
_STORED = ("previous_response_id", "conversation", "prompt")
_FLAGS = {
    "store": "store is true, and nothing is stored between calls; leave it out or send false",
    "background": "background is true, which is not offered; leave it out and wait for the reply or stream it",
}


def refuse_stateful(fields: Fields) -> None:
    """Refuses what only a server that keeps responses could do.

    Raises:
        BadRequest: code ``unsupported_parameter``; ``param`` names the field.
    """
    for name in _STORED:
        if not is_null(fields.get(name)):
            raise _unsupported(
                f"{name} is not offered, because nothing is stored between calls; "
                "send the whole conversation as items of input",
                name,
            )
    for name, sentence in _FLAGS.items():
        value = bytes(fields.get(name, b"null"))
        if value == b"true":
            raise _unsupported(sentence, name)
        if value not in (b"false", b"null"):
            raise BadRequest(f"{name} has a wrong type; expected true or false", param=name)


def input_bound(fields: Fields, image_bound: int) -> int:
    """The most input tokens that a call can have.

    ``image_bound``: the most that one image, file or piece of audio counts.

    Raises:
        BadRequest: ``input`` is missing or of a wrong shape, or refers to what was stored.
    """
    total = PREAMBLE + (TOOLS_PREAMBLE if "tools" in fields else 0)
    for name, value in fields.items():
        if name not in _WITHOUT_TEXT:
            total += len(value)
    items = fields.get("input")
    if items is None or bytes(items) == b"null":
        if is_null(fields.get("instructions")):
            raise _wrong("input is missing; expected a string or a list of items")
        return total + PER_MESSAGE * 2
    text = bytes(items)
    if text.startswith(b'"'):
        return total + _string(text) + PER_MESSAGE * 2
    try:
        listed = decode_list(items)
        return total + PER_MESSAGE * (len(listed) + 1) + sum(_item(item, image_bound) for item in listed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _wrong("input is neither a string nor a list of items, or holds something broken") from None


def output_cap(fields: Fields) -> int | None:
    """The caller's cap on output tokens; None without one. Raises BadRequest."""
    value = fields.get("max_output_tokens")
    if value is None or bytes(value) == b"null":
        return None
    text = bytes(value)
    if not text.isdigit() or len(text) > 15 or int(text) == 0:
        raise BadRequest("max_output_tokens is not a positive whole number", param="max_output_tokens")
    return int(text)


def _item(value: msgspec.Raw, image_bound: int) -> int:
    if not bytes(value).startswith(b"{"):
        raise _wrong("input holds something that is no object; expected items")
    item = decode_fields(value)
    if bytes(item.get("type", b"")) == b'"item_reference"':
        raise _unsupported(reference_sentence(), "input")
    return sum(
        _content(inner, image_bound) if name in ("content", "output") else len(inner)
        for name, inner in item.items()
        if name not in ("type", "role", "id", "status")
    )


def reference_sentence() -> str:
    """Why a reference to an item is refused."""
    return (
        "input holds an item_reference, and nothing is stored between calls; send the item itself "
        "(clients do so where `store` is set to false)"
    )


def _content(value: msgspec.Raw, image_bound: int) -> int:
    text = bytes(value)
    if text.startswith(b'"'):
        return _string(text)
    if not text.startswith(b"["):
        return len(text)
    return sum(_part(part, image_bound) for part in decode_list(value))


def _part(value: msgspec.Raw, image_bound: int) -> int:
    text = bytes(value)
    if not text.startswith(b"{"):
        return len(text)
    part = decode_fields(value)
    if bytes(part.get("type", b"")) in _MEDIA:
        return image_bound
    said = bytes(part.get("text", b""))
    return _string(said) + len(text) - len(said) if said.startswith(b'"') else len(text)


def _string(text: bytes) -> int:
    """The UTF-8 bytes of a JSON string."""
    if b"\\" not in text:
        return len(text) - 2
    try:
        value = decode_any(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _wrong("a string of input holds a broken character escape") from None
    return len(value.encode("utf-8", "surrogatepass"))


def _unsupported(message: str, param: str) -> BadRequest:
    return BadRequest(message, code="unsupported_parameter", param=param)


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="input")
