"""The caller's model name and our reply id in place of the server's, at the price of one `bytes.split`.

In a stream every event repeats the same few members (``"id":"…","object":"…","created":…,"model":"…"``),
byte for byte. That run of bytes, from the first of id and model to the last, is the *stamp*: learnt from
one event, it is replaced in all others without parsing them. This is safe because quotes inside JSON
strings are escaped, so the stamp's quotes can only be real ones. An event without the stamp is parsed,
rewritten by itself, and the stamp is learnt anew from it (servers whose ``created`` moves on do this once a
second).
"""

from __future__ import annotations

import msgspec

from pixapi.wire.json import Fields, encode, raw


class Stamp(msgspec.Struct, frozen=True):
    """A run of bytes that marks an event of this stream, and what takes its place."""

    theirs: bytes
    ours: bytes


class Stamper:
    """Gives the events of one stream our names.

    ``needles`` are byte strings of which every event that needs a look holds at least one.
    """

    __slots__ = ("_needles", "_stamp", "marks")

    def __init__(self, reply_id: str, alias: str, needles: tuple[bytes, ...]) -> None:
        self.marks: Fields = {"id": raw(reply_id), "model": raw(alias)}
        self._needles = needles
        self._stamp: Stamp | None = None

    def unread(self, events: bytes) -> bytes | None:
        """A block of events under our names, if each has the stamp and none needs a look; else None."""
        stamp = self._stamp
        if stamp is None:
            return None
        parts = events.split(stamp.theirs)
        rest = b"".join(parts)
        if len(parts) < 2 or rest.count(b"\n") != 2 * (len(parts) - 1):
            return None
        for needle in self._needles:
            if needle in rest:
                return None
        return stamp.ours.join(parts)

    def rename(self, event: bytes, fields: Fields, changed: bool) -> bytes:
        """One event under our names. ``fields`` is its top level, encoded anew if ``changed``."""
        if not changed:
            stamp = self._stamp
            if stamp is None or event.count(stamp.theirs) != 1:
                stamp = self._learn(event, fields)
            if stamp is not None:
                self._stamp = stamp
                return event.replace(stamp.theirs, stamp.ours)
        fields.update(self.marks)
        return b"data: " + encode(fields) + b"\n\n"

    def _learn(self, event: bytes, fields: Fields) -> Stamp | None:
        """The stamp of an event; None where its id and model do not lie together."""
        spans = []
        for value, new in self.marks.items():
            key = b'"%s":' % value.encode()
            theirs = fields.get(value)
            if theirs is None:
                return None
            for name in (key, key + b" "):
                start = event.find(name + bytes(theirs))
                if start >= 0:
                    spans.append((start, start + len(name) + len(theirs), name + bytes(new)))
                    break
            else:
                return None
        (start, middle, first), (resume, end, second) = sorted(spans)
        if b'"choices"' in event[middle:resume] or event.count(event[start:end]) != 1:
            return None
        return Stamp(event[start:end], first + event[middle:resume] + second)
