"""A path shows which base URL an SDK was given."""

from __future__ import annotations

import pytest

from pixapi.wire.base_url import advice


@pytest.mark.parametrize(
    ("path", "change", "meant"),
    [
        ("/chat/completions", "add /v1", "/v1/chat/completions"),
        ("/responses", "add /v1", "/v1/responses"),
        ("/embeddings", "add /v1", "/v1/embeddings"),
        ("/audio/transcriptions", "add /v1", "/v1/audio/transcriptions"),
        ("/models", "add /v1", "/v1/models"),
        ("/v1/v1/messages", "leave /v1 out", "/v1/messages"),
        ("/v1/v1/models", "leave /v1 out", "/v1/models"),
        ("/v1/v1beta/models/m:generateContent", "leave /v1 out", "/v1beta/models/m:generateContent"),
        ("/v1beta/v1beta/models/m:countTokens", "leave /v1beta out", "/v1beta/models/m:countTokens"),
        ("/v1/chat/completions/chat/completions", "leave /chat/completions out", "/v1/chat/completions"),
        ("/v1/messages/v1/messages", "leave /v1/messages out", "/v1/messages"),
    ],
)
def test_a_wrong_base_url_is_told(path: str, change: str, meant: str) -> None:
    said = advice(path)
    assert said is not None
    assert said.startswith(change)
    assert said.endswith(f"asks for {meant}")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/nonsense",
        "/v1/files",
        "/v1/messages/batches",
        "/v1/responses/resp_1",
        "/v1beta/files",
    ],
)
def test_other_paths_are_not_about_the_base_url(path: str) -> None:
    assert advice(path) is None
