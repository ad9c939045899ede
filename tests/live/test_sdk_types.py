"""What the gateway answers is of the types that the vendors' own SDKs have for it: whole replies and every event of
streams, in every dialect, over the servers of every family.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pixapi.testing.gateway import RunningGateway

SDKS = Path(__file__).parent / "sdks"
MATRIX = tomllib.loads((SDKS / "matrix.toml").read_text())
NEWEST = {sdk["dialect"]: sdk for sdk in MATRIX["sdks"] if sdk["language"] == "Python"}
KINDS = ("plain", "tools", "reasoning")
RECORDED = [
    (api, kind)
    for api in ("openai", "responses", "anthropic", "gemini", "bedrock", "cohere")
    for kind in KINDS
]
ECHOES = ["echo", "echo-reasoning"]
ONLY_STREAMED = ("gemini-reasoning", ("gemini", "reasoning"))
"""Models of which no whole reply was recorded."""
SAYS = "Say héllo to the 世界 🙂"
PLACE = {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}
FUNCTION = {"name": "weather", "description": "The weather", "parameters": PLACE}
BODIES: dict[str, dict[str, Any]] = {
    "openai": {
        "messages": [{"role": "user", "content": SAYS}], "tools": [{"type": "function", "function": FUNCTION}],
        "stream_options": {"include_usage": True},
    },
    "responses": {"input": SAYS, "tools": [{"type": "function", **FUNCTION}]},
    "anthropic": {
        "messages": [{"role": "user", "content": SAYS}], "max_tokens": 3000,
        "tools": [{"name": "weather", "input_schema": PLACE}],
    },
    "gemini": {
        "contents": [{"role": "user", "parts": [{"text": SAYS}]}], "tools": [{"functionDeclarations": [FUNCTION]}],
    },
}  # fmt: skip
PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/{model}:{method}",
}
TYPES = {
    "openai": ("openai.types.chat.ChatCompletion", "openai.types.chat.ChatCompletionChunk"),
    "responses": ("openai.types.responses.Response", "openai.types.responses.ResponseStreamEvent"),
    "anthropic": ("anthropic.types.Message", "anthropic.types.RawMessageStreamEvent"),
    "gemini": ("google.genai.types.GenerateContentResponse",) * 2,
}
"""Of whole replies and of events."""
OTHERS: list[tuple[str, str, dict[str, Any], str]] = [
    ("embeddings", "/v1/embeddings", {"input": ["a", "b"]}, "openai.types.CreateEmbeddingResponse"),
    ("images", "/v1/images/generations", {"prompt": "a cat", "n": 2}, "openai.types.ImagesResponse"),
    ("moderation", "/v1/moderations", {"input": "hi"}, "openai.types.ModerationCreateResponse"),
]
"""What is asked of the stand-in beside chat."""


@pytest.fixture(scope="module")
def gateway(
    in_front_of_all: Callable[..., AbstractContextManager[RunningGateway]],
) -> Iterator[RunningGateway]:
    models = [("echo-reasoning", "echo-reasoning", "echo")]
    models += [(f"{api}-{kind}", api, kind) for api, kind in RECORDED]
    with in_front_of_all(models) as running:
        yield running


ASKED_S = 240
"""How long an answer may take. It takes a tenth of a second, but gateway, servers and test may stand still together for
minutes, on a machine that is busy with something else; what never comes fails all the same.
"""


def asked(dialect: str, model: str, *, stream: bool) -> tuple[str, dict[str, Any]]:
    """Path and body of a call."""
    if dialect == "gemini":
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return PATHS[dialect].format(model=model, method=method), BODIES[dialect]
    body = {"model": model, **BODIES[dialect], "stream": stream}
    if not stream:
        body.pop("stream_options", None)
    return PATHS[dialect], body


def post(base: str, path: str, body: dict[str, Any], key: str) -> str:
    """The text of a reply, which must be a 200."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=ASKED_S) as reply:
        return reply.read().decode()


def answers(base: str, key: str, dialect: str, model: str) -> Iterator[tuple[str, str, str]]:
    """Everything that is said to one caller: name, type, JSON. Pings are no events for the SDKs."""
    whole, event = TYPES[dialect]
    if (dialect, model) not in ONLY_STREAMED and model not in ONLY_STREAMED:
        path, body = asked(dialect, model, stream=False)
        yield f"{model} whole", whole, post(base, path, body, key)
    path, body = asked(dialect, model, stream=True)
    lines = post(base, path, body, key).splitlines()
    said = [line[6:] for line in lines if line.startswith("data: ") and line != "data: [DONE]"]
    assert said, (dialect, model)
    for number, data in enumerate(said):
        if json.loads(data).get("type") != "ping":
            yield f"{model} event {number}", event, data


def checked(
    dialect: str, replies: list[tuple[str, str, str]], environment: Callable[..., Any]
) -> dict[str, Any]:
    """What the newest SDK of the dialect makes of them."""
    sdk = NEWEST[dialect]
    command = environment(sdk["package"], sdk["versions"][0], SDKS / "types_check.py")
    done = subprocess.run(
        command, input=json.dumps(replies), text=True, capture_output=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


_THOUGHTS = ("reasoning_content", "reasoning_details")
_ECHOES = ("frequency_penalty", "presence_penalty", "store")
EXTRA: dict[str, set[str]] = {
    "openai": {f"choices.{place}.{name}" for place in ("message", "delta") for name in _THOUGHTS},
    "responses": {f"{place}{name}" for place in ("", "response.") for name in _ECHOES} | {"name"},
    "anthropic": set(),
    "gemini": set(),
}
"""Members that the gateway adds to what the vendor's types know: thoughts as compatible servers give them, and what
the Open Responses specification demands of a response and of the end of a function's arguments.
"""


@pytest.mark.timeout(420)
@pytest.mark.parametrize("dialect", list(TYPES))
def test_what_is_translated_is_of_the_sdks_types(
    dialect: str, gateway: RunningGateway, replay_server: int, sdk_environment: Callable[..., Any]
) -> None:
    models = [f"{api}-{kind}" for api, kind in RECORDED if replay_server and api != dialect]
    models += [] if dialect == "openai" else ECHOES
    replies = [r for model in models for r in answers(gateway.url, gateway.owner, dialect, model)]
    found = checked(dialect, replies, sdk_environment)
    assert found["wrong"] == {}
    assert {name for names in found["extra"].values() for name in names} <= EXTRA[dialect]
    if not replay_server:
        pytest.skip("the stand-in passed; NOT TESTED: recorded upstreams, for there are no recordings")


@pytest.mark.timeout(420)
@pytest.mark.parametrize("dialect", list(TYPES))
def test_what_is_passed_on_is_as_right_as_it_came(
    dialect: str, gateway: RunningGateway, replay_server: int, sdk_environment: Callable[..., Any]
) -> None:
    """Some recordings are older than the SDK, or of a vendor that has values of its own: what is wrong, upstream said."""
    replies = [
        r
        for kind in KINDS
        if replay_server
        for r in answers(gateway.url, gateway.owner, dialect, f"{dialect}-{kind}")
    ]
    own = f"http://127.0.0.1:{replay_server}/{dialect}"
    said = [r for kind in KINDS if replay_server for r in answers(own, "none", dialect, kind)]
    assert set(checked(dialect, replies, sdk_environment)["wrong"].values()) <= set(
        checked(dialect, said, sdk_environment)["wrong"].values()
    )
    if dialect == "openai":
        replies = [r for model in ECHOES for r in answers(gateway.url, gateway.owner, dialect, model)]
        assert checked(dialect, replies, sdk_environment)["wrong"] == {}
    if not replay_server:
        pytest.skip("NOT TESTED: recorded upstreams, for there are no recordings")


def test_other_operations_are_of_the_sdks_types(
    gateway: RunningGateway, sdk_environment: Callable[..., Any]
) -> None:
    replies = []
    for name, path, body, kind in OTHERS:
        status, reply, _ = gateway.request("POST", path, {"model": "echo", **body}, key=gateway.owner)
        assert status == 200, reply
        replies.append((name, kind, json.dumps(reply)))
    for form, kind in (("json", "Transcription"), ("verbose_json", "TranscriptionVerbose")):
        reply = transcribed(gateway, form)
        replies.append((f"transcription as {form}", f"openai.types.audio.{kind}", json.dumps(reply)))
    found = checked("openai", replies, sdk_environment)
    assert found["wrong"] == {}


def transcribed(gateway: RunningGateway, form: str) -> Any:
    mark = uuid.uuid4().hex
    sound = b"RIFF$\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data"
    sound += (8000).to_bytes(4, "little") + bytes(8000)
    parts = [
        ("model", "", b"echo"),
        ("response_format", "", form.encode()),
        ("file", '; filename="a.wav"', sound),
    ]
    body = b"".join(
        b'--%s\r\ncontent-disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
        % (mark.encode(), name.encode(), more.encode(), value)
        for name, more, value in parts
    )
    kind = {"content-type": f"multipart/form-data; boundary={mark}"}
    status, reply, _ = gateway.request(
        "POST",
        "/v1/audio/transcriptions",
        body + b"--%s--\r\n" % mark.encode(),
        key=gateway.owner,
        headers=kind,
    )
    assert status == 200, reply
    return reply
