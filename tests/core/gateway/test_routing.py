"""Routes and keys under failures, over real sockets: what is tried next, what is left alone, and what it costs."""

import http.client
import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pixapi.testing.gateway import RunningGateway, free_port
from pixapi.testing.scripted import (
    CUT,
    LAST_CHUNK,
    STREAM_HEAD,
    ScriptedUpstream,
    chunked,
    delta,
    frames,
    sse,
    whole,
)  # fmt: skip
from pixapi.testing.scripted import (
    http as reply,
)

PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
COST = "0.006"
GOOD_STREAM = (
    STREAM_HEAD
    + chunked(
        sse(delta("good"), delta(finish="stop"), {**delta(usage=USAGE), "choices": []}) + b"data: [DONE]\n\n"
    )
    + LAST_CHUNK
)
DEAD = free_port()


def answer(body):
    return GOOD_STREAM if body.get("stream") else reply(whole("good", usage=USAGE))


def failing(line, headers=(), **error):
    return reply({"error": {"message": "no", **error}}, status=line, headers=headers)


def provider(name, port, more=""):
    return f'[providers.{name}]\nuse = "openai_compatible"\nbase_url = "http://127.0.0.1:{port}/v1"\n{more}\n'


def model(name, *routes):
    listed = ", ".join(
        f'{{ provider = "{p}", model = "{m}"{", " + more if more else ""} }}' for p, m, more in routes
    )
    return f'[[models]]\nid = "{name}"\nroutes = [ {listed} ]\n{PRICE}\n'


class Answering(BaseHTTPRequestHandler):
    """The good answer, to whatever is asked."""

    def do_POST(self):
        self.wfile.write(answer(json.loads(self.rfile.read(int(self.headers["content-length"])))))

    def log_message(self, *_):
        """Nothing: what is asked shows in the answer."""


class World:
    """A gateway, scripted upstreams and a key; ``upstreams`` are (name, scripts, more TOML of its table)."""

    def __init__(self, folder, toml, scripts, *, credits="100000"):
        self.upstream = ScriptedUpstream(scripts)
        self.gateway = RunningGateway(folder, toml(self.upstream.port))
        self.key = self.gateway.account(credits=credits)
        self.gateway.start()

    def chat(self, name, **more):
        return self.gateway.chat(self.key, model=name, **more)

    def asked(self, name):
        return len(self.upstream.seen[name])

    def keys_asked(self, name):
        """How often upstream was asked with each key."""
        return Counter(
            headers["authorization"].removeprefix("Bearer ") for headers, _ in self.upstream.seen[name]
        )

    def metric(self, start):
        text = self.gateway.request("GET", "/metrics")[1]
        return {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
            for line in text.splitlines() if line.startswith(start)
        }  # fmt: skip

    def many(self, name, count, *, stream, threads=60):
        """``count`` calls, as many at once as there are threads; (status, text, headers) of each."""
        body = json.dumps(
            {"model": name, "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        ).encode()
        local = threading.local()

        def call(_):
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
            headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
            local.connection.request("POST", "/v1/chat/completions", body, headers)
            got = local.connection.getresponse()
            return got.status, got.read().decode(), {k.lower(): v for k, v in got.getheaders()}

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(call, range(count)))

    def close(self):
        self.gateway.kill(signal.SIGTERM)
        self.upstream.close()


@pytest.fixture
def world(tmp_path):
    made = []

    def make(toml, scripts, **more):
        made.append(World(tmp_path, toml, scripts, **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


def under_fire(made, stream, route):
    """300 calls, many at a time, with `[routing]` as it comes: each is answered by ``route``, and paid once."""
    outcomes = made.many("m", 300, stream=stream)
    assert Counter(status for status, _, _ in outcomes) == {200: 300}, [o for o in outcomes if o[0] != 200][
        :2
    ]
    for _, text, headers in outcomes:
        if stream:
            assert frames(text)[-1] == "[DONE]", text
            assert text.count('"good"') == 1
        else:
            assert json.loads(text)["choices"][0]["message"]["content"] == "good"
        assert headers["x-pixapi-charge"].startswith("chg_")
    charges = made.gateway.json("requests", "list", "--limit", "1000")
    settled = [row for row in charges if row["status"] == "settled"]
    assert len(charges) == len(settled) == 300
    assert {row["amount"] for row in settled} == {COST}
    assert {row["route"] for row in settled} == {route}
    assert made.gateway.cli("ledger", "verify").returncode == 0
    assert made.gateway.json("credits", "balance", "ada@example.com") == {"balance": "99998.2", "held": "0"}


@pytest.mark.parametrize("stream", [False, True])
def test_failover_under_fire(world, stream):
    """One upstream is dead, one too slow, one answers 429 to every second request."""
    asked = Counter()

    def flaky(_, body):
        asked["n"] += 1
        if asked["n"] % 2:
            return [failing("429 Slow", [("retry-after-ms", "100")], type="rate_limit_error")]
        return [answer(body)]

    made = world(
        lambda port: provider("up", port) + provider("dead", DEAD)
        + model("m", ("dead", "x", ""), ("up", "slow", "first_byte_s = 0.5"), ("up", "flaky", "")),
        {"flaky": flaky, "slow": lambda _, body: [3.0, answer(body)]},
    )  # fmt: skip
    under_fire(made, stream, "up/flaky")
    assert asked["n"] // 2 == 300, "upstream was paid for one answer a call"
    assert sum(made.metric("pixapi_retries_total").values()) > 100


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("hint", [[("retry-after", "1")], []], ids=["says-when", "says-nothing"])
def test_failover_under_fire_to_the_one_that_is_slow(world, stream, hint):
    """One upstream is dead, one has no allowance left, one serves but takes its time."""
    made = world(
        lambda port: provider("up", port) + provider("dead", DEAD)
        + model("m", ("dead", "x", ""), ("up", "slow", ""), ("up", "spent", "")),
        {"spent": [failing("429 Slow", hint, type="rate_limit_error")], "slow": lambda _, body: [0.7, answer(body)]},
    )  # fmt: skip
    under_fire(made, stream, "up/slow")
    assert made.asked("slow") == 300, "upstream was paid for one answer a call"


def test_what_is_dead_is_left_alone_and_tried_again(world):
    down = threading.Event()
    down.set()
    made = world(
        lambda port: provider("up", port) + "[routing]\ncooldown_s = 0.5\n"
        + model("m", ("up", "first", ""), ("up", "second", "priority = 2")),
        {
            "first": lambda _, body: [failing("500 Oops")] if down.is_set() else [answer(body)],
            "second": lambda _, body: [answer(body)],
        },
    )  # fmt: skip
    routes = [made.chat("m")[2]["x-pixapi-route"] for _ in range(20)]
    assert routes == ["up/second"] * 20
    assert made.asked("first") == 3, "three failures in a row, then it was left alone"
    assert made.metric('pixapi_route_state{route="up/first"}') == {'pixapi_route_state{route="up/first"}': 2}
    time.sleep(0.6)
    assert made.metric('pixapi_route_state{route="up/first"}') == {'pixapi_route_state{route="up/first"}': 1}
    assert made.chat("m")[2]["x-pixapi-route"] == "up/second"
    assert made.asked("first") == 4, "one probe, whose call was served all the same"
    down.clear()
    time.sleep(1.1)
    assert [made.chat("m")[2]["x-pixapi-route"] for _ in range(3)] == ["up/first"] * 3


KINDS = [
    # what the first key is told, how often it is asked in six calls, the state of the key and of the model's route
    ("rate", failing("429 Slow", [("retry-after", "60")], type="rate_limit_error"), 1, 0),
    ("rate, the hint in the body", failing("429 Slow", code=429, status="RESOURCE_EXHAUSTED", details=[
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]), 1, 0),
    ("rate, without a hint", failing("429 Slow", type="rate_limit_error"), 1, 0),
    ("quota", failing("429 Slow", type="insufficient_quota", code="insufficient_quota"), 1, 2),
    ("no credit left", failing("402 Pay", type="billing_error"), 1, 2),
    ("a wrong key", failing("401 No", code="invalid_api_key"), 1, 2),
    ("no right to this model", failing("403 No"), 1, 0),
    ("the request is too long", failing("429 Slow", message="Prompt is too long", code="context_length_exceeded"), 1, 0),
    ("overloaded", failing("529 Busy", type="overloaded_error"), 3, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """One gateway; for each kind a provider of its own with a bad and a good key, and two models."""
    toml, scripts = "", {}
    for number, (_, told, _, _) in enumerate(KINDS):
        m, other = f"m{number}", f"other{number}"
        toml += model(m, (f"up{number}", m, "")) + model(other, (f"up{number}", other, ""))
        scripts[m] = lambda headers, body, told=told: [
            told if headers["authorization"] == "Bearer bad" else answer(body)
        ]
        scripts[other] = lambda _, body: [answer(body)]
    made = World(
        tmp_path_factory.mktemp("kinds"),
        lambda port: (
            toml + "".join(provider(f"up{n}", port, 'keys = ["bad", "good"]') for n in range(len(KINDS)))
        ),
        scripts,
    )
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(KINDS)), ids=[kind[0] for kind in KINDS])
def test_trap_25_the_kinds_of_429_are_told_apart(kinds, number):
    """A limit cools the key here, a spent or refused one is dead everywhere, an overload is no key's fault."""
    what, _, asked, key_state = KINDS[number]
    m, other = f"m{number}", f"other{number}"
    statuses = [kinds.chat(m)[0] for _ in range(6)]
    if what == "overloaded":  # with whichever key: another one is not even tried
        assert statuses.count(503) == asked
    else:
        assert statuses == [200] * 6
    assert kinds.keys_asked(m)["bad"] == asked
    for _ in range(4):
        assert kinds.chat(other)[0] == 200
    assert kinds.keys_asked(other)["bad"] == (0 if key_state else 2)
    name = f'pixapi_provider_key_state{{key="1",provider="up{number}"}}'
    assert kinds.metric(name) == {name: key_state}


def test_a_dead_key_is_given_another_chance_by_a_reload_and_a_cool_route_is_not(world):
    made = world(
        lambda port: provider("up", port, 'keys = ["one", "two"]') + "[routing]\ncooldown_s = 100\n"
        + model("m", ("up", "m", "")) + model("n", ("up", "n", ""), ("up", "m", "priority = 2")),
        {
            "m": lambda headers, body: [failing("401 No") if headers["authorization"] == "Bearer one" else answer(body)],
            "n": [failing("500 Oops")],
        },
    )  # fmt: skip
    for _ in range(6):
        assert made.chat("m")[0] == made.chat("n")[0] == 200
    assert made.keys_asked("m")["one"] == 1
    broken = made.asked("n")
    made.gateway.cli("reload")
    for _ in range(6):
        assert made.chat("m")[0] == made.chat("n")[0] == 200
    assert made.keys_asked("m")["one"] == 2
    assert made.asked("n") == broken, "its cool-down went on"


def test_trap_22_retries_do_not_multiply(world):
    """An SDK retries twice unless told not to; a call that the gateway has tried everywhere tells it."""
    made = world(
        lambda port: provider("up", port) + model("m", *[("up", name, "") for name in ("a", "b", "c", "d")]),
        {name: [failing("500 Oops")] for name in "abcd"},
    )
    status, _, headers = made.chat("m")
    assert (status, headers["x-should-retry"]) == (502, "false")
    assert [made.asked(name) for name in "abcd"] == [1, 1, 1, 1]


def test_trap_22_an_outage_is_not_multiplied(world):
    made = world(
        lambda port: provider("up", port) + "[routing]\nretries_per_second = 0\ncooldown_s = 100\n"
        "[limits]\nrequests_per_minute = 100000\n" + model("m", ("up", "a", ""), ("up", "b", ""), ("up", "c", "")),
        {name: [failing("503 Down")] for name in "abc"},
    )  # fmt: skip
    outcomes = made.many("m", 300, stream=False, threads=8)
    assert {status for status, _, _ in outcomes} == {503}
    asked = sum(made.asked(name) for name in "abc")
    # The first few calls find out on all three; from then on a call is one attempt, and a fifth of them two.
    assert 300 <= asked <= 300 * 1.2 + 3 * 8 * 3
    assert made.metric("pixapi_retries_refused_total")["pixapi_retries_refused_total"] > 100
    assert made.gateway.json("credits", "balance", "ada@example.com") == {"balance": "100000", "held": "0"}


def test_a_server_that_asks_for_a_moment_is_asked_again(world):
    asked = Counter()

    def busy_once(_, body):
        asked[body["messages"][0]["content"]] += 1
        is_first = asked[body["messages"][0]["content"]] == 1
        return [failing("429 Slow", [("retry-after", "1")])] if is_first else [answer(body)]

    made = world(
        lambda port: provider("up", port) + model("m", ("up", "m", "")) + model("never", ("up", "never", "")),
        {"m": busy_once, "never": [failing("429 Slow", [("retry-after", "30")])]},
    )
    began_s = time.monotonic()
    assert made.chat("m")[0] == 200
    assert 0.9 < time.monotonic() - began_s < 5
    began_s = time.monotonic()
    status, _, headers = made.chat("never")
    assert (status, headers["retry-after"]) == (503, "30")
    assert made.asked("never") == 1
    assert time.monotonic() - began_s < 5


def test_a_connection_that_was_closed_meanwhile_is_no_failure(world):
    """The server takes the next request on a kept connection and closes it without an answer."""
    turns = Counter()

    def closing(_, body):
        turns["n"] += 1
        return [CUT] if turns["n"] == 2 else [answer(body)]

    made = world(lambda port: provider("up", port) + model("m", ("up", "m", "")), {"m": closing})
    assert [made.chat("m")[0] for _ in range(3)] == [200, 200, 200]
    assert turns["n"] == 4
    assert made.metric("pixapi_retries_total") == {'pixapi_retries_total{route="up/m"}': 1}


def test_a_key_that_cannot_be_read_is_passed_over(world):
    """Its variable is not set: the gateway starts, warns, and serves with the other key."""
    keys = 'keys = [ { env = "NO_SUCH_KEY_HERE" }, "good" ]'
    made = world(
        lambda port: provider("up", port, keys) + model("m", ("up", "m", "")),
        {"m": lambda _, body: [answer(body)]},
    )
    assert [made.chat("m")[0] for _ in range(4)] == [200] * 4
    assert made.keys_asked("m") == {"good": 4}


def test_a_request_lost_on_a_new_connection_is_not_sent_there_again(world):
    made = world(lambda port: provider("up", port) + model("m", ("up", "m", "")), {"m": [CUT]})
    assert made.chat("m")[0] == 502
    assert made.asked("m") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_being_restarted_is_asked_again(world, stream):
    """Nothing was sent while it could not be connected to, so the call may be; it is charged once."""
    port = free_port()
    late = {}

    def begin():
        late["server"] = ThreadingHTTPServer(("127.0.0.1", port), Answering)
        late["server"].serve_forever()

    made = world(lambda _: provider("up", port) + model("m", ("up", "m", "")), {})
    threading.Timer(0.1, begin).start()
    status, _, headers = made.chat("m", stream=stream)
    late["server"].shutdown()
    late["server"].server_close()
    assert status == 200
    assert sum(made.metric("pixapi_retries_total").values()) in (1, 2)
    assert (
        made.gateway.request("GET", f"/v1/charges/{headers['x-pixapi-charge']}", key=made.key)[1]["amount"]
        == COST
    )
    assert len(made.gateway.json("requests", "list")) == 1


def test_the_callers_own_mistakes_say_nothing_of_a_route(world):
    told = failing("400 Bad", code="context_length_exceeded")
    made = world(
        lambda port: provider("up", port) + model("m", ("up", "a", ""), ("up", "b", "priority = 2")),
        {
            "a": lambda _, body: [told if body["messages"][0]["content"] == "bad" else answer(body)],
            "b": [CUT],
        },
    )
    for _ in range(12):
        assert made.gateway.chat(made.key, "bad", model="m")[0] == 400
    assert made.chat("m")[2]["x-pixapi-route"] == "up/a"
    assert made.asked("b") == 0
