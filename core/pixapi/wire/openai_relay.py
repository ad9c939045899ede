"""A chat stream from a server that speaks OpenAI's dialect to a caller who does (OpenAI API reference,
"Streaming").

Theory of operation. Nearly every event of a stream is one that the caller may have as it is, but for two
names: the reply's id and the model. So whole blocks of events are passed on unread: the stamp (see
`openai_stamp`) is replaced by one split and join, and a few byte searches prove that nothing in the block
needs a look. The proof for a block is that for each of its events: as many stamps as events, two line ends
for each, and none of the *needles* (usage, an error, a finish reason, a provider's name, what the quirks mend).
That makes the result the same however the bytes are cut: an event is passed unread or looked at for what it is,
never for what came along with it.

What a look does: errors end the stream; usage is read, wherever it hides, and kept from callers who did not
ask for it; callers who did get it once, in a chunk of its own before the end; quirks are mended. Until the
first content, events are held back, so that a route which fails before it has answered anything can still
be replaced.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamCut, UpstreamError, UpstreamInvalid
from pixapi.interfaces.call import Call
from pixapi.interfaces.stream import Decoder, Ended, Event, Failed, Passage, UsageReport
from pixapi.interfaces.usage import Usage
from pixapi.wire.json import Fields, decode_fields, encode, lenient, lenient_fields, lenient_objects, raw
from pixapi.wire.openai_beginning import Beginning, is_no_field, last_event
from pixapi.wire.openai_delivered import Delivered
from pixapi.wire.openai_errors import has_error, is_error, not_a_stream, read_error
from pixapi.wire.openai_glance import glance, has_text
from pixapi.wire.openai_habits import Habits, Meaning
from pixapi.wire.openai_input import choices_expected
from pixapi.wire.openai_mend import Mender
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_stamp import Stamper
from pixapi.wire.openai_usage_tap import UsageTap
from pixapi.wire.sse import SseFramer, event_end, one_line

DONE = b"data: [DONE]\n\n"
_TAIL_EVENTS = 3
_MANY_BYTES, _HEAD_BYTES = 1024, 512


class OpenAIChatRelay(Decoder):
    """The decoder for a chat stream where caller and server both speak OpenAI's dialect."""

    def __init__(self, call: Call, quirks: Quirks = PLAIN, habits: Habits | None = None) -> None:
        """``habits``: what earlier streams of the server taught, of relays with the same quirks."""
        self._call = call
        self._habits = habits or Habits(quirks)
        self._mender = Mender(quirks, call.reply_id)
        self._framer = SseFramer()
        self._stamper = Stamper(call.reply_id, call.alias, self._habits)
        self._tap = UsageTap(self._habits, excludes_reasoning=quirks.completion_excludes_reasoning)
        self._reported: Usage | None = None
        self._usage_chunk: Fields | bytes | None = None
        self._delivered = Delivered()
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._held: list[bytes] = []
        self._beginning = Beginning()
        self._finished: set[int] = set()
        self._answered = False  # a choice was seen
        self._started = False  # something of the answer was passed on
        self._over = False

    def feed(self, data: bytes) -> list[Event]:
        if self._over or not data:
            return []
        tried = self._started and self._framer.is_whole(data) and not data.endswith(DONE)
        if tried:
            passed = self._stamper.unread(data)
            if passed is not None:
                self._delivered.add(passed)
                return [Passage(passed)]
        if not self._beginning.is_stream and self._beginning.takes(data):
            if (error := self._beginning.early()) is not None:
                self._fail(error)
            return self._take()
        try:
            block = self._framer.feed(data)
        except UpstreamInvalid as error:
            self._fail(error)
            return self._take()
        if block:
            self._block(block, tried)
        return self._take()

    def close(self) -> list[Event]:
        if self._over:
            return []
        error = self._beginning.error()
        if error is not None:
            self._fail(error)
            return self._take()
        tail = self._framer.tail().strip()
        event = last_event(tail)
        if event is not None:
            self._look(event)
        elif tail and not self._answered and is_no_field(tail):
            self._fail(not_a_stream(tail))
        if not self._over:
            if self._finished and len(self._finished) >= choices_expected(self._call.fields):
                self._finish()
            else:
                self._fail(UpstreamCut("The provider of this model closed the stream before its end."))
        return self._take()

    def delivered_output(self) -> int:
        return self._delivered.tokens()

    def _take(self) -> list[Event]:
        self._flush()
        events, self._events = self._events, []
        return events

    def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            self._delivered.add(data)
            self._events.append(Passage(data))

    def _block(self, block: bytes, tried: bool) -> None:
        """Passes on the events of a block. ``tried``: the whole of it needs a look somewhere."""
        at, end, bulk = 0, len(block), True
        while at < end and not self._over:
            if bulk and end - at > _MANY_BYTES and (self._started or has_text(block[at : at + _HEAD_BYTES])):
                at = self._pass_unread(block, at, tried)
                bulk = False
                continue
            stop = event_end(block, at)
            self._event(block[at:stop])
            at, tried = stop, False

    def _pass_unread(self, block: bytes, at: int, tried: bool) -> int:
        """Passes on a block, or all but its last events, where none needs a look; how far it went."""
        stop = len(block)
        passed = None if tried or block.endswith(DONE) else self._stamper.unread(block[at:])
        if passed is None:
            for _ in range(_TAIL_EVENTS):
                stop = block.rfind(b"\n\n", at, max(stop - 2, at)) + 2
            passed = self._stamper.unread(block[at:stop]) if stop > at else None
        if passed is None:
            return at
        self._pass(passed)
        return stop

    def _pass(self, events: bytes) -> None:
        if not self._started:
            self._started = True
            self._out += self._held
            self._held.clear()
        self._out.append(events)

    def _event(self, event: bytes) -> None:
        if event == DONE:
            self._finish()
            return
        rest = self._stamper.rest(event)
        meaning = None if rest is None or self._mender.is_mending else self._habits.meaning(rest)
        if rest is not None and meaning is not None:
            self._understood(self._stamper.stamped(rest), meaning)
        elif rest is not None and self._tap.knows(rest):
            self._usage_chunk = self._stamper.stamped(rest)
            self._report()
        elif (self._started or has_text(event)) and (passed := self._stamper.unread(event)) is not None:
            self._pass(passed)
        else:
            self._look(event)

    def _understood(self, passed: bytes, meaning: Meaning) -> None:
        """An event that holds nothing of an answer."""
        self._answered = self._answered or meaning.answers
        self._finished.update(meaning.finished)
        if self._started or meaning.finished:
            self._pass(passed)
        else:
            self._held.append(passed)

    def _look(self, event: bytes) -> None:
        kind, line = one_line(event)
        if line == DONE:
            self._finish()
        elif line:
            self._read(kind, line)
        elif event.lstrip()[:1] in (b"{", b"<"):
            self._fail(not_a_stream(event))

    def _read(self, kind: str, event: bytes) -> None:
        if kind == "message" and self._glance(event):
            return
        try:
            fields = decode_fields(event[6:-2])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._fail(not_a_stream(event[6:-2]))
            return
        if kind == "error" or is_error(fields):
            self._fail(read_error(None, event[6:-2]))
            return
        self._chunk(event, fields)

    def _glance(self, event: bytes) -> bool:
        """Deals with an event in good order that needs no mending; False where it takes a longer look."""
        seen = None if self._mender.may_mend(event) else glance(event[6:-2])
        if seen is None:
            return False
        usage, choices = seen.usage, seen.choices
        if usage is not None and (choices or not self._tap.see(usage, event)):
            return False
        if any(choice.finish_reason == "error" for choice in choices):
            return False
        passed = self._stamper.replaced(event, seen.id, seen.model)
        if passed is None:
            return False
        meaning = Meaning(bool(choices), tuple(choice.index for choice in choices if choice.finish_reason))
        rest = self._stamper.rest(event)
        if usage is not None:
            self._tap.learn(rest)
            self._usage_chunk = passed
            self._report()
        elif any(choice.carries() for choice in choices):
            self._answered = True
            self._finished.update(meaning.finished)
            self._pass(passed)
        else:
            self._habits.learn(rest, meaning)
            self._understood(passed, meaning)
        return True

    def _chunk(self, event: bytes, fields: Fields) -> None:
        choices = lenient_objects(fields.get("choices"))
        finished = len(self._finished)
        changed = content = False
        may_have_usage = b'_tokens"' in event
        weigh = may_have_usage or not self._started
        for choice in choices:
            mended, carries = self._choice(choice, weigh)
            if self._over:
                return
            changed, content = changed or mended, content or carries
        finishes = len(self._finished) > finished
        hidden = may_have_usage and self._tap.take(fields, choices)
        if hidden and not content and not finishes and (finished or not choices):
            self._usage_chunk = fields  # nothing but usage: sent at the end, or not at all
            self._report()
            return
        if changed or hidden:
            fields["choices"] = raw(choices)
        passed = self._stamper.rename(event, fields, changed or hidden)
        if self._started or content or finishes:
            self._pass(passed)
        else:
            self._held.append(passed)
        if hidden:
            self._usage_chunk = None  # an earlier one is out of date
            self._report()

    def _choice(self, choice: Fields, weigh: bool) -> tuple[bool, bool]:
        """Mends a choice in place: whether it was changed, and (if ``weigh``) whether it carries something."""
        self._answered = True
        reason = lenient(choice.get("finish_reason"))
        if reason == "error" or has_error(choice):
            self._fail(read_error(None, encode(choice)))
            return False, False
        index = lenient(choice.get("index"))
        index = index if isinstance(index, int) else 0
        delta = lenient_fields(choice.get("delta"))
        changed = self._mender.delta(index, delta, bool(reason))
        if changed:
            choice["delta"] = raw(delta)
        if reason:
            self._finished.add(index)
        return changed, weigh and any(key != "role" and lenient(value) for key, value in delta.items())

    def _report(self) -> None:
        if self._tap.usage is not None and self._tap.usage != self._reported:
            self._reported = self._tap.usage
            self._flush()
            self._events.append(UsageReport(self._reported))

    def _finish(self) -> None:
        if not (self._answered or self._started):
            self._fail(UpstreamInvalid("The provider of this model ended the stream without an answer."))
            return
        self._out += self._held
        self._flush()
        self._over = True
        if self._call.include_usage:
            chunk = self._usage_chunk
            if not isinstance(chunk, bytes):
                chunk = self._tap.chunk(chunk, self._stamper.marks, self._call.created)
            if chunk is not None:
                self._events.append(Passage(chunk, content=False))
        self._events += [Passage(DONE, content=False), Ended()]

    def _fail(self, error: UpstreamError) -> None:
        self._flush()
        self._over = True
        self._events.append(Failed(error))
