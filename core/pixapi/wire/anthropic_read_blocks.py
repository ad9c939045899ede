"""The messages of a Messages body as internal ones (Anthropic API reference, "Messages").

Blocks are taken apart at their top level, so that the input of a tool call keeps the text that the model wrote.
What tools on Anthropic's side were asked and answered in earlier turns has no word in the internal model and is
left out, as it is from replies; the text that the model made of it stays.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.anthropic_seal import sealed_by_caller
from pixapi.wire.json import Fields, decode_any, decode_fields, decode_list, decode_objects, is_null

_ROLES = ("user", "assistant", "system")
_PLAIN = "text/plain"


def read_messages(raw: msgspec.Raw | None) -> list[Message]:
    """``messages`` as internal ones. Raises BadRequest (param ``messages``) for wrong shapes."""
    if is_null(raw):
        raise _wrong("messages is missing; expected a list of messages")
    assert raw is not None
    try:
        messages = decode_objects(raw)
    except (msgspec.DecodeError, RecursionError):
        raise _wrong("messages is not a list of objects with role and content") from None
    if not messages:
        raise _wrong("messages is empty; expected at least one message")
    return [_message(message, f"messages[{at}]") for at, message in enumerate(messages)]


def read_system(raw: msgspec.Raw | None) -> list[Part]:
    """``system``, a string or blocks of text, as parts. Raises BadRequest (param ``system``)."""
    if is_null(raw):
        return []
    assert raw is not None
    try:
        parts = list(_content(raw, "system"))
    except BadRequest as error:
        raise BadRequest(error.message, param="system") from None
    if not all(isinstance(part, Text) for part in parts):
        raise BadRequest("system holds something other than text; expected text blocks", param="system")
    return parts


def _message(message: Fields, where: str) -> Message:
    role = _plain(message.get("role"), where)
    if role not in _ROLES:
        raise _wrong(f"{where} has no known role; expected user or assistant")
    content = message.get("content")
    if is_null(content):
        raise _wrong(f"{where} has no content; expected a string or a list of blocks")
    assert content is not None
    return Message(role, list(_content(content, f"{where}.content")))


def _content(raw: msgspec.Raw, where: str) -> Iterator[Part]:
    text = bytes(raw)
    if text.startswith(b'"'):
        said = _plain(raw, where)
        if said:
            yield Text(said)
        return
    if not text.startswith(b"["):
        raise _wrong(f"{where} is neither a string nor a list of blocks")
    for at, block in enumerate(decode_list(raw)):
        yield from _block(_fields(block, f"{where}[{at}]"), f"{where}[{at}]")


def _block(block: Fields, where: str) -> Iterator[Part]:
    kind = _plain(block.get("type"), where)
    if kind == "text":
        yield Text(_string(block, "text", where))
    elif kind == "image":
        yield _image(_fields(block.get("source"), f"{where}.source"), where)
    elif kind == "document":
        yield from _document(block, where)
    elif kind == "search_result":
        yield _search_result(block, where)
    elif kind == "tool_reference":
        yield Text(_string(block, "tool_name", where))  # what a search for tools found; here all are at hand
    elif kind == "thinking":
        signature = _optional(block, "signature", where)
        yield Reasoning(_string(block, "thinking", where), sealed_by_caller(signature or ""))
    elif kind == "redacted_thinking":
        yield Reasoning("", sealed_by_caller(_string(block, "data", where)), redacted=True)
    elif kind == "tool_use":
        given = block.get("input")
        arguments = "{}" if is_null(given) else bytes(given or b"").decode()
        yield ToolCall(_string(block, "id", where), _string(block, "name", where), arguments)
    elif kind == "tool_result":
        yield _tool_result(block, where)
    elif kind != "server_tool_use" and not str(kind).endswith("_tool_result"):
        raise _wrong(f"{where} is of type {str(kind)[:40]!r}, which this model's provider cannot read")


def _tool_result(block: Fields, where: str) -> ToolResult:
    content = block.get("content")
    parts: list[Text | Image] = []
    for part in [] if content is None or is_null(content) else _content(content, f"{where}.content"):
        if isinstance(part, File) and part.media_type == _PLAIN and part.data is not None:
            part = Text(base64.b64decode(part.data).decode())
        if not isinstance(part, Text | Image):
            raise _wrong(f"{where} holds neither text nor an image, which this model's provider cannot read")
        parts.append(part)
    return ToolResult(
        _string(block, "tool_use_id", where), parts, is_error=bytes(block.get("is_error", b"")) == b"true"
    )


def _image(source: Fields, where: str) -> Image:
    kind = _plain(source.get("type"), where)
    if kind == "base64":
        return Image(data=_string(source, "data", where), media_type=_string(source, "media_type", where))
    if kind == "url":
        return Image(url=_string(source, "url", where))
    raise _stored(kind, where)


def _document(block: Fields, where: str) -> Iterator[Part]:
    """A document is a file, or where it is made of blocks, its text and images after its title."""
    source = _fields(block.get("source"), f"{where}.source")
    kind, title = _plain(source.get("type"), where), _optional(block, "title", where)
    if kind == "base64":
        yield File(
            data=_string(source, "data", where),
            media_type=_string(source, "media_type", where),
            filename=title,
        )
    elif kind == "text":
        data = base64.b64encode(_string(source, "data", where).encode("utf-8", "replace")).decode()
        yield File(data=data, media_type=_PLAIN, filename=title)
    elif kind == "url":
        yield File(url=_string(source, "url", where), filename=title)
    elif kind == "content" and "content" in source:
        if title:
            yield Text(title)
        yield from _content(source["content"], f"{where}.source.content")
    else:
        raise _stored(kind, where)


def _search_result(block: Fields, where: str) -> Text:
    """A search result as the text that it holds, below its title and source."""
    parts = _content(block.get("content", msgspec.Raw(b"[]")), f"{where}.content")
    lines = [_optional(block, "title", where), _optional(block, "source", where)]
    lines += [part.text for part in parts if isinstance(part, Text)]
    return Text("\n".join(line for line in lines if line))


def _fields(raw: msgspec.Raw | None, where: str) -> Fields:
    try:
        return decode_fields(raw if raw is not None else b"null")
    except (msgspec.DecodeError, RecursionError):
        raise _wrong(f"{where} is no object") from None


def _string(block: Fields, name: str, where: str) -> str:
    value = _plain(block.get(name), where)
    if not isinstance(value, str):
        raise _wrong(f"{where} has no {name}; expected a string")
    return value


def _optional(block: Fields, name: str, where: str) -> str | None:
    value = _plain(block.get(name), where)
    return value if isinstance(value, str) and value else None


def _plain(raw: msgspec.Raw | None, where: str) -> Any:
    try:
        return None if raw is None else decode_any(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _wrong(f"{where} holds a broken character escape or something nested too deeply") from None


def _stored(kind: object, where: str) -> BadRequest:
    if kind == "file":
        return _wrong(f"{where} names a stored file; stored files are not offered, send the content inline")
    return _wrong(f"{where} has a source of unknown type; expected base64, url or text")


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
