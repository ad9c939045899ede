"""Callers of OpenAI's dialect, a whole gateway, and bytes of Cohere's API in random pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import frames

TOML = """
[providers.cohere]
use = "cohere"
api_key = "cohere-key-of-the-operator"
base_url = "{url}"

[[models]]
id = "command"
routes = [ {{ provider = "cohere", model = "command-r7b-12-2024" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}

[[models]]
id = "vectors"
routes = [ {{ provider = "cohere", model = "embed-v4.0" }} ]
price = {{ input = "1.00", per = "1M tokens" }}
"""


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


USAGE = {"billed_units": {"input_tokens": 5, "output_tokens": 7}, "tokens": {"input_tokens": 500}}
FUNCTION = {"name": "look", "arguments": ""}
CALL = (
    event("message-start", id="m", delta={"message": {"role": "assistant"}})
    + event("tool-plan-delta", delta={"message": {"tool_plan": "I look."}})
    + event("tool-call-start", index=0, delta={"message": {"tool_calls": {"id": "look_1", "function": FUNCTION}}})
    + event("tool-call-end", index=0)
    + event("message-end", delta={"finish_reason": "TOOL_CALL", "usage": USAGE})
    + b"data: [DONE]\n\n"
)  # fmt: skip
WHOLE = {
    "message": {"role": "assistant", "content": [{"type": "text", "text": "done"}]},
    "finish_reason": "COMPLETE",
    "usage": USAGE,
}
VECTOR = {"embeddings": {"float": [[0.5, -0.25]]}, "meta": {"billed_units": {"input_tokens": 4}}}
BROKEN = event("message-start", id="m") + event("message-end", delta={"finish_reason": "ERROR"})
DENIED = {"message": "invalid api token: cohere-key-of-the-operator"}
REPLIES = [
    Recorded("a call", CALL, is_stream=True),
    Recorded("an answer", json.dumps(WHOLE).encode()),
    Recorded("a vector", json.dumps(VECTOR).encode()),
    Recorded("broken off", BROKEN, is_stream=True),
    Recorded("denied", json.dumps(DENIED).encode(), status=401),
]


def test_a_tool_loop_and_what_goes_wrong(tmp_path: Path) -> None:
    with (
        ReplayServer(REPLIES, seed=3) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
        asked = {"model": "command", "tools": [tool], "max_tokens": 500}
        hello = [{"role": "user", "content": "hello"}]
        options = {"stream": True, "stream_options": {"include_usage": True}}
        status, text, _ = gateway.request(
            "POST", "/v1/chat/completions", {**asked, **options, "messages": hello}, key=key
        )
        assert status == 200
        *sent, done = frames(text)
        assert done == "[DONE]"
        chunks = [json.loads(frame) for frame in sent]
        assert chunks[-1]["usage"]["total_tokens"] == 12
        deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
        assert "".join(d.get("content") or "" for d in deltas) == "I look."
        (begun, arguments) = [d["tool_calls"][0] for d in deltas if "tool_calls" in d]
        assert (begun["id"], arguments["function"]["arguments"]) == ("look_1", "{}")

        called = {"id": "look_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        said = {"role": "assistant", "content": "I look.", "tool_calls": [called]}
        answer = {"role": "tool", "tool_call_id": "look_1", "content": "seen"}
        status, reply, headers = gateway.request(
            "POST", "/v1/chat/completions", {**asked, "messages": [*hello, said, answer]}, key=key
        )
        assert (status, reply["choices"][0]["message"]["content"]) == (200, "done")
        assert headers["x-pixapi-cost"]
        body = json.loads(server.received[1].body)
        assert body["max_tokens"] == 500
        assert body["messages"][1] == {"role": "assistant", "tool_plan": "I look.", "tool_calls": [called]}

        status, reply, _ = gateway.request(
            "POST", "/v1/embeddings", {"model": "vectors", "input": "hello"}, key=key
        )
        assert (status, reply["data"][0]["embedding"]) == (200, [0.5, -0.25])

        status, reply, _ = gateway.chat(key, model="command", stream=True)
        assert status == 502, "nothing had been sent when it failed"
        status, reply, _ = gateway.chat(key, model="command")
        assert status == 502
        assert "of-the-operator" not in json.dumps(reply)
        assert gateway.cli("ledger", "verify").returncode == 0
