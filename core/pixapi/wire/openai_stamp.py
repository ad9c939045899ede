"""The caller's model name and our reply id in place of the server's, at the price of one `bytes.split`.

In a stream every event repeats the same few members (``"id":"…","object":"…","created":…,"model":"…"``),
byte for byte. That run of bytes, from the first of id and model to the last, is the *stamp*: learnt from
one event, it is replaced in all others without parsing them. This is safe because quotes inside JSON
strings are escaped, so the stamp's quotes can only be real ones. An event without the stamp is parsed,
rewritten by itself, and the stamp is learnt anew from it (servers whose ``created`` moves on do this once a
second).
"""

from __future__ import annotations

import re
from operator import itemgetter

import msgspec

from pixapi.wire.json import Fields, encode, raw
from pixapi.wire.openai_habits import Habits
from pixapi.wire.openai_withheld import PROVIDER, withhold

_LARGE_BYTES = 2048
_TEXT = b'"content":"'
_TEXT_SPACED = b'"content": "'
_NAMES = {"id": b'"id":', "model": b'"model":'}
_EVERY_OTHER = slice(None, -1, 2)
_USUAL = re.compile(
    rb'data: \{"id":( ?)("[^"\\]*"), ?"object": ?"(?!error")[a-z.]*", ?"created": ?[0-9]+, ?"model": ?("[^"\\]*")(?=,)'
)
"""How nearly all servers begin each event, unless it is an error: to see it costs less than to parse it."""


class Stamp(msgspec.Struct, frozen=True):
    """A run of bytes that marks an event of this stream, and what takes its place.

    ``at_start``: it is how each event begins, ``data: {`` included. ``needles`` are those to look for.
    """

    theirs: bytes
    ours: bytes
    at_start: bool
    needles: tuple[bytes, ...]

    def replaced(self, events: bytes) -> bytes | None:
        """``events`` with our names, if each has the stamp once, on one line, and none of the needles."""
        if self.at_start and events.startswith(self.theirs):
            if len(events) > _LARGE_BYTES:
                return self._replaced_in_many(events)
            rest = events[len(self.theirs) :]
            if rest.count(b"\n") == 2:
                return self._replaced_in_one(rest)
        parts = events.split(self.theirs)
        rest = b"".join(parts)
        if len(parts) < 2 or rest.count(b"\n") != 2 * (len(parts) - 1):
            return None
        for needle in self.needles:
            if needle in rest:
                return None
        return self.ours.join(parts)

    def _replaced_in_one(self, rest: bytes) -> bytes | None:
        """The same for a single event, of which ``rest`` follows the stamp."""
        for needle in self.needles:
            if needle in rest:
                return None
        return self.ours + rest

    def _replaced_in_many(self, events: bytes) -> bytes | None:
        """The same for a large block, where a split at a long stamp costs more than one at line ends."""
        lines = events.split(b"\n")
        alike = self._replaced_in_alike(events, lines)
        if alike is not None:
            return alike
        stamped = events.count(b"\n\n" + self.theirs) + 1
        if len(lines) != 2 * stamped + 1 or any(lines[1::2]):
            return None
        size = len(self.theirs)
        rests = [line[size:] for line in lines[:-1:2]]
        rest = b"".join(rests)
        for needle in self.needles:
            if needle in rest:
                return None
        return self.ours + (b"\n\n" + self.ours).join(rests) + b"\n\n"

    def _replaced_in_alike(self, events: bytes, lines: list[bytes]) -> bytes | None:
        """The same for events that differ in their text only, as nearly all do, at half the cost.

        The first event is cut around its text; if all the others, put together from the same head and tail, give the
        block again, and no text holds a quote, then there is nothing else in any of them: every needle has a quote.
        """
        first = lines[0]
        size = len(self.theirs)
        start = max(first.find(_TEXT, size), first.find(_TEXT_SPACED, size) + 1) + len(_TEXT)
        end = first.find(b'"', start)
        if start <= len(_TEXT) or end < 0:
            return None
        head, tail = first[:start], first[end:] + b"\n\n"
        for needle in self.needles:
            if needle in head or needle in tail:
                return None
        texts = list(map(itemgetter(slice(start, end - len(first))), lines[_EVERY_OTHER]))
        body = (tail + head).join(texts)
        whole = start + len(body) + len(tail) == len(events)
        if not (whole and events.startswith(body, start) and events.endswith(tail)) or b'"' in b"".join(
            texts
        ):
            return None
        ours = self.ours + head[size:]
        texts[0] = ours + texts[0]
        texts[-1] += tail
        return (tail + ours).join(texts)


class Stamper:
    """Gives the events of one stream our names. ``habits``: what is known of the server."""

    __slots__ = ("_habits", "_stamp", "marks")

    def __init__(self, reply_id: str, alias: str, habits: Habits) -> None:
        self.marks: Fields = {"id": raw(reply_id), "model": raw(alias)}
        self._habits = habits
        self._stamp: Stamp | None = None

    def unread(self, events: bytes) -> bytes | None:
        """A block of events under our names, if each has the stamp and none needs a look; else None."""
        return None if self._stamp is None else self._stamp.replaced(events)

    def rest(self, event: bytes) -> bytes | None:
        """What follows the stamp, where that is how the event begins; learns the stamp if it is a usual one."""
        stamp = self._stamp
        if stamp is None or not stamp.at_start or not event.startswith(stamp.theirs):
            stamp = self._usual(event)
            if stamp is None:
                return None
            self._stamp = stamp
        return event[len(stamp.theirs) :]

    def stamped(self, rest: bytes) -> bytes:
        """The event of `rest` under our names."""
        assert self._stamp is not None
        return self._stamp.ours + rest

    def replaced(self, event: bytes, reply_id: msgspec.Raw, model: msgspec.Raw) -> bytes | None:
        """One unchanged event under our names, of which it has ``reply_id`` and ``model``; None where that takes
        more than putting bytes in the place of others.
        """
        stamp = self._stamp
        if stamp is not None and stamp.at_start and event.startswith(stamp.theirs):
            return stamp.ours + event[len(stamp.theirs) :]
        if stamp is None or event.count(stamp.theirs) != 1:
            stamp = self._learn(event, {"id": reply_id, "model": model})
            if stamp is None:
                return None
            self._stamp = stamp
        return event.replace(stamp.theirs, stamp.ours)

    def rename(self, event: bytes, fields: Fields, changed: bool) -> bytes:
        """One event under our names. ``fields`` is its top level, encoded anew if ``changed``."""
        if not changed:
            stamp = self._stamp
            if stamp is None or event.count(stamp.theirs) != 1 or any(name in fields for name in PROVIDER):
                stamp = self._learn(event, fields)
            if stamp is not None:
                self._stamp = stamp
                return event.replace(stamp.theirs, stamp.ours)
        withhold(fields, PROVIDER)
        fields.update(self.marks)
        return b"data: " + encode(fields) + b"\n\n"

    def _usual(self, event: bytes) -> Stamp | None:
        """The stamp of an event that begins as nearly all do."""
        found = _USUAL.match(event)
        if found is None or any(event.find(name, found.end()) >= 0 for name in _NAMES.values()):
            return None  # where a name stands twice the last counts, and one has to look whose it is
        theirs, spaced = found[0], bool(found[1])
        (id_start, id_end), (start, _) = found.span(2), found.span(3)
        ours = b"".join(
            (theirs[:id_start], bytes(self.marks["id"]), theirs[id_end:start], bytes(self.marks["model"]))
        )
        return Stamp(theirs, ours, at_start=True, needles=self._needles(spaced))

    def _needles(self, spaced: bool) -> tuple[bytes, ...]:
        return self._habits.spaced_needles if spaced else self._habits.needles

    def _learn(self, event: bytes, fields: Fields) -> Stamp | None:
        """The stamp of an event; None where its id and model do not lie together."""
        found = []
        for name in ("id", "model"):
            theirs = fields.get(name)
            if theirs is None or not bytes(theirs).endswith(b'"'):
                return None  # of a number the next event may have more digits
            spelt = _NAMES[name] + bytes(theirs)
            at = event.find(spelt)
            if at < 0:
                spelt = _NAMES[name] + b" " + bytes(theirs)
                at = event.find(spelt)
                if at < 0:
                    return None
            if event.find(spelt, at + 1) >= 0:
                return None  # the same text stands elsewhere too, perhaps at a place that is not ours
            found.append((at, at + len(spelt), spelt[: -len(theirs)] + bytes(self.marks[name])))
        (start, middle, first), (resume, end, second) = found if found[0] < found[1] else reversed(found)
        if event.find(b'"choices"', middle, resume) >= 0 or event.count(event[start:end]) != 1:
            return None
        between = _without_provider(event[middle:resume], fields)
        needles = self._needles(b'": ' in event[start:end])
        if between is None or any(needle in between for needle in needles):
            return None
        at_start = start == 7 and event.startswith(b"data: {")
        lead = b"data: {" if at_start else b""
        return Stamp(
            theirs=lead + event[start:end],
            ours=lead + first + between + second,
            at_start=at_start,
            needles=needles,
        )


def _without_provider(between: bytes, fields: Fields) -> bytes | None:
    """What lies between id and model, without the provider's name; None where the event names it elsewhere."""
    for name in PROVIDER:
        if name in fields:
            at, spelt = -1, b""
            for space in (b"", b" "):
                spelt = b'"%s":%s%s,' % (name.encode(), space, bytes(fields[name]))
                at = between.find(spelt)
                if at >= 0:
                    break
            if at < 0 or between.find(spelt, at + 1) >= 0:
                return None
            between = between[:at] + between[at + len(spelt) :].removeprefix(b" ")
    return between
