"""Callers of OpenAI's dialect, a whole gateway, and recorded bytes of the Messages API in random pieces."""

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
[providers.claude]
use = "anthropic"
api_key = "sk-ant-of-the-operator"
base_url = "{url}"

[[models]]
id = "claude"
routes = [ {{ provider = "claude", model = "claude-opus-5" }} ]
price = {{ input = "1.00", cached_input = "0.10", output = "10.00", per = "1M tokens" }}
"""


def event(said: dict[str, Any]) -> bytes:
    return f"event: {said['type']}\ndata: {json.dumps(said)}\n\n".encode()


START = event(
    {
        "type": "message_start",
        "message": {
            "content": [],
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1},
        },
    }
)
THOUGHT = (
    event({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}})
    + event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}
    )
    + event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}}
    )
    + event({"type": "content_block_stop", "index": 0})
)
CALL = event(
    {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
    }
) + event({"type": "content_block_stop", "index": 1})
END = event(
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 20}}
) + event({"type": "message_stop"})
BUSY = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
WHOLE = {
    "type": "message",
    "content": [{"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 7, "output_tokens": 3},
}
DENIED = {
    "type": "error",
    "error": {"type": "authentication_error", "message": "sk-ant-of-the-operator is wrong"},
}


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    replies = [
        Recorded("a call", START + b"event: ping\ndata: {}\n\n" + THOUGHT + CALL + END, is_stream=True),
        Recorded("an answer", json.dumps(WHOLE).encode()),
        Recorded("broken off", START + THOUGHT + BUSY, is_stream=True),
        Recorded("denied", json.dumps(DENIED).encode(), status=401),
    ]
    with ReplayServer(replies, seed=3) as running:
        yield running


def test_a_tool_loop_and_what_goes_wrong(tmp_path: Path, server: ReplayServer) -> None:
    with RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway:
        key = gateway.account(credits="100")
        gateway.start()
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        asked = {
            "model": "claude",
            "tools": [tool],
            "max_tokens": 500,
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
        assert {chunk["model"] for chunk in chunks} == {"claude"}
        usage = chunks[-1]["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (105, 20)
        assert usage["prompt_tokens_details"]["cached_tokens"] == 100
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        (details,) = [d["reasoning_details"] for d in deltas if "reasoning_details" in d]
        calls = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
        assert "".join(call["function"]["arguments"] for call in calls) == "{}"

        called = {"id": calls[0]["id"], "type": "function", "function": {"name": "look", "arguments": "{}"}}
        said = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [called]}
        answer = {"role": "tool", "tool_call_id": "toolu_1", "content": "seen"}
        status, reply, headers = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": [*hello, said, answer]}, key=key
        )
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "done")
        assert headers["x-pixapi-cost"]
        turns = json.loads(server.received[1].body)["messages"]
        assert turns[1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "s"}
        assert turns[2]["content"][0]["tool_use_id"] == "toolu_1"

        status, text, _ = gateway.chat(key, model="claude", stream=True)
        assert status == 200
        assert "error" in json.loads(frames(text)[-1])
        status, reply, _ = gateway.chat(key, model="claude")
        assert status == 502
        assert "sk-ant" not in json.dumps(reply)
        assert gateway.cli("ledger", "verify").returncode == 0
