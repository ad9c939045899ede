"""What a row of quirks says about replies, applied to one message or one piece of it."""

from __future__ import annotations

import msgspec

from pixapi.wire.json import Fields, is_null, lenient, lenient_objects, raw
from pixapi.wire.openai_quirks import Quirks
from pixapi.wire.openai_tools import ToolRepair, mend_whole_calls

_OURS = "reasoning_content"


def needs_mending(text: bytes, quirks: Quirks) -> bool:
    """Whether the choices of a whole reply may hold what the row mends, or an error."""
    return b'"error"' in text or any(mark in text for mark in quirks.marks)


class Mender:
    """Mends the pieces of one streamed reply."""

    __slots__ = ("_marks", "_prefix", "_quirks", "_tools")

    def __init__(self, quirks: Quirks, reply_id: str) -> None:
        self._quirks = quirks
        self._marks = quirks.marks
        self._prefix = reply_id[-24:]
        self._tools: dict[int, ToolRepair] = {}

    @property
    def is_mending(self) -> bool:
        """Whether something was begun to be mended, so that an event may end it."""
        return bool(self._tools)

    def may_mend(self, event: bytes) -> bool:
        """Whether an event may hold something to mend, or end what was begun to be."""
        for mark in self._marks:  # a loop: a generator costs twice as much, once for each event
            if mark in event:
                return True
        return bool(self._tools)

    def delta(self, choice: int, delta: Fields, finishing: bool) -> bool:
        """Mends ``delta`` in place; True if it was changed. ``finishing``: the choice ends with it."""
        changed = _names(delta, self._quirks)
        if not self._quirks.repair_tools or (not finishing and is_null(delta.get("tool_calls"))):
            return changed
        if choice not in self._tools:
            if is_null(delta.get("tool_calls")):
                return changed
            self._tools[choice] = ToolRepair(self._prefix if choice == 0 else f"{self._prefix}_{choice}")
        pieces, mended = self._tools[choice].mend(lenient_objects(delta.get("tool_calls")), finishing)
        if mended:
            delta.pop("tool_calls", None)
            if pieces:
                delta["tool_calls"] = raw(pieces)
        return changed or mended


def mend_message(message: Fields, quirks: Quirks, reply_id: str) -> bool:
    """Mends a whole ``message`` in place; True if it was changed."""
    changed = _names(message, quirks)
    if quirks.repair_tools and not is_null(message.get("tool_calls")):
        calls = lenient_objects(message["tool_calls"])
        if mend_whole_calls(calls, reply_id[-24:]):
            message["tool_calls"], changed = raw(calls), True
    return changed


def _names(message: Fields, quirks: Quirks) -> bool:
    changed = False
    theirs = quirks.reasoning_field
    if theirs != _OURS and theirs in message and _OURS not in message:
        items = [(_OURS if key == theirs else key, value) for key, value in message.items()]
        message.clear()
        message.update(items)
        changed = True
    content = message.get("content")
    if quirks.content_parts and content is not None and bytes(content).startswith(b"["):
        _join_parts(message, content)
        changed = True
    return changed


def _join_parts(message: Fields, content: msgspec.Raw) -> None:
    """A content list as OpenAI's string, with the thinking in it beside it."""
    text, thoughts = "", ""
    for part in lenient_objects(content):
        kind = lenient(part.get("type"))
        if kind == "thinking":
            inner = lenient(part.get("thinking"))
            if isinstance(inner, list):
                inner = "".join(piece.get("text", "") for piece in inner if isinstance(piece, dict))
            thoughts += inner if isinstance(inner, str) else ""
        elif kind == "text":
            piece = lenient(part.get("text"))
            text += piece if isinstance(piece, str) else ""
    if thoughts and _OURS not in message:
        message[_OURS] = raw(thoughts)
    message["content"] = raw(text) if text or not thoughts else raw(None)
