"""Events of a chat stream that differ in their text only, as nearly all do: many read at the price of a few.

What such an event means is learnt from one that was read in full and turned out to be a piece of text, or of
thought, and nothing else: it is cut around its text into a head and a tail. Another event with the same head and tail
says its own text and nothing else, for between the two stands one JSON string: no quote in it that is not escaped, no
line end.
"""

from __future__ import annotations

import re
from itertools import takewhile
from operator import attrgetter
from typing import Any

import msgspec

from pixapi.interfaces.stream import Event, ReasoningDelta, TextDelta

_START: dict[type, re.Pattern[bytes]] = {
    TextDelta: re.compile(rb'("content"): ?"'),
    ReasoningDelta: re.compile(rb'("reasoning_content"|"reasoning"): ?"'),
}
_TEXTS: dict[type, msgspec.json.Decoder[Any]] = {
    TextDelta: msgspec.json.Decoder(list[TextDelta]),
    ReasoningDelta: msgspec.json.Decoder(list[ReasoningDelta]),
}
_SAYS = attrgetter("text")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)


class Mould(msgspec.Struct, frozen=True):
    """What all events alike have around their text. ``tail`` ends with the empty line."""

    kind: type[TextDelta] | type[ReasoningDelta]
    head: bytes
    tail: bytes

    @classmethod
    def of(cls, event: bytes, said: Event) -> Mould | None:
        """The mould of one event that meant ``said`` and nothing else; None if that is no text, if the bytes do not
        show which part of them is the text, or if they hold counts (what these mean depends on those before).
        """
        if not isinstance(said, TextDelta | ReasoningDelta) or b'_tokens"' in event:
            return None
        if not (event.startswith(b"data: {") and event.endswith(b"}\n\n")) or event.count(b"\n") != 2:
            return None
        kind = type(said)
        found = _START[kind].search(event)
        if found is None or event.count(found[1]) != 1:
            return None
        start = found.end()
        end = event.find(b'"', start)
        try:
            if _TEXTS[kind].decode(b'[{"text":"%b"}]' % event[start:end]) != [said]:
                return None
        except _UNREADABLE:
            return None
        return cls(kind, event[:start], event[end:])

    def read(self, events: bytes, at: int) -> tuple[list[Event], int]:
        """What all events alike say that follow one another from ``at`` on, and where they end."""
        head, tail = self.head, self.tail
        if not events.startswith(head, at):
            return [], at
        most = events.count(b"\n\n" + head, at) + 1
        lines = events[at:].split(b"\n", 2 * most)
        begin, end = len(head), 2 - len(tail)
        texts = [line[begin:end] for line in lines[: 2 * most : 2]]
        if not events.startswith(head + (tail + head).join(texts) + tail, at):
            texts = texts[: self._alike(lines)]
        if not _are_strings(texts):
            texts = list(takewhile(lambda text: _are_strings([text]), texts))
        if not texts:
            return [], at
        try:
            said: list[Event] = _TEXTS[self.kind].decode(b'[{"text":"%b"}]' % b'"},{"text":"'.join(texts))
        except _UNREADABLE:
            return [], at
        end = at + sum(map(len, texts)) + (len(head) + len(tail)) * len(texts)
        return list(filter(_SAYS, said)) if b"" in texts else said, end

    def _alike(self, lines: list[bytes]) -> int:
        """How many events at the start of ``lines`` are alike and whole: each is a line, an empty one, and more."""
        head, tail = self.head, self.tail[:-2]
        number = 0
        for line, blank in zip(lines[::2], lines[1:-1:2], strict=False):
            if blank or not (line.startswith(head) and line.endswith(tail, len(head))):
                break
            number += 1
        return number


def _are_strings(texts: list[bytes]) -> bool:
    """Whether each, which is on one line, stands between quotes as one JSON string, as far as quotes tell."""
    lines = b"\n".join(texts)
    if b"\\" in lines:
        lines = lines.replace(b"\\\\", b"").replace(b'\\"', b"") + b"\n"
        if b"\\\n" in lines:
            return False
    return b'"' not in lines
