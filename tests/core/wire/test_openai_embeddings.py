"""Embeddings of other dialects, as OpenAI's clients ask for them and read them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest
from pixapi.interfaces import Call, Usage
from pixapi.wire.openai_embeddings import (
    EmbeddingsRequest,
    encode_embeddings_reply,
    read_embeddings_request,
)
from pixapi.wire.openai_result import decode_vector


def fields(body: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in body.items()}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "a"}, EmbeddingsRequest(["a"])),
        ({"input": ["a", ""], "dimensions": 8}, EmbeddingsRequest(["a", ""], 8)),
        (
            {"input": "a", "dimensions": None, "input_type": "query"},
            EmbeddingsRequest(["a"], purpose="query"),
        ),
    ],
)
def test_what_is_asked(body: dict[str, Any], expected: EmbeddingsRequest) -> None:
    assert read_embeddings_request(fields(body)) == expected


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": "a", "dimensions": "8"}, "dimensions"),
        ({"input": "a", "dimensions": True}, "dimensions"),
        ({"input": "a", "input_type": 1}, "input_type"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as raised:
        read_embeddings_request(fields(body))
    assert raised.value.param == param


@pytest.mark.parametrize("form", ["base64", "float", None])
def test_vectors_come_as_they_were_asked_for(form: str | None) -> None:
    asked = fields({"input": "a", "encoding_format": form})
    call = Call("r", "embeddings", "openai", "alias", "m", asked, "id", 1)
    vectors = [[0.5, -0.25], [1.0, 0.0]]
    reply = json.loads(encode_embeddings_reply(call, vectors, Usage(input=4, image_input=2)))
    assert (reply["object"], reply["model"]) == ("list", "alias")
    assert [item["index"] for item in reply["data"]] == [0, 1]
    found = [item["embedding"] for item in reply["data"]]
    assert ([decode_vector(text) for text in found] if form == "base64" else found) == vectors
    assert reply["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
    assert "usage" not in json.loads(encode_embeddings_reply(call, vectors, None))
