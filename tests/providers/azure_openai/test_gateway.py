"""A whole gateway in front of a resource of Azure OpenAI, whose bytes come in random pieces."""

from __future__ import annotations

import json
from pathlib import Path

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.gateway import RunningGateway
from pixapi.testing.replay import ReplayServer
from pixapi.testing.scripted import frames

TOML = """
[providers.azure]
use = "azure_openai"
endpoint = "{url}"
authority = "{url}"
tenant_id = "tenant"
client_id = "application"
client_secret = "secret-of-the-operator"

[[models]]
id = "gpt"
routes = [ {{ provider = "azure", model = "my-deployment" }} ]
price = {{ input = "1.00", output = "10.00", per = "1M tokens" }}
"""
TOKEN = b'{"token_type":"Bearer","expires_in":3599,"access_token":"token-of-the-hour"}'
STREAM = (
    b'data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[{"index":0,'
    b'"delta":{"role":"assistant","content":"hi"},"finish_reason":null,"content_filter_results":{}}]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[{"index":0,'
    b'"delta":{},"finish_reason":"content_filter"}]}\n\n'
    b'data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"gpt-5","choices":[],'
    b'"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}\n\n'
    b"data: [DONE]\n\n"
)
BLOCKED = (
    b'{"error":{"code":"content_filter","message":"The prompt was filtered.","param":"prompt","status":400}}'
)
REPLIES = [
    Recorded("a token", TOKEN),
    Recorded("a stream", STREAM, is_stream=True),
    Recorded("blocked", BLOCKED, status=400),
]


def test_a_stream_and_a_blocked_prompt(tmp_path: Path) -> None:
    with (
        ReplayServer(REPLIES, seed=5) as server,
        RunningGateway(tmp_path, TOML.format(url=server.url)) as gateway,
    ):
        key = gateway.account(credits="100")
        gateway.start()
        status, text, _ = gateway.chat(key, model="gpt", stream=True)
        assert status == 200
        chunks = [json.loads(frame) for frame in frames(text)[:-1]]
        assert {chunk["model"] for chunk in chunks} == {"gpt"}
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        assert "".join(choice["delta"].get("content") or "" for choice in choices) == "hi"
        assert choices[-1]["finish_reason"] == "content_filter"
        token, asked = server.received
        assert (token.path, asked.path) == ("/tenant/oauth2/v2.0/token", "/openai/v1/chat/completions")
        assert asked.headers["authorization"] == "Bearer token-of-the-hour"
        assert json.loads(asked.body)["model"] == "my-deployment"
        status, reply, _ = gateway.chat(key, model="gpt")
        assert (status, reply["error"]["code"]) == (400, "content_filter")
        assert len(server.received) == 3, "one token serves many calls"
        assert gateway.cli("ledger", "verify").returncode == 0
