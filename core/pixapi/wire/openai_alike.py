"""Events of a chat stream that differ in their text only, as nearly all do: many read at the price of a few.

What such an event means is learnt from one that was read in full and turned out to be a piece of text, or of
thought, and nothing else: it is cut around its text into a head and a tail. Another event with the same head and tail
says its own text and nothing else, for between the two stands what is proved to be the inside of one JSON string.
"""

from __future__ import annotations

import re
from itertools import takewhile
from operator import itemgetter
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
_STRING = msgspec.json.Decoder(str)
_EVERY_OTHER = slice(None, -1, 2)
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

    def read(self, events: bytes, at: int) -> tuple[list[bytes], int]:
        """The texts of all events alike that follow one another from ``at`` on, and where these end.

        Each text is as it stands between its quotes, and was found to be valid there.
        """
        head, tail = self.head, self.tail
        if not events.startswith(head, at):
            return [], at
        found = events.rfind(b"\n\n" + head, at)
        last = at if found < 0 else found + 2
        stop = events.find(b"\n\n", last) + 2
        texts = self._texts(events[at : stop if stop > 1 else last])
        if not _are_strings(texts):
            texts = list(takewhile(lambda text: _are_strings([text]), texts))
        return texts, at + len(b"".join(texts)) + (len(head) + len(tail)) * len(texts)

    def said(self, texts: list[bytes]) -> list[Event]:
        """What events with these texts say."""
        return _TEXTS[self.kind].decode(b'[{"text":"%b"}]' % b'"},{"text":"'.join(texts))

    def _texts(self, block: bytes) -> list[bytes]:
        """The texts of the events alike at the start of a block of whole events, which begins with one."""
        head, tail = self.head, self.tail
        lines = block.split(b"\n")
        texts = list(map(itemgetter(slice(len(head), 2 - len(tail))), lines[_EVERY_OTHER]))
        body = (tail + head).join(texts)
        is_all = len(head) + len(body) + len(tail) == len(block)
        if is_all and block.startswith(body, len(head)) and block.endswith(tail):
            return texts
        return texts[: self._alike(lines)]

    def _alike(self, lines: list[bytes]) -> int:
        """How many events at the start of ``lines`` are alike: each is a line, and an empty one."""
        head, tail = self.head, self.tail[:-2]
        number = 0
        for line, blank in zip(lines[_EVERY_OTHER], lines[1::2], strict=True):
            if blank or not (line.startswith(head) and line.endswith(tail, len(head))):
                break
            number += 1
        return number


def _are_strings(texts: list[bytes]) -> bool:
    """Whether each is what may stand between the quotes of a JSON string.

    All are read as one string, with spaces between. A space ends no escape and no character that was begun before, and
    an early quote leaves the last one behind: so the whole is a string if all are, and only then.
    """
    try:
        _STRING.decode(b'"%b"' % b" ".join(texts))
    except _UNREADABLE:
        return False
    return True
