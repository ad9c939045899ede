"""Several routes: the next is tried until something of the answer has been passed on, never afterwards."""

import json

from pixapi.testing.gateway import free_port
from pixapi.testing.scripted import CUT, LAST_CHUNK, STREAM_HEAD, chunked, delta, frames, http, sse, whole

GOOD = STREAM_HEAD + chunked(sse(delta("good"), delta(finish="stop")) + b"data: [DONE]\n\n") + LAST_CHUNK
SCRIPTS = {
    "good": [http(whole("good"))],
    "good-stream": [GOOD],
    "busy": [http({"error": {"message": "slow down"}}, status="429 Too Many", headers=[("retry-after", "7")])],
    "broken": [http({"error": {"message": "oops"}}, status="500 Oops")],
    "lost": [CUT],
    "rejects": [http({"error": {"message": "context too long", "code": "context_length_exceeded"}}, status="400 Bad Request")],
    "error-first": [STREAM_HEAD + chunked(sse({"error": {"message": "no"}})) + LAST_CHUNK],
    "partial": [STREAM_HEAD + chunked(sse(delta("half"))), CUT],
}  # fmt: skip
DEAD = free_port()
PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'


def model(name, *routes):
    listed = ", ".join(
        f'{{ provider = "{p}", model = "{m}", priority = {n} }}' for n, (p, m) in enumerate(routes, start=1)
    )
    return f'[[models]]\nid = "{name}"\nroutes = [ {listed} ]\n{PRICE}\n'


TOML = f"""
[providers.dead]
use = "openai_compatible"
base_url = "http://127.0.0.1:{DEAD}/v1"
""" + "".join(
    [
        model("first-dead", ("dead", "x"), ("up", "good")),
        model("first-busy", ("up", "busy"), ("up", "good")),
        model("first-broken", ("up", "broken"), ("up", "good")),
        model("first-lost", ("up", "lost"), ("up", "good")),
        model("first-rejects", ("up", "rejects"), ("up", "good")),
        model("stream-error-first", ("up", "error-first"), ("dead", "x"), ("up", "good-stream")),
        model("stream-partial", ("up", "partial"), ("up", "good-stream")),
        model("all-bad", ("dead", "x"), ("up", "broken"), ("up", "busy")),
    ]
)


def test_another_route_serves_what_the_first_could_not(world):
    for name in ("first-dead", "first-busy", "first-broken", "first-lost"):
        status, reply, headers = world.chat(name)
        assert status == 200, (name, reply)
        assert headers["x-pixapi-route"] == "up/good"
        assert world.charge(headers)["amount"] == "0.006"


def test_a_request_that_upstream_finds_bad_is_not_tried_elsewhere(world):
    status, reply, headers = world.chat("first-rejects")
    assert status == 400
    assert reply["error"]["code"] == "context_length_exceeded"
    assert headers["x-pixapi-route"] == "up/rejects"


def test_a_stream_fails_over_before_its_first_content(world):
    status, text, headers = world.chat("stream-error-first", stream=True)
    assert status == 200
    assert "good" in text
    assert headers["x-pixapi-route"] == "up/good-stream"


def test_trap_08_a_stream_never_fails_over_once_content_was_sent(world):
    before = len(world.upstream.seen["good-stream"])
    _, text, _ = world.chat("stream-partial", stream=True)
    assert "half" in text
    assert "good" not in text
    assert json.loads(frames(text)[-1])["error"]
    assert len(world.upstream.seen["good-stream"]) == before


def test_when_no_route_can_serve_the_last_error_says_so_and_nothing_is_charged(world):
    status, reply, headers = world.chat("all-bad")
    assert status == 503
    assert reply["error"]["message"]
    assert headers["retry-after"] == "7"
    assert world.charge(headers)["status"] == "voided"
