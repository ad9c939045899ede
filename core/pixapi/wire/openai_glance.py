"""A quick, typed look at one chunk of a stream: enough for a chunk in good order, and quick because it is typed.

Good order is the shape that the API reference gives a chunk ("The chat completion chunk object"), without an
error and with usage at its top only. For anything else there is the longer look, which believes nothing.
"""

from __future__ import annotations

import msgspec

_NULL = msgspec.Raw(b"null")
_NOTHING = frozenset({b"null", b'""', b"[]", b"{}", b"false"})


def _is_null(value: msgspec.Raw) -> bool:
    return value is _NULL or bytes(value) == b"null"


class Choice(msgspec.Struct):
    """One choice's piece."""

    index: int = 0
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL

    def carries(self) -> bool:
        """Whether it holds something of an answer."""
        if self.finish_reason:
            return True
        delta = self.delta or {}
        return any(key != "role" and bytes(value) not in _NOTHING for key, value in delta.items())

    def is_in_order(self) -> bool:
        """Whether it has neither an error nor usage of its own."""
        return self.finish_reason != "error" and _is_null(self.usage) and _is_null(self.error)


class Glance(msgspec.Struct):
    """A chunk in good order."""

    id: msgspec.Raw
    model: msgspec.Raw
    choices: list[Choice]
    usage: msgspec.Raw = _NULL
    error: msgspec.Raw = _NULL
    x_groq: msgspec.Raw = _NULL
    provider: msgspec.Raw = _NULL
    """Withheld from callers, so it takes a longer look."""

    def has_usage(self) -> bool:
        """Whether it says what was used."""
        return not _is_null(self.usage)


_GLANCE = msgspec.json.Decoder(Glance)


def glance(payload: bytes) -> Glance | None:
    """The chunk, if it is in good order."""
    try:
        seen = _GLANCE.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not (_is_null(seen.error) and _is_null(seen.x_groq) and _is_null(seen.provider)):
        return None
    for choice in seen.choices:
        if not choice.is_in_order():
            return None
    return seen


def has_text(event: bytes) -> bool:
    """Whether an event surely carries text: a quick look that may miss it."""
    at = event.find(b'"content":')
    text = event[at + 10 : at + 13].lstrip() if at >= 0 else b""
    return text[:1] == b'"' and text[1:2] not in (b"", b'"')
