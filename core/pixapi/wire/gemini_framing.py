"""How a stream of Gemini's is cut into events (Gemini API reference, "streamGenerateContent").

With ``alt=sse`` each event is the data of a server-sent event, and nothing marks the end. Without it the
stream is one JSON array, whose elements are the events. Errors may come as one bare object in place of
either. `EventParser` reads all three; which it is shows the first character that is not blank.
"""

from __future__ import annotations

import re

from pixapi.errors import UpstreamInvalid
from pixapi.interfaces.call import Framing
from pixapi.wire.gemini_names import BROKEN
from pixapi.wire.json import decode_fields
from pixapi.wire.sse import MAX_EVENT_BYTES, SseParser, read_event

_BLANK = b"\xef\xbb\xbf \t\r\n"
_LINE_ENDS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))
_SIGNS = re.compile(rb'["\\{}\[\]]')


class EventParser:
    """Bytes in, the JSON texts of events out; any cutting of the same bytes gives the same events."""

    __slots__ = ("_bare", "_sse")

    def __init__(self) -> None:
        self._sse: SseParser | None = None
        self._bare: _ObjectSplitter | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The events that ``data`` completes.

        Raises:
            UpstreamInvalid: an event is larger than the cap.
        """
        if self._sse is None and self._bare is None:
            data = data.lstrip(_BLANK)
            if not data:
                return []
            if data[:1] in (b"[", b"{"):
                self._bare = _ObjectSplitter()
            else:
                self._sse = SseParser()
        if self._bare is not None:
            return self._bare.feed(data)
        assert self._sse is not None
        return [sent.data for sent in self._sse.feed(data)]

    def close(self) -> list[bytes]:
        """The event at the end that only lacks its empty line, if it is whole."""
        if self._sse is None:
            return []
        read = read_event(self._sse.pending().rstrip(b"\r\n"))
        if read is None:
            return []
        try:
            decode_fields(read.data)
        except BROKEN:
            return []
        return [read.data]

    def is_broken(self) -> bool:
        """Whether the bytes ended within an array or an object."""
        return self._bare is not None and not self._bare.is_closed


class _ObjectSplitter:
    """The objects of a JSON array, or one bare object, from bytes cut anywhere."""

    __slots__ = ("_depth", "_escaped", "_in_string", "_is_array", "_kept", "_searched", "is_closed")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._searched = 0
        self._depth = 0
        self._is_array: bool | None = None
        self._in_string = self._escaped = False
        self.is_closed = False

    def feed(self, data: bytes) -> list[bytes]:
        self._kept += data
        if self._is_array is None:
            self._is_array = self._kept.startswith(b"[")
            self._searched = 1 if self._is_array else 0
        found: list[bytes] = []
        start, at = 0, self._searched
        if self._escaped and at < len(self._kept):
            self._escaped, at = False, at + 1
        while not self.is_closed:
            sign = _SIGNS.search(self._kept, at)
            if sign is None:
                at = len(self._kept)
                break
            at = sign.end()
            if self._in_string:
                if sign[0] == b"\\":
                    if at == len(self._kept):
                        self._escaped = True
                        break
                    at += 1
                elif sign[0] == b'"':
                    self._in_string = False
            elif sign[0] == b'"':
                self._in_string = True
            elif sign[0] in (b"{", b"["):
                if self._depth == 0:
                    start = at - 1
                self._depth += 1
            elif self._depth > 0:
                self._depth -= 1
                if self._depth == 0:
                    found.append(bytes(self._kept[start:at]))
                    start = at
                    self.is_closed = not self._is_array
            else:
                self.is_closed = True  # the array's own end
        del self._kept[:start]
        self._searched = at - start
        if len(self._kept) > MAX_EVENT_BYTES:
            raise UpstreamInvalid(
                f"an event of the stream is larger than {MAX_EVENT_BYTES} bytes; expected small events"
            )
        return found


class EventWriter:
    """JSON texts in, the bytes of a stream out, in the framing that the caller asked for."""

    __slots__ = ("_framing", "has_begun")

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.has_begun = False

    def event(self, payload: bytes) -> bytes:
        """One event. ``payload`` is JSON without raw line ends."""
        begun, self.has_begun = self.has_begun, True
        if self._framing == "sse":
            return b"data: " + payload + b"\n\n"
        return (b",\n" if begun else b"[") + payload

    def end(self) -> bytes:
        """What closes the stream."""
        if self._framing == "sse":
            return b""
        return b"\n]" if self.has_begun else b"[]"


def one_line(payload: bytes) -> bytes:
    """JSON as an event may hold it: a raw line end within JSON is nothing but space."""
    if b"\n" in payload or b"\r" in payload:
        return payload.replace(b"\r", b" ").replace(b"\n", b" ")
    return payload


def escaped(payload: bytes) -> bytes:
    """JSON without the signs that some clients take for line ends (U+0085, U+2028, U+2029)."""
    if b"\xe2\x80" in payload or b"\xc2\x85" in payload:
        for sign, spelt in _LINE_ENDS:
            payload = payload.replace(sign, spelt)
    return payload
