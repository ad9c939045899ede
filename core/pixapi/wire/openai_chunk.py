"""One chunk of a chat stream in OpenAI's dialect, as events of the internal model.

Only choice 0 is read; other dialects have no word for several. A chunk is read by the types that its members should
have; one that has others is read once more, and what is of the right type is believed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pixapi.interfaces.chat import FinishReason
from pixapi.interfaces.stream import (
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from pixapi.wire.json import Fields, lenient, lenient_fields, lenient_objects

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Piece(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    reasoning_content: str | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Piece] | None = None


class Choice(msgspec.Struct):
    """One choice's piece."""

    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[Choice] | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class ChunkReader:
    """The chunks of one stream."""

    __slots__ = ("_finished", "_has_calls")

    def __init__(self) -> None:
        self._finished = False
        self._has_calls = False

    def read(self, payload: bytes) -> list[Event]:
        """What a chunk says; nothing where it cannot be read."""
        try:
            chunk = _CHUNK.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            chunk = _believed(payload)
        return self.said(chunk.choices or ())

    def said(self, choices: Sequence[Choice]) -> list[Event]:
        """What the choices of a chunk say."""
        events: list[Event] = []
        for choice in choices:
            if not choice.index:
                events += self._choice(choice)
        return events

    def _choice(self, choice: Choice) -> list[Event]:
        events: list[Event] = []
        delta = choice.delta
        if delta is not None:
            if delta.reasoning_content:
                events.append(ReasoningDelta(delta.reasoning_content))
            if delta.content:
                events.append(TextDelta(delta.content))
            if delta.refusal:
                events.append(RefusalDelta(delta.refusal))
            for piece in delta.tool_calls or ():
                function = piece.function or _Function()
                self._has_calls = True
                events.append(
                    ToolCallDelta(piece.index or 0, piece.id, function.name, function.arguments or "")
                )
        reason = choice.finish_reason
        if reason and not self._finished:
            self._finished = True
            events.append(Finished(finish_reason(reason, has_calls=self._has_calls)))
        return events


def _believed(payload: bytes) -> _Chunk:
    """What can be made of a chunk whose members are not all of the type that they should be."""
    return _Chunk(
        [_believed_choice(choice) for choice in lenient_objects(lenient_fields(payload).get("choices"))]
    )


def _believed_choice(choice: Fields) -> Choice:
    delta = lenient_fields(choice.get("delta"))
    pieces = [
        _Piece(
            _whole(piece.get("index")),
            _text(piece.get("id")),
            _Function(_text(function.get("name")), _text(function.get("arguments"))),
        )
        for piece in lenient_objects(delta.get("tool_calls"))
        for function in [lenient_fields(piece.get("function"))]
    ]
    texts = [_text(delta.get(name)) for name in ("reasoning_content", "content", "refusal")]
    index = 0 if lenient(choice.get("index")) in (0, None) else 1
    return Choice(index, _Delta(*texts, pieces), _text(choice.get("finish_reason")))


def _text(value: msgspec.Raw | None) -> str | None:
    said = lenient(value)
    return said if isinstance(said, str) else None


def _whole(value: msgspec.Raw | None) -> int | None:
    said = lenient(value)
    return said if isinstance(said, int) else None


def finish_reason(said: object, *, has_calls: bool) -> FinishReason:
    """Why the model stopped, in the words of the internal model.

    A call that the caller insisted on ends with "stop" in this dialect; callers of others wait for the calls.
    """
    reason = _REASONS.get(said, "stop") if isinstance(said, str) else "stop"
    return "tool_calls" if reason == "stop" and has_calls else reason
