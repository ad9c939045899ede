"""The most that a call can use, read from its body without understanding it (OpenAI API reference).

This runs before every call is priced, so it reads only what it must: the text of messages is measured, not
built, and a string without escapes is not even decoded. A tokenizer never makes more tokens than a text has
UTF-8 bytes, so bytes bound tokens; templates add a few tokens per message, and a preamble where there are
tools. Media count by the bound of the model, not by the length of their base64. What is unknown counts by
its bytes, so that a field nobody has heard of yet cannot slip past the price.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.json import Fields, decode_any, decode_fields, decode_list, decode_objects

CAPS = ("max_completion_tokens", "max_tokens")
"""The names of a cap on output."""
SERVERS_CAP = "n_predict"
"""llama.cpp's own name, which counts there whatever the others say (llama.cpp, server, README); never sent on."""
PER_MESSAGE = 16
"""Tokens that a chat template adds to a message: role, separators, names of fields."""
TOOLS_PREAMBLE = 512
"""Tokens of the instructions that servers put before a list of tools."""

_MEDIA = frozenset({"image_url", "input_audio", "file", "image", "video_url", "audio_url", "input_image"})
_TEXT_KEYS = {"text": "text", "refusal": "refusal", "input_text": "text", "output_text": "text"}
_WITHOUT_TEXT = frozenset(
    {
        "audio",
        "dimensions",
        "encoding_format",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "modalities",
        "model",
        "moderation",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)


def input_bound(fields: Fields, image_bound: int) -> int:
    """The most input tokens that a chat call can have.

    ``image_bound``: the most that one image, file or piece of audio counts.

    Raises:
        BadRequest: ``messages`` is missing, empty or of a wrong shape.
    """
    raw = fields.get("messages")
    if raw is None:
        raise BadRequest("messages is missing; expected a list of messages", param="messages")
    try:
        messages = decode_objects(raw)
    except msgspec.DecodeError:
        raise _wrong(raw) from None
    if not messages:
        raise BadRequest("messages is empty; expected at least one message", param="messages")
    total = PER_MESSAGE * (len(messages) + 1)
    for message in messages:
        total += _message(message, image_bound)
    for name, value in fields.items():
        if name not in _WITHOUT_TEXT:
            total += len(value)
            if name in ("tools", "functions"):
                total += TOOLS_PREAMBLE
    return total


def _message(message: Fields, image_bound: int) -> int:
    if "role" not in message:
        raise BadRequest("a message has no role; expected user, assistant, system or tool", param="messages")
    total = 0
    for name, value in message.items():
        if name == "content":
            total += _content(value, image_bound)
        elif name == "role":
            if not bytes(value).startswith(b'"'):
                raise BadRequest("a message's role is not a string", param="messages")
        else:
            total += len(value)
    return total


def _content(raw: msgspec.Raw, image_bound: int) -> int:
    text = bytes(raw)
    first = text[:1]
    if first == b'"':
        return _string(text)
    if first == b"[":
        return sum(_part(part, image_bound) for part in decode_list(raw))
    if text == b"null":
        return 0
    raise BadRequest("a message's content is neither a string nor a list of parts", param="messages")


def _string(text: bytes) -> int:
    """The UTF-8 bytes of a JSON string; escapes are what makes its text longer than it is."""
    if b"\\" not in text:
        return len(text) - 2
    try:
        value = decode_any(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest("a message's content holds a broken character escape", param="messages") from None
    return len(value.encode("utf-8", "surrogatepass"))


def _part(raw: msgspec.Raw, image_bound: int) -> int:
    text = bytes(raw)
    if text.startswith(b'"'):
        return _string(text)
    try:
        part = decode_fields(raw)
    except msgspec.DecodeError:
        raise BadRequest("a part of a message's content is not an object", param="messages") from None
    kind = bytes(part.get("type", b'""'))[1:-1].decode("utf-8", "replace")
    if kind in _MEDIA:
        return image_bound
    name = _TEXT_KEYS.get(kind)
    if name is None:
        return len(text)
    value = bytes(part.get(name, b""))
    if not value.startswith(b'"'):
        raise BadRequest(f"a {kind} part of a message has no string in {name!r}", param="messages")
    return _string(value)


def _wrong(raw: msgspec.Raw) -> BadRequest:
    if not bytes(raw).startswith(b"["):
        return BadRequest("messages is not a list; expected a list of messages", param="messages")
    return BadRequest(
        "messages holds something that is no object; expected objects with role and content", param="messages"
    )


def embeddings_input_bound(fields: Fields) -> int:
    """The most input tokens that an embeddings call can have: bytes of text, or the number of tokens given.

    Raises:
        BadRequest: ``input`` is missing, empty or of a wrong type.
    """
    raw = fields.get("input")
    if raw is None:
        raise BadRequest("input is missing; expected a string, a list of strings or tokens", param="input")
    text = bytes(raw)
    if text.startswith(b'"'):
        return _non_empty(_string(text)) + PER_MESSAGE
    if not text.startswith(b"["):
        raise BadRequest("input is neither a string nor a list", param="input")
    items = decode_list(raw)
    if not items:
        raise BadRequest("input is an empty list; expected at least one item", param="input")
    return sum(_item(bytes(item)) for item in items) + PER_MESSAGE


def _item(text: bytes) -> int:
    if text.startswith(b'"'):
        return _string(text) + PER_MESSAGE
    if text.isdigit():
        return 1
    if text.startswith(b"["):
        try:
            return len(msgspec.json.decode(text, type=list[int])) + PER_MESSAGE
        except msgspec.DecodeError:
            raise BadRequest("a list of tokens in input holds something else", param="input") from None
    raise BadRequest("input holds something that is neither a string nor tokens", param="input")


def _non_empty(size: int) -> int:
    if size == 0:
        raise BadRequest("input is an empty string; expected some text", param="input")
    return size


def output_cap(fields: Mapping[str, msgspec.Raw]) -> int | None:
    """The caller's cap on output tokens: ``max_completion_tokens``, else ``max_tokens``, else `SERVERS_CAP`; None
    without any.

    Raises:
        BadRequest: it is no positive whole number.
    """
    for name in CAPS:
        value = _positive(fields, name)
        if value is not None:
            return value
    # There, what is not positive is no cap.
    return None if bytes(fields.get(SERVERS_CAP, b"")).startswith(b"-") else _positive(fields, SERVERS_CAP)


def choices(fields: Mapping[str, msgspec.Raw]) -> int:
    """How many answers the caller asks for: ``n``, 1 without it.

    Raises:
        BadRequest: it is no whole number from 1 to 128.
    """
    value = _positive(fields, "n")
    if value is not None and value > 128:
        raise BadRequest(f"n is {value}; expected at most 128", param="n")
    return value or 1


def choices_expected(fields: Mapping[str, msgspec.Raw]) -> int:
    """The same of a request that was taken before, perhaps by a server that is less strict."""
    try:
        return choices(fields)
    except BadRequest:
        return 1


def _positive(fields: Mapping[str, msgspec.Raw], name: str) -> int | None:
    raw = fields.get(name)
    if raw is None:
        return None
    text = bytes(raw)
    if text == b"null":
        return None
    if not text.isdigit() or len(text) > 15 or int(text) == 0:
        raise BadRequest(f"{name} is not a positive whole number", param=name)
    return int(text)
