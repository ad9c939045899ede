"""How recorded streams are cut, for the tests that any cutting gives the same."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import pytest

CUT_ALONE_BYTES = 2500
SINGLE_BYTES = 60_000
RANDOM_CUTS = 25
NEAR_A_BORDER = range(-4, 5)

Cuttings = Callable[[bytes], Iterator[list[bytes]]]


@pytest.fixture
def cuttings(size: int) -> Cuttings:
    """The ways in which a stream is cut. ``size`` (see ``sized``) is a stride in bytes, 0 for the usual form.

    In every form: single bytes (in the usual form pieces of 61 for streams above `SINGLE_BYTES`), and for streams up to
    `CUT_ALONE_BYTES` every place alone: the bytes before it, then the rest.

    In the long forms every place of longer streams, too: alone where the stream is no longer than the stride; else
    together with those that are a stride, two strides, ... away from it (the first cutting is at 1, 1 + stride, ..., the
    next at 2, 2 + stride, ..., and so on: each place is cut in exactly one of them). And all events at once, each so many
    bytes before or behind its empty line. In the usual form longer streams are cut at random places instead.
    """

    def of(body: bytes) -> Iterator[list[bytes]]:
        whole = len(body)
        yield pieces(body, range(1, whole) if size or whole <= SINGLE_BYTES else range(61, whole, 61))
        if whole <= max(CUT_ALONE_BYTES, size):
            yield from (pieces(body, [at]) for at in range(1, whole))
        elif size:
            yield from (pieces(body, range(first, whole, size)) for first in range(1, size + 1))
            borders = [found.end() for found in re.finditer(rb"\r?\n\r?\n", body)]
            for away in NEAR_A_BORDER:
                yield pieces(body, sorted({at + away for at in borders if 0 < at + away < whole}))
        else:
            dice = random.Random(whole)
            yield from (pieces(body, [at]) for at in dice.sample(range(1, whole), RANDOM_CUTS))

    return of


def pieces(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """``body`` cut at these places, which rise and are none of its ends."""
    return [body[start:end] for start, end in pairwise((0, *cuts, len(body)))]
