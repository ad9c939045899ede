"""Lines come whole, however the bytes are cut."""

from __future__ import annotations

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.wire.lines import LineParser

STREAM = '{"a": "Grüße"}\r\n\n{"b": 2}\n{"c"'.encode()
LINES = ['{"a": "Grüße"}\r'.encode(), b"", b'{"b": 2}']


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_any_cutting_gives_the_same_lines(size: int) -> None:
    parser = LineParser()
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [line for piece in pieces for line in parser.feed(piece)] == LINES
    assert parser.pending() == b'{"c"'


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_line_beyond_the_cap_is_refused_and_those_before_it_are_given(size: int) -> None:
    data, found = b"short\n" + b"x" * 11 + b"\n", []
    parser = LineParser(max_line_bytes=10)
    with pytest.raises(UpstreamInvalid, match="larger than 10 bytes"):
        for at in range(0, len(data), size):
            for line in parser.feed(data[at : at + size]):
                found.append(line)
    assert found == [b"short"]


def test_a_line_that_never_ends_is_refused_before_its_end() -> None:
    parser = LineParser(max_line_bytes=10)
    with pytest.raises(UpstreamInvalid):
        for _ in range(11):
            list(parser.feed(b"x"))
