"""The messages of a conversation as Gemini's ``contents`` (Gemini API reference, "Content" and "Part").

It knows two roles that take turns, and instructions outside of them. What tools answered is part of the
user's turn, before anything else in it, and names the function besides the call's id. Thoughts do not go
back, but the signatures that were made with them do, on the very part that followed them; callers whose
dialect keeps thoughts apart from the rest have lost that place, so a signature looks for the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from mimetypes import guess_type
from typing import Any

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.chat import File, Image, Message, Part, Reasoning, Text, ToolCall, ToolResult
from pixapi.wire.gemini_reach import check_uri
from pixapi.wire.json import decode_fields
from pixapi.wire.seal import unseal

Piece = dict[str, Any]

UNSIGNED = "skip_thought_signature_validator"
"""What stands for the signature of a call that another model made, or whose signature the caller lost."""


def write_contents(
    messages: Sequence[Message], maker: str, *, signs: bool
) -> tuple[list[Piece], list[Piece]]:
    """The parts of ``systemInstruction``, and ``contents``.

    ``signs``: the model refuses calls of the current turn without a signature.

    Raises:
        BadRequest: a part cannot be said in this dialect.
    """
    system: list[Piece] = []
    turns: list[Piece] = []
    names: dict[str, str] = {}
    current = max((at for at, message in enumerate(messages) if _asks(message)), default=-1)
    for at, message in enumerate(messages):
        if message.role == "system":
            system += _system(message)
            continue
        if message.role == "assistant":
            names |= {part.id: part.name for part in message.parts if isinstance(part, ToolCall)}
            role, pieces = "model", _answer(message.parts, maker, signs and at > current)
        else:
            role, pieces = "user", [_piece(part, message, names) for part in message.parts]
        pieces = [piece for piece in pieces if piece.get("text") != "" or "thoughtSignature" in piece]
        if pieces and turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += pieces
        elif pieces:
            turns.append({"role": role, "parts": pieces})
    if not turns and system:
        # Callers may send instructions alone; here somebody has to speak, and the last of them does.
        turns.append({"role": "user", "parts": [system.pop()]})
    if not turns:
        raise _wrong("messages holds no text; expected at least one message of the user that says something")
    for turn in turns:
        if turn["role"] == "user":
            turn["parts"].sort(key=lambda piece: "functionResponse" not in piece)
    return system, turns


def _asks(message: Message) -> bool:
    """Whether the user speaks, and not a tool: a new turn begins."""
    return message.role == "user" and not all(isinstance(part, ToolResult) for part in message.parts)


def _system(message: Message) -> list[Piece]:
    for part in message.parts:
        if not isinstance(part, Text):
            raise _wrong("a system message holds something other than text, which this model cannot read")
    return [{"text": part.text} for part in message.parts if isinstance(part, Text) and part.text.strip()]


def _answer(parts: Sequence[Part], maker: str, needs: bool) -> list[Piece]:
    """What the model said. ``needs``: its first call must have a signature."""
    pieces: list[Piece] = []
    waiting: list[str] = []
    first = next((at for at, part in enumerate(parts) if isinstance(part, ToolCall)), None)
    is_signed = first is not None and first > 0 and _signature(parts[first - 1], maker) is not None
    for at, part in enumerate(parts):
        if isinstance(part, Reasoning):
            signature = _signature(part, maker)
            if signature is not None:
                waiting.append(signature)
            continue
        if isinstance(part, Text):
            piece: Piece = {"text": part.text}
            keep = 1 if first is not None and at < first and not is_signed else 0
            if len(waiting) > keep:
                piece["thoughtSignature"] = waiting.pop(0)
        elif isinstance(part, ToolCall):
            piece = _call(part)
            if waiting:
                piece["thoughtSignature"] = waiting.pop()
            elif needs and at == first:
                piece["thoughtSignature"] = UNSIGNED
            waiting.clear()
        else:
            raise _wrong(
                "an assistant message holds an image or a file; this model reads those of users only"
            )
        pieces.append(piece)
    if waiting:
        pieces.append({"text": "", "thoughtSignature": waiting[-1]})
    return pieces


def _signature(part: Part, maker: str) -> str | None:
    return unseal(maker, part.signature) if isinstance(part, Reasoning) and not part.redacted else None


def _call(part: ToolCall) -> Piece:
    try:
        decode_fields(part.arguments.encode())
        arguments: Any = msgspec.Raw(part.arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # The model itself may have written it, cut off by the cap on its output; it should see what it did.
        arguments = {"INVALID_JSON": part.arguments}
    return {"functionCall": {"id": part.id, "name": part.name, "args": arguments}}


def _piece(part: Part, message: Message, names: dict[str, str]) -> Piece:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, ToolResult):
        name = names.get(part.call_id) or message.name
        if name is None:
            raise _wrong(
                f"a tool result answers {part.call_id[:80]!r}, which is no call of this conversation"
            )
        return {"functionResponse": _result(part, name)}
    if isinstance(part, Image):
        return _media(part.url, part.data, part.media_type, "image/png")
    if isinstance(part, File):
        return _media(part.url, part.data, part.media_type, "application/pdf")
    raise _wrong("a user message holds a tool call or a thought; those are the assistant's")


def _result(part: ToolResult, name: str) -> Piece:
    text = "".join(piece.text for piece in part.content if isinstance(piece, Text))
    said: Piece = {"id": part.call_id, "name": name, "response": _response(text, is_error=part.is_error)}
    images = [
        _media(piece.url, piece.data, piece.media_type, "image/png")
        for piece in part.content
        if isinstance(piece, Image)
    ]
    if images:
        said["parts"] = images
    return said


def _response(text: str, *, is_error: bool) -> Any:
    """What a tool answered, as the object that it has to be."""
    if is_error:
        return {"error": text}
    try:
        decode_fields(text.encode())
        return msgspec.Raw(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"output": text}


def _media(url: str | None, data: str | None, media_type: str | None, otherwise: str) -> Piece:
    if url is None:
        return {"inlineData": {"mimeType": media_type or otherwise, "data": data or ""}}
    kind = media_type or guess_type(url.partition("?")[0])[0] or otherwise
    return {"fileData": {"mimeType": kind, "fileUri": check_uri(url, "messages")}}


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="messages")
