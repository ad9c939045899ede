"""The parts of an answer as those of the internal model (Gemini API reference, "Part").

A signature that a part carries becomes a `Reasoning` of its own, without text, directly before that part:
so `gemini_contents` finds its place again. What Google's own tools did (code that ran, searches) has no word
in the internal model and is left out; the text that the model made of it stays.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pixapi.interfaces.chat import FinishReason, Reasoning, Text, ToolCall
from pixapi.wire.gemini_names import BROKEN, field, member, words
from pixapi.wire.gemini_partial import PartialCall
from pixapi.wire.json import Fields, encode, lenient, lenient_fields
from pixapi.wire.seal import seal

_FILTERED = frozenset(
    {
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)
FAILURES = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "TOO_MANY_TOOL_CALLS",
        "UNEXPECTED_TOOL_CALL",
    }
)
"""Reasons to stop that are no end of an answer: the model went wrong."""


def finish_reason(said: str, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model."""
    if said == "MAX_TOKENS":
        return "length"
    if said in _FILTERED:
        return "content_filter"
    return "tool_calls" if has_calls else "stop"


def blocked_reason(feedback: Any) -> str | None:
    """Why a prompt was blocked, as a sentence; None where it was not."""
    reason = member(feedback, "blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason:
        return None
    said = words(member(feedback, "blockReasonMessage"))
    return said or f"The provider of this model blocked the prompt ({reason})."


class PartReader:
    """Reads the parts of one answer in order. ``prefix`` starts the ids of calls that came without one."""

    __slots__ = ("_calls", "_maker", "_open", "_prefix")

    def __init__(self, maker: str, prefix: str) -> None:
        self._maker = maker
        self._prefix = prefix
        self._open: PartialCall | None = None
        self._calls = 0

    @property
    def has_calls(self) -> bool:
        """Whether a call was seen."""
        return self._calls > 0

    def read(self, part: Fields) -> list[Text | Reasoning | ToolCall]:
        """What one part says; a call in pieces comes when it is whole."""
        call = field(part, "functionCall")
        pieces = [] if call is not None else self.close()
        signature = words(lenient(field(part, "thoughtSignature")))
        sealed = seal(self._maker, signature) if signature else None
        text = lenient(field(part, "text"))
        if lenient(field(part, "thought")) is True:
            text = words(text)
            return [*pieces, Reasoning(text, sealed)] if text or sealed else pieces
        if call is None and not isinstance(text, str):
            return pieces
        if call is not None:
            said = lenient_fields(call)
            if words(lenient(said.get("name"))):
                pieces += self.close()
            if sealed:
                pieces.append(Reasoning("", sealed))
            return pieces + self._call(said)
        if sealed:
            pieces.append(Reasoning("", sealed))
        return [*pieces, Text(text)] if text else pieces

    def close(self) -> list[Text | Reasoning | ToolCall]:
        """The call that is still open, if one is: its end is told by what follows it, or by nothing."""
        call, self._open = self._open, None
        return [] if call is None else [ToolCall(call.id, call.name, encode(call.arguments).decode())]

    def _call(self, said: Fields) -> list[Text | Reasoning | ToolCall]:
        name = words(lenient(said.get("name")))
        partial, goes_on = field(said, "partialArgs"), lenient(field(said, "willContinue")) is True
        if name:
            call_id = words(lenient(said.get("id"))) or f"call_{self._prefix}_{self._calls}"
            self._calls += 1
            if partial is None and not goes_on:
                arguments = field(said, "args")
                return [ToolCall(call_id, name, "{}" if arguments is None else _compact(arguments))]
            self._open = PartialCall(call_id, name, lenient(field(said, "args")))
        if self._open is None:
            return []
        self._open.take(lenient(partial))
        return [] if goes_on else self.close()


def _compact(arguments: msgspec.Raw) -> str:
    """The same JSON without space: some streams are indented, and callers add pieces together."""
    try:
        return msgspec.json.format(bytes(arguments), indent=-1).decode("utf-8", "replace")
    except BROKEN:
        return bytes(arguments).decode("utf-8", "replace")
