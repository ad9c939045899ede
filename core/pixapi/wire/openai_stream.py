"""A chat stream in OpenAI's dialect as events of the internal model, for callers of other dialects.

It reads what the relay lets through, so that both know the same errors, quirks and ends: the relay's own
output is parsed once more. Only choice 0 is read; other dialects have no word for several. Most events of a stream
differ in their text only; those are read in bulk (see `openai_alike`).
"""

from __future__ import annotations

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.chat import FinishReason
from pixapi.interfaces.stream import (
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    Passage,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from pixapi.wire.json import Fields, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_alike import Mould
from pixapi.wire.openai_delivered import Delivered
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay

_MOST_UNLIKE = 8
"""After so many events that are not like any before, the rest of a stream is not searched for such as are."""
_THOUGHTS = b'"reasoning":', b'"reasoning_content":'
"""How some spell a member of an event, and how `Delivered` knows it."""
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


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class OpenAIChatDecoder(Decoder):
    """Bytes of an OpenAI stream in, normalized events out.

    Events that differ in their text only from one that the relay has let through are read in bulk, without it.
    """

    def __init__(self, call: Call, quirks: Quirks = PLAIN) -> None:
        self._relay = OpenAIChatRelay(msgspec.structs.replace(call, include_usage=False), quirks)
        self._delivered = Delivered()
        self._finished = False
        self._has_calls = False
        self._mould: Mould | None = None
        self._unlike_left = _MOST_UNLIKE
        self._amid = False  # the relay has a part of an event, of which the rest has yet to come

    def feed(self, data: bytes) -> list[Event]:
        if b"\r" in data:
            self._unlike_left = 0  # where events end is for the relay to find out
        events: list[Event] = []
        at, size = 0, len(data)
        while at < size:
            if self._unlike_left <= 0:
                return events + self._normalized(self._relay.feed(data[at:]))
            if self._mould is not None and not self._amid:
                said, end = self._mould.read(data, at)
                if end > at:
                    self._unlike_left = _MOST_UNLIKE
                    self._delivered.add(data[at:end].replace(*_THOUGHTS))
                    events += said
                    at = end
                    continue
            end = data.find(b"\n\n", at) + 2
            if end == 1:
                self._amid = True
                return events + self._normalized(self._relay.feed(data[at:]))
            events += self._one(data[at:end])
            at = end
        return events

    def close(self) -> list[Event]:
        return self._normalized(self._relay.close())

    def delivered_output(self) -> int:
        return self._delivered.tokens()

    def _one(self, data: bytes) -> list[Event]:
        """One event, or what was missing of one; others may turn out to be like it."""
        events = self._normalized(self._relay.feed(data))
        if events and isinstance(events[-1], Ended | Failed):
            self._unlike_left = 0
        elif len(events) == 1 and not self._amid:
            self._mould = Mould.of(data, events[0]) or self._mould
        self._amid = False
        self._unlike_left -= 1
        return events

    def _normalized(self, events: list[Event]) -> list[Event]:
        normalized: list[Event] = []
        for event in events:
            if not isinstance(event, Passage):
                normalized.append(event)
                continue
            self._delivered.add(event.data)
            for line in event.data.split(b"\n"):
                if line.startswith(b"data:"):
                    normalized += self._chunk(line[5:])
        return normalized

    def _chunk(self, payload: bytes) -> list[Event]:
        try:
            chunk = _CHUNK.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            chunk = _believed(payload)
        events: list[Event] = []
        for choice in chunk.choices or ():
            if not choice.index:
                events += self._choice(choice)
        return events

    def _choice(self, choice: _Choice) -> list[Event]:
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


def _believed_choice(choice: Fields) -> _Choice:
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
    return _Choice(index, _Delta(*texts, pieces), _text(choice.get("finish_reason")))


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
