"""Replies of a server of Gemini's dialect for callers who speak it: they go on as they came, but for two
names, ``modelVersion`` and ``responseId``.

Each event is taken apart at its top level; the values keep their bytes. Events that carry nothing of the
answer wait for one that does, so that a route which fails before it has answered can still be replaced; and
the last piece of the answer waits for the stream's end, which is when the call has been charged.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.stream import Decoder, Ended, Event, Failed, Passage, UsageReport
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_errors import read_error
from pixapi.wire.gemini_framing import EventParser, EventWriter, one_line
from pixapi.wire.gemini_names import BROKEN, field
from pixapi.wire.gemini_parts import blocked_reason
from pixapi.wire.gemini_reply import open_reply
from pixapi.wire.gemini_stream import cut_or_unknown
from pixapi.wire.gemini_usage import read_usage
from pixapi.wire.json import Fields, decode_fields, encode, lenient, raw

_BYTES_PER_TOKEN = 4
_MEDIA_BYTES = 1290 * _BYTES_PER_TOKEN
"""What an image counts as long as usage has not come: Google counts 1290 tokens."""
_HEAD_BYTES = 64 * 1024
_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")
_NOTHING = msgspec.Raw(b"")


class _Part(msgspec.Struct):
    text: str | None = None
    function_call: msgspec.Raw = msgspec.field(default=_NOTHING, name="functionCall")
    inline_data: msgspec.Raw = msgspec.field(default=_NOTHING, name="inlineData")
    executable_code: msgspec.Raw = msgspec.field(default=_NOTHING, name="executableCode")


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct):
    content: _Content | None = None
    reason: str | None = msgspec.field(default=None, name="finishReason")
    index: int = 0


_CANDIDATES = msgspec.json.Decoder(list[_Candidate])


def relay_reply(call: Call, body: bytes) -> Result:
    """A whole reply with the caller's model name and our id in it, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no answer.
    """
    fields, _, usage = open_reply(body)
    return Result(usage=usage, body=encode(_renamed(call, fields)))


def _renamed(call: Call, fields: Fields) -> Fields:
    for name, old, new in (
        ("modelVersion", "model_version", call.alias),
        ("responseId", "response_id", call.reply_id),
    ):
        fields.pop(old, None)
        fields[name] = raw(new)
    return fields


class GeminiRelay(Decoder):
    """The decoder for a stream where caller and server both speak Gemini's dialect."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._parser = EventParser()
        self._writer = EventWriter(call.framing)
        self._head = bytearray()
        self._held: list[bytes] = []
        self._usage: Usage | None = None
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._blocked = False
        self._over = False
        self._delivered_bytes = 0

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if not self._seen and len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        events: list[Event] = []
        try:
            for payload in self._parser.feed(data):
                events += self._event(payload)
                if self._over:
                    break
        except UpstreamError as error:
            events += self._fail(error)
        return events

    def close(self) -> list[Event]:
        if self._over:
            return []
        events = [event for payload in self._parser.close() for event in self._event(payload)]
        if self._over:
            return events
        if self._is_complete() and not self._parser.is_broken():
            self._over = True
            last = b"".join(self._held) + self._writer.end()
            return [*events, *([Passage(last, content=False)] if last else []), Ended()]
        head = bytes(self._head).strip()
        is_stream = any(head.startswith(line) or line.startswith(head) for line in _LINES)
        if not self._seen and not self._blocked and not is_stream:
            return events + self._fail(cut_or_unknown(head))
        return events + self._fail(
            UpstreamCut("The provider of this model closed the stream before its end; try again.")
        )

    def delivered_output(self) -> int:
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _is_complete(self) -> bool:
        return self._blocked or (bool(self._seen) and self._finished >= self._seen)

    def _fail(self, error: UpstreamError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _event(self, payload: bytes) -> list[Event]:
        try:
            fields = decode_fields(payload)
        except BROKEN:
            return self._fail(
                UpstreamInvalid("The provider of this model sent an event that is no JSON object; try again.")
            )
        if "error" in fields:
            return self._fail(read_error(None, payload))
        size = self._look(fields)
        self._held.append(self._writer.event(one_line(encode(_renamed(self._call, fields)))))
        events: list[Event] = []
        if size and not self._is_complete():
            self._delivered_bytes += size
            events.append(Passage(b"".join(self._held)))
            self._held.clear()
        usage = read_usage(lenient(field(fields, "usageMetadata")), final=self._is_complete())
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(UsageReport(usage))
        return events

    def _look(self, fields: Fields) -> int:
        """How many bytes of an answer an event carries; notes who has finished."""
        text = field(fields, "candidates")
        if text is None:
            self._blocked |= blocked_reason(lenient(field(fields, "promptFeedback"))) is not None
            return 0
        try:
            candidates = _CANDIDATES.decode(text)
        except BROKEN:
            self._seen.add(0)  # not of the shape that the reference describes, and none of our business
            if b'"finishReason"' in bytes(text):
                self._finished.add(0)
            return len(text)
        size = 0
        for candidate in candidates:
            self._seen.add(candidate.index)
            if candidate.reason:
                self._finished.add(candidate.index)
            for part in candidate.content.parts if candidate.content is not None else ():
                size += len((part.text or "").encode("utf-8", "surrogatepass"))
                size += len(part.function_call) + len(part.executable_code)
                size += _MEDIA_BYTES if len(part.inline_data) else 0
        return size
