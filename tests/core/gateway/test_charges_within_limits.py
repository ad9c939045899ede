"""What a server says that a call used is charged as far as the call's own limits allow; the rest is written off."""

import json

import pytest

from pixapi.testing.scripted import LAST_CHUNK, STREAM_HEAD, chunked, delta, http, sse, whole

DONE = b"data: [DONE]\n\n"
LIE = {"prompt_tokens": 10_000_000, "completion_tokens": 20_000_000, "total_tokens": 30_000_000}


def usage(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def stream(*events):
    return STREAM_HEAD + chunked(sse(*events) + DONE) + LAST_CHUNK


SCRIPTS = {
    "lies": lambda headers, body: [
        stream(delta("hi"), delta(finish="stop"), {**delta(usage=LIE), "choices": []})
        if body.get("stream")
        else http(whole(usage=LIE))
    ],
    "more-input": [http(whole(usage=usage(200, 100)))],
    "much-input": [http(whole(usage=usage(500_000, 1)))],
    "three-times": [http(whole(usage=usage(10, 300)))],
    "silent": [stream(delta("x" * 4000), delta(finish="stop"))],
    "silent-whole": [http({k: v for k, v in whole("x" * 4000).items() if k != "usage"})],
}
TOML = """
[limits]
tokens_per_minute = 100000000
[[models]]
id = "states-its-context"
routes = [ { provider = "up", model = "much-input" } ]
price = { input = "1.00", output = "10.00" }
max_input = 400000
"""
INPUT, OUTPUT = 100, 1000
"""Micro-credits a token: 1 and 10 USD for a million, 100 credits for a USD."""


def micro(credits):
    return round(float(credits) * 1_000_000)


def sum_of(charge):
    """What the receipt's lines come to: the price of what was reported."""
    return sum(micro(line["amount"]) for line in charge["lines"])


@pytest.mark.parametrize("streams", [False, True])
def test_a_servers_lie_costs_no_more_than_the_call_allows(world, streams):
    bound = world.gateway.request(
        "POST", "/v1/quote", {"model": "lies", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]},
        key=world.key,
    )[1]  # fmt: skip
    _, _, headers = world.chat("lies", text="hello", max_tokens=100, stream=streams)
    charge = world.charge(headers)
    assert charge["usage_source"] == "capped"
    assert charge["usage"] == {"input": 10_000_000, "output": 20_000_000}, (
        "the receipt keeps what was reported"
    )
    assert micro(charge["amount"]) == bound["input_tokens_max"] * 10 * INPUT + 100 * OUTPUT
    assert micro(charge["amount"]) + micro(charge["written_off"]) == sum_of(charge)


def test_whoever_runs_the_gateway_is_told(world):
    _, _, headers = world.chat("lies", max_tokens=100)
    row = next(r for r in world.gateway.json("ledger", "write-offs") if r["id"] == headers["x-pixapi-charge"])
    assert row["why"] == "limits"
    lines = [
        json.loads(line)
        for line in world.gateway.log.read_text().splitlines()
        if "usage_beyond_limits" in line
    ]
    assert lines[-1]["request_id"] == headers["x-request-id"]
    assert (lines[-1]["model"], lines[-1]["route"], lines[-1]["charged"]) == (
        "lies",
        "up/lies",
        headers["x-pixapi-cost"],
    )
    metrics = world.gateway.request("GET", "/metrics")[1]
    assert 'pixapi_capped_credits_total{model="lies"}' in metrics
    assert world.gateway.cli("ledger", "verify").returncode == 0


def test_more_input_than_was_held_for_is_charged_as_reported(world):
    _, _, headers = world.chat("more-input", text="hello", max_tokens=100)
    charge = world.charge(headers)
    assert micro(charge["amount"]) > micro(charge["held"])
    assert (charge["usage_source"], charge["written_off"]) == ("reported", "0")
    assert micro(charge["amount"]) == 200 * INPUT + 100 * OUTPUT


def test_the_cap_counts_for_each_choice(world):
    charge = world.charge(world.chat("three-times", max_tokens=100, n=3)[2])
    assert (charge["usage_source"], charge["amount"]) == ("reported", "0.301")
    charge = world.charge(world.chat("three-times", max_tokens=100)[2])
    assert charge["usage_source"] == "capped"
    assert micro(charge["amount"]) < 300 * OUTPUT


PICTURE = "data:image/png;base64," + "A" * 600_000


@pytest.mark.parametrize(
    ("model", "url", "charged"),
    [
        ("much-input", "https://media.example/film.mp4", 500_000),
        ("much-input", PICTURE, 500_000),
        ("much-input", "data:image/png;base64,AAAA", None),
        ("states-its-context", "https://media.example/film.mp4", 400_000),
    ],
)
def test_what_files_may_count_for(world, model, url, charged):
    """By address: whatever it is. Inline: ten times what was held for it, or its bytes. With `max_input`: that."""
    parts = [{"type": "image_url", "image_url": {"url": url}}]
    body = {"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": parts}]}
    most = world.gateway.request("POST", "/v1/quote", body, key=world.key)[1]["input_tokens_max"]
    _, _, headers = world.gateway.request("POST", "/v1/chat/completions", body, key=world.key)
    charge = world.charge(headers)
    assert micro(charge["amount"]) == (charged or most * 10) * INPUT + OUTPUT
    assert charge["usage_source"] == ("reported" if charged == 500_000 else "capped")


@pytest.mark.parametrize(("model", "streams"), [("silent", True), ("silent-whole", False)])
@pytest.mark.parametrize(
    ("more", "output"), [({"max_tokens": 10}, 10), ({"max_tokens": 10, "n": 2}, 20), ({}, 1000)]
)
def test_an_estimate_does_not_exceed_the_cap(world, model, streams, more, output):
    charge = world.charge(world.chat(model, stream=streams, **more)[2])
    assert (charge["usage_source"], charge["usage"]["output"]) == ("estimated", output)
