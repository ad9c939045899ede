"""What a vendor's decoder need not do itself: framing, the end, errors, the count of what was passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pixapi.adapters import LinesDecoder, SseDecoder, read_json
from pixapi.errors import UpstreamBusy, UpstreamCut, UpstreamInvalid
from pixapi.interfaces import (
    Decoder,
    Ended,
    Event,
    Failed,
    Finished,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
)


def said(word: str) -> Iterator[Event]:
    """`.` ends the answer, `busy` states an error, `think` and `tool` are what they say; the rest is text."""
    if word == "busy":
        yield TextDelta("before it")
        raise UpstreamBusy("no capacity")
    if word == ".":
        yield Finished("stop")
        yield Ended()
        yield TextDelta("never read")
    elif word == "think":
        yield ReasoningDelta("hmmm")
    elif word == "tool":
        yield ToolCallDelta(0, "id", "name", "{}")
    else:
        yield TextDelta(word)


class Lines(LinesDecoder):
    def read(self, line: bytes) -> Iterator[Event]:
        return said(read_json(line, str))


class Sse(SseDecoder):
    def read(self, data: bytes, event: str) -> Iterator[Event]:
        return said(event if event != "message" else read_json(data, str))


def in_lines(*words: str) -> bytes:
    return b"".join(b'"%s"\n' % word.encode() for word in words)


def in_sse(*words: str) -> bytes:
    return b"".join(b': a comment\ndata: "%s"\n\n' % word.encode() for word in words)


BOTH = pytest.mark.parametrize(("make", "stream"), [(Lines, in_lines), (Sse, in_sse)])
Stream = Callable[..., bytes]


def play(decoder: Decoder, data: bytes, size: int = 10_000) -> list[Event]:
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    return events + decoder.close()


@BOTH
@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_an_answer(make: type[Decoder], stream: Stream, size: int) -> None:
    data = stream("Grüße", "dich", ".", "too late")
    assert play(make(), data, size) == [TextDelta("Grüße"), TextDelta("dich"), Finished("stop"), Ended()]


@BOTH
@pytest.mark.parametrize("data", [b"", b"\n\n"])
def test_an_early_end_is_a_cut(make: type[Decoder], stream: Stream, data: bytes) -> None:
    *events, last = play(make(), stream("hello") + data)
    assert events == [TextDelta("hello")]
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamCut)


@BOTH
def test_an_error_ends_it_after_what_came_before(make: type[Decoder], stream: Stream) -> None:
    first, last = play(make(), stream("busy", "hello", "."))
    assert first == TextDelta("before it")
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamBusy)


@BOTH
def test_what_cannot_be_understood_ends_it(make: type[Decoder], stream: Stream) -> None:
    broken = stream("hello").replace(b'"hello"', b"<html>")
    first, last = play(make(), stream("hi") + broken + stream("."))
    assert first == TextDelta("hi")
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamInvalid)


@BOTH
def test_what_was_passed_on_is_counted(make: type[Decoder], stream: Stream) -> None:
    decoder = make()
    assert decoder.delivered_output() == 0
    decoder.feed(stream("four", "think", "tool"))
    assert decoder.delivered_output() == 3  # 4 + 4 + 2 bytes


def test_the_last_line_may_lack_its_end() -> None:
    assert play(Lines(), in_lines("hi", ".")[:-1]) == [TextDelta("hi"), Finished("stop"), Ended()]


def test_half_a_line_is_a_cut_and_no_nonsense() -> None:
    *events, last = play(Lines(), in_lines("hi") + b'"the')
    assert events == [TextDelta("hi")]
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamCut)


def test_an_error_without_the_end_of_its_line_is_told() -> None:
    last = play(Lines(), b'"busy"')[-1]
    assert isinstance(last, Failed)
    assert isinstance(last.error, UpstreamBusy)


def test_the_type_of_a_server_sent_event_is_told() -> None:
    assert play(Sse(), b"event: think\ndata: {}\n\n")[0] == ReasoningDelta("hmmm")
