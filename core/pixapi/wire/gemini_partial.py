"""A function call whose arguments come in pieces (Vertex AI documentation, "Stream function call arguments").

Each piece is a value at a JSON path. A string that will continue is added to by the next piece at its path;
everything else is put where the path says.
"""

from __future__ import annotations

import re
from typing import Any

from pixapi.wire.gemini_names import listed, member, words

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d{1,5})\]|\['([^']*)'\]|\["([^"]*)"\]""")
_MOST_ITEMS = 10_000
_DEEPEST = 64


class PartialCall:
    """A call that has begun."""

    __slots__ = ("_open", "arguments", "id", "name")

    def __init__(self, call_id: str, name: str, arguments: Any) -> None:
        self.id = call_id
        self.name = name
        self.arguments: dict[str, Any] = arguments if isinstance(arguments, dict) else {}
        self._open: str | None = None

    def take(self, pieces: Any) -> int:
        """Put ``partialArgs`` in; how many bytes of text they brought."""
        size = 0
        for piece in listed(pieces):
            if not isinstance(piece, dict):
                continue
            path = words(member(piece, "jsonPath"))
            text = member(piece, "stringValue")
            if isinstance(text, str):
                size += len(text.encode("utf-8", "surrogatepass"))
                self._put(path, text, adds=path == self._open)
                self._open = path if member(piece, "willContinue") is True else None
            elif isinstance(member(piece, "numberValue"), int | float):
                self._put(path, member(piece, "numberValue"))
            elif isinstance(member(piece, "boolValue"), bool):
                self._put(path, member(piece, "boolValue"))
            elif "nullValue" in piece or "null_value" in piece:
                self._put(path, None)
        return size

    def _put(self, path: str, value: Any, *, adds: bool = False) -> None:
        steps = [
            int(number) if number else name or single or double
            for name, number, single, double in _STEP.findall(path.removeprefix("$"))
        ]
        if not steps or len(steps) > _DEEPEST or not isinstance(steps[0], str):
            return
        holder: Any = self.arguments
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if not _fits(holder, step):
                return
            if following is None:
                old = holder[step] if isinstance(holder, list) else holder.get(step)
                holder[step] = old + value if adds and isinstance(old, str) else value
                return
            inner = holder[step] if isinstance(holder, list) else holder.get(step)
            if not isinstance(inner, dict | list):
                inner = holder[step] = [] if isinstance(following, int) else {}
            holder = inner


def _fits(holder: Any, step: int | str) -> bool:
    """Whether ``step`` can be taken from ``holder``; a list is made long enough for it."""
    if isinstance(step, str):
        return isinstance(holder, dict)
    if not isinstance(holder, list) or step >= _MOST_ITEMS:
        return False
    holder += [None] * (step + 1 - len(holder))
    return True
