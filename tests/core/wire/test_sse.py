"""Events from bytes that are cut anywhere."""

from itertools import combinations

import pytest

from pixapi.errors import UpstreamInvalid
from pixapi.wire.sse import ServerSentEvent, SseFramer, SseParser, read_event

CASES = [
    (b"data: a\n\n", [("message", b"a")]),
    (b"data:a\n\n", [("message", b"a")]),
    (b"data:  a\n\n", [("message", b" a")]),
    (b"data: a\r\n\r\n", [("message", b"a")]),
    (b"data: a\r\r", [("message", b"a")]),
    (b"data: a\r\rdata: b\r\r", [("message", b"a"), ("message", b"b")]),
    (b"data: a\r\n\ndata: b\n\r\n", [("message", b"a"), ("message", b"b")]),
    (b"data: a\ndata: b\n\n", [("message", b"a\nb")]),
    (b"event: error\ndata: {}\n\n", [("error", b"{}")]),
    (b"event:\ndata: x\n\n", [("message", b"x")]),
    (b"event: lonely\n\ndata: x\n\n", [("message", b"x")]),
    (b": a comment\n\ndata: x\n\n", [("message", b"x")]),
    (b": c\ndata: x\nid: 7\nretry: 3\n\n", [("message", b"x")]),
    (b"\xef\xbb\xbfdata: x\n\n", [("message", b"x")]),
    (b"\n\n\ndata: x\n\n\n\n", [("message", b"x")]),
    (b"data\n\n", [("message", b"")]),
    (b"data: \n\n", [("message", b"")]),
    ("data: grüße 你好 🙂\n\n".encode(), [("message", "grüße 你好 🙂".encode())]),
    (b"data: unfinished\n", []),
    (b"", []),
]


def parse(*pieces: bytes) -> list[tuple[str, bytes]]:
    parser = SseParser()
    events = [event for piece in pieces for event in parser.feed(piece)] + parser.close()
    return [(event.event, event.data) for event in events]


@pytest.mark.parametrize(("stream", "events"), CASES)
def test_trap_09_events_however_the_bytes_are_cut(stream, events):
    assert parse(stream) == events
    assert parse(*(stream[at : at + 1] for at in range(len(stream)))) == events
    for one, two in combinations(range(len(stream) + 1), 2):
        assert parse(stream[:one], stream[one:two], stream[two:]) == events


def test_all_cases_in_a_row_are_all_events():
    whole = [(stream, events) for stream, events in CASES if stream.endswith((b"\n\n", b"\r\r", b"\n\r\n"))]
    joined = b"".join(stream.removeprefix(b"\xef\xbb\xbf") for stream, _ in whole)
    assert parse(joined) == [event for _, events in whole for event in events]


def test_an_event_beyond_the_cap_is_refused():
    parser = SseParser(max_event_bytes=100)
    assert parser.feed(b"data: " + b"x" * 90 + b"\n\n") != []
    parser.feed(b"data: " + b"x" * 90)
    with pytest.raises(UpstreamInvalid, match="100 bytes"):
        parser.feed(b"x" * 90)


def test_what_is_left_of_an_unfinished_event_can_be_seen():
    parser = SseParser()
    assert parser.feed(b"data: a\n\ndata: b\n") == [ServerSentEvent("message", b"a")]
    assert parser.pending() == b"data: b\n"


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_the_framer_gives_whole_events_with_one_kind_of_line_end(line_end):
    stream = b"data: a\n\n: c\n\ndata: b\n\ndata: c".replace(b"\n", line_end)
    for at in range(len(stream)):
        framer = SseFramer()
        blocks = framer.feed(stream[:at]) + framer.feed(stream[at:])
        assert blocks == b"data: a\n\n: c\n\ndata: b\n\n"
        assert framer.tail() == b"data: c"


def test_a_comment_is_no_event():
    assert read_event(b": ping") is None
    assert read_event(b"retry: 5") is None
