"""What a call is charged for whose server tells nothing of what it used, or half of it."""

from __future__ import annotations

import pytest

from pixapi.calls.estimate import completed, completed_of
from pixapi.interfaces import ChatReply, Operation, Reasoning, Result, Text, Usage
from pixapi.testing.contracts.calls import call as call_of

SENT_BYTES = 400
"""A hundred tokens."""


def settled(usage: Usage | None, operation: Operation = "chat") -> tuple[Usage, str]:
    """With seven tokens of output passed on."""
    body = {"messages": []} if operation == "chat" else {"input": "x"}
    return completed(call_of(body, operation=operation), usage, SENT_BYTES, lambda: 7)


@pytest.mark.parametrize(
    ("told", "charged"),
    [
        (None, Usage(input=100, output=7)),
        (Usage(), Usage(input=100, output=7)),
        (Usage(output=5), Usage(input=100, output=5)),
        (Usage(output=0), Usage(input=100, output=0)),
        (Usage(output=5, reasoning=20), Usage(input=100, output=5, reasoning=20)),
        (Usage(input=90), Usage(input=90, output=7)),
        (Usage(input=0, cached_input=90), Usage(input=0, cached_input=90, output=7)),
        (Usage(cached_input=90, output=5), Usage(input=10, cached_input=90, output=5)),
        (Usage(cached_input=900, output=5), Usage(input=0, cached_input=900, output=5)),
        (Usage(input=90, reasoning=3), Usage(input=90, output=4, reasoning=3)),
        (Usage(input=90, reasoning=30), Usage(input=90, output=0, reasoning=30)),
        (Usage(output=5, provider_cost_usd="0.1"), Usage(input=100, output=5, provider_cost_usd="0.1")),
    ],
)
def test_of_a_chat_the_half_that_is_unknown_is_estimated(told: Usage | None, charged: Usage) -> None:
    assert settled(told) == (charged, "estimated")


@pytest.mark.parametrize("told", [Usage(input=9, output=5), Usage(input=0, output=0)])
def test_what_is_told_whole_is_taken_as_it_is(told: Usage) -> None:
    assert settled(told) == (told, "reported")


@pytest.mark.parametrize("told", [Usage(input=9), Usage(images=1), Usage()])
def test_other_calls_have_one_half_only(told: Usage) -> None:
    assert settled(told, "embeddings") == (told, "reported")


def test_output_is_counted_only_where_it_is_unknown() -> None:
    def fail() -> int:
        raise AssertionError

    assert completed(call_of({"messages": []}), Usage(output=5), SENT_BYTES, fail)[0].output == 5


@pytest.mark.parametrize(
    ("told", "charged"),
    [
        (None, Usage(input=100, output=5)),
        (Usage(input=90), Usage(input=90, output=5)),
        (Usage(output=1), Usage(input=100, output=1)),
    ],
)
def test_a_whole_reply_is_counted_by_its_text(told: Usage | None, charged: Usage) -> None:
    reply = ChatReply([Reasoning("x" * 8), Text("y" * 12)], "stop")
    found = completed_of(call_of({"messages": []}), SENT_BYTES, Result(usage=told, chat=reply))
    assert found == (charged, "estimated")
