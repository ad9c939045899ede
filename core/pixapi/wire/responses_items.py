"""The items of a Responses request, read into the messages of the internal model (OpenAI API reference,
"Create a response").

What the model said comes as several items in a row: thoughts, messages, calls of functions. They are one
turn, and become one message here, since other dialects know no smaller one.
"""

from __future__ import annotations

import re
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.responses_input import reference_sentence

REDACTED = "redacted:"
"""Begins an ``encrypted_content`` of ours that stands for a thought whose text is withheld."""

_DATA_URL = re.compile(r"data:([\w.+/-]+)?(?:;[\w=.-]+)*?(;base64)?,", re.I)
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_SYSTEM = ("system", "developer")


def read_items(value: Any) -> list[Message]:
    """``input`` as messages. Raises BadRequest (param ``input``) for what cannot be read."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [Message("user", [Text(value)])]
    if not isinstance(value, list):
        raise _wrong("input is neither a string nor a list of items")
    messages: list[Message] = []
    for at, item in enumerate(value):
        _add(messages, _read(item, f"input[{at}]"), is_message=_kind(item) == "message")
    return messages


def _kind(item: Any) -> str:
    kind = item.get("type") if isinstance(item, dict) else None
    if kind is None and isinstance(item, dict) and "role" in item:
        return "message"
    return kind if isinstance(kind, str) else ""


def _add(messages: list[Message], message: Message, *, is_message: bool) -> None:
    """Join what belongs to one turn of the model; a second text begins another, unless a call waits there."""
    if message.role == "assistant" and messages and messages[-1].role == "assistant":
        parts = messages[-1].parts
        spoke = any(isinstance(part, Text) for part in parts)
        if not (is_message and spoke) or any(isinstance(part, ToolCall) for part in parts):
            parts.extend(message.parts)
            return
    messages.append(message)


def _read(item: Any, where: str) -> Message:
    kind = _kind(item)
    if kind == "message":
        return _message(item, where)
    if kind == "function_call":
        return Message("assistant", [_call(item, where)])
    if kind == "function_call_output":
        return Message("tool", [_result(item, where)])
    if kind == "reasoning":
        thought = _thought(item)
        return Message("assistant", [] if thought is None else [thought])
    if kind == "item_reference":
        raise BadRequest(reference_sentence(), code="unsupported_parameter", param="input")
    raise _wrong(
        f"{where} is of type {kind[:40]!r}, which this model's provider cannot read; expected message, "
        "function_call, function_call_output or reasoning"
    )


def _message(item: dict[str, Any], where: str) -> Message:
    role = item.get("role")
    content = item.get("content")
    if isinstance(content, str):
        parts: list[Part] = [Text(content)] if content else []
    elif isinstance(content, list):
        parts = []
        parts.extend(_part(part, f"{where}.content[{at}]") for at, part in enumerate(content))
    else:
        raise _wrong(f"{where}.content is neither a string nor a list of parts")
    if role in _SYSTEM:
        return Message("system", parts)
    if role in ("user", "assistant"):
        return Message(role, parts)
    raise _wrong(f"{where} has no known role; expected user, assistant, system or developer")


def _part(part: Any, where: str) -> Text | Image | File:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(kind, str) and kind in _TEXTS:
        text = part.get(_TEXTS[kind])
        if not isinstance(text, str):
            raise _wrong(f"{where} has no text; expected a string")
        return Text(text)
    if kind == "input_image":
        return _image(part, where)
    if kind == "input_file":
        return _file(part, where)
    raise _wrong(f"{where} is of type {str(kind)[:40]!r}, which this model's provider cannot read")


def _image(part: dict[str, Any], where: str) -> Image:
    url, detail = part.get("image_url"), part.get("detail")
    detail = detail if isinstance(detail, str) else None
    if not isinstance(url, str) or not url:
        raise _wrong(f"{where} has no image_url; stored files are not offered, send a URL or a data URL")
    if not url.startswith("data:"):
        return Image(url=url, detail=detail)
    media_type, data = _data_url(url, where)
    return Image(data=data, media_type=media_type or "image/png", detail=detail)


def _file(part: dict[str, Any], where: str) -> File:
    url, data, name = part.get("file_url"), part.get("file_data"), part.get("filename")
    filename = name if isinstance(name, str) else None
    if isinstance(url, str) and url:
        return File(url=url, filename=filename)
    if not isinstance(data, str) or not data:
        raise _wrong(f"{where} has neither file_url nor file_data; stored files are not offered")
    if not data.startswith("data:"):
        return File(data=data, media_type="application/pdf", filename=filename)
    media_type, data = _data_url(data, where)
    return File(data=data, media_type=media_type, filename=filename)


def _data_url(url: str, where: str) -> tuple[str | None, str]:
    match = _DATA_URL.match(url)
    if match is None or match[2] is None:
        raise _wrong(f"{where} holds a data URL that is not base64; expected data:TYPE;base64,DATA")
    return match[1], url[match.end() :]


def _call(item: dict[str, Any], where: str) -> ToolCall:
    call_id, name, arguments = item.get("call_id"), item.get("name"), item.get("arguments")
    if not isinstance(call_id, str) or not isinstance(name, str):
        raise _wrong(f"{where} is a function_call without call_id or name; expected both, as strings")
    return ToolCall(call_id, name, arguments if isinstance(arguments, str) and arguments else "{}")


def _result(item: dict[str, Any], where: str) -> ToolResult:
    call_id, output = item.get("call_id"), item.get("output")
    if not isinstance(call_id, str):
        raise _wrong(f"{where} has no call_id; expected that of the function_call which it answers")
    if isinstance(output, str):
        return ToolResult(call_id, [Text(output)])
    if not isinstance(output, list):
        raise _wrong(f"{where}.output is neither a string nor a list of parts")
    content: list[Text | Image] = []
    for at, part in enumerate(output):
        read = _part(part, f"{where}.output[{at}]")
        if isinstance(read, File):
            raise _wrong(f"{where}.output[{at}] is a file, which this model's provider cannot read there")
        content.append(read)
    return ToolResult(call_id, content)


def _thought(item: dict[str, Any]) -> Reasoning | None:
    """A thought as the caller got it; None where nothing of it is left that anybody could read."""
    texts = _texts(item.get("content")) or _texts(item.get("summary"))
    text = "\n\n".join(texts)
    signature = item.get("encrypted_content")
    if not isinstance(signature, str) or not signature:
        return Reasoning(text) if text else None
    if signature.startswith(REDACTED):
        return Reasoning("", signature.removeprefix(REDACTED), redacted=True)
    return Reasoning(text, signature)


def _texts(parts: Any) -> list[str]:
    listed = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return [text for text in listed if isinstance(text, str)]


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="input")
