"""Content codings (RFC 9110 section 8.4.1): replies that come compressed although `identity` was asked for.

Some servers compress whatever the request says. Such a reply is undone here in pieces of a bounded size, so
that a small reply which unfolds to gigabytes costs its reader one piece at a time, and the reader's own limit
ends it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from pixapi.errors import UpstreamCut, UpstreamInvalid

PIECE_BYTES = 64 * 1024

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""zlib's window argument: 31 wants a gzip header, 15 a zlib header."""


class Inflater:
    """Undoes one content coding, piece by piece."""

    def __init__(self, coding: str) -> None:
        """``coding``: gzip, x-gzip or deflate.

        Raises:
            UpstreamInvalid: it is another one.
        """
        window = _WINDOWS.get(coding.strip().lower())
        if window is None:
            raise UpstreamInvalid(
                "the model's server sent its reply in a content coding that was not asked for; "
                "expected identity, gzip or deflate"
            )
        self._window = window
        self._inner = zlib.decompressobj(window)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain pieces that ``data`` completes, each of at most `PIECE_BYTES`.

        Raises:
            UpstreamInvalid: ``data`` is not in this coding.
        """
        while True:
            if self._inner.eof:
                data = data.lstrip(b"\0")  # padding between or after the members of a gzip file
                if not data:
                    return
                self._inner = zlib.decompressobj(self._window)
            try:
                piece = self._inner.decompress(data, PIECE_BYTES)
            except zlib.error:
                raise UpstreamInvalid("the model's server sent a reply that cannot be unpacked") from None
            data = self._inner.unused_data if self._inner.eof else self._inner.unconsumed_tail
            if piece:
                yield piece
            if not data and len(piece) < PIECE_BYTES:
                return

    def close(self) -> None:
        """The reply has ended.

        Raises:
            UpstreamCut: the coding had not.
        """
        if not self._inner.eof:
            raise UpstreamCut("the model's server ended its compressed reply too early")
