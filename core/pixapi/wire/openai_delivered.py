"""How much of an answer was passed on, for a call whose usage never came (a caller who left, a cut stream).

The blocks that were sent are kept by reference and only read when somebody asks. A token is taken for four
bytes of UTF-8 text, rounded up.
"""

from __future__ import annotations

import msgspec

_KEPT_BYTES = 1024 * 1024
_BYTES_PER_TOKEN = 4


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class Delivered:
    """Blocks of events in the caller's dialect, counted when asked for."""

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
            for event in block.split(b"\n\n"):
                if event.startswith(b"data:"):
                    self._counted_bytes += self._text_bytes(event[5:])
        self._blocks.clear()
        self._kept_bytes = 0
        return -(-self._counted_bytes // _BYTES_PER_TOKEN)

    def _text_bytes(self, payload: bytes) -> int:
        try:
            chunk = _CHUNK.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return 0 if payload.strip() == b"[DONE]" else len(payload)
        texts = []
        for choice in chunk.choices or ():
            delta = choice.delta
            if delta is not None:
                texts += [delta.content, delta.reasoning_content, delta.refusal]
                for call in delta.tool_calls or ():
                    if call.function is not None:
                        texts += [call.function.name, call.function.arguments]
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts if text)
