"""The guard `wordlist`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import BadRequest
from pixapi.interfaces import Allow, Deny
from pixapi.testing import guard_contract
from pixapi.testing.contracts.calls import call, chat
from pixapi.testing.contracts.guard import NoOutbound
from pixapi_plugins.wordlist import Config, Wordlist, pixapi_register_guards

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
        {"input": "grail"},
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


@pytest.mark.parametrize(
    "settings",
    [{}, {"words": [""]}, {"words": ["  "]}, {"patterns": ["("]}, {"words": ["a"], "reason": ""}, {"word": ["a"]}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
