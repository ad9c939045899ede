"""Bounds of calls of the Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.errors import BadRequest
from pixapi.wire.anthropic_count import estimate_count
from pixapi.wire.anthropic_dialect import AnthropicDialect
from pixapi.wire.dialect import Sizes
from pixapi.wire.json import Fields, decode_fields
from pixapi.wire.openai_input import PER_MESSAGE, TOOLS_PREAMBLE

IMAGE = 1000
FRAME = 2 * PER_MESSAGE
PNG = {"type": "base64", "media_type": "image/png", "data": "A" * 5000}
TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]


def fields(body: dict[str, Any]) -> Fields:
    return decode_fields(
        json.dumps({"model": "m", **body}, separators=(",", ":"), ensure_ascii=False).encode()
    )


def bound(body: dict[str, Any]) -> int:
    return AnthropicDialect().sizes(fields(body), IMAGE).input_bound


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))


BOUNDS: list[tuple[str, dict[str, Any], int]] = [
    ("a string", {"messages": [{"role": "user", "content": "né"}]}, 3),
    ("escapes count as what they stand for", {"messages": [{"role": "user", "content": 'a\n"'}]}, 3),
    ("a text block", user({"type": "text", "text": "abc"}), 3),
    ("an image counts by its bound", user({"type": "image", "source": PNG}), IMAGE),
    ("so does a file", user({"type": "document", "source": {**PNG, "media_type": "application/pdf"}}), IMAGE),
    ("and one elsewhere", user({"type": "document", "title": "t", "source": {"type": "url", "url": "u"}}), IMAGE + 3),
    (
        "a text document by its bytes",
        user({"type": "document", "source": {"type": "text", "data": "abc"}}),
        size({"type": "text", "data": "abc"}),
    ),
    (
        "a document of blocks by them",
        user({"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": PNG}]}}),
        IMAGE,
    ),
    (
        "a screenshot in a result by its bound",
        user({"type": "tool_result", "tool_use_id": "i", "content": [{"type": "image", "source": PNG}]}),
        IMAGE + PER_MESSAGE,
    ),
    ("what nobody knows by its bytes", user({"type": "smell", "of": "x"}), size({"type": "smell", "of": "x"})),
    ("system", {**user(), "system": "abc"}, 3),
    ("system in blocks", {**user(), "system": [{"type": "text", "text": "abc"}]}, 3),
    ("tools with their preamble", {**user(), "tools": TOOLS}, size(TOOLS) + TOOLS_PREAMBLE),
    ("unknown fields by their bytes", {**user(), "a_field_of_tomorrow": "abc"}, 5),
    ("settings are no text", {**user(), "temperature": 1, "stop_sequences": ["END"], "metadata": {"user_id": "u"}}, 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"), [case[1:] for case in BOUNDS], ids=[case[0] for case in BOUNDS]
)
def test_the_bound_on_input(body: dict[str, Any], expected: int) -> None:
    assert bound(body) == FRAME + expected


def test_caps_and_budgets() -> None:
    body = {**user(), "max_tokens": 300, "thinking": {"type": "enabled", "budget_tokens": 200}}
    assert AnthropicDialect().sizes(fields(body), IMAGE) == Sizes(FRAME, output_cap=300, thinking_budget=200)
    assert AnthropicDialect().sizes(fields({**user(), "thinking": {"type": "adaptive"}}), IMAGE) == Sizes(
        FRAME
    )


@pytest.mark.parametrize(
    ("param", "body"),
    [
        ("messages", {}),
        ("messages", {"messages": []}),
        ("messages", {"messages": {"role": "user"}}),
        ("messages", {"messages": ["hi"]}),
        ("messages", {"messages": [{"content": "hi"}]}),
        ("messages", {"messages": [{"role": 5, "content": "hi"}]}),
        ("messages", {"messages": [{"role": "user"}]}),
        ("messages", {"messages": [{"role": "user", "content": 5}]}),
        ("messages", user({"type": "text"})),
        ("system", {**user(), "system": 5}),
        ("max_tokens", {**user(), "max_tokens": -1}),
        ("thinking", {**user(), "thinking": {"budget_tokens": "all"}}),
        ("stream", {**user(), "stream": "yes"}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_has_no_bound_is_refused_by_name(param: str, body: dict[str, Any]) -> None:
    dialect = AnthropicDialect()
    with pytest.raises(BadRequest) as refusal:
        dialect.streams(fields(body))
        dialect.sizes(fields(body), IMAGE)
    assert refusal.value.param == param


def test_an_estimate_is_a_quarter_of_the_text_and_all_of_the_media() -> None:
    assert estimate_count(fields(user({"type": "text", "text": "a" * 400})), IMAGE) == (FRAME + 400) / 4
    assert estimate_count(fields(user({"type": "image", "source": PNG})), IMAGE) == IMAGE + FRAME / 4
