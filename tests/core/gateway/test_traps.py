"""The traps that gateways of this kind have fallen into, each with a test, end to end over real sockets."""

import gzip
import json
import socket

import pytest

from pixapi.testing.scripted import (
    CUT,
    HANG,
    LAST_CHUNK,
    STREAM_HEAD,
    chunked,
    delta,
    frames,
    http,
    sse,
    whole,
)  # fmt: skip

DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def stream(*events, end=True):
    return (
        STREAM_HEAD
        + b"".join(chunked(sse(e) if not isinstance(e, bytes) else e) for e in events)
        + (LAST_CHUNK if end else b"")
    )


SCRIPTS = {
    "usage-last": [stream(delta("hi"), delta(finish="stop"), {**delta(usage=USAGE), "choices": []}, DONE)],
    "usage-with-choices": [stream(delta("hi"), delta("", finish="stop", usage=USAGE), DONE)],
    "usage-in-vendor-field": [stream(delta("hi"), delta(finish="stop", x_groq={"usage": USAGE}), DONE)],
    "zero-usage": [http(whole(usage={"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}))],
    "beyond-belief": [http(whole(usage={"prompt_tokens": 10, "completion_tokens": 10**17}))],
    "no-usage": [http({k: v for k, v in whole("x" * 40).items() if k != "usage"})],
    "error-first": [stream({"error": {"message": "overloaded", "code": 503}})],
    "error-later": [stream(delta("par"), delta("tial"), {"error": {"message": "gone wrong"}})],
    "error-finish": [stream(delta("par"), delta(finish="error"), DONE)],
    "zero-bytes": [STREAM_HEAD + LAST_CHUNK],
    "error-in-200": [http({"error": {"message": "no luck", "code": 429}})],
    "no-choices": [http({"id": "x", "object": "chat.completion", "choices": []})],
    "cut-stream": [stream(delta("par"), end=False), CUT],
    "eof-no-done": [stream(delta("par"))],
    "finish-no-done": [stream(delta("all"), delta(finish="stop"), {**delta(usage=USAGE), "choices": []})],
    "split": [STREAM_HEAD, *[chunked(bytes([b])) for b in sse(delta("héllo 世界 🙂"), delta(finish="stop")) + DONE], LAST_CHUNK],
    "tools": [stream(
        delta(None), {"id": "u", "choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]},
        delta(finish="tool_calls"), DONE)],
    "cached": [http(whole(usage={"prompt_tokens": 100, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 90}}))],
    "comments": [stream(b": PROCESSING\n\n", delta("hi"), b": ping\n\n", delta(finish="stop"), DONE, sse({"junk": 1}))],
    "silent": [3.2, stream(delta("late"), delta(finish="stop"), DONE)],
    "silent-error": [3.2, http({"error": {"message": "sorry"}}, status="500 Oops")],
    "denied": [http({"error": {"message": "Incorrect API key provided: sk-upstream"}}, status="401 Unauthorized")],
    "leaky-headers": [http(whole(), headers=[("set-cookie", "a=b"), ("openai-organization", "org-secret"), ("x-request-id", "theirs")])],
    "big-ints": [http(b'{"id":"u","object":"chat.completion","model":"m","seed":9223372036854775807,"n":"12","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}', content_type="application/octet-stream")],
    "html": [http(b"<html><h1>nginx secret-host</h1></html>", status="502 Bad Gateway", content_type="text/html")],
    "html-200": [http(b"<html>login</html>", content_type="text/html")],
    "resold": [http(whole(usage={**USAGE, "cost": 0.00006, "is_byok": True}, provider="Somebody"))],
    "moved": [http(b"", status="307 Moved", headers=[("location", "/v1/elsewhere")])],
    "compressed": [http(gzip.compress(json.dumps(whole("packed")).encode()), headers=[("content-encoding", "gzip")])],
    "compressed-stream": [
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\nset-cookie: a=b\r\n"
        b"openai-organization: org-secret\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunked(gzip.compress(sse(delta("packed"), delta(finish="stop")) + DONE)) + LAST_CHUNK],
    "hang": [HANG],
}  # fmt: skip
TOML = ""


@pytest.fixture(scope="module", autouse=True)
def quick_keepalive(world):
    """Streams fall silent for seconds here, not minutes."""
    config = world.gateway.config
    world.gateway.kill(15)
    config.write_text(config.read_text().replace("[server]", "[server]\nkeepalive_s = 1", 1))
    world.gateway.start()


def contents(text):
    chunks = [json.loads(f) for f in frames(text) if f != "[DONE]"]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c.get("choices"))


@pytest.mark.parametrize("model", ["usage-last", "usage-with-choices", "usage-in-vendor-field"])
def test_trap_01_and_02_usage_is_always_asked_for_found_and_hidden_unless_wanted(world, model):
    status, text, headers = world.chat(model, stream=True)
    assert status == 200
    assert contents(text) == "hi"
    assert frames(text)[-1] == "[DONE]"
    assert "prompt_tokens" not in text
    assert all(json.loads(f)["choices"] for f in frames(text)[:-1])
    assert world.upstream.seen[model][-1][1]["stream_options"]["include_usage"] is True
    charge = world.charge(headers)
    assert (charge["usage"], charge["usage_source"], charge["amount"]) == (
        {"input": 10, "output": 5},
        "reported",
        "0.006",
    )


@pytest.mark.parametrize("model", ["usage-last", "usage-with-choices", "usage-in-vendor-field"])
def test_usage_that_was_asked_for_comes_once_and_last(world, model):
    _, text, _ = world.chat(model, stream=True, stream_options={"include_usage": True})
    chunks = [json.loads(f) for f in frames(text)[:-1]]
    assert [c["choices"] for c in chunks if c.get("usage")] == [[]]
    assert chunks[-1]["usage"]["prompt_tokens"] == 10
    assert chunks[-1]["usage"]["completion_tokens"] == 5


def test_trap_03_an_explicit_zero_is_charged_as_zero(world):
    _, _, headers = world.chat("zero-usage")
    charge = world.charge(headers)
    assert (charge["amount"], charge["usage_source"]) == ("0", "reported")


def test_usage_that_never_came_is_estimated_and_says_so(world):
    _, _, headers = world.chat("no-usage")
    charge = world.charge(headers)
    assert charge["usage_source"] == "estimated"
    assert charge["usage"]["output"] == 10


def test_trap_05_an_error_before_any_content_is_an_http_error_and_free(world):
    for model, expected in [("error-first", 502), ("zero-bytes", 502)]:
        status, reply, headers = world.chat(model, stream=True)
        assert status in (expected, 503), reply
        assert reply["error"]["message"]
        assert world.charge(headers)["status"] == "voided"


@pytest.mark.parametrize("model", ["error-later", "error-finish", "cut-stream", "eof-no-done"])
def test_trap_05_and_07_a_stream_that_breaks_is_told_in_band_and_never_ends_well(world, model):
    status, text, headers = world.chat(model, stream=True)
    assert status == 200
    assert contents(text.split('data: {"error"')[0]).startswith("par")
    last = json.loads(frames(text)[-1])
    assert last["error"]["message"]
    assert "[DONE]" not in text
    charge = world.charge(headers)
    assert (charge["status"], charge["usage_source"]) == ("settled", "estimated")
    assert charge["error_code"]


def test_trap_06_an_error_in_a_200_is_an_error(world):
    for model in ("error-in-200", "no-choices", "html-200"):
        status, reply, headers = world.chat(model)
        assert status in (502, 503), (model, reply)
        assert world.charge(headers)["status"] == "voided"


def test_a_missing_done_after_a_proper_finish_is_supplied(world):
    _, text, headers = world.chat("finish-no-done", stream=True)
    assert frames(text)[-1] == "[DONE]"
    assert world.charge(headers)["usage_source"] == "reported"


def test_trap_09_any_cutting_gives_the_same_text(world):
    _, text, _ = world.chat("split", stream=True)
    assert contents(text) == "héllo 世界 🙂"
    assert frames(text)[-1] == "[DONE]"


def test_trap_14_what_is_anothers_is_not_there(world):
    """Charges are found by their owner alone; what is kept at a vendor under the operator's key, by nobody."""
    charge = world.chat("usage-last", stream=True)[2]["x-pixapi-charge"]
    other = world.gateway.account("eve@example.com")
    assert world.gateway.request("GET", f"/v1/charges/{charge}", key=world.key)[0] == 200
    for anothers in (charge, "chg_0"):
        status, reply, _ = world.gateway.request("GET", f"/v1/charges/{anothers}", key=other)
        assert (status, reply["error"]["type"]) == (404, "invalid_request_error")
    before = len(world.upstream.seen["no-usage"])
    for stored in ({"previous_response_id": "resp_of_another"}, {"conversation": "conv_of_another"}):
        body = {"model": "no-usage", "input": "go on", **stored}
        status, reply, _ = world.gateway.request("POST", "/v1/responses", body, key=other)
        assert (status, reply["error"]["param"]) == (400, next(iter(stored)))
    for path in (
        "/v1/responses/resp_of_another",
        "/v1/files/file_of_another",
        "/v1/batches/batch_of_another",
    ):
        assert world.gateway.request("GET", path, key=other)[0] in (404, 405, 501), path
    assert len(world.upstream.seen["no-usage"]) == before


def test_trap_15_neither_redirects_nor_urls_in_a_call_lead_the_gateway_anywhere(world):
    status, reply, _ = world.chat("moved")
    assert status == 502
    assert "elsewhere" not in json.dumps(reply)
    assert len(world.upstream.seen["moved"]) == 1
    with socket.create_server(("127.0.0.1", 0)) as inside:
        url = f"http://127.0.0.1:{inside.getsockname()[1]}/private.png"
        content = [{"type": "image_url", "image_url": {"url": url}}]
        messages = [{"role": "user", "content": content}]
        body = {"model": "big-ints", "messages": messages}
        assert world.gateway.request("POST", "/v1/chat/completions", body, key=world.key)[0] == 200
        assert world.upstream.seen["big-ints"][-1][1]["messages"] == messages, "the vendor's to fetch, or not"
        inside.settimeout(0.2)
        with pytest.raises(TimeoutError):
            inside.accept()


def test_trap_16_tool_calls_pass(world):
    _, text, _ = world.chat("tools", stream=True)
    calls = [
        c
        for f in frames(text)[:-1]
        for ch in json.loads(f)["choices"]
        for c in ch["delta"].get("tool_calls", [])
    ]
    assert [(c["index"], c["id"], c["function"]["name"]) for c in calls] == [(0, "call_1", "f")]


def test_trap_19_cached_tokens_are_counted_once(world):
    _, reply, headers = world.chat("cached")
    assert reply["usage"]["prompt_tokens"] == 100
    assert world.charge(headers)["usage"] == {"input": 10, "cached_input": 90, "output": 1}


def test_trap_20_comments_and_what_follows_the_end_are_ignored(world):
    _, text, _ = world.chat("comments", stream=True)
    assert contents(text) == "hi"
    assert frames(text)[-1] == "[DONE]"
    assert "junk" not in text


def test_trap_21_a_silent_upstream_is_kept_alive_before_its_first_byte(world):
    status, text, headers = world.chat("silent", stream=True)
    assert status == 200
    assert text.startswith(": ")
    assert text.count(": ping") >= 2
    assert contents(text) == "late"
    assert headers["x-accel-buffering"] == "no"


def test_an_error_after_keepalives_is_told_within_the_stream(world):
    status, text, headers = world.chat("silent-error", stream=True)
    assert status == 200
    assert json.loads(frames(text)[-1])["error"]["message"]
    assert world.charge(headers)["status"] == "voided"


def test_trap_22_a_refusal_that_will_not_change_tells_sdks_not_to_retry(world):
    _, _, headers = world.gateway.chat(world.key, model="no-such-model")
    assert headers["x-should-retry"] == "false"


def test_trap_24_and_28_nothing_of_the_upstream_leaks(world):
    _, reply, headers = world.chat("leaky-headers")
    assert "set-cookie" not in headers
    assert "openai-organization" not in headers
    assert headers["x-request-id"].startswith("req_")
    assert reply["model"] == "leaky-headers"
    assert "upstream-secret-id" not in json.dumps(reply)
    _, text, _ = world.chat("usage-last", stream=True)
    assert "upstream-secret-id" not in text
    assert "vendor-internal-name" not in text
    assert len({json.loads(f)["id"] for f in frames(text)[:-1]}) == 1


@pytest.mark.parametrize("model", ["compressed", "compressed-stream"])
def test_trap_24_headers_of_the_upstreams_coding_and_tenancy_end_here(world, model):
    status, reply, headers = world.chat(model, stream=model.endswith("stream"))
    assert status == 200
    assert "packed" in (reply if isinstance(reply, str) else json.dumps(reply))
    assert not {"content-encoding", "set-cookie", "openai-organization"} & set(headers)
    assert world.upstream.seen[model][-1][0]["accept-encoding"] == "identity"
    if model == "compressed":
        assert int(headers["content-length"]) > len(gzip.compress(json.dumps(whole("packed")).encode()))


def test_trap_28_what_the_operator_pays_and_to_whom_is_not_the_callers_business(world):
    status, reply, headers = world.chat("resold")
    assert (status, reply["usage"]) == (200, USAGE)
    charge = world.charge(headers)
    assert charge["usage"] == {"input": 10, "output": 5}
    for shown in (json.dumps(reply), json.dumps(charge)):
        assert not {word for word in ("cost", "byok", "Somebody", "0.00006") if word in shown}


def test_trap_26_large_integers_and_odd_content_types_survive_and_html_does_not(world):
    _, reply, _ = world.chat("big-ints")
    assert (reply["seed"], reply["n"]) == (9223372036854775807, "12")
    status, reply, _ = world.chat("html")
    assert status in (502, 503)
    assert "nginx" not in json.dumps(reply)


def test_a_refused_credential_of_ours_is_never_the_callers_401(world):
    status, reply, _ = world.chat("denied")
    assert status == 502
    assert "sk-upstream" not in json.dumps(reply)


def test_the_callers_key_never_reaches_the_upstream(world):
    world.chat("usage-last", stream=True)
    sent = [h for calls in world.upstream.seen.values() for h, _ in calls]
    assert sent
    assert all(world.key not in json.dumps(h) for h in sent)
    assert all(h["authorization"] == "Bearer sk-upstream" for h in sent)


def test_usage_that_no_wallet_could_pay_leaves_no_hold_behind(world):
    status, _, headers = world.chat("beyond-belief", max_tokens=100)
    assert status == 200
    charge = world.charge(headers)
    assert (charge["status"], charge["usage_source"]) == ("settled", "estimated")
    assert float(charge["amount"]) <= float(charge["held"])
