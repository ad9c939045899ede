"""The lists and counts around Gemini's dialect."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from pixapi.errors import BadRequest, UpstreamBusy, UpstreamInvalid
from pixapi.interfaces import ChatRequest, Message, Text
from pixapi.wire.gemini_count import (
    forward_count,
    read_count,
    read_count_reply,
    write_count,
    write_count_reply,
)
from pixapi.wire.gemini_dialect import GeminiDialect
from pixapi.wire.gemini_listing import Listed, write_models

MODELS = [Listed(f"model-{number}") for number in range(5)]


def page(**query: Any) -> tuple[list[str], str | None]:
    said = json.loads(write_models(MODELS, **query))
    return [model["name"] for model in said["models"]], said.get("nextPageToken")


def test_a_model() -> None:
    listed = [Listed("a", input_limit=1000, output_limit=10), Listed("b", "embeddings"), Listed("c", "any")]
    first, second, third = json.loads(write_models(listed))["models"]
    assert first == {
        "name": "models/a",
        "baseModelId": "a",
        "version": "001",
        "displayName": "a",
        "inputTokenLimit": 1000,
        "outputTokenLimit": 10,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    }
    assert second["supportedGenerationMethods"] == []
    assert third["supportedGenerationMethods"] == first["supportedGenerationMethods"]


def test_pages_follow_each_other() -> None:
    names, token = page(page_size="2")
    assert names == ["models/model-0", "models/model-1"]
    names, token = page(page_size="2", page_token=token)
    assert names == ["models/model-2", "models/model-3"]
    assert page(page_size="2", page_token=token) == (["models/model-4"], None)
    assert page() == ([f"models/model-{number}" for number in range(5)], None)
    assert page(page_size="0")[1] is None


@pytest.mark.parametrize(
    "query", [{"page_size": "-1"}, {"page_size": "many"}, {"page_token": "ü"}, {"page_token": "eHh4"}]
)
def test_pages_that_are_none(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        write_models(MODELS, **query)


def fields_of(body: Any) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(json.dumps(body).encode(), type=dict[str, msgspec.Raw])


CONTENTS = [{"role": "user", "parts": [{"text": "hello"}]}]


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS},
        {"generateContentRequest": {"model": "models/x", "contents": CONTENTS}},
        {"generate_content_request": {"contents": CONTENTS}},
    ],
)
def test_what_a_caller_asks_to_have_counted(body: Any) -> None:
    asked = read_count({**fields_of(body), "model": msgspec.Raw(b'"alias"')})
    assert bytes(asked["model"]) == b'"alias"'
    assert GeminiDialect().read(asked).messages == [Message("user", [Text("hello")])]
    assert json.loads(forward_count(asked, "m")) == {"contents": CONTENTS}


def test_what_is_counted_besides_the_messages() -> None:
    body = {"contents": CONTENTS, "systemInstruction": {"parts": [{"text": "x"}]}}
    asked = read_count(fields_of(body))
    assert json.loads(forward_count(asked, "m")) == {"generateContentRequest": {"model": "models/m", **body}}
    assert json.loads(forward_count(asked, "m", flat=True)) == body
    request = ChatRequest([Message("user", [Text("hello")])])
    assert json.loads(write_count(request, model="m", maker="gemini")) == {"contents": CONTENTS}
    with pytest.raises(BadRequest):
        read_count(fields_of({"generateContentRequest": 5}))
    with pytest.raises(BadRequest):
        forward_count(fields_of({"contents": CONTENTS, "cachedContent": "x"}), "m")


def test_counts() -> None:
    assert read_count_reply(write_count_reply(31)) == 31
    assert read_count_reply(b'{"totalTokens": "5", "cachedContentTokenCount": 0}') == 5
    for body in (b"{}", b"[]", b"<html>", b'{"totalTokens":-1}'):
        with pytest.raises(UpstreamInvalid):
            read_count_reply(body)
    with pytest.raises(UpstreamBusy):
        read_count_reply(b'{"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}')
