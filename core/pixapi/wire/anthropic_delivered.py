"""How much of a relayed message was passed on, for a call whose usage never came (a caller who left, a cut stream).

The blocks that were sent are kept by reference and only read when somebody asks. A token is taken for four bytes of
UTF-8 text, rounded up.
"""

from __future__ import annotations

import msgspec

_KEPT_BYTES = 1024 * 1024
_BYTES_PER_TOKEN = 4


class _Piece(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None


class _Event(msgspec.Struct):
    delta: _Piece | None = None
    content_block: _Piece | None = None


_EVENT = msgspec.json.Decoder(_Event)


class DeliveredMessages:
    """Blocks of events of the Messages API, counted when asked for."""

    __slots__ = ("_blocks", "_counted_bytes", "_kept_bytes")

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._kept_bytes = 0
        self._counted_bytes = 0

    def add(self, block: bytes) -> None:
        """Remembers a block; when many have gathered they are counted and let go."""
        self._blocks.append(block)
        self._kept_bytes += len(block)
        if self._kept_bytes > _KEPT_BYTES:
            self.tokens()

    def tokens(self) -> int:
        """The estimate for everything added so far."""
        for block in self._blocks:
            for line in block.split(b"\n"):
                if line.startswith(b"data:"):
                    self._counted_bytes += _text_bytes(line[5:])
        self._blocks.clear()
        self._kept_bytes = 0
        return -(-self._counted_bytes // _BYTES_PER_TOKEN)


def _text_bytes(payload: bytes) -> int:
    try:
        event = _EVENT.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return len(payload)
    texts = [
        text
        for piece in (event.delta, event.content_block)
        if piece is not None
        for text in (piece.text, piece.thinking, piece.partial_json)
    ]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts if text)
