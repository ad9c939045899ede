"""The bounds of a Responses call: never below what a tokenizer could make of it, and cheap to tell."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest
from pixapi.wire.dialect import Sizes
from pixapi.wire.json import decode_fields
from pixapi.wire.openai_input import PER_MESSAGE, TOOLS_PREAMBLE
from pixapi.wire.responses_dialect import ResponsesDialect
from pixapi.wire.responses_input import PREAMBLE

IMAGE = 1000


def sizes(body: dict[str, Any]) -> Sizes:
    return ResponsesDialect().sizes(decode_fields(json.dumps(body, ensure_ascii=False).encode()), IMAGE)


PICTURE = {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 5000}
PAPER = {"type": "input_file", "file_data": "data:application/pdf;base64," + "A" * 5000}
BOUNDS: list[tuple[str, Any, int, int]] = [
    ("a string", "grüße", 7, 1),
    ("escapes do not count", 'a"\n', 3, 1),
    ("a message", [{"role": "user", "content": "hello"}], 5, 1),
    ("parts", [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}], 5, 1),
    ("pictures count by the model's bound", [{"role": "user", "content": [PICTURE, PAPER]}], 2 * IMAGE, 1),
    (
        "also in the answers of tools",
        [{"type": "function_call_output", "call_id": "c", "output": [PICTURE]}],
        IMAGE,
        1,
    ),
    ("arguments", [{"type": "function_call", "call_id": "c", "name": "n", "arguments": "x" * 50}], 50, 1),
    ("thoughts", [{"type": "reasoning", "summary": [], "encrypted_content": "x" * 900}], 900, 1),
    ("an item of tomorrow", [{"type": "smell", "smell": ["x" * 70]}], 70, 1),
    ("two items", [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], 2, 2),
]


@pytest.mark.parametrize(("items", "least", "count"), [c[1:] for c in BOUNDS], ids=[c[0] for c in BOUNDS])
def test_the_input_is_bound(items: Any, least: int, count: int) -> None:
    bound = sizes({"input": items}).input_bound
    around = PREAMBLE + PER_MESSAGE * (count + 1)
    assert least + around <= bound <= least + around + 120, "what surrounds the text is small"


def test_what_else_the_model_reads_counts() -> None:
    alone = sizes({"input": "hi"}).input_bound
    assert sizes({"input": "hi", "instructions": "x" * 300}).input_bound >= alone + 300
    schema = {"format": {"type": "json_schema", "name": "a", "schema": {"description": "x" * 400}}}
    assert sizes({"input": "hi", "text": schema}).input_bound >= alone + 400
    assert sizes({"input": "hi", "a_field_of_tomorrow": "x" * 500}).input_bound >= alone + 500
    tools = [{"type": "function", "name": "f", "description": "x" * 200}]
    assert sizes({"input": "hi", "tools": tools}).input_bound >= alone + 200 + TOOLS_PREAMBLE
    assert (
        sizes({"input": "hi", "metadata": {"a": "x" * 500}, "reasoning": {"effort": "low"}}).input_bound
        == alone
    )
    assert sizes({"instructions": "x" * 300}).input_bound >= 300


def test_the_cap_is_the_callers() -> None:
    assert sizes({"input": "hi", "max_output_tokens": 7}).output_cap == 7
    assert sizes({"input": "hi", "max_output_tokens": None}).output_cap is None
    assert sizes({"input": "hi"}) == Sizes(input_bound=2 + PREAMBLE + 2 * PER_MESSAGE)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": 5},
        {"input": ["hello"]},
        {"input": "hi", "max_output_tokens": "many"},
        {"input": "hi", "store": "yes"},
    ],
)
def test_what_cannot_be_bound_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        sizes(body)


@pytest.mark.parametrize(
    "items",
    [
        b'[{"role":"user","content":"\xff"}]',
        b'[{"role":"user","\xff":"x"}]',
        b'[{"role":"user","content":[{"type":"input_text","text":"\\ud83d\xff"}]}]',
        b'[{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
    ],
    ids=["broken text", "a broken name", "a broken part", "a deep hole"],
)
def test_what_is_broken_is_bound_or_refused(items: bytes) -> None:
    try:
        assert ResponsesDialect().sizes({"input": msgspec.Raw(items)}, IMAGE).input_bound > 0
    except BadRequest as refusal:
        assert refusal.param == "input"  # noqa: PT017
