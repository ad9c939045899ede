"""What one stream of a server teaches about its others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.interfaces import Call, Event, Failed, Passage, Usage, UsageReport
from pixapi.wire.openai_habits import Habits, Meaning
from pixapi.wire.openai_quirks import PLAIN, Quirks
from pixapi.wire.openai_relay import OpenAIChatRelay

DONE = b"data: [DONE]\n\n"


def chunk(*choices: dict[str, Any], reply_id: str = "up-1", spaced: bool = False, **more: Any) -> bytes:
    head = {"id": reply_id, "object": "chat.completion.chunk", "created": 5, "model": "up-m"}
    separators = (", ", ": ") if spaced else (",", ":")
    return (
        b"data: " + json.dumps({**head, "choices": choices, **more}, separators=separators).encode() + b"\n\n"
    )


def choice(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": reason}


def usage(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **more,
    }


def stream(reply_id: str, text: str, said: dict[str, Any], *, spaced: bool = False) -> bytes:
    events = (
        [choice(role="assistant", content="")],
        [choice(content=text)],
        [choice("stop")],
    )
    whole = b"".join(chunk(*choices, reply_id=reply_id, spaced=spaced) for choices in events)
    return whole + chunk(reply_id=reply_id, spaced=spaced, usage=said) + DONE


def relayed(data: bytes, habits: Habits, quirks: Quirks = PLAIN) -> list[Event]:
    call = Call("r", "chat", "openai", "alias", "m", {}, "chatcmpl-ours", 7, stream=True, include_usage=True)
    relay = OpenAIChatRelay(call, quirks, habits)
    return relay.feed(data) + relay.close()


def sent(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Passage))


@pytest.mark.parametrize("spaced", [False, True])
def test_the_second_stream_is_read_as_the_first_though_its_id_and_counts_differ(spaced: bool) -> None:
    habits = Habits(PLAIN)
    relayed(stream("up-1", "hello", usage(9, 4), spaced=spaced), habits)
    data = stream("up-2", "bye", usage(70, 1), spaced=spaced)
    taught, untaught = relayed(data, habits), relayed(data, Habits(PLAIN))
    assert sent(taught) == sent(untaught)
    assert UsageReport(Usage(input=70, output=1)) in taught
    assert b"up-" not in sent(taught)
    assert sent(taught).count(b"chatcmpl-ours") == 4


def test_nothing_of_an_answer_is_remembered() -> None:
    habits = Habits(PLAIN)
    relayed(stream("up-1", "a secret", usage(9, 4)), habits)
    tool = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "secret"}}
    relayed(chunk(choice("tool_calls", tool_calls=[tool])) + DONE, habits, Quirks(repair_tools=False))
    relayed(chunk(choice("stop", content="secret")) + DONE, habits)
    assert b"secret" not in repr([vars_of(habits)]).encode()


def vars_of(habits: Habits) -> list[object]:
    return [getattr(habits, name) for name in Habits.__slots__]


def test_usage_that_is_followed_by_something_or_tells_costs_is_looked_at() -> None:
    habits = Habits(PLAIN)
    relayed(stream("up-1", "hello", usage(9, 4)), habits)
    assert habits.before_usage is not None
    costly = relayed(stream("up-2", "hello", usage(9, 4, cost=0.5)), habits)
    assert b"cost" not in sent(costly)
    events = (
        chunk(choice(content="x")) + chunk(choice("stop")) + chunk(usage=usage(9, 4), error={"message": "no"})
    )
    assert isinstance(relayed(events, habits)[-1], Failed)


def test_reasoning_that_is_counted_apart_is_added_for_the_caller_of_a_taught_relay_too() -> None:
    quirks = Quirks(completion_excludes_reasoning=True)
    habits = Habits(quirks)
    said = usage(9, 4, completion_tokens_details={"reasoning_tokens": 3}) | {"total_tokens": 16}
    for _ in range(2):
        events = relayed(stream("up-1", "hello", said), habits, quirks)
        assert UsageReport(Usage(input=9, output=4, reasoning=3)) in events
        assert b'"completion_tokens":7' in sent(events)


def test_an_end_that_ends_a_mended_tool_call_is_not_taken_for_the_end_that_is_known() -> None:
    habits = Habits(PLAIN)
    relayed(stream("up-1", "hello", usage(9, 4)), habits)
    begun = chunk(choice(role="assistant", tool_calls=[{"function": {"name": "f"}}]))
    taught, untaught = (
        relayed(begun + chunk(choice("stop")) + DONE, known) for known in (habits, Habits(PLAIN))
    )
    assert sent(taught) == sent(untaught)
    assert b'"arguments":"{}"' in sent(taught)


def test_room_is_bounded() -> None:
    habits = Habits(PLAIN)
    meaning = Meaning(True, ())
    habits.learn(b"x" * 10_000, meaning)
    habits.learn(None, meaning)
    for number in range(1000):
        habits.learn(b"%d" % number, meaning)
    assert habits.meaning(b"x" * 10_000) is None
    assert habits.meaning(b"0") == meaning
    assert habits.meaning(b"999") is None
