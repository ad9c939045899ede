"""Who pays when the caller leaves: each policy, over a real socket that is closed."""

import json
import socket
import time
from pathlib import Path

import pytest

from pixapi.testing.scripted import CUT, HANG, LAST_CHUNK, STREAM_HEAD, chunked, delta, http, sse, whole

PRICE = 'price = { input = "1.00", output = "10.00", per = "1M tokens" }'
USAGE = {"prompt_tokens": 10, "completion_tokens": 50, "total_tokens": 60}
FIRST = STREAM_HEAD + chunked(sse(delta("word " * 8)))
END = (
    chunked(sse(delta(finish="stop"), {**delta(usage=USAGE), "choices": []}) + b"data: [DONE]\n\n")
    + LAST_CHUNK
)

SCRIPTS = {
    "no-headers": [HANG],
    "mid-stream": [FIRST, HANG],
    "drained": [FIRST, 2.0, END],
    "plain-slow-body": [http(whole())[:-20], 1.5, http(whole())[-20:]],
    "quick": [http(whole())],
    "flood": [STREAM_HEAD, *[chunked(sse(delta("word " * 8000)))] * 1000, LAST_CHUNK],
    "large-whole": [http(whole("word " * 2_000_000))],
    "large-end": [STREAM_HEAD, chunked(sse(delta("word " * 2_000_000))), 0.5, END],
    "unused": [CUT],
}
TOML = f"""
[[models]]
id = "unread"
routes = [ {{ provider = "up", model = "flood", idle_s = 1 }} ]
{PRICE}
[[models]]
id = "unread-end"
routes = [ {{ provider = "up", model = "large-end", idle_s = 1 }} ]
{PRICE}
"""


def leave_after(world, model, *, stream, wait_for=b"", settle_s=0.6):
    """Send a call, wait for some bytes of the answer (or a moment), close the socket; returns what came."""
    body = json.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    ).encode()
    with socket.create_connection(("127.0.0.1", world.gateway.port), timeout=10) as caller:
        caller.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {world.key}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        came = b""
        if wait_for:
            while wait_for not in came:
                came += caller.recv(65536)
        else:
            time.sleep(settle_s)
    return came


def newest(world, model):
    """The newest charge of a model, once it is resolved."""
    for _ in range(100):
        rows = [r for r in world.gateway.json("requests", "list") if r["model"] == model]
        if rows and rows[0].get("status") != "held":
            return rows[0]
        time.sleep(0.1)
    raise AssertionError(f"no resolved charge for {model}: {rows}")


def wait_until(condition):
    for _ in range(100):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to pass within 5 s")


def test_trap_04_nothing_is_charged_when_upstream_sent_no_headers(world):
    leave_after(world, "no-headers", stream=True)
    wait_until(lambda: world.upstream.left["no-headers"] == 1)
    assert newest(world, "no-headers")["status"] == "voided"


def test_trap_04_a_plain_call_is_cancelled_upstream_too(world):
    left = world.upstream.left["no-headers"]
    leave_after(world, "no-headers", stream=False)
    wait_until(lambda: world.upstream.left["no-headers"] == left + 1)
    assert newest(world, "no-headers")["status"] == "voided"


def test_trap_04_abort_closes_the_upstream_and_charges_what_was_delivered(world):
    leave_after(world, "mid-stream", stream=True, wait_for=b"word word")
    wait_until(lambda: world.upstream.left["mid-stream"] == 1)
    charge = newest(world, "mid-stream")
    assert charge["status"] == "settled"
    assert charge["usage_source"] == "estimated"
    assert charge["error_code"] == "client_closed"


def test_trap_04_drain_reads_on_for_an_exact_bill(world):
    world.gateway.kill(15)
    config = world.gateway.config
    config.write_text(
        config.read_text().replace('id = "drained"', 'id = "drained"\non_disconnect = "drain"', 1)
    )
    world.gateway.start()
    leave_after(world, "drained", stream=True, wait_for=b"word word")
    charge = newest(world, "drained")
    assert charge["status"] == "settled"
    assert charge["usage_source"] == "reported"
    assert world.upstream.left["drained"] == 0


def test_a_plain_reply_that_has_begun_is_read_to_its_end_and_charged_as_reported(world):
    leave_after(world, "plain-slow-body", stream=False)
    charge = newest(world, "plain-slow-body")
    assert (charge["status"], charge["usage_source"]) == ("settled", "reported")


def test_no_hold_and_no_call_under_way_is_left(world):
    wait_until(lambda: world.gateway.json("credits", "balance", "ada@example.com")["held"] == "0")
    assert world.gateway.cli("ledger", "verify").returncode == 0
    assert "pixapi_in_flight 0.0" in world.gateway.request("GET", "/metrics")[1]


def test_a_caller_who_stays_but_takes_nothing_counts_as_gone(world):
    body = json.dumps(
        {"model": "unread", "stream": True, "messages": [{"role": "user", "content": "x"}]}
    ).encode()
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.connect(("127.0.0.1", world.gateway.port))
        caller.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            + f"authorization: Bearer {world.key}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_until(lambda: world.upstream.seen["flood"])
        charge = newest(world, "unread")
    assert (charge["status"], charge["error_code"]) == ("settled", "client_closed")


def send_unread(caller, world, model, *, stream):
    """A call whose answer stays unread."""
    body = json.dumps(
        {"model": model, "stream": stream, "messages": [{"role": "user", "content": "x"}]}
    ).encode()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.connect(("127.0.0.1", world.gateway.port))
    caller.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        + f"authorization: Bearer {world.key}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )


def test_the_last_frames_wait_no_longer_than_others_for_a_caller_who_takes_nothing(world):
    with socket.socket() as caller:
        send_unread(caller, world, "unread-end", stream=True)
        charge = newest(world, "unread-end")
        assert (charge["status"], charge["usage_source"]) == ("settled", "reported")
        wait_until(lambda: "pixapi_in_flight 0.0" in world.gateway.request("GET", "/metrics")[1])


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system cannot close such connections"
)
def test_a_whole_reply_that_nobody_reads_is_kept_no_longer_than_write_s(world):
    world.gateway.kill(15)
    config = world.gateway.config
    config.write_text(config.read_text().replace("[server]", "[server]\nwrite_s = 1", 1))
    world.gateway.start()
    with socket.socket() as caller:
        send_unread(caller, world, "large-whole", stream=False)
        assert newest(world, "large-whole")["status"] == "settled"
        mine = caller.getsockname()[1]
        wait_until(lambda: not is_open(world.gateway.port, mine))


def is_open(port, other):
    """Whether the gateway's side of the connection from the port ``other`` still exists (proc(5), /proc/net/tcp)."""
    rows = [line.split()[1:3] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(ours.endswith(f":{port:04X}") and theirs.endswith(f":{other:04X}") for ours, theirs in rows)
