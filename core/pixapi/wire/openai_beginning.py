"""The two ends of a reply to a call for a stream: whether it is one at all, for some servers answer with HTML or one
JSON value; and whether what stands at its end, without an empty line after it, is whole.
"""

from __future__ import annotations

import msgspec

from pixapi.errors import UpstreamError
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_errors import not_a_stream
from pixapi.wire.sse import read_event

_MOST_BYTES = 1024 * 1024
_FIELD_NAMES = (b":", b"data", b"event", b"id", b"retry")
_BLANK = b"\xef\xbb\xbf \t\r\n"


class Beginning:
    """Looks at the first bytes; gathers what is no stream, for the error that it may hold."""

    __slots__ = ("_gathered", "is_stream")

    def __init__(self) -> None:
        self._gathered: bytearray | None = None
        self.is_stream = False
        """Enough was seen to say so."""

    def takes(self, data: bytes) -> bool:
        """Whether ``data`` belongs to what is no stream, and was taken."""
        if self._gathered is None:
            data = data.lstrip(_BLANK)
            if not data:
                return False
            if data[:1] not in (b"<", b"{", b"["):
                self.is_stream = True
                return False
            self._gathered = bytearray()
        self._gathered += data
        return True

    def early(self) -> UpstreamError | None:
        """What it means, where nothing more need be waited for."""
        gathered = self._gathered or b""
        return self.error() if gathered.startswith(b"<") or len(gathered) > _MOST_BYTES else None

    def error(self) -> UpstreamError | None:
        """What it means; None if it is a stream, or nothing."""
        return None if self._gathered is None else not_a_stream(bytes(self._gathered))


def last_event(tail: bytes) -> bytes | None:
    """The event in what has come of it, with its empty line, if it is whole."""
    read = read_event(tail) if tail else None
    if read is None:
        return None
    payload = read.data.strip()
    if payload != b"[DONE]":
        try:
            decode_fields(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
    return tail + b"\n\n"


def is_no_field(tail: bytes) -> bool:
    """Whether this is nothing that a stream of events could end with."""
    begins = any(tail[: len(name)] == name[: len(tail)] for name in _FIELD_NAMES)
    return read_event(tail) is None and not begins
