"""What the streams of one server have in common, learnt from those that were read.

Most of a stream's events carry text, and differ. But how a reply begins, and how it ends, is the same in all of
them, behind the stamp (see `openai_stamp`): a role without content, a finish reason without a delta. What such an
event means is remembered by these bytes, so that it is read once a server and not once a stream. Only events
whose deltas hold nothing of an answer are remembered, and nothing of them reaches another stream but its meaning.
"""

from __future__ import annotations

import msgspec

from pixapi.wire.openai_quirks import Quirks

_NEEDLES = (b'"finish_reason":"', b'_tokens"', b'"error"', b'"provider"')
_MOST = 64
"""Kinds of events remembered; a server has a handful."""
_MOST_BYTES = 256


class Meaning(msgspec.Struct, frozen=True):
    """What an event without anything of an answer says: which choices it names, and which of them it finishes."""

    answers: bool
    finished: tuple[int, ...]


class Habits:
    """For all relays of one provider.

    ``needles``: byte strings of which every event that needs a look holds at least one, as they are spelt without
    and with a space behind the colon. ``before_usage``: what lies between the stamp and the usage in an event that has
    usage and nothing else, where one was seen.
    """

    __slots__ = ("_known", "before_usage", "needles", "spaced_needles")

    def __init__(self, quirks: Quirks) -> None:
        self.needles = _NEEDLES + quirks.needles
        self.spaced_needles = tuple(needle.replace(b'":', b'": ') for needle in self.needles)
        self.before_usage: bytes | None = None
        self._known: dict[bytes, Meaning] = {}

    def meaning(self, rest: bytes) -> Meaning | None:
        """What an event means of which ``rest`` follows the stamp; None if it is not known."""
        return self._known.get(rest)

    def learn(self, rest: bytes | None, meaning: Meaning) -> None:
        """Remembers it, if there is room; ``rest`` is None where an event has no stamp at its start.

        Not an end that no needle finds: whether it is seen would depend on where the bytes are cut.
        """
        if rest is None or len(rest) > _MOST_BYTES or len(self._known) >= _MOST:
            return
        if not meaning.finished or any(needle in rest for needle in (*self.needles, *self.spaced_needles)):
            self._known[rest] = meaning
