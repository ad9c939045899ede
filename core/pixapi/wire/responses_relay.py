"""A Responses stream from a server that speaks that dialect to a caller who does (OpenAI API reference,
"Streaming events").

Only events that hold the response itself (created, in progress, and the last one) carry its id and the
model's name; all others name the item they belong to. So an event goes on unread unless it holds a
*needle*: a member ``response`` or ``error``. Quotes inside JSON strings are escaped, so a needle with its
quotes can only be real. That is decided for each event by itself, which makes the result the same however
the bytes are cut.

What a look does: our names are put in, errors end the stream, the last event brings the usage. Until the
first event with something of the answer, events are held back, so that a route which fails before it has
answered anything can still be replaced. After the last event nothing is read any more.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.stream import Decoder, Ended, Event, Failed, Passage, UsageReport
from pixapi.wire.json import Fields, decode_fields, encode, is_null, lenient, lenient_fields, raw
from pixapi.wire.openai_errors import not_a_stream
from pixapi.wire.responses_errors import read_error_event, read_failure
from pixapi.wire.responses_reply import open_reply
from pixapi.wire.responses_stream import ENDS, FAILURES
from pixapi.wire.responses_usage import read_usage
from pixapi.wire.sse import SseFramer, read_event

_NEEDLES = (b'"response"', b'"error"', b"[DONE]")
_STARTS = (b"data: {", b"event: response.")
_WITHOUT_ANSWER = (".added", ".created", ".in_progress", ".queued")
_BARE_BYTES = 1024 * 1024
_KEPT_BYTES = 1024 * 1024
_BYTES_PER_TOKEN = 4


class ResponsesRelay(Decoder):
    """The decoder for a stream where caller and server both speak the Responses dialect."""

    def __init__(self, call: Call) -> None:
        self._marks: Fields = {"id": raw(call.reply_id), "model": raw(call.alias)}
        self._framer = SseFramer()
        self._bare = bytearray()
        self._is_stream = False
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._held: list[bytes] = []
        self._sent: list[bytes] = []
        self._sent_bytes = 0
        self._delivered_bytes = 0
        self._started = False  # something of the answer was passed on
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over or not data:
            return []
        if not self._is_stream and self._is_bare(data):
            return self._take()
        try:
            block = self._framer.feed(data)
        except UpstreamInvalid as error:
            self._fail(error)
            return self._take()
        for event in block.split(b"\n\n"):
            if event and not self._over:
                self._event(event)
        return self._take()

    def close(self) -> list[Event]:
        if self._over:
            return []
        if not self._is_stream and self._bare:
            self._fail(not_a_stream(bytes(self._bare)))
        else:
            self._fail(
                UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
            )
        return self._take()

    def delivered_output(self) -> int:
        self._count()
        return -(-self._delivered_bytes // _BYTES_PER_TOKEN)

    def _count(self) -> None:
        """Count the text in what was sent, and let go of it."""
        for block in self._sent:
            for event in block.split(b"\n\n"):
                sent = read_event(event) if b'"delta"' in event else None
                delta = lenient(lenient_fields(sent.data).get("delta")) if sent is not None else None
                if isinstance(delta, str):
                    self._delivered_bytes += len(delta.encode("utf-8", "surrogatepass"))
        self._sent.clear()
        self._sent_bytes = 0

    def _is_bare(self, data: bytes) -> bool:
        """Whether the reply is HTML or one JSON value in place of a stream, as far as it has come."""
        self._bare += data
        start = self._bare.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if start and start not in b"<{[":
            self._is_stream = True
            return False
        if start == b"<" or len(self._bare) > _BARE_BYTES:
            self._fail(not_a_stream(bytes(self._bare)))
        return bool(start)

    def _take(self) -> list[Event]:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._sent.append(data)
            self._sent_bytes += len(data)
            if self._sent_bytes > _KEPT_BYTES:
                self._count()
            self._events.insert(0, Passage(data))
        events, self._events = self._events, []
        return events

    def _event(self, event: bytes) -> None:
        is_plain = event.startswith(_STARTS) and event.endswith(b"}")
        if is_plain and not any(needle in event for needle in _NEEDLES):
            self._pass(event + b"\n\n")
            return
        sent = read_event(event)
        payload = b"" if sent is None else sent.data.strip()
        if payload in (b"", b"[DONE]"):
            return
        try:
            fields = decode_fields(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._fail(not_a_stream(payload))
            return
        kind = lenient(fields.get("type")) or (sent.event if sent is not None else "")
        if kind == "error" or not is_null(fields.get("error")):
            self._fail(read_error_event(fields, payload))
        elif "response" in fields:
            self._response(kind if isinstance(kind, str) and kind.isprintable() else "message", fields)
        else:
            self._pass(event + b"\n\n")

    def _response(self, kind: str, fields: Fields) -> None:
        response = lenient_fields(fields["response"])
        usage = read_usage(response.get("usage")) if kind in ENDS or kind in FAILURES else None
        if usage is not None:
            self._events.append(UsageReport(usage))
        if kind in FAILURES or not is_null(response.get("error")):
            self._fail(read_failure(lenient_fields(response.get("error"))))
            return
        fields["response"] = raw({**response, **self._marks})
        event = b"event: %s\ndata: %s\n\n" % (kind.encode("utf-8", "replace"), encode(fields))
        if kind not in ENDS:
            self._pass(event)
            return
        self._out += self._held
        self._over = True
        self._events += [Passage(event, content=False), Ended()]

    def _pass(self, event: bytes) -> None:
        if not self._started:
            if _kind(event).endswith(_WITHOUT_ANSWER):
                self._held.append(event)
                return
            self._started = True
            self._out += self._held
            self._held.clear()
        self._out.append(event)

    def _fail(self, error: UpstreamError) -> None:
        self._over = True
        self._events.append(Failed(error))


def relay_reply(call: Call, body: bytes) -> Result:
    """A whole response under the caller's model name and our id, and what it used.

    Raises:
        UpstreamError: it is an error in spite of its status, or failed.
    """
    fields = open_reply(body)
    fields |= {"id": raw(call.reply_id), "model": raw(call.alias)}
    return Result(usage=read_usage(fields.get("usage")), body=encode(fields))


def _kind(event: bytes) -> str:
    sent = read_event(event)
    kind = None if sent is None else lenient(lenient_fields(sent.data).get("type"))
    return kind if isinstance(kind, str) else ""
