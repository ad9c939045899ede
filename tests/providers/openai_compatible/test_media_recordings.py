"""Images, transcriptions and ranks as real servers sent them, read for the caller and for the bill."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pixapi.errors import UpstreamRejected
from pixapi.interfaces import Call, HttpReply, Usage
from pixapi.wire.json import raw
from pixapi_providers.openai_compatible import Config, build

MEGAPIXEL = Decimal("1.048576")
RECORDED = [
    (
        "openai/openai-image.json",
        "images",
        {"prompt": "an otter", "n": 2},
        2,
        Usage(images=2, megapixels=2 * MEGAPIXEL),
    ),
    (
        "openai/openai-image-edit.json",
        "image_edits",
        {"prompt": "a hat"},
        1,
        Usage(images=1, megapixels=MEGAPIXEL),
    ),
    (
        "openai/openai-transcription.json",
        "transcriptions",
        {"response_format": "verbose_json"},
        None,
        Usage(seconds=Decimal(37)),
    ),
    (
        "togetherai/togetherai-reranking.1.json",
        "rerank",
        {"query": "rain", "documents": ["a"] * 6},
        2,
        Usage(input=2966, output=0, searches=1),
    ),
    (
        "voyage/voyage-reranking.1.json",
        "rerank",
        {"query": "rain", "documents": ["a", "b"]},
        2,
        Usage(input=12, searches=1),
    ),
]


def call_of(operation: Any, fields: dict[str, Any]) -> Call:
    given = {name: raw(value) for name, value in fields.items()}
    return Call("req_1", operation, "openai", "the-alias", "m", given, "ours", 1)


@pytest.mark.parametrize(
    ("name", "operation", "fields", "items", "usage"), RECORDED, ids=[r[0] for r in RECORDED]
)
def test_what_was_delivered_is_read(
    cassettes: Path, name: str, operation: Any, fields: dict[str, Any], items: int | None, usage: Usage
) -> None:
    body = (cassettes / "vercel-ai" / name).read_bytes()
    sent = json.loads(body)
    result = build(Config(base_url="http://127.0.0.1/v1")).result(
        call_of(operation, fields), HttpReply(200, {}, body)
    )
    assert result.usage == usage
    said = json.loads(result.body or b"")
    assert said.get("model", "the-alias") == "the-alias"
    assert said.get("id", "ours") == "ours"
    member = "results" if operation == "rerank" else "data"
    if items is not None:
        assert len(said[member]) == items
        assert said[member] == sent.get(member, sent.get("data"))
    for kept in set(sent) - {"id", "model", "data", "object"}:
        assert said[kept] == sent[kept]


def test_a_transcription_tells_its_tokens(cassettes: Path) -> None:
    body = (cassettes / "vercel-ai" / "mistral" / "mistral-transcription.json").read_bytes()
    told = json.loads(body)["usage"]
    provider = build(Config(vendor="mistral", base_url="http://127.0.0.1/v1"))
    usage = provider.result(call_of("transcriptions", {}), HttpReply(200, {}, body)).usage
    assert usage is not None
    assert usage.total_input() == told["prompt_tokens"]
    assert usage.total_output() == told["completion_tokens"]
    assert usage.seconds == told["prompt_audio_seconds"]


def test_a_refusal_keeps_its_field(cassettes: Path) -> None:
    body = (cassettes / "vercel-ai" / "openai" / "gpt-image-response-format-error.json").read_bytes()
    error = build(Config(base_url="http://127.0.0.1/v1")).error(HttpReply(400, {}, body))
    assert isinstance(error, UpstreamRejected)
    assert error.param == "response_format"
