"""Callers of OpenAI's dialect, a whole gateway, and recorded bytes of Bedrock in random pieces."""

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
from pixapi.wire.eventstream import write_message

TOML = """
[providers.aws]
use = "bedrock"
access_key_id = "AKIDOFTHEOPERATOR"
secret_access_key = "secret-of-the-operator"
base_url = "{url}"

[[models]]
id = "claude"
routes = [ {{ provider = "aws", model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0" }} ]
price = {{ input = "1.00", cached_input = "0.10", output = "10.00", per = "1M tokens" }}

[[models]]
id = "vectors"
routes = [ {{ provider = "aws", model = "amazon.titan-embed-text-v2:0" }} ]
price = {{ input = "1.00", per = "1M tokens" }}
"""


def event(kind: str, **said: Any) -> bytes:
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return write_message(names, json.dumps(said).encode())


THOUGHT = (
    event("messageStart", role="assistant")
    + event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "hm"}})
    + event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"signature": "s"}})
    + event("contentBlockStop", contentBlockIndex=0)
)
CALL = event(
    "contentBlockStart", contentBlockIndex=1, start={"toolUse": {"toolUseId": "tooluse_1", "name": "look"}}
) + event("contentBlockStop", contentBlockIndex=1)
END = event("messageStop", stopReason="tool_use") + event(
    "metadata", usage={"inputTokens": 5, "outputTokens": 20, "cacheReadInputTokens": 100, "totalTokens": 125}
)
THROTTLED = write_message(
    {":message-type": "exception", ":exception-type": "throttlingException"}, b'{"message":"slow down"}'
)
WHOLE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "done"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10},
}
DENIED = {"message": "The security token AKIDOFTHEOPERATOR included in the request is invalid."}
VECTOR = {"embedding": [0.5, -0.25], "inputTextTokenCount": 4}
BINARY = {"content-type": "application/vnd.amazon.eventstream"}


@pytest.fixture
def server() -> Iterator[ReplayServer]:
    replies = [
        Recorded("a call", THOUGHT + CALL + END, is_stream=True, headers=BINARY),
        Recorded("an answer", json.dumps(WHOLE).encode()),
        Recorded("a vector", json.dumps(VECTOR).encode(), headers={"x-amzn-bedrock-input-token-count": "4"}),
        Recorded("broken off", THOUGHT + THROTTLED, is_stream=True, headers=BINARY),
        Recorded("denied", json.dumps(DENIED).encode(), status=403),
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
        usage = chunks[-1]["usage"]
        assert (usage["prompt_tokens"], usage["completion_tokens"]) == (105, 20)
        assert usage["prompt_tokens_details"]["cached_tokens"] == 100
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        (details,) = [d["reasoning_details"] for d in deltas if "reasoning_details" in d]
        calls = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
        assert "".join(call["function"]["arguments"] for call in calls) == "{}"

        called = {"id": calls[0]["id"], "type": "function", "function": {"name": "look", "arguments": "{}"}}
        said = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [called]}
        answer = {"role": "tool", "tool_call_id": "tooluse_1", "content": "seen"}
        status, reply, headers = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": [*hello, said, answer]}, key=key
        )
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "done")
        assert headers["x-pixapi-cost"]
        turns = json.loads(server.received[1].body)["messages"]
        thought = {"reasoningText": {"text": "hm", "signature": "s"}}
        assert turns[1]["content"][0] == {"reasoningContent": thought}
        assert turns[2]["content"][0]["toolResult"]["toolUseId"] == "tooluse_1"
        signed = server.received[1].headers["authorization"]
        assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDOFTHEOPERATOR/")
        assert server.received[1].path.endswith("-v1%3A0/converse")

        status, reply, _ = gateway.request(
            "POST", "/v1/embeddings", {"model": "vectors", "input": "hello"}, key=key
        )
        assert (status, reply["data"][0]["embedding"]) == (200, [0.5, -0.25])
        assert reply["usage"] == {"prompt_tokens": 4, "total_tokens": 4}

        status, text, _ = gateway.chat(key, model="claude", stream=True)
        assert status == 200
        assert "error" in json.loads(frames(text)[-1])
        status, reply, _ = gateway.chat(key, model="claude")
        assert status == 502
        assert "AKID" not in json.dumps(reply)
        assert gateway.cli("ledger", "verify").returncode == 0
