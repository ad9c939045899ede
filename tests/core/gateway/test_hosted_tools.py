"""Tools that run at the vendor's: refused in the caller's dialect, unless the model offers them; then held for."""

import pytest

from pixapi.testing.gateway import RunningGateway
from pixapi.testing.scripted import ScriptedUpstream, http, whole

HI = [{"role": "user", "content": "hi"}]
RESPONSE = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [],
            "usage": {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10}}  # fmt: skip
MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
           "stop_reason": "end_turn", "usage": {"input_tokens": 9, "output_tokens": 1}}  # fmt: skip
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
          "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1, "totalTokenCount": 10}}  # fmt: skip


def answer(headers, body):
    if "contents" in body:
        return [http(ANSWER)]
    if "input" in body:
        return [http(RESPONSE)]
    return [http(MESSAGE if "anthropic-version" in headers else whole())]


CALLS = {
    "openai": ("/v1/chat/completions", {"messages": HI, "tools": [{"type": "web_search"}]}),
    "responses": ("/v1/responses", {"input": "hi", "tools": [{"type": "web_search_preview"}]}),
    "anthropic": (
        "/v1/messages",
        {"max_tokens": 9, "messages": HI, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    ),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        {"contents": [{"parts": [{"text": "hi"}]}], "tools": [{"googleSearch": {}}]},
    ),
}
PROVIDERS = {
    "openai": 'use = "openai_compatible"\nbase_url = "{url}/v1"\nresponses = true',
    "anthropic": 'use = "anthropic"\nbase_url = "{url}"',
    "gemini": 'use = "gemini"\nbase_url = "{url}/v1beta"',
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    upstream = ScriptedUpstream({"up": answer, "None": answer})
    toml = ""
    for name, table in PROVIDERS.items():
        toml += (
            f'[providers.{name}]\napi_key = "k"\n{table.format(url=f"http://127.0.0.1:{upstream.port}")}\n'
        )
        for model, more in ((name, ""), (f"{name}-open", 'hosted_tools = ["web_search", "googleSearch"]')):
            toml += (
                f'[[models]]\nid = "{model}"\nroutes = [ {{ provider = "{name}", model = "up" }} ]\n'
                f'price = {{ input = "1.00", output = "10.00" }}\n{more}\n'
            )
    gateway = RunningGateway(tmp_path_factory.mktemp("world"), toml)
    gateway.credential = gateway.account(credits="1000")
    gateway.start()
    yield gateway, upstream
    gateway.kill(15)
    upstream.close()


def send(gateway, dialect, more=""):
    path, body = CALLS[dialect]
    model = ("openai" if dialect == "responses" else dialect) + more
    sent = body if "{model}" in path else {**body, "model": model}
    return gateway.request("POST", path.format(model=model), sent, key=gateway.credential)


@pytest.mark.parametrize("dialect", CALLS)
def test_a_hosted_tool_is_refused_by_default(world, dialect):
    gateway, upstream = world
    calls = sum(map(len, upstream.seen.values()))
    status, said, _ = send(gateway, dialect)
    assert status == 400
    assert "which the provider would run itself" in said["error"]["message"]
    if dialect in ("openai", "responses"):
        assert (said["error"]["code"], said["error"]["param"]) == ("unsupported_parameter", "tools")
    if dialect == "anthropic":
        assert (said["type"], said["error"]["type"]) == ("error", "invalid_request_error")
    if dialect == "gemini":
        assert said["error"]["status"] == "INVALID_ARGUMENT"
    assert sum(map(len, upstream.seen.values())) == calls


@pytest.mark.parametrize("dialect", CALLS)
def test_a_model_that_offers_it_passes_it_on_and_holds_for_what_it_reads(world, dialect):
    gateway, _ = world
    status, said, headers = send(gateway, dialect, "-open")
    assert status == 200, said
    charge = gateway.request("GET", "/v1/charges/" + headers["x-pixapi-charge"], key=gateway.credential)[1]
    # At 1 USD for a million tokens and 100 credits for a USD.
    assert float(charge["held"]) > 16_384 / 10_000


def test_the_quote_says_so_too(world):
    gateway, _ = world
    _, body = CALLS["openai"]
    quoted = gateway.request("POST", "/v1/quote", {**body, "model": "openai-open"}, key=gateway.credential)[1]
    plain = gateway.request(
        "POST", "/v1/quote", {"messages": HI, "model": "openai-open"}, key=gateway.credential
    )[1]
    assert quoted["input_tokens_max"] - plain["input_tokens_max"] >= 16_384
    assert gateway.request("POST", "/v1/quote", {**body, "model": "openai"}, key=gateway.credential)[0] == 400
