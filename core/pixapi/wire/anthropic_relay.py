"""A Messages stream from a server that speaks the Messages API to a caller who does (Anthropic API reference,
"Streaming messages").

Theory of operation. Only the first event of a message names its id and the model; what follows is the caller's as
it is. So blocks of whole events are passed on unread where one match proves that they are nothing but starts,
deltas and stops of content, two lines each, and a few searches that they hold none of the *needles*: ``message_``,
which stands in the type of every event that tells of the message as a whole; ``"error"``; and for vendors other
than Anthropic ``"signature`` and ``"redacted_``. Quotes inside JSON strings are escaped, so a needle with quotes is
a real one; the other can only cause a look too many. An event is passed unread or looked at for what it is, never
for what came along with it, so that the bytes are the same however the stream is cut.

What a look does: the message gets the caller's names; usage is read; errors end the stream; signatures of other
vendors are marked with their maker (`seal`). Events before the first content are held back, so that a
route which fails before it has answered anything can still be replaced; and so is what says why the model stopped,
until ``message_stop`` proves that the message is whole.

States: held back -> passing -> over (Ended or Failed; the rest is ignored).
"""

from __future__ import annotations

import re

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call
from pixapi.interfaces.stream import Decoder, Ended, Event, Failed, Passage, UsageReport
from pixapi.wire.anthropic_delivered import DeliveredMessages
from pixapi.wire.anthropic_errors import not_understood, read_error
from pixapi.wire.anthropic_seal import NATIVE, seal_fields
from pixapi.wire.anthropic_usage import UsageTally
from pixapi.wire.json import Fields, decode_fields, encode, lenient, lenient_fields, lenient_objects, raw
from pixapi.wire.sse import ServerSentEvent, SseFramer, event_end, read_event

_NEEDLES = (b"message_", b'"error"')
_SIGNATURES = (b'"signature', b'"redacted_')
_CONTENT = re.compile(rb"(?:event: content_block_[a-z]++\ndata: \{.*+\n\n)++")
_LINES = (b"event:", b"data:", b"id:", b"retry:", b":")
_HEAD_BYTES = 64 * 1024
_EMPTY_STARTS = ("text", "thinking")


class MessagesRelay(Decoder):
    """The decoder for a Messages stream where caller and server both speak that dialect. ``maker`` marks the
    signatures of thoughts.
    """

    def __init__(self, call: Call, maker: str) -> None:
        self._call = call
        self._maker = maker
        self._needles = _NEEDLES if maker == NATIVE else (*_NEEDLES, *_SIGNATURES)
        self._framer = SseFramer()
        self._tally = UsageTally()
        self._delivered = DeliveredMessages()
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._held: list[bytes] = []
        self._last: list[bytes] = []  # what tells how the message ended
        self._head = bytearray()
        self._begun = False  # message_start was seen
        self._has_blocks = False
        self._passing = False  # something of the answer was passed on
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over:
            return []
        if not self._begun and len(self._head) < _HEAD_BYTES:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        try:
            block = self._framer.feed(data)
            if block:
                self._block(block)
        except UpstreamError as error:
            self._fail(error)
        return self._take()

    def close(self) -> list[Event]:
        if self._over:
            return []
        head = bytes(self._head).removeprefix(b"\xef\xbb\xbf").strip()
        is_stream = any(head.startswith(line) or line.startswith(head) for line in _LINES)
        if not self._begun and not is_stream:
            self._fail(not_understood(head))
        else:
            self._fail(
                UpstreamCut("The provider of this model ended the stream before it was complete; try again.")
            )
        return self._take()

    def delivered_output(self) -> int:
        return self._delivered.tokens()

    def _take(self) -> list[Event]:
        self._flush()
        events, self._events = self._events, []
        return events

    def _flush(self) -> None:
        if self._out:
            data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
            self._out.clear()
            self._delivered.add(data)
            self._events.append(Passage(data))

    def _fail(self, error: UpstreamError) -> None:
        self._flush()
        self._over = True
        self._events.append(Failed(error))

    def _block(self, block: bytes) -> None:
        """Passes on the events of a block: runs of content at once where they need no look, else one by one."""
        at, end, tried = 0, len(block), 0
        while at < end and not self._over:
            run = _CONTENT.match(block, at) if self._passing and at >= tried else None
            if run is not None:
                tried = run.end()
                if not self._has_needle(run[0]):
                    self._pass(run[0])
                    at = tried
                    continue
            stop = event_end(block, at)
            event = block[at:stop]
            at = stop
            if self._passing and _CONTENT.fullmatch(event) and not self._has_needle(event):
                self._pass(event)
            else:
                self._look(event)

    def _has_needle(self, events: bytes) -> bool:
        return any(needle in events for needle in self._needles)

    def _pass(self, event: bytes) -> None:
        """Passes on what belongs to the answer, after all that was held back before it."""
        self._passing = True
        self._out += [*self._held, *self._last, event]
        self._held.clear()
        self._last.clear()

    # One event

    def _look(self, event: bytes) -> None:
        sent = read_event(event)
        if sent is None:
            if event.lstrip()[:1] in (b"{", b"<"):
                self._fail(not_understood(event))
            return
        try:
            fields = decode_fields(sent.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if sent.event != "ping":
                self._fail(
                    UpstreamInvalid(
                        "The provider of this model sent an event that is no JSON object; try again."
                    )
                )
            return
        kind = lenient(fields.get("type")) or sent.event
        if kind == "error" or sent.event == "error" or "error" in fields:
            self._fail(read_error(None, sent.data))
        elif kind == "message_start":
            self._begin(sent, fields)
        elif kind == "message_delta":
            self._tally.take(lenient(fields.get("usage")))
            self._report()
            self._last.append(_framed(kind, event, sent))
        elif kind == "message_stop":
            self._end(_framed(kind, event, sent))
        elif kind == "ping":
            if self._passing:
                self._out.append(_framed(kind, event, sent))
        else:
            self._content(str(kind), event, sent, fields)

    def _begin(self, sent: ServerSentEvent, fields: Fields) -> None:
        """The message's own start, under the caller's names. Said a second time it is left out; where something of
        an answer came in between, another message was begun instead of the rest of the first.
        """
        if self._has_blocks:
            self._fail(
                UpstreamCut("The provider of this model broke off its reply and began another; try again.")
            )
            return
        message = lenient_fields(fields.get("message"))
        stopped = lenient(message.get("stop_reason")) is not None
        self._tally.take(lenient(message.get("usage")), final=stopped)
        self._report()
        if self._begun:
            return
        self._begun = True
        message["id"], message["model"] = raw(self._call.reply_id), raw(self._call.alias)
        content = lenient_objects(message.get("content"))
        if content:
            for block in content if self._maker != NATIVE else ():
                seal_fields(block, self._maker)
            message["content"] = raw(content)
        began = b"event: message_start\ndata: " + encode({**fields, "message": message}) + b"\n\n"
        if content:
            self._has_blocks = True
            self._pass(began)
        else:
            self._held.append(began)

    def _content(self, kind: str, event: bytes, sent: ServerSentEvent, fields: Fields) -> None:
        """An event of a block, or of a kind that nobody knows yet."""
        if kind.startswith("content_block_"):
            self._begun = self._has_blocks = True
        passed = self._sealed(kind, fields) if self._maker != NATIVE else None
        passed = passed or _framed(kind, event, sent)
        if self._passing or not self._begins_empty(kind, fields):
            self._pass(passed)
        else:
            self._held.append(passed)

    def _begins_empty(self, kind: str, fields: Fields) -> bool:
        if kind != "content_block_start":
            return not kind.startswith("content_block_")
        block = lenient_fields(fields.get("content_block"))
        name = lenient(block.get("type"))
        return name in _EMPTY_STARTS and not lenient(block.get(name))

    def _sealed(self, kind: str, fields: Fields) -> bytes | None:
        """The event with its signature marked; None where it has none."""
        name = "content_block" if kind == "content_block_start" else "delta"
        inner = lenient_fields(fields.get(name))
        if not seal_fields(inner, self._maker):
            return None
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), encode({**fields, name: inner}))

    def _report(self) -> None:
        usage = self._tally.usage()
        if usage is not None:
            self._flush()
            self._events.append(UsageReport(usage))

    def _end(self, event: bytes) -> None:
        if not self._begun:
            self._fail(
                UpstreamInvalid("The provider of this model ended a message that it never began; try again.")
            )
            return
        self._out += self._held
        self._flush()
        self._over = True
        self._events += [Passage(b"".join([*self._last, event]), content=False), Ended()]


def _framed(kind: str, event: bytes, sent: ServerSentEvent) -> bytes:
    """An event as the API's clients need it: they see none without an ``event:`` line."""
    if event.startswith(b"event:"):
        return event
    return b"event: %s\ndata: %s\n\n" % (kind.encode("utf-8", "replace"), sent.data.replace(b"\n", b" "))
