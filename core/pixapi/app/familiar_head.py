"""A request's head that was read once on a connection, and is known again by its bytes.

A client that keeps its connection sends the same head with every call, but for the length of the body. To see that
it is the same takes two comparisons; to parse it takes a call for each header, of which SDKs send twenty. What is the
same bytes means the same, so nothing is decided here that the parser did not decide before.
"""

from __future__ import annotations

import re
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})(?=\r\n)", re.IGNORECASE)
_BREAK = b"\r\n"
_END = b"\r\n\r\n"
_MOST_DIGITS = 9
_OTHER_FRAMING = frozenset({b"transfer-encoding", b"expect", b"upgrade", b"trailer"})

Scope = Any
"""An ASGI scope; uvicorn has a type of its own for it."""


class FamiliarHead:
    """All of a head but the digits of its `Content-Length`, and the ASGI scope that it means."""

    __slots__ = ("_after", "_before", "_headers", "_length_at", "_scope")

    def __init__(self, before: bytes, after: bytes, scope: Scope, length_at: int) -> None:
        self._before = before
        self._after = after
        self._scope = _own(scope)
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._length_at = length_at
        """Which of the headers is the length."""

    def read(self, data: bytes) -> tuple[Scope, bytes] | None:
        """The scope and the body, if ``data`` is this head and exactly the body that it tells of; else None."""
        if not data.startswith(self._before):
            return None
        start = len(self._before)
        stop = data.find(_BREAK, start, start + _MOST_DIGITS + len(_BREAK))
        digits = data[start:stop]
        if stop < 0 or not digits.isdigit() or not data.startswith(self._after, stop):
            return None
        body = data[stop + len(self._after) :]
        if len(body) != int(digits):
            return None
        headers = self._headers.copy()
        headers[self._length_at] = (b"content-length", digits)
        scope = _own(self._scope)
        scope["headers"] = headers
        return scope, body


def _own(scope: Scope) -> Scope:
    """A copy: what one request writes into its scope must not reach another."""
    return {**scope, "asgi": scope["asgi"].copy(), "state": scope["state"].copy()}


def familiar(data: bytes, scope: Scope) -> FamiliarHead | None:
    """What to know the head in ``data`` by, which the parser took for ``scope``; None where it is no POST, the end of
    the body is not told by one plain length, or more than this one request came along.
    """
    if scope["method"] != "POST":
        return None  # of others the parser may not read a body at all
    names = [name for name, _ in scope["headers"]]
    end = data.find(_END)
    if end < 0 or names.count(b"content-length") != 1 or not _OTHER_FRAMING.isdisjoint(names):
        return None
    head_end = end + len(_BREAK)
    lines = len(names) + 1
    if data.count(b"\n", 0, head_end) != lines or data.count(b"\r", 0, head_end) != lines:
        return None  # its lines end in a way of their own, or one goes on in the next
    match = _LENGTH.search(data, 0, head_end)
    if match is None or len(data) != end + len(_END) + int(match[1]):
        return None
    before, after = data[: match.start(1)], data[match.end(1) : end + len(_END)]
    return FamiliarHead(before, after, scope, names.index(b"content-length"))
