"""Callers of OpenAI's dialect, a whole gateway, and recorded bytes of Gemini's API in random pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import frames

TOML = """
[providers.google]
use = "gemini"
api_key = "a-key-of-the-operator"
base_url = "{url}/v1beta"

[[models]]
id = "gemini"
routes = [ {{ provider = "google", model = "gemini-3-pro-preview" }} ]
price = {{ input = "1.00", cached_input = "0.10", output = "10.00", per = "1M tokens" }}

[[models]]
id = "embed"
operation = "embeddings"
routes = [ {{ provider = "google", model = "gemini-embedding-2" }} ]
price = {{ input = "1.00", per = "1M tokens" }}
"""


def event(*parts: dict[str, Any], reason: str | None = None, **usage: int) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    said = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3-pro-preview"}
    return f"data: {json.dumps(said)}\r\n\r\n".encode()


THOUGHT = event({"text": "hm", "thought": True}, promptTokenCount=105, totalTokenCount=105)
CALL = event(
    {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2lnbmVk"},
    promptTokenCount=105,
    cachedContentTokenCount=100,
    totalTokenCount=105,
)
END = event(
    {"text": ""},
    reason="STOP",
    promptTokenCount=105,
    cachedContentTokenCount=100,
    candidatesTokenCount=8,
    thoughtsTokenCount=12,
    totalTokenCount=125,
)
WHOLE = {
    "candidates": [{"content": {"parts": [{"text": "done"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10},
}
BUSY = (
    b'data: {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}\r\n\r\n'
)
DENIED = {
    "error": {
        "code": 400,
        "message": "API key not valid: a-key-of-the-operator",
        "status": "INVALID_ARGUMENT",
    }
}
VECTORS = {"embeddings": [{"values": [0.5, 1.5]}], "usageMetadata": {"promptTokenCount": 4}}


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    replies = [
        Recorded("a call", THOUGHT + CALL + END, is_stream=True),
        Recorded("an answer", json.dumps(WHOLE).encode()),
        Recorded("vectors", json.dumps(VECTORS).encode()),
        Recorded("broken off", THOUGHT + event({"text": "so"}) + BUSY, is_stream=True),
        Recorded("denied", json.dumps(DENIED).encode(), status=400),
    ]
    with ReplayServer(replies, seed=3) as running:
        yield running


def test_a_tool_loop_embeddings_and_what_goes_wrong(tmp_path: Path, server: ReplayServer) -> None:
    with RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway:
        key = gateway.account(credits="100")
        gateway.start()
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        asked = {
            "model": "gemini",
            "tools": [tool],
            "max_tokens": 500,
            "reasoning_effort": "low",
            "stream_options": {"include_usage": True},
        }
        hello = [{"role": "user", "content": "hello"}]

        status, text, _ = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": hello, "stream": True}, key=key
        )
        assert status == 200
        *sent, done = frames(text)
        chunks = [json.loads(frame) for frame in sent]
        assert done == "[DONE]"
        assert {chunk["model"] for chunk in chunks} == {"gemini"}
        usage = chunks[-1]["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (105, 20)
        assert usage["prompt_tokens_details"]["cached_tokens"] == 100
        assert usage["completion_tokens_details"]["reasoning_tokens"] == 12
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(d.get("reasoning_content") or "" for d in deltas) == "hm"
        (details,) = [d["reasoning_details"] for d in deltas if "reasoning_details" in d]
        calls = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
        assert "".join(call["function"]["arguments"] for call in calls) == "{}"
        config = json.loads(server.received[0].body)["generationConfig"]
        assert config["maxOutputTokens"] == 500
        assert config["thinkingConfig"] == {"thinkingLevel": "low", "includeThoughts": True}

        called = {"id": calls[0]["id"], "type": "function", "function": {"name": "look", "arguments": "{}"}}
        said = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [called]}
        answer = {"role": "tool", "tool_call_id": calls[0]["id"], "content": "seen"}
        status, reply, headers = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": [*hello, said, answer]}, key=key
        )
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "done")
        assert headers["x-pixapi-cost"]
        turns = json.loads(server.received[1].body)["contents"]
        assert turns[1]["parts"][0]["thoughtSignature"] == "c2lnbmVk"
        assert turns[2]["parts"][0]["functionResponse"]["response"] == {"output": "seen"}
        assert server.received[1].path == "/v1beta/models/gemini-3-pro-preview:generateContent"

        status, reply, _ = gateway.request(
            "POST", "/v1/embeddings", {"model": "embed", "input": "hello"}, key=key
        )
        assert (status, reply["data"][0]["embedding"]) == (200, [0.5, 1.5])

        status, text, _ = gateway.chat(key, model="gemini", stream=True)
        assert status == 200
        assert "error" in json.loads(frames(text)[-1])
        status, reply, _ = gateway.chat(key, model="gemini")
        assert status == 502
        assert "a-key-of" not in json.dumps(reply)
        assert gateway.cli("ledger", "verify").returncode == 0
