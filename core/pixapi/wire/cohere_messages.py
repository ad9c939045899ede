"""The messages of a conversation as Cohere's chat wants them (Cohere API reference, "Chat API (v2)").

A turn that calls tools says what it is about to do in ``tool_plan`` and has no text of its own. Thoughts are
not signed here; they go back where they bear the mark of this vendor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.seal import seal, unseal

Block = dict[str, Any]

_MAKER = "cohere"
_MARK = "unsigned"


def mark_thought() -> str:
    """What stands in the place of a signature and says whose thought it is."""
    return seal(_MAKER, _MARK)


def write_messages(messages: Sequence[Message]) -> list[Block]:
    """``messages`` of a request.

    Raises:
        BadRequest: a part cannot be said in this dialect.
    """
    found = [said for message in messages for said in _messages(message)]
    if not found:
        raise _wrong("messages holds no text; expected at least one message of the user that says something")
    return found


def _messages(message: Message) -> list[Block]:
    if message.role == "assistant":
        return _assistant(message.parts)
    results = [_tool_result(part) for part in message.parts if isinstance(part, ToolResult)]
    content = [_block(part) for part in message.parts if not isinstance(part, ToolResult)]
    content = [block for block in content if block.get("text") != ""]
    if not content:
        return results
    role = "system" if message.role == "system" else "user"
    if all(block["type"] == "text" for block in content):
        return [*results, {"role": role, "content": "\n".join(block["text"] for block in content)}]
    return [*results, {"role": role, "content": content}]


def _assistant(parts: Sequence[Part]) -> list[Block]:
    said: Block = {"role": "assistant"}
    content: list[Block] = [
        {"type": "thinking", "thinking": part.text}
        for part in parts
        if isinstance(part, Reasoning) and part.text and unseal(_MAKER, part.signature)
    ]
    if any(not isinstance(part, Reasoning | Text | ToolCall) for part in parts):
        raise _wrong("an assistant message holds an image or a file, which this model's provider refuses")
    text = "".join(part.text for part in parts if isinstance(part, Text))
    calls = [_tool_call(part) for part in parts if isinstance(part, ToolCall)]
    if calls:
        said["tool_calls"] = calls
        if text:
            said["tool_plan"] = text
    elif text:
        content.append({"type": "text", "text": text})
    if content:
        said["content"] = text if not calls and len(content) == 1 and text else content
    return [said] if len(said) > 1 else []


def _tool_call(part: ToolCall) -> Block:
    function = {"name": part.name, "arguments": part.arguments}
    return {"id": part.id, "type": "function", "function": function}


def _tool_result(part: ToolResult) -> Block:
    texts = [piece.text for piece in part.content if isinstance(piece, Text)]
    if len(texts) < len(part.content):
        raise _wrong("a tool's result holds an image, which this model's provider cannot read; send text")
    return {"role": "tool", "tool_call_id": part.call_id, "content": "\n".join(texts)}


def _block(part: Part) -> Block:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        url = part.url or f"data:{part.media_type or 'image/png'};base64,{part.data or ''}"
        detail = {"detail": part.detail} if part.detail else {}
        return {"type": "image_url", "image_url": {"url": url, **detail}}
    raise _wrong("a message holds a file, which this model's provider does not take; send its text")


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
