"""Streams passed on that no vendor is known to send, and that may cost nobody anything all the same.

Each is played as its events came, cut at every byte, and by a relay that an ordinary stream of the server has taught.
"""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pixapi.errors import UpstreamError, UpstreamInvalid
from pixapi.interfaces import Call, Ended, Event, Failed, Passage, TextDelta, Usage, UsageReport
from pixapi.wire.openai_habits import Habits
from pixapi.wire.openai_quirks import PLAIN
from pixapi.wire.openai_relay import OpenAIChatRelay
from pixapi.wire.openai_stream import OpenAIChatDecoder

DONE = b"data: [DONE]\n\n"
HEAD = '"id":"up-1","object":"chat.completion.chunk","created":5,"model":"up-m"'
USAGE = '{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}'


def event(rest: str, head: str = HEAD) -> bytes:
    return b"data: {%s,%s}\n\n" % (head.encode(), rest.encode())


def text(content: str, head: str = HEAD) -> bytes:
    return event(f'"choices":[{{"index":0,"delta":{{"content":"{content}"}},"finish_reason":null}}]', head)


def counts(usage: str, head: str = HEAD) -> bytes:
    return event(f'"choices":[],"usage":{usage}', head)


ROLE = event('"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]')
STOP = event('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]')
ORDINARY = ROLE + text("hello") + STOP + counts(USAGE) + DONE


def call() -> Call:
    return Call("r", "chat", "openai", "alias", "m", {}, "chatcmpl-ours", 7, stream=True, include_usage=True)


def relayed(pieces: list[bytes], habits: Habits | None = None) -> list[Event]:
    relay = OpenAIChatRelay(call(), PLAIN, habits)
    return [said for piece in pieces for said in relay.feed(piece)] + relay.close()


def sent(events: list[Event]) -> bytes:
    return b"".join(said.data for said in events if isinstance(said, Passage))


def facts(events: list[Event]) -> list[object]:
    """What was said; how the bytes of it were put together does not matter."""
    usages = [said for said in events if isinstance(said, UsageReport)]
    last = events[-1]
    return [sent(events), usages[-1:], repr(last.error) if isinstance(last, Failed) else last]


def play(*pieces: bytes) -> list[Event]:
    events = relayed(list(pieces))
    whole = b"".join(pieces)
    for teacher in (b"", ORDINARY, whole):
        habits = Habits(PLAIN)
        relayed([teacher], habits)
        for cuts in (list(pieces), [whole], [whole[at : at + 1] for at in range(len(whole))]):
            assert facts(relayed(cuts, habits)) == facts(events)
    return events


def test_text_alone_is_an_answer() -> None:
    """Without a role before it and a reason to stop behind it."""
    events = play(text("hi"), DONE)
    assert events[-1] == Ended()


def test_a_usage_that_says_nothing_does_not_take_the_place_of_one_that_does() -> None:
    for nothing in ("{}", '{"queue_s":1}'):
        events = play(ROLE, text("hi"), STOP, counts(USAGE), counts(nothing), DONE)
        assert UsageReport(Usage(input=9, output=4)) in events
        assert UsageReport(Usage()) not in events


def test_the_usage_that_the_caller_sees_is_the_one_that_is_charged() -> None:
    first = counts('{"prompt_tokens":9,"completion_tokens":0,"total_tokens":9}')
    last = event(f'"choices":[{{"index":0,"delta":{{}},"finish_reason":"stop"}}],"usage":{USAGE}')
    events = play(first, text("hi"), last, DONE)
    shown = [json.loads(line[6:]) for line in sent(events).split(b"\n") if b'_tokens"' in line]
    assert [chunk["usage"] for chunk in shown] == [json.loads(USAGE)]


def test_an_error_that_names_itself_where_a_chunk_does_is_one() -> None:
    head = HEAD.replace("chat.completion.chunk", "error")
    events = play(ROLE, text("hi"), event('"message":"boom","code":500', head), DONE)
    assert isinstance(events[-1], Failed)
    assert isinstance(events[-1].error, UpstreamError)


def test_a_member_between_the_names_that_is_called_like_the_text_is_none() -> None:
    one = text("x", '"id":"up-1","content":"zzz","model":"up-m"')
    events = play(one, one * 40, DONE)
    for line in sent(events).split(b"\n")[:-3:2]:
        said = json.loads(line[6:])
        assert (said["id"], said["content"], said["model"]) == ("chatcmpl-ours", "zzz", "alias")


def test_usage_between_the_names_is_not_passed_on_with_them() -> None:
    head = f'"id":"up-1","usage":{USAGE},"model":"up-m"'
    events = play(event('"choices":[]', head), text("x", head), text("x", head), DONE)
    assert UsageReport(Usage(input=9, output=4)) in events
    assert sent(events).count(b'_tokens"') == 3, "once, at the end"


def test_an_id_that_is_a_number_may_grow() -> None:
    events = play(*(text("x", f'"model":"up-m","id":{number}') for number in (1, 1, 12)), DONE)
    lines = sent(events).split(b"\n")[:-3:2]
    assert [json.loads(line[6:])["id"] for line in lines] == ["chatcmpl-ours"] * 3


def test_of_a_name_that_is_there_twice_the_caller_reads_ours() -> None:
    events = play(event('"model":"up-m","choices":[{"index":0,"delta":{"content":"x"}}]'), DONE)
    assert json.loads(sent(events).split(b"\n")[0][6:])["model"] == "alias"


def test_an_end_spelt_as_nobody_does_is_seen_or_not_wherever_the_bytes_are_cut() -> None:
    odd = event('"choices":[{"index":0,"delta":{},"finish_reason" : "stop"}]')
    play(ROLE, text("hi"), odd)


def test_what_is_nested_too_deeply_ends_the_stream_with_an_error() -> None:
    deep = "[" * 20_000 + "]" * 20_000
    habits = Habits(PLAIN)
    relayed([ORDINARY], habits)
    for odd in (counts(f'{{"prompt_tokens":1,"x":{deep}}}'), event(f'"finish_reason":"stop","x":{deep}')):
        pieces = [ROLE, text("hi"), odd, STOP, DONE]
        decoder = OpenAIChatDecoder(call())
        read = [said for piece in pieces for said in decoder.feed(piece)]
        for events in (relayed(pieces), relayed(pieces, habits), read):
            assert isinstance(events[-1], Failed)
            assert isinstance(events[-1].error, UpstreamInvalid)


def test_nothing_follows_an_error_whose_bytes_came_in_parts() -> None:
    error = event('"error":{"message":"no","code":503}')
    whole = text("hi") + error + text("more") * 9
    for at in range(len(whole)):
        decoder = OpenAIChatDecoder(call())
        events = decoder.feed(whole[:at]) + decoder.feed(whole[at:])
        assert [type(said) for said in events] == [TextDelta, Failed]


def test_what_stands_before_the_usage_is_not_remembered_where_it_is_long() -> None:
    habits = Habits(PLAIN)
    sources = event(f'"choices":[],"sources":"{"s" * 10_000}","usage":{USAGE}')
    events = relayed([ROLE, text("hi"), STOP, sources, DONE], habits)
    assert UsageReport(Usage(input=9, output=4)) in events
    assert habits.before_usage is None


CHUNKS = st.builds(
    lambda head, delta, reason, usage: event(
        f'"choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]{usage}', head
    ),
    st.sampled_from([HEAD, HEAD, HEAD.replace("5", "6"), HEAD.replace("completion.chunk", "x"), '"id":1,"model":"up-m"']),
    st.sampled_from(['{"content":"a"}', '{"content":"\\\\\\""}', '{"content":"b\\\\"}', "{}", '{"role":"assistant"}', '{"content":""}']),
    st.sampled_from(["null", "null", '"stop"']),
    st.sampled_from(["", "", f',"usage":{USAGE}', ',"usage":{}', ',"usage":null', ',"x_groq":{"id":"q"}']),
)  # fmt: skip
EVENTS = st.one_of(
    CHUNKS, CHUNKS, CHUNKS.map(lambda one: one * 20), st.sampled_from([counts(USAGE), counts("{}"), STOP, ROLE, DONE]),
    st.sampled_from([b": ping\n\n", b"event: error\ndata: {}\n\n", b"data:{}\r\n\r\n", event('"error":{"message":"no"}')]),
)  # fmt: skip
STREAMS = st.lists(EVENTS, max_size=8).map(b"".join)


@settings(max_examples=60, deadline=None)
@given(STREAMS, st.lists(STREAMS, max_size=2), st.lists(st.integers(0, 4000), max_size=6))
def test_no_stream_changes_how_another_is_read_nor_does_a_cut(
    data: bytes, teachers: list[bytes], places: list[int]
) -> None:
    habits = Habits(PLAIN)
    for teacher in (*teachers, data):
        relayed([teacher], habits)
    expected = facts(relayed([data, b": end\n\n"]))
    ends = sorted({0, len(data), *(place for place in places if place < len(data))})
    pieces = [data[start:end] for start, end in pairwise(ends)]
    for known in (None, habits):
        assert facts(relayed([*pieces, b": end\n\n"], known)) == expected
