"""Lines from bytes, cut anywhere: one JSON value a line, as NDJSON has it
(github.com/ndjson/ndjson-spec).

LF ends a line. A CR before it stays, since it is white space to JSON, and so do empty lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from pixapi.errors import UpstreamInvalid

MAX_LINE_BYTES = 16 * 1024 * 1024


class LineParser:
    """Bytes in, lines out, without their LF; any cutting of the same bytes gives the same lines."""

    __slots__ = ("_max_bytes", "_tail")

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._tail = bytearray()
        self._max_bytes = max_line_bytes

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that ``data`` completes.

        Raises:
            UpstreamInvalid: a line is larger than the cap; those before it were given.
        """
        *lines, rest = data.split(b"\n")
        for line in lines:
            whole = bytes(self._tail + line) if self._tail else line
            self._tail.clear()
            self._check(len(whole))
            yield whole
        self._tail += rest
        self._check(len(self._tail))

    def pending(self) -> bytes:
        """The bytes of a line whose end has not come."""
        return bytes(self._tail)

    def _check(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise UpstreamInvalid(
                f"a line of the stream is larger than {self._max_bytes} bytes; expected small lines"
            )
