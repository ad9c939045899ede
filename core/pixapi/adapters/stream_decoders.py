"""Decoders of streams that no caller reads as they are: the framing, the end and the count are done here, what one
line or one event says is left to the vendor's plugin.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Decoder,
    Ended,
    Event,
    Failed,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
)
from pixapi.wire.lines import LineParser
from pixapi.wire.sse import SseParser

_BYTES_PER_TOKEN = 4


class _FramedDecoder(Decoder):
    """What is the same however a stream is cut into events."""

    def __init__(self) -> None:
        self._over = False
        self._delivered_bytes = 0

    @abstractmethod
    def _events(self, data: bytes) -> Iterator[Event]:
        """What ``data`` completes. Raises UpstreamError."""

    def _last_events(self) -> Iterator[Event]:
        """What is complete but for the mark of its end, once the connection has ended. Raises UpstreamError."""
        return iter(())

    def feed(self, data: bytes) -> list[Event]:
        return self._until_the_end(self._events(data))

    def close(self) -> list[Event]:
        events = self._until_the_end(self._last_events())
        cut = UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
        return events + self._until_the_end(iter([Failed(cut)]))

    def delivered_output(self) -> int:
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _until_the_end(self, events: Iterator[Event]) -> list[Event]:
        found: list[Event] = []
        if self._over:
            return found
        try:
            for event in events:
                found.append(event)
                self._delivered_bytes += _size_bytes(event)
                if isinstance(event, Ended | Failed):
                    self._over = True
                    break
        except UpstreamError as error:
            self._over = True
            found.append(Failed(error))
        return found


class LinesDecoder(_FramedDecoder):
    """A stream of lines (NDJSON): derive and write `read`. One instance for a stream; it may keep what it needs.

    An UpstreamError that `read` raises ends the stream as `Failed`, and so does a connection that ends before `read`
    gave `Ended`. What follows the end is not read. The last line may lack its LF.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineParser()

    @abstractmethod
    def read(self, line: bytes) -> Iterable[Event]:
        """The events of one line, which is not empty; `Ended` last where the line ends the answer.

        Raises:
            UpstreamError: the line states an error, or cannot be understood.
        """

    def _events(self, data: bytes) -> Iterator[Event]:
        for line in self._lines.feed(data):
            if line.strip():
                yield from self.read(line)

    def _last_events(self) -> Iterator[Event]:
        line = self._lines.pending()
        if line.strip():
            try:
                yield from self.read(line)
            except UpstreamInvalid:
                return  # half a line: the connection broke off within it


class SseDecoder(_FramedDecoder):
    """A stream of server-sent events: derive and write `read`. Otherwise like `LinesDecoder`."""

    def __init__(self) -> None:
        super().__init__()
        self._parser = SseParser()

    @abstractmethod
    def read(self, data: bytes, event: str) -> Iterable[Event]:
        """The events of one server-sent event; ``event`` is its type, "message" where it names none.

        Raises:
            UpstreamError: it states an error, or cannot be understood.
        """

    def _events(self, data: bytes) -> Iterator[Event]:
        for sent in self._parser.feed(data):
            yield from self.read(sent.data, sent.event)


def _size_bytes(event: Event) -> int:
    if isinstance(event, TextDelta | RefusalDelta | ReasoningDelta):
        return len(event.text.encode("utf-8", "surrogatepass"))
    if isinstance(event, ToolCallDelta):
        return len(event.arguments.encode("utf-8", "surrogatepass"))
    return 0
