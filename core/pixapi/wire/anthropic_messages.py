"""The messages of a conversation as the Messages API wants them (Anthropic API reference, "Messages").

It knows two roles that take turns. What instructs the model lies outside the messages, in ``system``; what
tools answered is part of the user's turn, before anything else in it; neighbours of one role become one
turn; and no text may be empty. Thoughts go back only where their signature was sealed for this vendor.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.json import decode_fields
from pixapi.wire.seal import unseal

Block = dict[str, Any]

_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")


def write_messages(messages: Sequence[Message], maker: str) -> tuple[list[Block], list[Block]]:
    """``system`` and ``messages``.

    Raises:
        BadRequest: a part cannot be said in this dialect.
    """
    system: list[Block] = []
    turns: list[Block] = []
    for message in messages:
        if message.role == "system":
            system += _system(message)
            continue
        blocks = [block for part in message.parts for block in _block(part, message.role, maker)]
        if not blocks:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    if not turns and system:
        # Callers may send instructions alone; here somebody has to speak, and the last of them does.
        turns.append({"role": "user", "content": [system.pop()]})
    if not turns:
        raise _wrong("messages holds no text; expected at least one message of the user that says something")
    _in_order(turns)
    return system, turns


def has_lost_thoughts(turns: Sequence[Block]) -> bool:
    """Whether the last turn answers tool calls of a turn that does not begin with a thought."""
    if len(turns) < 2 or turns[-1]["role"] != "user" or turns[-1]["content"][0]["type"] != "tool_result":
        return False
    return turns[-2]["content"][0]["type"] not in ("thinking", "redacted_thinking")


def has_thoughts(turns: Sequence[Block]) -> bool:
    """Whether thoughts are sent back."""
    kinds = {block["type"] for turn in turns for block in turn["content"]}
    return bool(kinds & {"thinking", "redacted_thinking"})


def _in_order(turns: list[Block]) -> None:
    """Put tool results first in their turn, and take the trailing space from an answer to be continued."""
    for turn in turns:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()


def _system(message: Message) -> list[Block]:
    for part in message.parts:
        if not isinstance(part, Text):
            raise _wrong("a system message holds something other than text, which this model cannot read")
    return [_text(part.text) for part in message.parts if isinstance(part, Text) and part.text.strip()]


def _block(part: Part, role: str, maker: str) -> list[Block]:
    if isinstance(part, Text):
        return [_text(part.text)] if part.text.strip() else []
    if isinstance(part, ToolResult):
        return [_tool_result(part)]
    if role == "assistant":
        if isinstance(part, ToolCall):
            return [_tool_use(part)]
        if isinstance(part, Reasoning):
            return _thought(part, maker)
        raise _wrong("an assistant message holds an image or a file, which this model's provider refuses")
    if isinstance(part, Image):
        return [_image(part)]
    return [_document(part)] if isinstance(part, File) else []


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _thought(part: Reasoning, maker: str) -> list[Block]:
    signature = unseal(maker, part.signature)
    if signature is None:
        return []
    if part.redacted:
        return [{"type": "redacted_thinking", "data": signature}]
    return [{"type": "thinking", "thinking": part.text, "signature": signature}]


def _tool_use(part: ToolCall) -> Block:
    try:
        decode_fields(part.arguments.encode())
        arguments: Any = msgspec.Raw(part.arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # The model itself may have written it, cut off by the cap on its output; it should see what it did.
        arguments = {"INVALID_JSON": part.arguments}
    return {"type": "tool_use", "id": _id(part.id), "name": part.name, "input": arguments}


def _tool_result(part: ToolResult) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": _id(part.call_id)}
    content = [_image(p) if isinstance(p, Image) else _text(p.text) for p in part.content]
    content = [piece for piece in content if piece["type"] != "text" or piece["text"].strip()]
    if content:
        block["content"] = content
    if part.is_error:
        block["is_error"] = True
    return block


def _id(call_id: str) -> str:
    """Ids of calls that another vendor made may hold signs that are refused here."""
    return _NOT_IN_IDS.sub("_", call_id) or "_"


def _image(part: Image) -> Block:
    if part.url is not None:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    source = {"type": "base64", "media_type": part.media_type or "image/png", "data": part.data or ""}
    return {"type": "image", "source": source}


def _document(part: File) -> Block:
    kind = (part.media_type or "").lower()
    if part.url is not None:
        source: Block = {"type": "url", "url": part.url}
    elif kind.startswith("image/"):
        return _image(Image(data=part.data, media_type=kind))
    elif kind == "application/pdf":
        source = {"type": "base64", "media_type": kind, "data": part.data or ""}
    elif kind.startswith("text/") or kind == "application/json":
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(part.data or "")}
    else:
        raise _wrong("a file is neither a PDF nor text nor an image, which are all that this model can read")
    return {"type": "document", "source": source, **({"title": part.filename} if part.filename else {})}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise _wrong("a text file is not base64 of UTF-8 text; expected data:text/plain;base64,...") from None


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
