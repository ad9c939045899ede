"""The most that a call of the Messages API can use, read from its body without building it (Anthropic API
reference, "Messages").

As for OpenAI's dialect (`openai_input`): bytes of text bound tokens, media count by the bound of the model, and
what is unknown counts by its bytes.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.dialect import Sizes
from pixapi.wire.json import Fields, decode_any, decode_fields, decode_list, decode_objects, lenient_fields
from pixapi.wire.openai_input import PER_MESSAGE, TOOLS_PREAMBLE

_WITHOUT_TEXT = frozenset(
    {
        "cache_control",
        "inference_geo",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "top_k",
        "top_p",
    }
)
_INLINE = (b'"base64"', b'"url"', b'"file"')


def read_sizes(fields: Fields, image_bound: int) -> Sizes:
    """The bounds of a call; ``image_bound`` is the most that one image or document counts.

    Raises:
        BadRequest: ``messages`` is missing, empty or of a wrong shape, or a cap is no positive whole number.
    """
    return Sizes(
        input_bound=input_bound(fields, image_bound),
        output_cap=output_cap(fields),
        thinking_budget=_thinking_budget(fields),
    )


def input_bound(fields: Fields, image_bound: int) -> int:
    """The most input tokens that a call can have. Raises BadRequest as `read_sizes`."""
    raw = fields.get("messages")
    if raw is None:
        raise _wrong("messages is missing; expected a list of messages")
    try:
        messages = decode_objects(raw)
    except (msgspec.DecodeError, RecursionError):
        raise _wrong("messages is not a list of objects with role and content") from None
    if not messages:
        raise _wrong("messages is empty; expected at least one message")
    total = PER_MESSAGE * (len(messages) + 1)
    for message in messages:
        total += _message(message, image_bound)
    for name, value in fields.items():
        if name == "system":
            total += _content(value, image_bound, "system")
        elif name not in _WITHOUT_TEXT:
            total += len(value)
            if name == "tools":
                total += TOOLS_PREAMBLE
    return total


def output_cap(fields: Fields) -> int | None:
    """``max_tokens``; None without it. Raises BadRequest: it is no positive whole number."""
    return _positive(fields.get("max_tokens"), "max_tokens")


def _thinking_budget(fields: Fields) -> int:
    thinking = fields.get("thinking")
    if thinking is None:
        return 0
    return _positive(lenient_fields(thinking).get("budget_tokens"), "thinking.budget_tokens") or 0


def _positive(raw: msgspec.Raw | None, name: str) -> int | None:
    text = b"null" if raw is None else bytes(raw)
    if text == b"null":
        return None
    if not text.isdigit() or len(text) > 15 or int(text) == 0:
        raise BadRequest(f"{name} is not a positive whole number", param=name.partition(".")[0])
    return int(text)


def _message(message: Fields, image_bound: int) -> int:
    if not bytes(message.get("role", b"")).startswith(b'"'):
        raise _wrong("a message has no role; expected user or assistant")
    if "content" not in message:
        raise _wrong("a message has no content; expected a string or a list of blocks")
    known = _content(message["content"], image_bound, "messages")
    return known + sum(len(value) for name, value in message.items() if name not in ("role", "content"))


def _content(raw: msgspec.Raw, image_bound: int, param: str) -> int:
    text = bytes(raw)
    if text.startswith(b'"'):
        return _text(text, param)
    if text.startswith(b"["):
        return sum(_block(block, image_bound, param) for block in decode_list(raw))
    if text == b"null":
        return 0
    raise BadRequest(f"{param} holds content that is neither a string nor a list of blocks", param=param)


def _block(raw: msgspec.Raw, image_bound: int, param: str) -> int:
    try:
        block = decode_fields(raw)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"{param} holds a block that is no object", param=param) from None
    kind = bytes(block.get("type", b""))
    if kind == b'"text"':
        text = bytes(block.get("text", b""))
        if not text.startswith(b'"'):
            raise BadRequest(f"{param} holds a text block without a string in text", param=param)
        return _text(text, param)
    if kind == b'"image"':
        return image_bound
    if kind == b'"document"':
        return _document(block, image_bound, param)
    if kind == b'"tool_result"' and "content" in block:
        return PER_MESSAGE + _content(block["content"], image_bound, param)
    return len(raw)


def _document(block: Fields, image_bound: int, param: str) -> int:
    source = block.get("source")
    said = lenient_fields(source)
    described = sum(len(block[name]) for name in ("title", "context") if name in block)
    kind = bytes(said.get("type", b""))
    if kind in _INLINE:
        return described + image_bound
    if kind == b'"content"' and "content" in said:
        return described + _content(said["content"], image_bound, param)
    return described + (0 if source is None else len(source))


def _text(text: bytes, param: str) -> int:
    """The UTF-8 bytes of a JSON string; escapes are what makes its text longer than it is."""
    if b"\\" not in text:
        return len(text) - 2
    try:
        return len(decode_any(text).encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadRequest(f"{param} holds a broken character escape", param=param) from None


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
