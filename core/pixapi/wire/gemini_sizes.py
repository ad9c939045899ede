"""The most that a Gemini call can use, read from its body without understanding it (Gemini API reference).

This runs before every call is priced: the text of parts is measured, not built. A tokenizer never makes more
tokens than a text has UTF-8 bytes; media count by the bound of the model, not by the length of their base64;
what is unknown counts by its bytes. What Google's own tools put into the prompt (`gemini_hosted`) is reserved by the
core.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.wire.dialect import Sizes
from pixapi.wire.gemini_forward import checked
from pixapi.wire.gemini_names import BROKEN, field, listed, member, spelling, value, whole
from pixapi.wire.json import Fields, decode_any, decode_fields, decode_list

PER_CONTENT = 16
"""Tokens that a chat template adds to a content."""
TOOLS_PREAMBLE = 512
"""Tokens of the instructions that stand before a list of tools."""

_MOST_CHOICES = 8
_MEDIA = ("inlineData", "fileData", "inline_data", "file_data")
_WITHOUT_TEXT = frozenset({"model", "stream", "contents", "safetySettings", "safety_settings", "labels"})


def sizes(fields: Fields, image_bound: int) -> Sizes:
    """The bounds of a call; see `ChatDialect.sizes`. Raises BadRequest."""
    text = field(fields, "contents")
    if text is None:
        raise _wrong("contents is missing; expected a list of contents with role and parts")
    checked(fields)
    total = PER_CONTENT
    for content in _elements(text, "contents"):
        total += PER_CONTENT + _content(content, image_bound)
    for name, said in fields.items():
        if name in ("systemInstruction", "system_instruction") and bytes(said).startswith(b"{"):
            total += PER_CONTENT + _content(said, image_bound)
        elif name not in _WITHOUT_TEXT:
            total += len(said)
    total += _tools(value(fields, "tools"))
    cap, choices, thinking = sizes_of_config(config_of(fields))
    return Sizes(total, cap, choices, thinking)


def config_of(fields: Fields) -> dict[str, Any]:
    """``generationConfig``; empty where it is absent. Raises BadRequest."""
    spelling(fields, "generationConfig")
    config = value(fields, "generationConfig")
    if config is not None and not isinstance(config, dict):
        raise BadRequest("generationConfig is not an object", param="generationConfig")
    return config or {}


def sizes_of_config(config: dict[str, Any]) -> tuple[int | None, int, int]:
    """The cap on output, the number of answers, and the budget of thoughts. Raises BadRequest."""
    cap, choices = _positive(config, "maxOutputTokens"), _positive(config, "candidateCount")
    if choices is not None and choices > _MOST_CHOICES:
        raise BadRequest(
            f"generationConfig.candidateCount is {choices}; expected at most {_MOST_CHOICES}",
            param="generationConfig",
        )
    thinking = member(config, "thinkingConfig")
    budget = whole(member(thinking, "thinkingBudget")) if isinstance(thinking, dict) else None
    return cap, choices or 1, max(0, budget or 0)


def _positive(config: dict[str, Any], name: str) -> int | None:
    said = member(config, name)
    if said is None:
        return None
    number = whole(said)
    if number is None or number < 1:
        raise BadRequest(f"generationConfig.{name} is not a positive whole number", param="generationConfig")
    return number


def _tools(tools: Any) -> int:
    if tools is None:
        return 0
    for tool in listed(tools):
        if not isinstance(tool, dict):
            raise BadRequest("tools holds something that is no object", param="tools")
    return TOOLS_PREAMBLE


def _list(text: msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return decode_list(text)
    except BROKEN:
        raise _wrong("contents is nested too deeply to be understood") from None


def _elements(text: msgspec.Raw, name: str) -> list[msgspec.Raw]:
    """The elements of a list; a lone object is a list of one."""
    first = bytes(text)[:1]
    if first == b"{":
        return [text]
    if first != b"[":
        raise _wrong(f"{name} is neither a list nor an object")
    elements = _list(text)
    if not elements:
        raise _wrong(f"{name} is empty; expected at least one")
    return elements


def _content(content: msgspec.Raw, image_bound: int) -> int:
    try:
        fields = decode_fields(content)
    except BROKEN:
        raise _wrong("contents holds something that is no object; expected role and parts") from None
    total = 0
    for name, said in fields.items():
        if name == "parts" and bytes(said)[:1] in (b"[", b"{"):
            parts = [said] if bytes(said)[:1] == b"{" else _list(said)
            total += sum(_part(part, image_bound) for part in parts)
        elif name != "role":
            total += len(said)
    return total


def _part(part: msgspec.Raw, image_bound: int) -> int:
    try:
        fields = decode_fields(part)
    except BROKEN:
        raise _wrong("a part of contents is not an object") from None
    total = 0
    for name, said in fields.items():
        if name == "text" and bytes(said).startswith(b'"'):
            total += _string(bytes(said))
        elif name in _MEDIA:
            total += image_bound
        elif name in ("functionResponse", "function_response") and bytes(said).startswith(b"{"):
            total += _content(said, image_bound)
        else:
            total += len(said)
    return total


def _string(text: bytes) -> int:
    """The UTF-8 bytes of a JSON string; escapes are what makes its text longer than it is."""
    if b"\\" not in text:
        return len(text) - 2
    try:
        return len(decode_any(text).encode("utf-8", "surrogatepass"))
    except BROKEN:
        raise _wrong("a text of contents holds a broken character escape") from None


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="contents")
