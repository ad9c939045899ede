"""A stream passed on: the rare shapes that recordings do not hold, and the traps by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import (
    UpstreamBusy,
    UpstreamCut,
    UpstreamDenied,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRejected,
)
from pixapi.interfaces import Call, Ended, Event, Failed, Passage, Usage, UsageReport
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_habits import Habits
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
USED = Usage(input=9, output=4)


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    body = {
        "id": "up-1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "up-m",
        "choices": choices,
    }
    return b"data: " + json.dumps(body | more, separators=(",", ":")).encode() + b"\n\n"


def choice(reason: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": reason}


ROLE = chunk(choice(role="assistant", content=""))
HELLO = chunk(choice(content="hello"))
STOP = chunk(choice("stop"))
LAST = chunk(usage=USAGE)


def call(**more: Any) -> Call:
    body = decode_fields(more.pop("body", b"{}"))
    return Call("r", "chat", "openai", "alias", "m", body, "chatcmpl-ours", 7, stream=True, **more)


def play(*pieces: bytes, quirks: Quirks = PLAIN, **more: Any) -> list[Event]:
    """The events of a stream, which are the same however it is cut, and whatever the server's others have taught."""
    habits = Habits(quirks)
    relay = OpenAIChatRelay(call(**more), quirks, habits)
    events = [event for piece in pieces for event in relay.feed(piece)] + relay.close()
    again = OpenAIChatRelay(call(**more), quirks)
    body = b"".join(pieces)
    single = [e for at in range(len(body)) for e in again.feed(body[at : at + 1])] + again.close()
    taught = OpenAIChatRelay(call(**more), quirks, habits)
    for other in (single, taught.feed(body) + taught.close()):
        assert sent(other) == sent(events)
        assert facts(other) == facts(events)
    return events


def facts(events: list[Event]) -> list[Event | str]:
    """What is no passage; of an error its words."""
    told = [event for event in events if not isinstance(event, Passage)]
    return [repr(event.error) if isinstance(event, Failed) else event for event in told]


def sent(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Passage))


def said(events: list[Event]) -> list[dict[str, Any]]:
    lines = [line for line in sent(events).split(b"\n") if line.startswith(b"data: {")]
    return [json.loads(line[6:]) for line in lines]


def failure(events: list[Event]) -> UpstreamError:
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Ended) for event in events)
    assert DONE not in sent(events)
    return events[-1].error


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_the_order_of_an_end_lets_the_charge_be_settled_before_the_last_frame():
    events = play(ROLE + HELLO + STOP + LAST + DONE, include_usage=True)
    assert kinds(events) == ["Passage", "UsageReport", "Passage", "Passage", "Ended"]
    assert [e.content for e in events if isinstance(e, Passage)] == [True, False, False]
    assert events[1] == UsageReport(USED)
    assert events[-2] == Passage(DONE, content=False)


def test_nothing_is_passed_on_before_there_is_something_of_the_answer():
    relay = OpenAIChatRelay(call())
    assert relay.feed(b": processing\n\n") == []
    assert relay.feed(ROLE) == []
    (passage,) = relay.feed(HELLO)
    assert isinstance(passage, Passage)
    assert passage.data.count(b"data: ") == 2


def test_trap_01_usage_is_read_and_kept_from_a_caller_who_did_not_ask():
    events = play(ROLE, HELLO, STOP, LAST, DONE)
    assert UsageReport(USED) in events
    assert b"_tokens" not in sent(events)
    assert len(said(events)) == 3


@pytest.mark.parametrize(
    "finish",
    [
        chunk(choice("stop"), usage=USAGE),
        chunk({**choice("stop"), "usage": USAGE}),
        chunk(choice("stop"), x_groq={"id": "req", "usage": USAGE}),
        STOP + chunk(choice("stop", content="", role="assistant"), usage=USAGE),
        STOP + LAST + chunk(usage=None),
        chunk(choice("stop"), usage={"prompt_tokens": 1}) + LAST,
    ],
    ids=[
        "finish chunk",
        "within the choice",
        "own member",
        "finish repeated",
        "null after it",
        "the last wins",
    ],
)
def test_trap_02_usage_counts_wherever_it_stands(finish):
    asked, unasked = play(ROLE, HELLO, finish, DONE, include_usage=True), play(ROLE, HELLO, finish, DONE)
    for events in (asked, unasked):
        assert [e for e in events if isinstance(e, UsageReport)][-1] == UsageReport(USED)
    shown = [c for c in said(asked) if c.get("usage") or any(x.get("usage") for x in c["choices"])]
    assert [(c["choices"], c["usage"]) for c in shown] == [([], USAGE)]
    assert said(asked)[-1] == shown[0]
    assert b"_tokens" not in sent(unasked)
    assert [c["choices"][0]["finish_reason"] for c in said(unasked) if c["choices"]].count("stop") == 1


def test_trap_03_a_usage_of_zero_is_a_usage():
    zero = chunk(usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
    assert UsageReport(Usage(input=0, output=0)) in play(HELLO, STOP, zero, DONE)


ERRORS = [
    (chunk(error={"message": "boom", "code": 502}), UpstreamError),
    (chunk(choice("error"), error={"message": "boom", "code": 429}), UpstreamBusy),
    (chunk(choice("error")), UpstreamError),
    (chunk({**choice(), "error": {"message": "no", "code": 400}}), UpstreamRejected),
    (b'data: {"error":{"message":"too long","code":"context_length_exceeded"}}\n\n', UpstreamRejected),
    (b'event: error\ndata: {"message":"slow down","code":429}\n\n', UpstreamBusy),
    (b'data: {"error":"overloaded","type":"overloaded_error"}\n\n', UpstreamBusy),
    (b'data: {"object":"error","message":"bad key","code":401}\n\n', UpstreamDenied),
    (
        b'data: {"error":{"message":"x","type":"invalid_request_error","status_code":400}}\n\n',
        UpstreamRejected,
    ),
    (chunk(choice(), x_groq={"error": "over capacity"}), UpstreamError),
    (b"data: this is no JSON\n\n", UpstreamInvalid),
    (b"data: [1,2]\n\n", UpstreamInvalid),
    (b"<html><body>502</body></html>\n\n", UpstreamInvalid),
]


@pytest.mark.parametrize(("event", "kind"), ERRORS)
def test_trap_05_an_error_within_a_stream_is_an_error(event, kind):
    first = play(event, HELLO, DONE)
    assert type(failure(first)) is kind
    assert sent(first) == b""
    later = play(ROLE, HELLO, event, HELLO, STOP, DONE)
    assert type(failure(later)) is kind
    assert b"hello" in sent(later)
    assert sent(later).count(b"hello") == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", UpstreamCut),
        (b"\n\n", UpstreamCut),
        (b": comment\n\n", UpstreamCut),
        (b'{"error":{"message":"no such model","code":404}}', UpstreamRejected),
        (b'{"error":{"message":"slow","type":"rate_limit_error"}}', UpstreamBusy),
        (b'[{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}]', UpstreamBusy),
        (b'{\n  "detail": "Unauthorized",\n\n  "status": 401\n}', UpstreamDenied),
        (b'{"id":"x","object":"chat.completion","choices":[{"message":{}}]}', UpstreamInvalid),
        (b"<!doctype html>\n<html>secret page</html>", UpstreamInvalid),
        (b"upstream connect error", UpstreamInvalid),
        (DONE, UpstreamInvalid),
    ],
)
def test_trap_05_a_200_that_is_no_stream(body, kind):
    error = failure(play(body))
    assert type(error) is kind
    assert "secret" not in error.message
    assert "<" not in error.message


def test_trap_07_a_cut_is_an_error_and_is_never_followed_by_done():
    for body in (ROLE, ROLE + HELLO, ROLE + HELLO[:-9], ROLE + HELLO + STOP[:40]):
        assert type(failure(play(body))) is UpstreamCut


@pytest.mark.parametrize(
    "end", [STOP, STOP + LAST, STOP + DONE.strip(), STOP + b"data: [DONE]\n", STOP[:-2], STOP[:-1]]
)
def test_trap_07_an_answer_that_finished_is_complete_without_done(end):
    events = play(ROLE, HELLO, end)
    assert kinds(events)[-2:] == ["Passage", "Ended"]
    assert sent(events).endswith(DONE)
    assert sent(events).count(b'"stop"') == 1


def test_trap_07_all_choices_must_have_finished():
    two = [
        chunk(choice(content="a", index=0)),
        chunk(choice(content="b", index=1)),
        chunk(choice("stop", index=0)),
    ]
    assert type(failure(play(*two, body=b'{"n":2}'))) is UpstreamCut
    events = play(*two, chunk(choice("stop", index=1)), body=b'{"n":2}')
    assert isinstance(events[-1], Ended)


def test_trap_20_comments_go_and_what_follows_done_is_ignored():
    noisy = b": PROCESSING\n\n" + ROLE + b": PROCESSING\n\n" + HELLO + b":\n" + STOP + DONE + HELLO + b"junk"
    events = play(noisy)
    assert b"PROCESSING" not in sent(events)
    assert sent(events).count(b"hello") == 1
    assert isinstance(events[-1], Ended)


def test_trap_26_numbers_and_unknown_members_survive():
    odd = chunk(choice(content="x", never="heard"), big=2**63 + 1, text="1e400", seed="18446744073709551615")
    odd = odd.replace(b'"1e400"', b"1e400")
    passed = sent(play(odd, chunk(choice("stop"), usage=USAGE, big=2**63 + 1), DONE))
    assert b'"never":"heard"' in passed
    assert passed.count(str(2**63 + 1).encode()) == 2
    assert b'"text":1e400' in passed


@pytest.mark.parametrize(
    "event",
    [
        HELLO,
        HELLO.replace(b":", b": ").replace(b"data: ", b"data:"),
        b'data: {"choices":[{"delta":{"content":"hello"},"index":0}],"model":"up-m","x":1,"id":"up-1"}\n\n',
        b'data: {"id":"up-1","choices":[{"delta":{"content":"hello"},"index":0}],"model":"up-m"}\n\n',
        b'data: {"id":"","model":"","choices":[{"delta":{"content":"hello"},"index":0}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"hello"},"index":0}]}\n\n',
        b'data: {"id":null,"model":null,"choices":[{"delta":{"content":"hello"},"index":0}]}\n\n',
        b'data: {"id":7,"model":"up-m","choices":[{"delta":{"content":"hello"},"index":0}]}\n\n',
        b'data: {"id":"up-2","model":"other","choices":[{"delta":{"content":"hello"},"index":0}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"hello"},"id":"up-1","index":0}],"id":"up-1","model":"up-m"}\n\n',
    ],
)
def test_trap_28_every_event_carries_the_alias_and_our_id(event):
    events = play(ROLE, event, HELLO, event, STOP, DONE)
    assert {(c["id"], c["model"]) for c in said(events)} == {("chatcmpl-ours", "alias")}
    assert sent(events).count(b"hello") == 3
    assert b"up-m" not in sent(events)


def test_a_text_that_looks_like_what_is_sought_is_left_alone():
    tricky = 'say "id":"up-1","model":"up-m" and "error": or _tokens" or [DONE] or "finish_reason":"stop"'
    events = play(ROLE, chunk(choice(content=tricky)), STOP, DONE)
    assert [c["choices"][0]["delta"].get("content") for c in said(events)] == ["", tricky, None]
    assert isinstance(events[-1], Ended)


def test_a_moving_creation_time_is_followed():
    events = play(*(chunk(choice(content=str(at)), created=at) for at in range(5)), STOP, DONE)
    assert [c["created"] for c in said(events)] == [0, 1, 2, 3, 4, 5]
    assert {c["model"] for c in said(events)} == {"alias"}


def test_trap_17_contents_in_parts_become_text_and_thoughts():
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "yes"},
    ]
    events = play(chunk(choice(content=parts)), STOP, DONE, quirks=Quirks(content_parts=True))
    assert said(events)[0]["choices"][0]["delta"] == {"reasoning_content": "hm", "content": "yes"}


@pytest.mark.parametrize("content", [None, "", "x"])
def test_trap_17_other_contents_stay_as_they_are(content):
    events = play(chunk(choice(content=content, role="assistant")), STOP, DONE)
    assert said(events)[0]["choices"][0]["delta"] == {"content": content, "role": "assistant"}


def test_reasoning_goes_under_the_usual_name():
    quirks = Quirks(reasoning_field="reasoning")
    both = chunk(choice(reasoning="a", reasoning_content="a"))
    events = play(chunk(choice(reasoning="hm", content="")), both, STOP, DONE, quirks=quirks)
    deltas = [c["choices"][0]["delta"] for c in said(events)]
    assert deltas == [
        {"reasoning_content": "hm", "content": ""},
        {"reasoning": "a", "reasoning_content": "a"},
        {},
    ]


def test_reasoning_left_out_of_the_completion_is_in_the_usage_that_the_caller_sees():
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 15,
        "odd": 1,
        "completion_tokens_details": {"reasoning_tokens": 10},
    }
    events = play(HELLO, STOP, chunk(usage=usage), DONE, include_usage=True)
    assert said(events)[-1]["usage"] == {**usage, "completion_tokens": 12}


def test_what_was_delivered_is_counted_in_tokens_of_four_bytes():
    relay = OpenAIChatRelay(call())
    assert relay.delivered_output() == 0
    relay.feed(ROLE + HELLO + HELLO)
    assert relay.delivered_output() == 3
    relay.feed(chunk(choice(reasoning_content="你好")))
    assert relay.delivered_output() == 4
    function = {"name": "abcd", "arguments": "12345678"}
    relay.feed(chunk(choice(tool_calls=[{"index": 0, "id": "c", "function": function}])))
    assert relay.delivered_output() == 7


def test_memory_stays_bounded_however_long_the_stream():
    relay = OpenAIChatRelay(call())
    relay.feed(ROLE)
    block = chunk(choice(content="x" * 40_000))
    for _ in range(100):
        relay.feed(block)
    assert sum(map(len, relay._delivered._blocks)) < 1024 * 1024
    assert relay.delivered_output() == 1_000_000


def test_an_event_without_end_is_refused():
    relay = OpenAIChatRelay(call())
    relay.feed(ROLE + b"data: ")
    events = []
    for _ in range(20):
        events += relay.feed(b"x" * 1024 * 1024)
    assert [type(event) for event in events] == [Failed]
    assert relay.close() == []


@pytest.mark.parametrize("start", [b"d", b"dat", b"data", b"eve", b"ret"])
def test_trap_07_a_stream_cut_within_its_first_word_is_cut(start):
    (failed,) = play(start)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, UpstreamCut)


@pytest.mark.parametrize("where", ["alone", "with the end"])
@pytest.mark.parametrize("asked", [True, False])
def test_trap_28_the_operators_cost_is_not_told(where: str, asked: bool) -> None:
    usage = {
        **USAGE,
        "cost": 0.00006,
        "cost_details": {"upstream": 1},
        "is_byok": False,
        "cost_in_usd_ticks": 600000,
    }
    last = [STOP, chunk(usage=usage, provider="Somebody")] if where == "alone" else [
        chunk(choice("stop"), usage=usage, provider="Somebody")
    ]  # fmt: skip
    events = play(ROLE, HELLO, *last, DONE, include_usage=asked)
    assert b"cost" not in sent(events)
    assert b"byok" not in sent(events)
    assert b"Somebody" not in sent(events)
    assert [event.usage for event in events if isinstance(event, UsageReport)] == [
        Usage(input=9, output=4, provider_cost_usd="0.00006")
    ]
    assert [chunk["usage"] for chunk in said(events) if chunk.get("usage")] == [USAGE] * asked


@pytest.mark.parametrize("spaced", [False, True])
@pytest.mark.parametrize(
    "order", [("id", "provider", "model"), ("provider", "id", "model"), ("id", "model", "provider")]
)
def test_trap_28_the_providers_name_is_not_told_in_any_event(order: tuple[str, ...], spaced: bool) -> None:
    names = {"id": "up-1", "provider": "Somebody", "model": "up-m"}

    def event(*choices: dict[str, Any]) -> bytes:
        body = {**{name: names[name] for name in order}, "choices": choices, "odd": 1}
        return b"data: " + json.dumps(body, separators=None if spaced else (",", ":")).encode() + b"\n\n"

    words = [event(choice(content=f"word {at} ")) for at in range(30)]
    events = play(
        event(choice(role="assistant", content="")), *words, b"".join(words), event(choice("stop")), DONE
    )
    assert b"Somebody" not in sent(events)
    assert all(chunk["odd"] == 1 and chunk["model"] == "alias" for chunk in said(events))
    assert len(said(events)) == 62


@pytest.mark.parametrize("count", [1, 40])
def test_a_provider_named_late_in_the_stream_is_withheld_too(count: int) -> None:
    named = chunk(choice(content="more"), provider="Reseller's vendor")
    events = play(ROLE, HELLO, HELLO * count + named + HELLO * count, STOP, LAST, DONE)
    assert b"provider" not in sent(events)


def test_line_ends_that_are_one_too_many_end_nothing_and_hold_nothing_up():
    for extra in (b"\n", b"\n\n\n", b"\r\n"):
        events = play(ROLE + HELLO + extra + STOP + extra + LAST + extra + DONE, include_usage=True)
        assert isinstance(events[-1], Ended)
        assert UsageReport(USED) in events
    assert isinstance(play(ROLE + HELLO + b"\n")[-1], Failed)
