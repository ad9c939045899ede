"""A quick, typed look at one chunk of a stream: enough for a chunk in good order, and quick because it is typed.

Good order is the shape that the API reference gives a chunk ("The chat completion chunk object"), without an
error and with usage at its top only. For anything else there is the longer look, which believes nothing.
"""

from __future__ import annotations

import msgspec

from pixapi.wire.openai_usage import Said

_NOTHING = frozenset({b"null", b'""', b"[]", b"{}", b"false"})


class Choice(msgspec.Struct):
    """One choice's piece. What has to be absent or null is of type None."""

    index: int = 0
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None
    usage: None = None
    error: None = None

    def carries(self) -> bool:
        """Whether it holds something of an answer."""
        delta = self.delta or {}
        return any(key != "role" and bytes(value) not in _NOTHING for key, value in delta.items())


class Glance(msgspec.Struct):
    """A chunk in good order."""

    id: msgspec.Raw
    model: msgspec.Raw
    choices: list[Choice]
    usage: Said | None = None
    error: None = None
    x_groq: None = None
    provider: None = None
    """Withheld from callers, so it takes a longer look."""


_GLANCE = msgspec.json.Decoder(Glance)


def glance(payload: bytes) -> Glance | None:
    """The chunk, if it is in good order."""
    try:
        return _GLANCE.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def has_text(event: bytes) -> bool:
    """Whether an event surely carries text: a quick look that may miss it."""
    at = event.find(b'"content":')
    text = event[at + 10 : at + 13].lstrip() if at >= 0 else b""
    return text[:1] == b'"' and text[1:2] not in (b"", b'"')
