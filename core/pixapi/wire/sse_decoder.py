"""What the decoders of streams of server-sent events have in common, whatever the events say."""

from __future__ import annotations

from abc import abstractmethod

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.stream import Decoder, Event, Failed
from pixapi.wire.sse import SseParser

_LINES = (b"event:", b"data:", b"id:", b"retry:", b":")
_HEAD_BYTES = 64 * 1024
_BYTES_PER_TOKEN = 4


class SseDecoder(Decoder):
    """Bytes in, events of the internal model out. A dialect says what each of its events means (`_read`), sets
    ``_started`` once the answer has begun and ``_over`` with its end, and counts what it delivers (`_deliver`).
    """

    def __init__(self) -> None:
        self._sse = SseParser()
        self._head = bytearray()
        """The first bytes, to tell what it was that was no stream."""
        self._started = False
        self._over = False
        self._delivered_bytes = 0

    @abstractmethod
    def _read(self, name: str, data: bytes) -> list[Event]:
        """What an event says. Raises UpstreamError, which ends the stream."""

    @abstractmethod
    def _not_a_stream(self, head: bytes) -> UpstreamError:
        """What a reply means that is no stream and begins like this."""

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if not self._started and len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        events: list[Event] = []
        try:
            for sent in self._sse.feed(data):
                events += self._read(sent.event, sent.data)
                if self._over:
                    break
        except UpstreamError as error:
            events += self._fail(error)
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        head = bytes(self._head).removeprefix(b"\xef\xbb\xbf").strip()
        is_stream = any(head.startswith(line) or line.startswith(head) for line in _LINES)
        if not self._started and not is_stream:
            return self._fail(self._not_a_stream(head))
        return self._fail(
            UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
        )

    def delivered_output(self) -> int:
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _deliver(self, text: str) -> None:
        self._delivered_bytes += len(text.encode("utf-8", "surrogatepass"))

    def _fail(self, error: UpstreamError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _fail_unread(self) -> list[Event]:
        """The end of a stream with an event that is no JSON object."""
        return self._fail(
            UpstreamInvalid("The provider of this model sent an event that is no JSON object; try again.")
        )
