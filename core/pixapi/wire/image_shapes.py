"""A size such as 1536x1024 in the words of a vendor that knows proportions, or certain sizes only.

What is asked for is met where the proportions differ by no more than `_TOLERANCE` (1792x1024 is taken for 16:9); else
the caller is told what there is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from pixapi.errors import BadRequest

_SHAPE = re.compile(r"([1-9]\d{0,4})[x:]([1-9]\d{0,4})")
_TOLERANCE = Fraction(2, 100)


def closest_ratio(size: str, ratios: Sequence[str]) -> str:
    """The one of ``ratios`` (``3:2`` or ``3x2``) that ``size`` (a ratio, or width x height) has.

    Raises:
        BadRequest: it has none of them.
    """
    asked = _ratio(size)
    if asked is not None:
        near = min(ratios, key=lambda ratio: _distance(asked, ratio))
        if _distance(asked, near) <= _TOLERANCE:
            return near
    raise _refused(size, "proportions, or a size of such", ratios)


def closest_size(size: str, sizes: Sequence[str]) -> str:
    """The one of ``sizes`` that has the proportions of ``size``, and of several the one that is closest in width.

    Raises:
        BadRequest: none has them.
    """
    if size in sizes:
        return size
    asked = _ratio(size)
    alike = [] if asked is None else [known for known in sizes if _distance(asked, known) <= _TOLERANCE]
    if not alike:
        raise _refused(size, "sizes", sizes)
    wide = int(size.split("x")[0]) if "x" in size else 0
    return min(alike, key=lambda known: abs(int(known.split("x")[0]) - wide))


def _refused(size: str, what: str, known: Sequence[str]) -> BadRequest:
    return BadRequest(
        f"size is {size[:40]!r}; the provider of this model knows these {what}: {', '.join(known)}, or auto",
        param="size",
    )


def _ratio(size: str) -> Fraction | None:
    match = _SHAPE.fullmatch(size)
    return None if match is None else Fraction(int(match[1]), int(match[2]))


def _distance(asked: Fraction, known: str) -> Fraction:
    ratio = _ratio(known)
    return Fraction(10) if ratio is None else abs(asked / ratio - 1)
