"""The messages of a conversation as Converse wants them (Amazon Bedrock API reference, "Message",
"ContentBlock").

It knows two roles that take turns. What instructs the model lies outside the messages, in ``system``; what
tools answered is part of the user's turn; neighbours of one role become one turn; and no text may be empty.
Thoughts go back only where their signature was sealed here, and only to the models that sign: the others
refuse them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.bedrock_files import write_file, write_image
from pixapi.wire.json import decode_fields
from pixapi.wire.seal import unseal

Block = dict[str, Any]

MAKER = "bedrock"
"""Whose signatures are sent back (`seal`)."""
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.:-]")
_NOT_IN_CLAUDES_IDS = re.compile(r"[^A-Za-z0-9_-]")
_ID_CHARACTERS = 64


def write_messages(messages: Sequence[Message], model: str) -> tuple[list[Block], list[Block]]:
    """``system`` and ``messages``.

    Raises:
        BadRequest: a part cannot be said in this dialect.
    """
    writer = _Writer(is_claude="anthropic" in model or model.startswith("arn:"))
    system: list[Block] = []
    turns: list[Block] = []
    for message in messages:
        if message.role == "system":
            system += _system(message)
            continue
        blocks = [block for part in message.parts for block in writer.blocks(part, message.role)]
        role = "assistant" if message.role == "assistant" else "user"
        if blocks and turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    if not turns and system:
        # Callers may send instructions alone; here somebody has to speak, and the last of them does.
        turns.append({"role": "user", "content": [system.pop()]})
    if not turns:
        raise _wrong("messages holds no text; expected at least one message of the user that says something")
    _in_order(turns)
    return system, turns


def has_tool_blocks(turns: Sequence[Block]) -> bool:
    """Whether tools were called or answered before."""
    return any("toolUse" in block or "toolResult" in block for turn in turns for block in turn["content"])


def has_lost_thoughts(turns: Sequence[Block]) -> bool:
    """Whether the last turn answers tool calls of a turn that does not begin with a thought."""
    if len(turns) < 2 or turns[-1]["role"] != "user" or "toolResult" not in turns[-1]["content"][0]:
        return False
    return "reasoningContent" not in turns[-2]["content"][0]


def _in_order(turns: list[Block]) -> None:
    """Put tool results first in their turn, and take the trailing space from an answer to be continued."""
    for turn in turns:
        if turn["role"] == "user":
            turn["content"].sort(key=lambda block: "toolResult" not in block)
    last = turns[-1]["content"][-1]
    if turns[-1]["role"] == "assistant" and "text" in last:
        last["text"] = last["text"].rstrip()


def _system(message: Message) -> list[Block]:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    if len(texts) < len(message.parts):
        raise _wrong("a system message holds something other than text, which this model cannot read")
    return [{"text": text} for text in texts if text.strip()]


class _Writer:
    """Writes the parts of one conversation; it numbers the documents. ``is_claude``: it may be a Claude."""

    def __init__(self, *, is_claude: bool) -> None:
        self._signs = is_claude
        self._not_in_ids = _NOT_IN_CLAUDES_IDS if is_claude else _NOT_IN_IDS
        self._documents = 0

    def blocks(self, part: Part, role: str) -> list[Block]:
        """The blocks for a part: one, or none where there is nothing to say."""
        if isinstance(part, Text):
            return [{"text": part.text}] if part.text.strip() else []
        if isinstance(part, ToolResult):
            return [self._tool_result(part)]
        if role == "assistant":
            if isinstance(part, ToolCall):
                return [self._tool_use(part)]
            if isinstance(part, Reasoning):
                return self._thought(part)
            raise _wrong("an assistant message holds an image or a file, which this model's provider refuses")
        if isinstance(part, Image):
            return [write_image(part)]
        if isinstance(part, File):
            self._documents += 1
            return [write_file(part, self._documents)]
        return []

    def _thought(self, part: Reasoning) -> list[Block]:
        signature = unseal(MAKER, part.signature)
        if signature is None or not self._signs:
            return []
        if part.redacted:
            return [{"reasoningContent": {"redactedContent": signature}}]
        return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": signature}}}]

    def _tool_use(self, part: ToolCall) -> Block:
        try:
            decode_fields(part.arguments.encode())
            arguments: Any = msgspec.Raw(part.arguments.encode())
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            # The model itself may have written it, cut off by the cap on its output; it should see what it did.
            arguments = {"INVALID_JSON": part.arguments}
        return {"toolUse": {"toolUseId": self._id(part.id), "name": part.name, "input": arguments}}

    def _tool_result(self, part: ToolResult) -> Block:
        content = [
            write_image(piece) if isinstance(piece, Image) else {"text": piece.text}
            for piece in part.content
            if isinstance(piece, Image) or piece.text.strip()
        ]
        status = "error" if part.is_error else "success"
        return {"toolResult": {"toolUseId": self._id(part.call_id), "content": content, "status": status}}

    def _id(self, call_id: str) -> str:
        """Ids of calls that another vendor made may be too long here, or hold signs that are refused."""
        if len(call_id) > _ID_CHARACTERS:
            return hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()
        return self._not_in_ids.sub("_", call_id) or "_"


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
