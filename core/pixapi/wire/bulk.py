"""Many pieces of an answer that came at once, on their way from the one dialect to the other.

Most of a stream is text in small pieces, and a server that is quick sends many of them in one read. To make an event
of each and to take it apart again costs more than all else of a translation. So a decoder may hand them on together,
as they are spelt, to an encoder that puts them between its own quotes. They stay as many as they were.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import msgspec

from pixapi.interfaces.stream import Decoder, Event, TextDelta


class TextDeltas(msgspec.Struct, frozen=True):
    """Several `TextDelta`, none of them empty.

    ``spelt``: each text as it stands between the quotes of a JSON string, and valid there.
    """

    spelt: list[bytes]

    def apart(self) -> list[TextDelta]:
        """The events themselves."""
        return _TEXTS.decode(b'[{"text":"%b"}]' % b'"},{"text":"'.join(self.spelt)) if self.spelt else []


_TEXTS = msgspec.json.Decoder(list[TextDelta])

Events = Sequence[Event | TextDeltas]


class BulkDecoder(Decoder):
    """A decoder that can give `TextDeltas`."""

    @abstractmethod
    def feed_many(self, data: bytes) -> Events:
        """What `feed` gives, with `TextDeltas` in the place of several `TextDelta`."""

    def feed(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        for event in self.feed_many(data):
            if isinstance(event, TextDeltas):
                events += event.apart()
            else:
                events.append(event)
        return events
