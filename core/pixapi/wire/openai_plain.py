"""A chat stream in good order, for callers of other dialects: read by its types, without the relay.

Good order is the shape that the API reference gives a chunk, without an error, without anything to mend, and with usage
at its top only. It is what nearly every stream has from its beginning to its end, and a relay does much for one that
only a caller of the same dialect needs. What is not in good order is for the relay, and so is all that follows. For it
to judge that rightly it is told before what matters of the events that it has not seen: those up to the first piece of
the answer, and those that finish or count.
"""

from __future__ import annotations

import msgspec

from pixapi.interfaces.stream import Ended, Event, UsageReport
from pixapi.interfaces.usage import Usage
from pixapi.wire.openai_chunk import Choice, ChunkReader
from pixapi.wire.openai_quirks import Quirks
from pixapi.wire.openai_usage import Said
from pixapi.wire.openai_usage_tap import UsageTap

DONE = b"data: [DONE]\n\n"
_START = b"data: "


class _Choice(Choice):
    usage: None = None
    error: None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice]
    usage: Said | None = None
    error: None = None
    x_groq: None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class PlainReader:
    """Reads the events of one stream as long as they are in good order. ``untold`` is what the relay has to be told
    when they are not any more.
    """

    __slots__ = ("_answered", "_carried", "_chunks", "_marks", "_reported", "_tap", "untold")

    def __init__(self, quirks: Quirks, chunks: ChunkReader) -> None:
        self._chunks = chunks
        self._marks = quirks.marks
        self._tap = UsageTap(excludes_reasoning=quirks.completion_excludes_reasoning)
        self._reported: Usage | None = None
        self._answered = False
        self._carried = False
        self.untold: list[bytes] = []

    @staticmethod
    def may_begin(part: bytes) -> bool:
        """Whether an event in good order may begin with these bytes."""
        return part[:6] == _START[: len(part)]

    def read(self, event: bytes) -> list[Event] | None:
        """What a whole event says; None where it is not in good order."""
        if event == DONE:
            return [Ended()] if self._answered else None
        if not event.startswith(b"data: {") or event.count(b"\n") != 2:
            return None
        for mark in self._marks:
            if mark in event:
                return None
        try:
            chunk = _CHUNK.decode(event[6:-2])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        choices, usage = chunk.choices, chunk.usage
        if usage is not None and (choices or not self._tap.see(usage, event)):
            return None
        finishes = False
        for choice in choices:
            if choice.finish_reason == "error":
                return None
            finishes = finishes or bool(choice.finish_reason)
        if finishes or usage is not None or not self._carried:
            self.untold.append(event)
        events = self._chunks.said(choices) if choices else []
        self._answered = self._answered or bool(choices)
        self._carried = self._carried or bool(events)
        if usage is not None and self._tap.usage is not None and self._tap.usage != self._reported:
            self._reported = self._tap.usage
            events.append(UsageReport(self._reported))
        return events
