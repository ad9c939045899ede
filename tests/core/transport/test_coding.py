"""Compressed replies, cut at every byte."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pixapi.errors import UpstreamCut, UpstreamInvalid
from pixapi.transport.coding import PIECE_BYTES, Inflater

PLAIN = b"data: {}\n\n" * 20

CASES = {
    "gzip": ("gzip", gzip.compress(PLAIN, mtime=0)),
    "x-gzip": ("X-GZIP", gzip.compress(PLAIN, mtime=0)),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "two members": ("gzip", gzip.compress(PLAIN[:50], mtime=0) + gzip.compress(PLAIN[50:], mtime=0)),
    "padded": ("gzip", gzip.compress(PLAIN, mtime=0) + bytes(7)),
}


@pytest.mark.parametrize("case", CASES)
def test_any_cutting_gives_the_same(case: str) -> None:
    coding, packed = CASES[case]
    for cut in range(len(packed) + 1):
        inflater = Inflater(coding)
        plain = b"".join([*inflater.feed(packed[:cut]), *inflater.feed(packed[cut:])])
        inflater.close()
        assert plain == PLAIN
    inflater = Inflater(coding)
    assert b"".join(piece for byte in packed for piece in inflater.feed(bytes([byte]))) == PLAIN


def test_pieces_are_bounded() -> None:
    inflater = Inflater("gzip")
    sizes = [len(piece) for piece in inflater.feed(gzip.compress(bytes(10_000_000)))]
    inflater.close()
    assert sum(sizes) == 10_000_000
    assert max(sizes) == PIECE_BYTES


def test_an_exact_multiple_of_the_piece_is_whole() -> None:
    inflater = Inflater("gzip")
    assert (
        sum(len(piece) for piece in inflater.feed(gzip.compress(bytes(2 * PIECE_BYTES)))) == 2 * PIECE_BYTES
    )
    inflater.close()


@pytest.mark.parametrize("cut", [0, 1, 15, -1])
def test_an_early_end_is_cut(cut: int) -> None:
    inflater = Inflater("gzip")
    list(inflater.feed(CASES["gzip"][1][:cut]))
    with pytest.raises(UpstreamCut):
        inflater.close()


@pytest.mark.parametrize(
    "data", [b"no gzip at all", gzip.compress(PLAIN, mtime=0)[:-8] + b"\0" * 8, zlib.compress(PLAIN)]
)
def test_what_is_not_packed_so_is_invalid(data: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        list(Inflater("gzip").feed(data))


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", ""])
def test_other_codings_are_refused(coding: str) -> None:
    with pytest.raises(UpstreamInvalid):
        Inflater(coding)
