"""Refuses bodies of hundreds of thousands of values before anything reads them.

Whatever takes JSON apart holds the interpreter for as long as it takes, in whichever thread it does: half a microsecond
for each value, so that 30 MB of the smallest fields stop every other call for two seconds. Honest calls are large by
what is in their values (images, texts); twenty thousand messages have ten values each, at most.

Here the body is looked through in pieces of microseconds. A value is the first of its list or object, or has a comma
before it; so signs are counted, and only where there are many, what they would be outside of strings.
"""

from __future__ import annotations

from pixapi.errors import BadRequest

CROWDED_BYTES = 1024 * 1024
"""A smaller body cannot hold enough to matter."""
MOST_VALUES = 400_000
_PIECE_BYTES = 64 * 1024
_OPENING = (b",", b"[", b"{")


def refuse_crowded(body: bytes) -> None:
    """Raises BadRequest where ``body``, JSON of `CROWDED_BYTES` or more, has more than about `MOST_VALUES` values."""
    if not _has_more(body, _OPENING, MOST_VALUES):
        return
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in body else body
    # Two quotes are a string, and that is a value or a name; names stand for values too.
    if _has_more(plain, (b'"',), 4 * MOST_VALUES) or _has_more(
        _outside_strings(plain), _OPENING, MOST_VALUES
    ):
        raise BadRequest(
            f"the body has more than {MOST_VALUES} values (fields, and elements of lists); send fewer, "
            "in several requests if they are needed"
        )


def _outside_strings(plain: bytes) -> bytes:
    """JSON without escapes, and without what stands in its strings."""
    return b"".join(plain.split(b'"')[::2])


def _has_more(body: bytes, signs: tuple[bytes, ...], most: int) -> bool:
    """Whether the signs stand in it more often than that. Where there are none, as in an image, it takes no time."""
    found = 0
    for start in range(0, len(body), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        for sign in signs:
            if body.find(sign, start, end) >= 0:
                found += body.count(sign, start, end)
        if found > most:
            return True
    return False
