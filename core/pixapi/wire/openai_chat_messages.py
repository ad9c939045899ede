"""The messages of a chat request, between OpenAI's shape and the internal parts."""

from __future__ import annotations

import re
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult

_DATA_URL = re.compile(r"data:([\w.+/-]+)?(?:;[\w=.-]+)*?(;base64)?,", re.I)
_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


def read_messages(messages: list[Any]) -> list[Message]:
    """OpenAI's messages as internal ones. Raises BadRequest (param ``messages``) for wrong shapes."""
    return [_message(message, f"messages[{at}]") for at, message in enumerate(messages)]


def _message(message: Any, where: str) -> Message:
    if not isinstance(message, dict):
        raise _wrong(f"{where} is no object")
    role = _ROLES.get(message["role"]) if isinstance(message.get("role"), str) else None
    if role is None:
        raise _wrong(f"{where} has no known role; expected system, developer, user, assistant or tool")
    name = message.get("name")
    name = name if isinstance(name, str) else None
    if role == "tool":
        call_id = message.get("tool_call_id", name)
        if not isinstance(call_id, str):
            raise _wrong(f"{where} has no tool_call_id; expected the id of the call that it answers")
        return Message("tool", [ToolResult(call_id, _answer(message.get("content"), where))], name)
    parts = _content(message.get("content"), where)
    if role == "assistant":
        refusal = message.get("refusal")
        if isinstance(refusal, str) and refusal:
            parts.append(Text(refusal))
        parts = [*_reasoning(message), *parts, *_calls(message, where)]
        return Message("assistant", parts, name)
    return Message("system" if role == "system" else "user", parts, name)


def _answer(content: Any, where: str) -> list[Text | Image]:
    """What a tool says: text and images, no file."""
    parts: list[Text | Image] = []
    for at, part in enumerate(_content(content, where)):
        if not isinstance(part, Text | Image):
            raise _wrong(f"{where}.content[{at}] is a file, which this model's provider cannot read there")
        parts.append(part)
    return parts


def _content(content: Any, where: str) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)] if content else []
    if not isinstance(content, list):
        raise _wrong(f"{where}.content is neither a string nor a list of parts")
    return [_part(part, f"{where}.content[{at}]") for at, part in enumerate(content)]


def _part(part: Any, where: str) -> Part:
    if isinstance(part, str):
        return Text(part)
    if not isinstance(part, dict):
        raise _wrong(f"{where} is no object")
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text", "refusal"):
        text = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(text, str):
            raise _wrong(f"{where} has no text; expected a string")
        return Text(text)
    if kind == "image_url":
        return _image(part.get("image_url"), where)
    if kind == "file":
        return _file(part.get("file"), where)
    raise _wrong(f"{where} is of type {str(kind)[:40]!r}, which this model's provider cannot read")


def _image(said: Any, where: str) -> Image:
    url = said.get("url") if isinstance(said, dict) else said
    if not isinstance(url, str) or not url:
        raise _wrong(f"{where} has no image_url.url; expected a URL or a data URL")
    detail = said.get("detail") if isinstance(said, dict) else None
    detail = detail if isinstance(detail, str) else None
    if not url.startswith("data:"):
        return Image(url=url, detail=detail)
    media_type, data = _data_url(url, where)
    return Image(data=data, media_type=media_type or "image/png", detail=detail)


def _file(said: Any, where: str) -> File:
    data = said.get("file_data") if isinstance(said, dict) else None
    if not isinstance(data, str) or not data:
        raise _wrong(f"{where} has no file.file_data; stored files are not offered, send the file inline")
    filename = said.get("filename") if isinstance(said.get("filename"), str) else None
    if data.startswith("data:"):
        media_type, data = _data_url(data, where)
        return File(data=data, media_type=media_type, filename=filename)
    if data.startswith(("http://", "https://")):
        return File(url=data, filename=filename)
    return File(data=data, media_type="application/pdf", filename=filename)


def _data_url(url: str, where: str) -> tuple[str | None, str]:
    match = _DATA_URL.match(url)
    if match is None or match[2] is None:
        raise _wrong(f"{where} holds a data URL that is not base64; expected data:TYPE;base64,DATA")
    return match[1], url[match.end() :]


def _reasoning(message: dict[str, Any]) -> list[Part]:
    details = message.get("reasoning_details")
    if isinstance(details, list) and details:
        return [part for part in map(_detail, details) if part is not None]
    text = message.get("reasoning_content")
    return [Reasoning(text)] if isinstance(text, str) and text else []


def _detail(detail: Any) -> Reasoning | None:
    if not isinstance(detail, dict):
        return None
    if detail.get("type") == "reasoning.encrypted" and isinstance(detail.get("data"), str):
        return Reasoning("", detail["data"], redacted=True)
    text, signature = detail.get("text"), detail.get("signature")
    if not isinstance(text, str) and not isinstance(signature, str):
        return None
    return Reasoning(text if isinstance(text, str) else "", signature if isinstance(signature, str) else None)


def _calls(message: dict[str, Any], where: str) -> list[Part]:
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise _wrong(f"{where}.tool_calls is no list")
    found: list[Part] = []
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise _wrong(f"{where}.tool_calls holds a call without function.name")
        call_id, arguments = call.get("id"), function.get("arguments")
        if not isinstance(call_id, str):
            raise _wrong(f"{where}.tool_calls holds a call without id")
        found.append(
            ToolCall(
                call_id, function["name"], arguments if isinstance(arguments, str) and arguments else "{}"
            )
        )
    return found


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
