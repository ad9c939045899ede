"""A model's server that quotes the operator's key: nobody reads it, wherever the error stands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixapi.testing.gateway import RunningGateway
from pixapi.testing.scripted import LAST_CHUNK, STREAM_HEAD, ScriptedUpstream, chunked, delta, http, sse

KEY = "Quooxahfei4ohThu9eiv"
"""Nothing tells that it is one."""
WORDS = f"the credential {KEY} is not welcome"
PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'
PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1/models/{model}:{method}",
}
PROVIDERS = ("openai_compatible", "anthropic", "gemini")


def answer(headers: dict[str, str], body: dict[str, Any]) -> list[bytes]:
    """An error in the shape of the dialect that is asked in, where the caller's words want it."""
    error: dict[str, Any] = {
        "message": WORDS,
        "type": "invalid_request_error",
        "code": f"bad_{KEY}",
        "param": KEY,
    }
    begun = sse(delta("half"))
    if "contents" in body:
        error = {"code": 400, "message": WORDS, "status": "INVALID_ARGUMENT"}
        begun = sse({"candidates": [{"content": {"role": "model", "parts": [{"text": "half"}]}}]})
    said = {"type": "error", "error": error} if "anthropic-version" in headers else {"error": error}
    if "anthropic-version" in headers:
        start = {
            "type": "message_start",
            "message": {"id": "m", "role": "assistant", "model": "m", "content": []},
        }
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}}
        begun = sse(start, block, text)
    asked = json.dumps(body)
    if "with a status" in asked:
        return [http(said, status="400 Bad")]
    if "in disguise" in asked:
        return [http(said)]
    return [STREAM_HEAD + chunked((begun if "later" in asked else b"") + sse(said)) + LAST_CHUNK]


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upstream = ScriptedUpstream({"up": answer, "None": answer})
        toml = ""
        for name in PROVIDERS:
            toml += (
                f'[providers.{name}]\nuse = "{name}"\nbase_url = "http://127.0.0.1:{self.upstream.port}"\n'
            )
            toml += 'api_key = { file = "key" }\n'
            toml += (
                f'[[models]]\nid = "{name}"\nroutes = [ {{ provider = "{name}", model = "up" }} ]\n{PRICE}\n'
            )
        (folder / "key").write_text(KEY)
        self.gateway = RunningGateway(folder, toml)
        self.key = self.gateway.account(credits="1000")
        self.gateway.start()

    def ask(self, model: str, dialect: str, where: str, stream: bool) -> str:
        """All that the caller reads."""
        text = f"an error {where}, please"
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": 9,
            "stream": stream,
            "messages": [{"role": "user", "content": text}],
        }
        if dialect == "responses":
            body = {"model": model, "stream": stream, "input": text}
        if dialect == "gemini":
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        path = PATHS[dialect].format(
            model=model, method="streamGenerateContent" if stream else "generateContent"
        )
        _, said, headers = self.gateway.request("POST", path, body, key=self.key)
        return f"{said} {headers}"

    def written(self) -> str:
        """The log, the request log, the charges: all that is left of a call."""
        files = [file.read_bytes() for file in (self.folder / "data").rglob("*") if file.is_file()]
        return self.gateway.log.read_text() + b"".join(files).decode("latin-1")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("quoted"))
    yield made
    made.gateway.kill(15)
    made.upstream.close()


@pytest.mark.parametrize("dialect", PATHS)
@pytest.mark.parametrize("model", PROVIDERS)
def test_the_callers_of_every_dialect_read_no_key(place: Place, model: str, dialect: str) -> None:
    for where, stream in (
        ("with a status", False),
        ("with a status", True),
        ("in disguise", False),
        ("first in a stream", True),
        ("later in a stream", True),
    ):
        told = place.ask(model, dialect, where, stream)
        assert KEY not in told, where
        assert "the credential [redacted] is not welcome" in told, where


def test_a_count_of_tokens_shows_none(place: Place) -> None:
    body = {"model": "anthropic", "messages": [{"role": "user", "content": "an error with a status"}]}
    status, said, _ = place.gateway.request("POST", "/v1/messages/count_tokens", body, key=place.key)
    assert (status, said["error"]["message"]) == (400, "the credential [redacted] is not welcome")


def test_nothing_is_written_down_of_it(place: Place) -> None:
    """Not in the columns of codes either: vendors choose their words there too."""
    place.ask("openai_compatible", "openai", "with a status", False)
    for _ in range(50):
        if "bad_[redacted]" in place.written():
            break
        time.sleep(0.1)
    assert "bad_[redacted]" in place.written()
    assert KEY not in place.written()


def test_a_key_that_has_changed_meanwhile_is_none_to_be_shown(place: Place) -> None:
    """A stream that began with the old one may still quote it."""
    place.ask("openai_compatible", "openai", "with a status", False)
    (place.folder / "key").write_text("Oow9aich3ahY7uukaeth")
    time.sleep(1.1)  # files are looked at once a second
    try:
        told = place.ask("openai_compatible", "openai", "later in a stream", True)
        assert place.upstream.seen["up"][-1][0]["authorization"] == "Bearer Oow9aich3ahY7uukaeth"
        assert KEY not in told
    finally:
        (place.folder / "key").write_text(KEY)
        time.sleep(1.1)
