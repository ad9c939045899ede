"""The guard `wordlist`."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import BadRequest
from pixapi.interfaces import Allow, Deny
from pixapi.testing import guard_contract
from pixapi.testing.contracts.calls import call, chat
from pixapi.testing.contracts.guard import NoOutbound
from pixapi_plugins.wordlist import Config, Wordlist, _steps, pixapi_register_guards

(KIND,) = pixapi_register_guards()
SETTINGS: dict[str, Any] = {
    "words": ["Grail", "holy  hand grenade", "聖杯", "ﬁre"],
    "patterns": [r"\b\d{3}-\d{2}-\d{4}\b"],
    "reason": "not here",
}

test_contract = guard_contract(
    KIND, SETTINGS, allowed=["hello", "the grails", "12-34"], denied=["the GRAIL!", "123-45-6789"]
)


def verdict(asked: Any) -> Allow | Deny:
    found = asyncio.run(Wordlist(Config(**SETTINGS)).check(asked, NoOutbound()))
    assert isinstance(found, Allow | Deny)
    return found


@pytest.mark.parametrize(
    "text",
    ["grail", "GRAIL.", "(Grail)", "ＧＲＡＩＬ", "the holy hand\n grenade of", "我想找聖杯在哪裡", "Fire", "ﬁre", "x 123-45-6789"],
)  # fmt: skip
def test_forbidden(text: str) -> None:
    assert verdict(chat(text)) == Deny("not here")


@pytest.mark.parametrize(
    "text", ["", "grails", "ungrail", "holy grenade", "fireman", "123-45-67890", "聖 杯"]
)
def test_allowed(text: str) -> None:
    assert verdict(chat(text)) == Allow()


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "my grail"}]}]},
        {"messages": [{"role": "system", "content": "grail"}, {"role": "user", "content": "hi"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": '{"q": "grail"}'}}]}]},
        {"messages": [{"role": "tool", "tool_call_id": "c", "content": "grail"}]},
        {"input": ["hi", "grail"]},
        {"messages": [{"role": "user", "content": "hi"}], "system": [{"type": "text", "text": "grail"}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "grail"}]}]},
        {"input": "hi", "instructions": "grail"},
        {"contents": [{"role": "user", "parts": [{"text": "grail"}]}]},
        {"contents": [], "systemInstruction": {"parts": [{"text": "grail"}]}},
        {"prompt": "a grail"},
        {"input": "grail"},
        {"input": "hi", "instructions": "say grail"},
        {"query": "grail", "documents": ["hi"]},
        {"query": "hi", "documents": ["hi", {"text": "grail"}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "grail"}}]}]},
        {"messages": [], "tools": [{"type": "function", "function": {"name": "f", "description": "grail"}}]},
        {"messages": [], "response_format": {"type": "json_schema", "json_schema": {"description": "grail"}}},
        {"messages": [], "prediction": {"type": "content", "content": "grail"}},
        {"prompt": "a cup", "text_layout": [{"text": "grail"}]},
        {"prompt": "a cup", "a field of next year": "grail"},
    ],
)  # fmt: skip
def test_everything_that_is_said_is_looked_at(body: dict[str, Any]) -> None:
    assert verdict(call(body)) == Deny("not here")


@pytest.mark.parametrize(
    "body",
    [
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:grail"}}]}
            ]
        },
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": "grail"}}]}]},
        {"input": [1, 2]},
        {"input": "hi", "tools": [{"type": "mcp", "authorization": "grail", "headers": {"x-key": "grail"}}]},
        {"model": "grail", "metadata": {"order": "grail"}, "stop": "grail"},
        {},
    ],
)
def test_links_and_files_are_not_looked_into(body: dict[str, Any]) -> None:
    assert verdict(call(body)) == Allow()


def test_a_body_without_end_is_the_callers_fault() -> None:
    asked = chat()
    asked.fields["messages"] = type(asked.fields["messages"])(b"[" * 20_000 + b"]" * 20_000)
    with pytest.raises(BadRequest):
        verdict(asked)


def test_what_hides_behind_a_number_that_cannot_be_read_is_refused() -> None:
    """Many servers read 1e999 as infinity, and all that stands beside it."""
    asked = chat("grail")
    told = asked.fields["messages"]
    asked.fields["messages"] = type(told)(bytes(told)[:-1] + b',{"role":"user","content":"hi","x":1e999}]')
    with pytest.raises(BadRequest, match="messages holds something broken"):
        verdict(asked)


@pytest.mark.parametrize(
    "settings",
    [{}, {"patterns": [r"a(?=b)"]}, {"patterns": [r"(a)\1"]}, {"patterns": ["(?x) a b"]}, {"patterns": ["a" * 101]},
     {"patterns": ["(?:a{1,20}b){6}"]}, {"patterns": ["[a-z]{101}"]}, {"words": [""]}, {"words": ["  "]}, {"patterns": ["("]}, {"words": ["a"], "reason": ""}, {"word": ["a"]}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", r"(\w+\s?)*!", "a*a*a*a*b"]
)
def test_no_pattern_takes_longer_than_the_text_is_long(pattern: str) -> None:
    guard = Wordlist(Config(patterns=[pattern]))
    for text in ("a" * 100_000 + "b", ("a " * 50_000)[:-1] + "?"):
        began_s = time.perf_counter()
        asyncio.run(guard.check(chat(text), NoOutbound()))
        assert time.perf_counter() - began_s < 2, "a backtracking engine would need years"


def test_the_worst_that_is_accepted_is_in_proportion_to_the_text() -> None:
    guard = Wordlist(Config(patterns=["[01]*1[01]{90}x"]))
    text = "".join(random.Random(1).choices("01", k=100_000))
    began_s = time.perf_counter()
    assert asyncio.run(guard.check(chat(text), NoOutbound())) == Allow()
    assert time.perf_counter() - began_s < 3


def test_thousands_of_words_are_looked_for_at_once() -> None:
    made = random.Random(1)
    words = ["".join(made.choices("abcdefghij", k=9)) for _ in range(12_000)]
    guard = Wordlist(Config(words=words))
    text = " ".join("".join(made.choices("klmnopqrst", k=6)) for _ in range(50_000))
    began_s = time.perf_counter()
    assert asyncio.run(guard.check(chat(text), NoOutbound())) == Allow()
    assert time.perf_counter() - began_s < 2
    assert isinstance(asyncio.run(guard.check(chat(f"{text} {words[-1]}"), NoOutbound())), Deny)


async def test_others_get_their_turn_between_texts() -> None:
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    long = call({"input": ["x" * 150_000] * 10})
    assert await Wordlist(Config(words=["grail"])).check(long, NoOutbound()) == Allow()
    beside.cancel()
    assert len(turns) >= 4


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"[\w.+-]+@[\w-]+\.[\w.]+", "write to ada@example.com"),
        (r"\b(?:\d{4}[ -]?){3}\d{4}\b", "4111 1111 1111 1111"),
        (r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}\b", "DE89 3704 0044 0532 0130 00"),
        (r"(?i)\bnightfall\b", "NightFall"),
        (r"[[:xdigit:]]{8}-[0-9a-f]{4}", "0a1b2c3d-00ff"),
        (r"[]{}]{3}\{\}", "]{}{}"),
        (r"\p{Greek}{3}", "αβγ"),
    ],
)  # fmt: skip
def test_useful_patterns_are_accepted(pattern: str, text: str) -> None:
    assert isinstance(asyncio.run(Wordlist(Config(patterns=[pattern])).check(chat(text), NoOutbound())), Deny)


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3), ("a{3}", 3), ("a{2}{3}", 6), ("(ab){4}", 8), ("(?:a[b-d]{2,5}){3}", 18), ("[a{9}]", 1),
        (r"a\{9\}", 4), ("a{3,}", 3), ("(a|bc){2}", 6), ("[[a-z]&&[^b]]{7}", 7), (r"[\]{9}]{2}", 2), ("(?i)a{4}", 4),
        (r"\p{L}{5}", 5), ("(?P<x>a{2})b*", 3), ("[]a]{4}", 4), ("()", 1),
    ],
)  # fmt: skip
def test_the_size_counts_what_repetitions_repeat(pattern: str, size: int) -> None:
    assert _steps(pattern) == size
