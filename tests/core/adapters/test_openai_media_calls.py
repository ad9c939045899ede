"""What a compatible server is asked beside chat: where, and with what body."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.config.settings import Model
from pixapi.interfaces import Call, Operation, Secret, Upload
from pixapi.wire.json import decode_any, raw
from pixapi.wire.multipart import read_form
from pixapi.wire.offered import OTHER_PATHS

URL = "http://127.0.0.1:9/v1"
FILE = Upload("file", "a.mp3", "audio/mpeg", b"\xff\x00")


def asked(
    operation: Operation, fields: dict[str, Any], *uploads: Upload, quirks: Quirks | None = None
) -> Any:
    given = {name: raw(value) for name, value in {"model": "alias", **fields}.items()}
    call = Call("req_1", operation, "openai", "alias", "up-m", given, "ours", 1, uploads=uploads)
    provider = OpenAICompatible(Secret("sk-1"), base_url=URL, quirks=quirks or Quirks())
    return provider.request(call)


@pytest.mark.parametrize(
    ("operation", "path", "fields"),
    [
        ("images", "/images/generations", {"prompt": "a cat", "response_format": "url", "new": [1]}),
        ("speech", "/audio/speech", {"input": "hi", "voice": {"id": "v"}}),
        ("moderations", "/moderations", {"input": ["a"]}),
        ("rerank", "/rerank", {"query": "q", "documents": ["a"], "top_n": 1}),
    ],
)
def test_json_goes_on_but_for_the_model(operation, path, fields) -> None:
    request = asked(operation, fields)
    assert (request.method, request.url) == ("POST", URL + path)
    assert request.paid is (operation == "images")
    assert json.loads(request.body) == {"model": "up-m", **fields}
    assert dict(request.headers)["content-type"] == "application/json"
    assert dict(request.headers)["authorization"] == "Bearer sk-1"


@pytest.mark.parametrize(
    ("operation", "path"), [("image_edits", "/images/edits"), ("transcriptions", "/audio/transcriptions")]
)
def test_a_form_is_written_anew(operation, path) -> None:
    request = asked(operation, {"prompt": "x", "n": "2"}, FILE)
    assert request.url == URL + path
    fields, uploads = read_form(dict(request.headers)["content-type"], request.body)
    assert {name: decode_any(value) for name, value in fields.items()} == {
        "model": "up-m",
        "prompt": "x",
        "n": "2",
    }
    assert uploads == (FILE,)


def test_the_row_of_a_vendor_counts_here_too() -> None:
    quirks = Quirks(rename=(("top_n", "top_k"),), drop=frozenset({"user"}))
    fields = {"query": "q", "documents": ["a"], "top_n": 1, "user": "u"}
    body = json.loads(asked("rerank", fields, quirks=quirks).body)
    assert body == {"model": "up-m", "query": "q", "documents": ["a"], "top_k": 1}


def test_every_operation_has_a_path_and_may_stand_in_the_settings() -> None:
    known = set(Operation.__args__)  # type: ignore[attr-defined]
    assert set(OTHER_PATHS.values()) | {"chat"} == known
    said = set(Model.model_fields["operation"].annotation.__args__)  # type: ignore[union-attr]
    assert said == known | {"any"}
