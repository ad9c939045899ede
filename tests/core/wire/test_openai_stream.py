"""A stream read for callers of other dialects: however it is read, it says what the relay lets through."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixapi.interfaces import Call, Ended, Event, Failed, Passage, ReasoningDelta, TextDelta
from pixapi.wire.anthropic_encode import MessagesEncoder
from pixapi.wire.bulk import TextDeltas
from pixapi.wire.dialect import StreamEncoder
from pixapi.wire.gemini_write import GeminiStreamEncoder
from pixapi.wire.json import strings
from pixapi.wire.openai_alike import Mould
from pixapi.wire.openai_chunk import ChunkReader
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay
from pixapi.wire.openai_reply import ChatStreamEncoder
from pixapi.wire.openai_stream import OpenAIChatDecoder
from pixapi.wire.responses_encoder import ResponsesEncoder

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
MIXED = Quirks(reasoning_field="reasoning", content_parts=True)


def call() -> Call:
    return Call(
        "req_1", "chat", "anthropic", "alias", "m", {}, "msg_0123456789abcdef01234567", 1, stream=True
    )


def event(delta: Any = None, finish: Any = None, index: Any = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    chunk = {"id": "theirs", "created": 5, "model": "m", "choices": [choice], **more}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def text(said: str, **more: Any) -> bytes:
    return event({"content": said}, **more)


def facts(events: list[Event]) -> list[object]:
    return [(type(e.error), e.error.message) if isinstance(e, Failed) else e for e in events]


def by_the_relay(stream: bytes, quirks: Quirks) -> list[object]:
    """What the relay lets through, read chunk by chunk: slow, and plain to see."""
    relay, chunks, found = OpenAIChatRelay(call(), quirks), ChunkReader(), []
    for passed in relay.feed(stream) + relay.close():
        if isinstance(passed, Passage):
            lines = passed.data.split(b"\n") if passed.content else []
            found += [said for line in lines if line.startswith(b"data:") for said in chunks.read(line[5:])]
        else:
            found.append(passed)
    return facts(found)


def read(stream: bytes, quirks: Quirks, *cuts: int) -> list[object]:
    decoder = OpenAIChatDecoder(call(), quirks)
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    events = [e for start, end in pairwise(ends) for e in decoder.feed(stream[start:end])]
    return facts(events + decoder.close())


TOOL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":'}}
PIECES = st.one_of(
    st.builds(text, st.text(max_size=6)),
    st.builds(text, st.sampled_from(['"', "\\", 'a","b', "\n", "data: x\n\n", "é🙂", "", 'x"},"y":1}'])),
    st.lists(st.text("ab \\\"\n", max_size=3), min_size=2, max_size=9).map(lambda all_: b"".join(map(text, all_))),
    st.lists(st.text("ab", max_size=3), min_size=2, max_size=5).map(
        lambda all_: b"".join(event({"reasoning_content": said}) for said in all_)
    ),
    st.sampled_from([
        event({"role": "assistant", "content": ""}), event({"reasoning": "hm"}), event({"refusal": "no"}),
        text("more", index=1), text("odd", index="0"), text("both", finish="stop"), text("counted", usage=USAGE),
        text("same", usage=None), text("vendor", x_groq={"id": "r"}), event({"content": ["x"]}), event({"content": 5}),
        event({"content": "a", "reasoning_content": "b"}), event({"content": "a", "content2": "b"}),
        event({"tool_calls": [TOOL]}), event({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
        event(finish="stop"), event(finish="tool_calls"), event(finish="error"), event(finish=3), event(delta=7),
        b"data: " + json.dumps({"id": "theirs", "model": "m", "choices": [], "usage": USAGE}).encode() + b"\n\n",
        b'data: {"id":"theirs","model":"m","choices":[]}\n\n', b'data: {"error":{"message":"no","code":503}}\n\n',
        b": comment\n\n", b"event: ping\ndata: {}\n\n", b"\n", b"data:\n\n", b"data: {\n\n", b"junk\n\n", DONE,
        b'data: {"id":"theirs","created":5,"model":"m","choices":[{"index":0,"delta":{"content":"\\x"}}]}\n\n',
        text("dos").replace(b"\n", b"\r\n"),
    ]),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(PIECES, max_size=14),
    ends=st.sampled_from([b"", event(finish="stop") + DONE, event(finish="stop"), b"data: {"]),
    quirks=st.sampled_from([PLAIN, MIXED]),
    cuts=st.lists(st.integers(0, 10_000), max_size=6),
)
def test_trap_09_it_says_what_the_relay_lets_through_however_it_is_cut(
    pieces: list[bytes], ends: bytes, quirks: Quirks, cuts: list[int]
) -> None:
    stream = text("It begins") + b"".join(pieces) + ends
    assert read(stream, quirks, *cuts) == by_the_relay(stream, quirks)


def test_a_stream_that_does_not_begin_well_is_the_relays() -> None:
    for stream in (
        b"",
        b"<html>",
        b'{"error":{"message":"no"}}',
        DONE,
        b": hi\n\n" + text("x"),
        b"\xef\xbb\xbf" + text("x"),
    ):
        assert read(stream, PLAIN) == by_the_relay(stream, PLAIN)


def test_what_is_out_of_order_late_is_seen_by_a_relay_that_knows_what_came_before() -> None:
    late = b'data: {"error":{"message":"gone"}}\n\n'
    events = read(text("a") + text("b") * 50 + late, PLAIN)
    assert [type(e) for e in events[:-1]] == [TextDelta] * 51
    again = read(text("a") + event(finish="stop") + b": late\n\n" + DONE, PLAIN)
    assert again[-1] == Ended()


@pytest.mark.parametrize("said", ["plain", "é", "a\\b", "line\nline", ""])
def test_a_mould_reads_all_that_are_alike_and_no_other(said: str) -> None:
    mould = Mould.of(text("first"), TextDelta("first"))
    assert mould is not None
    alike = text("one") + text(said) + text("two")
    expected = [json.dumps(word).encode()[1:-1] for word in ("one", said, "two")]
    assert mould.read(alike, 0) == (expected, len(alike))
    other = event({"content": "x", "refusal": "y"})
    assert mould.read(alike + other + text("three"), 0) == (expected, len(alike))
    assert mould.read(other, 0) == ([], 0)
    assert mould.read(alike[:-1], 0)[1] == len(text("one") + text(said))


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (text("x", usage=USAGE), TextDelta("x")),
        (text("x"), TextDelta("y")),
        (event({"content": "x", "note": {"content": "z"}}), TextDelta("x")),
        (b"event: a\n" + text("x"), TextDelta("x")),
        (text("x"), ReasoningDelta("x")),
        (text("x"), Ended()),
    ],
)
def test_there_is_no_mould_of_what_might_mean_something_else(sent: bytes, said: Event) -> None:
    assert Mould.of(sent, said) is None


WORDS = st.text(st.sampled_from('a",\\\n\u2028é🙂'), max_size=5)


@given(st.lists(WORDS, max_size=8))
def test_many_texts_are_written_as_one_by_one(texts: list[str]) -> None:
    assert strings(texts) == [json_of(word) for word in texts]
    events: list[Event] = [TextDelta(word) for word in texts]
    events[4:4] = [ReasoningDelta("hm", "seal")]
    one_by_one, at_once = MessagesEncoder(call()), MessagesEncoder(call())
    ended = [*events, Ended()]
    assert at_once.encode_all(ended) == b"".join(map(one_by_one.encode, ended))


ODD = (
    b'a"',
    b'"',
    b"\\",
    b"\\u00",
    b"\\ud83d",
    b"\\ude00",
    b"\xc3",
    b"\xa9",
    b"\x01",
    b'a","content":"b',
    b'" "',
    b"\\x",
)
"""No insides of a JSON string, though some are together with others."""
FINE = (
    b"",
    b" ",
    b"a",
    b'\\"',
    b"\\\\",
    b"\\u00e9",
    b"\\ud83d\\ude00",
    b"\xc3\xa9",
    b"\\/",
    b"\x7f",
    b'\\\\\\"',
)


@given(st.lists(st.sampled_from(ODD + FINE), max_size=6))
def test_what_is_passed_on_as_it_is_spelt_is_a_string_each_by_itself(texts: list[bytes]) -> None:
    before, after = text("CUT").split(b"CUT")
    mould = Mould.of(text("first"), TextDelta("first"))
    assert mould is not None
    number = next((at for at, word in enumerate(texts) if word in ODD), len(texts))
    stream = b"".join(before + word + after for word in texts)
    end = len(b"".join(before + word + after for word in texts[:number]))
    assert mould.read(stream, 0) == (texts[:number], end)


@settings(max_examples=400, deadline=None)
@given(
    pieces=st.lists(PIECES, max_size=14),
    ends=st.sampled_from([b"", event(finish="stop") + DONE]),
    cuts=st.lists(st.integers(0, 10_000), max_size=6),
    encoder=st.sampled_from([MessagesEncoder, ResponsesEncoder, ChatStreamEncoder, GeminiStreamEncoder]),
)
def test_what_came_at_once_is_written_as_one_by_one(
    pieces: list[bytes], ends: bytes, cuts: list[int], encoder: Callable[[Call], StreamEncoder]
) -> None:
    stream = text("It begins") + b"".join(pieces) + ends
    several, single = encoder(call()), encoder(call())
    many, one = OpenAIChatDecoder(call()), OpenAIChatDecoder(call())
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, end in pairwise(places):
        events, said = many.feed_many(stream[start:end]), one.feed(stream[start:end])
        written = several.encode_all(events)
        assert read_back(written) == read_back(b"".join(map(single.encode, said)))
    assert many.delivered_output() == one.delivered_output()


def read_back(written: bytes) -> list[Any]:
    """Each line that is sent; JSON by what it says, for one text can be spelt in several ways."""
    lines = written.split(b"\n")
    return [json.loads(line[6:]) if line.startswith(b"data: {") else line for line in lines]


def test_pieces_of_text_that_came_at_once_stay_several() -> None:
    words = ["a", "", 'b"', "c\\", "é"]
    events = OpenAIChatDecoder(call()).feed_many(text("first") + b"".join(map(text, words)))
    spelt = [json.dumps(word).encode()[1:-1] for word in words if word]
    assert events == [TextDelta("first"), TextDeltas(spelt)]
    assert TextDeltas(spelt).apart() == [TextDelta(word) for word in words if word]
    written = MessagesEncoder(call()).encode_all(events)
    assert written.count(b'"text_delta"') == 5
    assert TextDeltas([]).apart() == []


def json_of(word: str) -> bytes:
    return json.dumps(word, ensure_ascii=False).encode()[1:-1]
