"""A quick, typed look at one chunk of a stream: enough for a chunk in good order, and quick because it is typed.

Good order is the shape that the API reference gives a chunk ("The chat completion chunk object"), without an
error and with usage at its top only. For anything else there is the longer look, which believes nothing.
"""

from __future__ import annotations

import msgspec

_NULL = msgspec.Raw(b"null")
_NOTHING = frozenset({b"null", b'""', b"[]", b"{}", b"false"})


class Choice(msgspec.Struct):
    """One choice's piece."""

    index: int = 0
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL

    def carries(self) -> bool:
        """Whether it holds something of an answer."""
        delta = self.delta
        return delta is not None and any(
            key != "role" and bytes(value) not in _NOTHING for key, value in delta.items()
        )

    def is_in_order(self) -> bool:
        return self.finish_reason != "error" and bytes(self.usage) == b"null" and bytes(self.error) == b"null"


class Glance(msgspec.Struct):
    """A chunk in good order."""

    id: msgspec.Raw
    model: msgspec.Raw
    choices: list[Choice]
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL
    x_groq: msgspec.Raw = _NULL

    def has_usage(self) -> bool:
        return bytes(self.usage) != b"null"


_GLANCE = msgspec.json.Decoder(Glance)


def glance(payload: bytes) -> Glance | None:
    """The chunk, if it is in good order."""
    try:
        seen = _GLANCE.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if bytes(seen.error) != b"null" or bytes(seen.x_groq) != b"null":
        return None
    for choice in seen.choices:
        if not choice.is_in_order():
            return None
    return seen


def has_text(event: bytes) -> bool:
    """Whether an event surely carries text: a quick look that may miss it."""
    at = event.find(b'"content":"')
    return at >= 0 and event[at + 11 : at + 12] != b'"'
