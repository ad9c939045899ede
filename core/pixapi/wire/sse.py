"""Server-sent events from bytes, cut anywhere (WHATWG HTML, section 9.2 "Server-sent events").

Two readers. `SseParser` gives the events themselves. `SseFramer` gives blocks of whole events as bytes, for
a relay that passes most of them on unread. Both see the same lines: LF, CRLF and CR end a line, and a block
ends with an empty one. Both work on bytes and so never cut a character, and both refuse an event that grows
beyond a cap.

How the line ends are dealt with: where the bytes hold a CR at all, they are rewritten to LF as they come in
(a raw CR cannot stand inside JSON). A CR at the end of one read is a line end at once, and an LF at the
start of the next is then the other half of it and is dropped. From there on an event's end is simply an
empty line, ``\\n\\n``.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamInvalid

MAX_EVENT_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(msgspec.Struct, frozen=True):
    """One event. ``event`` is its type, "message" where it names none; ``data`` its lines joined by LF."""

    event: str
    data: bytes


class SseFramer:
    """Cuts a stream into blocks of whole events, with LF as the only line end."""

    __slots__ = ("_after_cr", "_fresh", "_max_bytes", "_tail")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._tail = bytearray()
        self._max_bytes = max_event_bytes
        self._after_cr = False
        self._fresh = True

    def feed(self, data: bytes) -> bytes:
        """Every event that ``data`` completes, as one block that ends with an empty line; b"" if none is.

        Raises:
            UpstreamInvalid: an event is larger than the cap.
        """
        if self._after_cr or b"\r" in data:
            data = self._to_lf(data)
        tail = self._tail
        if not tail and data.endswith(b"\n\n") and not (self._fresh and data.startswith(_BOM[:1])):
            self._fresh = False
            return data
        searched = max(0, len(tail) - 1)
        tail += data
        if self._fresh and not self._strip_bom():
            return b""
        end = tail.rfind(b"\n\n", min(searched, len(tail)))
        if end < 0:
            if len(tail) > self._max_bytes:
                raise UpstreamInvalid(
                    f"an event of the stream is larger than {self._max_bytes} bytes; expected small events"
                )
            return b""
        block = bytes(tail[: end + 2])
        del tail[: end + 2]
        return block

    def is_whole(self, data: bytes) -> bool:
        """Whether ``data`` is whole events already, with LF as their line end: `feed` would return it."""
        return not self._tail and data.endswith(b"\n\n") and not self._after_cr and b"\r" not in data

    def tail(self) -> bytes:
        """What has come of an event that is not complete."""
        return bytes(self._tail)

    def _to_lf(self, data: bytes) -> bytes:
        if self._after_cr and data:
            self._after_cr = False
            if data[:1] == b"\n":
                data = data[1:]
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _strip_bom(self) -> bool:
        """Whether the start of the stream is settled: a byte order mark is dropped once it is whole."""
        if len(self._tail) < len(_BOM) and _BOM.startswith(self._tail):
            return False
        if self._tail.startswith(_BOM):
            del self._tail[: len(_BOM)]
        self._fresh = False
        return True


def read_event(lines: bytes) -> ServerSentEvent | None:
    """One event of a framed block; None where it holds no data (comments, a lone ``retry:``)."""
    event, data = "message", []
    for line in lines.split(b"\n"):
        if line.startswith(b"data:"):
            data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            data.append(b"")
        elif line.startswith(b"event:"):
            event = line[6:].removeprefix(b" ").decode("utf-8", "replace") or "message"
    return ServerSentEvent(event, b"\n".join(data)) if data else None


def event_end(block: bytes, at: int) -> int:
    """Where the event of a framed block ends that begins at ``at``; its end where a lone line end is left."""
    stop = block.find(b"\n\n", at)
    return len(block) if stop < 0 else stop + 2


def one_line(event: bytes) -> tuple[str, bytes]:
    """The type of a framed event, and the event with nothing but its data, on one line; b"" where it has none."""
    if event.startswith(b"data: {") and event.count(b"\n") == 2:
        return "message", event
    read = read_event(event)
    payload = b"" if read is None else read.data.strip().replace(b"\n", b" ")
    if read is None or not payload:
        return "message", b""
    return read.event, b"data: " + payload + b"\n\n"


class SseParser:
    """Bytes in, events out; any cutting of the same bytes gives the same events."""

    __slots__ = ("_framer",)

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._framer = SseFramer(max_event_bytes)

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that ``data`` completes.

        Raises:
            UpstreamInvalid: an event is larger than the cap.
        """
        block = self._framer.feed(data)
        if not block:
            return []
        events = (read_event(lines) for lines in block.split(b"\n\n") if lines)
        return [event for event in events if event is not None]

    def close(self) -> list[ServerSentEvent]:
        """The stream ended. An event without its empty line was cut off and is not given, as the standard
        says.
        """
        return []

    def pending(self) -> bytes:
        """The bytes of an event that was not completed; empty after a clean end."""
        return self._framer.tail()
