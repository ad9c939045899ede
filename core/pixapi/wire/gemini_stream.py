"""A stream of ``:streamGenerateContent`` as events of the internal model.

Each event is a reply of its own with a further piece of the answer. A finish reason marks the last piece, but
not the end of the stream: usage may follow, and nothing says that it is complete but the connection's end.
So the reason is passed on at that end; without one the stream was cut. Usage comes in every event, as a
running total.
"""

from __future__ import annotations

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.chat import Reasoning, Text, ToolCall
from pixapi.interfaces.stream import (
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    UsageReport,
)
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_errors import not_understood, read_error
from pixapi.wire.gemini_framing import EventParser
from pixapi.wire.gemini_names import BROKEN, field, words
from pixapi.wire.gemini_parts import FAILURES, PartReader, blocked_reason, finish_reason
from pixapi.wire.gemini_reply import went_wrong
from pixapi.wire.gemini_usage import read_usage
from pixapi.wire.json import Fields, decode_any, decode_fields, lenient, lenient_fields, lenient_objects

_BYTES_PER_TOKEN = 4
_HEAD_BYTES = 64 * 1024
_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")


class GeminiDecoder(Decoder):
    """Bytes of a Gemini stream in, normalized events out.

    ``maker`` marks signatures (`seal`); ``call_prefix`` starts the ids of calls without one. Only
    the first candidate is read; other dialects have no word for several.
    """

    def __init__(self, maker: str, call_prefix: str) -> None:
        self._parser = EventParser()
        self._parts = PartReader(maker, call_prefix)
        self._head = bytearray()
        self._started = False
        self._over = False
        self._calls = 0
        self._reason: str | None = None
        self._refusal: str | None = None
        self._usage: Usage | None = None
        self._delivered_bytes = 0

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if not self._started and len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        events: list[Event] = []
        try:
            for payload in self._parser.feed(data):
                events += self._read(payload)
                if self._over:
                    break
        except UpstreamError as error:
            events += self._fail(error)
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        events: list[Event] = []
        for payload in self._parser.close():
            events += self._read(payload)
        if self._over:
            return events
        if self._reason is not None and not self._parser.is_broken():
            return events + self._end()
        if not self._started:
            head = bytes(self._head).strip()
            if not any(head.startswith(line) or line.startswith(head) for line in _LINES):
                return events + self._fail(cut_or_unknown(head))
        return events + self._fail(
            UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
        )

    def delivered_output(self) -> int:
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _fail(self, error: UpstreamError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _end(self) -> list[Event]:
        assert self._reason is not None
        events = self._events(self._parts.close())
        self._over = True
        if self._refusal:
            events.append(RefusalDelta(self._refusal))
        events.append(Finished(finish_reason(self._reason, has_calls=self._parts.has_calls)))
        return [*events, Ended()]

    def _read(self, payload: bytes) -> list[Event]:
        try:
            said = decode_fields(payload)
        except BROKEN:
            return self._fail(
                UpstreamInvalid("The provider of this model sent an event that is no JSON object; try again.")
            )
        if "error" in said:
            return self._fail(read_error(None, payload))
        candidates = lenient_objects(field(said, "candidates"))
        blocked = None if candidates else blocked_reason(lenient(field(said, "promptFeedback")))
        if blocked is not None:
            self._started, self._reason, self._refusal = True, "SAFETY", blocked
        ends = self._reason is not None or any(field(one, "finishReason") for one in candidates)
        events: list[Event] = []
        usage = read_usage(lenient(field(said, "usageMetadata")), final=ends)
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(UsageReport(usage))
        for candidate in candidates:
            self._started = True
            if not lenient(field(candidate, "index")):
                events += self._candidate(candidate)
        return events

    def _candidate(self, candidate: Fields) -> list[Event]:
        content = lenient_fields(field(candidate, "content"))
        parts = lenient_objects(content.get("parts"))
        events = self._events([piece for part in parts for piece in self._parts.read(part)])
        reason = words(lenient(field(candidate, "finishReason")))
        if reason in FAILURES:
            return events + self._fail(went_wrong(reason))
        if reason:
            self._reason = reason
            if finish_reason(reason, has_calls=False) == "content_filter":
                self._refusal = words(lenient(field(candidate, "finishMessage")))
        return events

    def _events(self, pieces: list[Text | Reasoning | ToolCall]) -> list[Event]:
        events: list[Event] = []
        for piece in pieces:
            if isinstance(piece, ToolCall):
                events.append(ToolCallDelta(self._calls, piece.id, piece.name, piece.arguments))
                self._calls += 1
                self._deliver(piece.name + piece.arguments)
                continue
            self._deliver(piece.text)
            if isinstance(piece, Text):
                events.append(TextDelta(piece.text))
            else:
                events.append(ReasoningDelta(piece.text, piece.signature))
        return events

    def _deliver(self, text: str) -> None:
        self._delivered_bytes += len(text.encode("utf-8", "surrogatepass"))


def cut_or_unknown(head: bytes) -> UpstreamError:
    """What a stream means that ended before its first event, and does not begin like server-sent events."""
    if head.startswith((b"[", b"{")):
        try:
            decode_any(head)
        except BROKEN:
            return UpstreamCut("The provider of this model broke off its reply; try again.")
    return not_understood(head)
