"""A chat stream in OpenAI's dialect as events of the internal model, for callers of other dialects.

Three ways of reading, each for what the one before cannot read:

- Events that differ in their text only, as most of a stream do, are read in bulk (see `openai_alike`).
- Events in good order are read one by one (see `openai_plain`).
- All else goes through the relay, so that both know the same errors, quirks and ends; its output is parsed once more.
  Once the relay was needed it stays.
"""

from __future__ import annotations

import msgspec

from pixapi.interfaces.call import Call
from pixapi.interfaces.stream import Ended, Event, Failed, Passage, ReasoningDelta, TextDelta
from pixapi.wire.bulk import BulkDecoder, Events, TextDeltas
from pixapi.wire.openai_alike import Mould
from pixapi.wire.openai_chunk import ChunkReader
from pixapi.wire.openai_delivered import Delivered
from pixapi.wire.openai_plain import DONE, PlainReader
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay

_MOST_UNLIKE = 8
"""After so many events that are not like any before, the rest of a stream is not searched for such as are."""
_LONG_BYTES = 65536
"""An event that is longer is for the relay, which bounds it."""
_THOUGHTS = b'"reasoning":', b'"reasoning_content":'
"""How some spell a member of an event, and how `Delivered` knows it."""


class OpenAIChatDecoder(BulkDecoder):
    """Bytes of an OpenAI stream in, normalized events out."""

    def __init__(self, call: Call, quirks: Quirks = PLAIN) -> None:
        self._call = call
        self._quirks = quirks
        self._chunks = ChunkReader()
        self._plain = PlainReader(quirks, self._chunks)
        self._relay: OpenAIChatRelay | None = None
        self._delivered = Delivered()
        self._mould: Mould | None = None
        self._unlike_left = _MOST_UNLIKE
        self._tail = b""  # a part of an event, of which the rest has yet to come; without a relay
        self._amid = False  # the relay has such a part
        self._over = False

    def feed_many(self, data: bytes) -> Events:
        if self._tail:
            data, self._tail = self._tail + data, b""
        if b"\r" in data:
            self._unlike_left = 0  # where events end is for the relay to find out
            self._needed()
        events: list[Event | TextDeltas] = []
        at, size = 0, len(data)
        while at < size and not self._over:
            said, at = self._next(data, at)
            events += said
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        self._over = True
        relay = self._needed()
        events = self._normalized(relay.feed(self._tail))
        return events + self._normalized(relay.close())

    def delivered_output(self) -> int:
        return self._delivered.tokens()

    def _next(self, data: bytes, at: int) -> tuple[Events, int]:
        """What comes next in ``data``, and where that ends."""
        mould = self._mould if self._unlike_left > 0 and not self._amid else None
        if mould is not None and data.startswith(mould.head, at):
            texts, end = mould.read(data, at)
            if texts:
                self._unlike_left = _MOST_UNLIKE
                alike = data[at:end]
                self._delivered.add(alike if mould.kind is TextDelta else alike.replace(*_THOUGHTS))
                return _said(mould, texts), end
        end = data.find(b"\n\n", at) + 2
        if self._relay is None:
            if end > 1:
                event = data[at:end]
                said = self._plain.read(event)
                if said is not None:
                    self._over = event == DONE
                    self._delivered.add(event)
                    self._learn(event, said)
                    return said, end
            elif len(data) - at < _LONG_BYTES and PlainReader.may_begin(data[at : at + 6]):
                self._tail = data[at:]
                return [], len(data)
        return self._through_relay(data, at, end)

    def _through_relay(self, data: bytes, at: int, end: int) -> tuple[list[Event], int]:
        """The same as the relay sees it, one event at a time as long as others may be found to be like it."""
        relay, is_whole = self._needed(), end > 1
        if not is_whole or self._unlike_left <= 0:
            end = len(data)
        said = self._normalized(relay.feed(data[at:end]))
        if said and isinstance(said[-1], Ended | Failed):
            self._over = True
        elif is_whole and not self._amid:
            self._learn(data[at:end], said)
        self._amid = not is_whole
        return said, end

    def _learn(self, event: bytes, said: list[Event]) -> None:
        """Others may turn out to be like this one."""
        self._unlike_left -= 1
        if len(said) == 1 and self._unlike_left >= 0 and isinstance(said[0], TextDelta | ReasoningDelta):
            self._mould = Mould.of(event, said[0]) or self._mould

    def _needed(self) -> OpenAIChatRelay:
        """The relay, which knows what came before."""
        if self._relay is None:
            call = msgspec.structs.replace(self._call, include_usage=False)
            self._relay = OpenAIChatRelay(call, self._quirks)
            self._relay.feed(b"".join(self._plain.untold))
        return self._relay

    def _normalized(self, events: list[Event]) -> list[Event]:
        normalized: list[Event] = []
        for event in events:
            if not isinstance(event, Passage):
                normalized.append(event)
            elif event.content:
                self._delivered.add(event.data)
                for line in event.data.split(b"\n"):
                    if line.startswith(b"data:"):
                        normalized += self._chunks.read(line[5:])
        return normalized


def _said(mould: Mould, texts: list[bytes]) -> Events:
    """What events of ``mould`` with these texts say; those without text say nothing."""
    if b"" in texts:
        texts = list(filter(None, texts))
    if len(texts) > 1 and mould.kind is TextDelta:
        return [TextDeltas(texts)]
    return mould.said(texts) if texts else []
