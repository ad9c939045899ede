"""Callers of chat completions, a whole gateway, and a model that is offered over Responses only."""

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
[providers.upstream]
use = "openai"
api = "responses"
api_key = "sk-of-the-operator"
base_url = "{url}/v1"

[[models]]
id = "thinker"
routes = [ {{ provider = "upstream", model = "gpt-5-pro" }} ]
price = {{ input = "1.00", cached_input = "0.10", output = "10.00", per = "1M tokens" }}
"""


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": "{}"}
USAGE = {
    "input_tokens": 105,
    "input_tokens_details": {"cached_tokens": 100},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 8},
}
START = event("response.created", response={"id": "resp_theirs", "status": "in_progress", "output": []})
CALLED = (
    event("response.output_item.done", output_index=0, item=THOUGHT)
    + event("response.output_item.added", output_index=1, item={**CALL, "arguments": ""})
    + event("response.function_call_arguments.delta", output_index=1, delta="{}")
    + event("response.output_item.done", output_index=1, item=CALL)
)
END = event("response.completed", response={"status": "completed", "output": [THOUGHT, CALL], "usage": USAGE})
WHOLE = {
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "done"}]}],
    "usage": {"input_tokens": 7, "output_tokens": 3},
}
DENIED = {"error": {"message": "Incorrect API key: sk-of-the-operator", "code": "invalid_api_key"}}


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    replies = [
        Recorded("a call", START + CALLED + END, is_stream=True),
        Recorded("an answer", json.dumps(WHOLE).encode()),
        Recorded("broken off", START + CALLED, is_stream=True),
        Recorded("denied", json.dumps(DENIED).encode(), status=401),
    ]
    with ReplayServer(replies, seed=3) as running:
        yield running


def test_a_tool_loop_and_what_goes_wrong(tmp_path: Path, server: ReplayServer) -> None:
    with RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway:
        key = gateway.account(credits="100")
        gateway.start()
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        hello = [{"role": "user", "content": "hello"}]
        asked = {
            "model": "thinker",
            "tools": [tool],
            "max_tokens": 500,
            "stream_options": {"include_usage": True},
        }

        status, text, _ = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": hello, "stream": True}, key=key
        )
        assert status == 200
        *sent, done = frames(text)
        chunks = [json.loads(frame) for frame in sent]
        assert done == "[DONE]"
        usage = chunks[-1]["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (105, 20)
        assert usage["prompt_tokens_details"]["cached_tokens"] == 100
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        (details,) = [delta["reasoning_details"] for delta in deltas if "reasoning_details" in delta]
        calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
        assert (calls[0]["id"], "".join(c["function"]["arguments"] for c in calls)) == ("call_1", "{}")

        called = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        said = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [called]}
        answer = {"role": "tool", "tool_call_id": "call_1", "content": "seen"}
        status, reply, headers = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": [*hello, said, answer]}, key=key
        )
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "done")
        assert headers["x-pixapi-cost"]
        first, second = (json.loads(request.body) for request in server.received)
        assert (first["store"], first["max_output_tokens"], first["stream"]) == (False, 500, True)
        assert second["input"][1:] == [
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "seen"},
        ]

        status, text, _ = gateway.chat(key, model="thinker", stream=True)
        assert status == 200
        assert "error" in json.loads(frames(text)[-1])
        status, reply, _ = gateway.chat(key, model="thinker")
        assert status == 502
        assert "sk-of" not in json.dumps(reply)
        assert gateway.cli("ledger", "verify").returncode == 0
