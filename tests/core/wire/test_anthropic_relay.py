"""Messages for callers who speak that dialect themselves: the bytes go on as they came, under the caller's names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import UpstreamBusy, UpstreamCut, UpstreamError, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces import Call, Ended, Event, Failed, Passage, Usage, UsageReport
from pixapi.wire.anthropic_relay import MessagesRelay
from pixapi.wire.anthropic_reply import relay_reply

NATIVE, OTHER = "anthropic", "api.other.example"


def call() -> Call:
    return Call("req_1", "chat", "anthropic", "alias", "m", {}, "msg_ours", 1, stream=True)


def event(kind: str, data: str) -> bytes:
    return f'event: {kind}\ndata: {{"type":"{kind}",{data}}}\n\n'.encode()


START = event(
    "message_start",
    '"message":{"model":"theirs","id":"msg_theirs","x":12345678901234567890,"content":[],'
    '"usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":2}}',
)
BEGAN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"alias","id":"msg_ours",'
    b'"x":12345678901234567890,"content":[],'
    b'"usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":2}}}\n\n'
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
OPEN = event("content_block_start", '"index":0,"content_block":{"type":"text","text":""}')
TEXT = event(
    "content_block_delta", '"index":0, "delta":{"type":"text_delta","text":"say \\"message_stop\\"!"}   '
)
CLOSE = event("content_block_stop", '"index":0')
CALLED = event(
    "content_block_start",
    '"index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"x","input":{}}',
)
FINAL = event("message_delta", '"delta":{"stop_reason":"end_turn","new":1},"usage":{"output_tokens":7}')
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
UNKNOWN = event("content_block_smell", '"index":0,"of":"x"')
BODY = OPEN + TEXT + PING + UNKNOWN + CLOSE + CALLED
WHOLE = START + BODY + FINAL + STOP
USED = Usage(input=9, cached_input=1, output=7)


def play(*pieces: bytes, maker: str = NATIVE) -> list[Event]:
    relay = MessagesRelay(call(), maker)
    return [event for piece in pieces for event in relay.feed(piece)] + relay.close()


def passed(events: list[Event]) -> bytes:
    return b"".join(e.data for e in events if isinstance(e, Passage))


def failure(events: list[Event]) -> UpstreamError:
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Ended) for event in events)
    return events[-1].error


def test_bytes_go_on_but_for_two_names() -> None:
    events = play(WHOLE)
    assert passed(events) == BEGAN + BODY + FINAL + STOP
    assert events[-1] == Ended()
    assert events[-2] == Passage(FINAL + STOP, content=False), "how it ended waits for its last event"
    assert [e.usage for e in events if isinstance(e, UsageReport)] == [Usage(input=9, cached_input=1), USED]


def test_searches_of_the_vendors_are_counted() -> None:
    final = FINAL.replace(
        b'"output_tokens":7', b'"output_tokens":7,"server_tool_use":{"web_search_requests":3}'
    )
    events = play(START + BODY + final + STOP)
    assert [e.usage for e in events if isinstance(e, UsageReport)][-1] == Usage(
        input=9, cached_input=1, output=7, searches=3
    )
    assert passed(events).endswith(final + STOP)


def test_any_cut_gives_the_same_bytes_and_an_early_end_is_an_error() -> None:
    for cut in range(1, len(WHOLE)):
        assert passed(play(WHOLE[:cut], WHOLE[cut:])) == BEGAN + BODY + FINAL + STOP, cut
        events = play(WHOLE[:cut])
        assert isinstance(failure(events), UpstreamCut), cut
        assert b"stop_reason" not in passed(events), cut


def test_byte_by_byte_and_with_other_line_ends() -> None:
    pieces = [WHOLE[at : at + 1] for at in range(len(WHOLE))]
    assert passed(play(*pieces)) == BEGAN + BODY + FINAL + STOP
    crlf = WHOLE.replace(b"\n", b"\r\n")
    assert passed(play(*(crlf[at : at + 7] for at in range(0, len(crlf), 7)))) == BEGAN + BODY + FINAL + STOP


def test_nothing_is_passed_before_the_first_content() -> None:
    """Trap 08: another route may still be tried."""
    relay = MessagesRelay(call(), NATIVE)
    assert [e for e in relay.feed(START + PING + OPEN) if isinstance(e, Passage)] == []
    assert relay.feed(TEXT) == [Passage(BEGAN + OPEN + TEXT)]
    assert relay.feed(PING + TEXT) == [Passage(PING + TEXT)]
    assert failure(play(START + PING + OPEN + ERROR)).retryable
    assert passed(play(START + PING + OPEN + ERROR)) == b""


def test_content_is_passed_whole_and_unread() -> None:
    relay = MessagesRelay(call(), NATIVE)
    relay.feed(START + OPEN + TEXT)
    block = TEXT.replace(b'"message_stop\\"', b'\\"') * 50 + CLOSE
    assert relay.feed(block) == [Passage(block)]
    assert relay.delivered_output() > 50


def test_an_answer_that_is_empty_ends_well() -> None:
    assert passed(play(START + FINAL + STOP)) == BEGAN + FINAL + STOP
    assert passed(play(START + OPEN + CLOSE + FINAL + STOP)) == BEGAN + OPEN + CLOSE + FINAL + STOP


def test_what_came_after_a_final_word_keeps_its_place() -> None:
    late = START + OPEN + TEXT + FINAL + TEXT + FINAL + STOP
    assert passed(play(late)) == BEGAN + OPEN + TEXT + FINAL + TEXT + FINAL + STOP


def test_a_message_that_is_whole_from_the_start() -> None:
    start = event(
        "message_start", '"message":{"content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"}'
    )
    said = json.loads(passed(play(start + STOP)).split(b"\n")[1].removeprefix(b"data: "))
    assert said["message"]["content"] == [{"type": "text", "text": "hi"}]
    assert (said["message"]["id"], said["message"]["model"]) == ("msg_ours", "alias")


def test_events_without_their_name_get_one() -> None:
    """Clients of the API see none without it."""
    nameless = WHOLE.replace(b"event: content_block_delta\n", b"")
    assert passed(play(nameless)) == BEGAN + BODY + FINAL + STOP
    several = START + OPEN + b'data: {"type":"content_block_delta",\ndata: "index":0}\n\n' + STOP
    assert b'event: content_block_delta\ndata: {"type":"content_block_delta", "index":0}\n\n' in passed(
        play(several)
    )


def test_a_start_said_twice_is_passed_once_and_another_message_is_a_break() -> None:
    assert passed(play(START + START + BODY + FINAL + STOP)) == BEGAN + BODY + FINAL + STOP
    assert isinstance(failure(play(START + OPEN + TEXT + START + STOP)), UpstreamCut)


FAILURES: list[tuple[str, bytes, type[UpstreamError]]] = [
    ("an error amid the answer", START + OPEN + TEXT + ERROR, UpstreamBusy),
    (
        "an error by its name alone",
        START + b'event: error\ndata: {"message":"prompt is too long"}\n\n',
        UpstreamRejected,
    ),
    (
        "an error in a content event",
        START + event("content_block_delta", '"error":{"message":"x"}'),
        UpstreamError,
    ),
    ("no JSON", START + b"event: content_block_delta\ndata: half a\n\n", UpstreamInvalid),
    ("no object", START + b"event: content_block_delta\ndata: [1]\n\n", UpstreamInvalid),
    ("a page", b"<html>busy</html>", UpstreamInvalid),
    ("an error in place of a stream", ERROR.split(b"data: ")[1], UpstreamBusy),
    ("an end without a start", STOP, UpstreamInvalid),
    ("nothing", b"", UpstreamCut),
    ("only pings", PING * 3, UpstreamCut),
]


@pytest.mark.parametrize(
    ("stream", "kind"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
def test_failures(stream: bytes, kind: type[UpstreamError]) -> None:
    assert isinstance(failure(play(stream)), kind)
    single = play(*(stream[at : at + 1] for at in range(len(stream))))
    assert isinstance(failure(single), kind)


def test_nothing_follows_the_end() -> None:
    relay = MessagesRelay(call(), NATIVE)
    assert relay.feed(WHOLE)[-1] == Ended()
    assert relay.feed(WHOLE) == relay.close() == []


# Signatures

SIGNED = event("content_block_delta", '"index":0,"delta":{"type":"signature_delta","signature":"c2ln"}')
WITHHELD = event(
    "content_block_start", '"index":1,"content_block":{"type":"redacted_thinking","data":"ZGF0YQ"}'
)


def test_the_apis_own_signatures_go_on_and_another_vendors_are_marked() -> None:
    """Trap 18: a signature must not come back to a vendor that did not make it."""
    stream = START + OPEN + TEXT + SIGNED + WITHHELD + FINAL + STOP
    assert passed(play(stream)) == stream.replace(START, BEGAN)
    marked = passed(play(stream, maker=OTHER))
    assert b'"signature":"api.other.example:c2ln"' in marked
    assert b'"data":"api.other.example:ZGF0YQ"' in marked
    pieces = [stream[at : at + 5] for at in range(0, len(stream), 5)]
    assert passed(play(*pieces, maker=OTHER)) == marked


def test_a_whole_reply_goes_on_under_the_callers_names() -> None:
    body = b'{"id":"msg_theirs","model":"theirs","content": [{"type":"thinking","thinking":"h","signature":"c2ln"}],' \
        b'"new":[1.50],"usage":{"input_tokens":9,"cache_read_input_tokens":1,"output_tokens":7}}'  # fmt: skip
    result = relay_reply(call(), body, NATIVE)
    assert result.chat is None
    assert result.usage == USED
    assert result.body == body.replace(b"msg_theirs", b"msg_ours").replace(b'"theirs"', b'"alias"').replace(
        b": [", b":["
    )
    other: dict[str, Any] = json.loads(relay_reply(call(), body, OTHER).body or b"")
    assert other["content"][0]["signature"] == "api.other.example:c2ln"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<html>", b'{"content":5}', b'{"type":"error","error":{"message":"x"}}']
)
def test_a_whole_reply_that_is_none(body: bytes) -> None:
    with pytest.raises(UpstreamError):
        relay_reply(call(), body, NATIVE)


def test_line_ends_that_are_one_too_many_hold_nothing_up():
    relay = MessagesRelay(call(), NATIVE)
    for extra in (b"\n", b"\n\n\n", b"\r\n"):
        assert relay.feed(b'event: ping\ndata: {"type":"ping"}\n\n' + extra) == []
