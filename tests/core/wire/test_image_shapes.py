"""A size in the words of a vendor that knows proportions, or certain sizes."""

from __future__ import annotations

import pytest

from pixapi.errors import BadRequest
from pixapi.wire.image_shapes import closest_ratio, closest_size

RATIOS = ("1:1", "3:2", "2:3", "16:9")
SIZES = ("1024x1024", "1248x832", "2048x2048", "2496x1664")


@pytest.mark.parametrize(
    ("size", "ratio"),
    [("1:1", "1:1"), ("512x512", "1:1"), ("1536x1024", "3:2"), ("1024x1536", "2:3"), ("1792x1024", "16:9")],
)
def test_proportions_are_found(size: str, ratio: str) -> None:
    assert closest_ratio(size, RATIOS) == ratio


@pytest.mark.parametrize(
    ("size", "known"),
    [
        ("1024x1024", "1024x1024"),
        ("1100x1100", "1024x1024"),
        ("4096x4096", "2048x2048"),
        ("1536x1024", "1248x832"),
        ("3:2", "1248x832"),
    ],
)
def test_of_sizes_alike_the_closest_is_taken(size: str, known: str) -> None:
    assert closest_size(size, SIZES) == known


@pytest.mark.parametrize("size", ["100x1000", "2K", "", "0x10", "1024", "x" * 500])
def test_what_there_is_not_is_answered_with_what_there_is(size: str) -> None:
    for find, known in ((closest_ratio, RATIOS), (closest_size, SIZES)):
        with pytest.raises(BadRequest) as refused:
            find(size, known)
        assert refused.value.param == "size"
        assert all(each in refused.value.message for each in known)
        assert len(refused.value.message) < 300
