"""What callers ask for by `anthropic-beta` reaches the server where the provider's settings allow it."""

from __future__ import annotations

import pytest

from pixapi.testing.gateway import RunningGateway
from pixapi.testing.scripted import ScriptedUpstream, http

REPLY = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "text", "text": "hi"}],
         "stop_reason": "end_turn", "usage": {"input_tokens": 7, "output_tokens": 3}, "input_tokens": 7}  # fmt: skip
MODEL = """
[providers.{name}]
use = "anthropic"
api_key = "sk-ant-of-the-operator"
base_url = "{url}"
{more}
[[models]]
id = "{name}"
routes = [ {{ provider = "{name}", model = "claude-opus-5" }} ]
price = {{ input = "1.00", output = "10.00" }}
"""
ALLOWED = 'betas = ["always-2026-01-01"]\nallowed_betas = ["asked-2026-01-01", "other-2026-01-01"]'
ASKED = {"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    upstream = ScriptedUpstream({"claude-opus-5": [http(REPLY)]})
    url = f"http://127.0.0.1:{upstream.port}"
    toml = MODEL.format(name="open", url=url, more=ALLOWED) + MODEL.format(name="closed", url=url, more="")
    gateway = RunningGateway(tmp_path_factory.mktemp("world"), toml)
    gateway.credential = gateway.account(credits="1000")
    gateway.start()
    yield gateway, upstream
    gateway.kill(15)
    upstream.close()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages?beta=true", "/v1/messages/count_tokens"])
@pytest.mark.parametrize(
    ("model", "betas", "sent"),
    [
        ("open", "asked-2026-01-01", "always-2026-01-01,asked-2026-01-01"),
        ("open", "files-api-2025-04-14, other-2026-01-01 ,asked-2026-01-01", "always-2026-01-01,other-2026-01-01,asked-2026-01-01"),
        ("open", "always-2026-01-01", "always-2026-01-01"),
        ("open", "", "always-2026-01-01"),
        ("closed", "asked-2026-01-01", None),
    ],
)  # fmt: skip
def test_only_the_betas_of_the_list_go_on(world, path, model, betas, sent):
    gateway, upstream = world
    status, _, _ = gateway.request(
        "POST", path, {**ASKED, "model": model}, key=gateway.credential,
        headers={"anthropic-beta": betas, "anthropic-organization": "org-of-the-caller", "x-other": "y"},
    )  # fmt: skip
    assert status == 200
    headers, _ = upstream.seen["claude-opus-5"][-1]
    assert headers.get("anthropic-beta") == sent
    assert "anthropic-organization" not in headers
    assert "x-other" not in headers


def test_callers_of_other_dialects_ask_for_nothing_by_it(world):
    gateway, upstream = world
    body = {"model": "open", "messages": ASKED["messages"]}
    gateway.request(
        "POST", "/v1/chat/completions", body, key=gateway.credential, headers={"anthropic-beta": "asked-2026-01-01"}
    )  # fmt: skip
    assert upstream.seen["claude-opus-5"][-1][0]["anthropic-beta"] == "always-2026-01-01"
