"""Whatever is sent: a clear error in the dialect, the right status, nothing lost, and the process lives."""

import http.client
import json
import time

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with RunningGateway(
        tmp_path_factory.mktemp("gateway"), ECHO, server="max_body_bytes = 1000000"
    ) as running:
        running.owner = running.account(credits="100")
        running.start()
        yield running


CASES = [
    (b"", 400, None),
    (b"{", 400, None),
    (b"[]", 400, None),
    (b"null", 400, None),
    (b'"hi"', 400, None),
    (b'{"model": "echo", "messages": [{"role": "user", "content": "\xff"}]}', 400, None),
    (b"[" * 100_000, 400, None),
    ({"messages": HELLO}, 400, "model"),
    ({"model": 7, "messages": HELLO}, 400, "model"),
    ({"model": "echo"}, 400, "messages"),
    ({"model": "echo", "messages": []}, 400, "messages"),
    ({"model": "echo", "messages": "hi"}, 400, "messages"),
    ({"model": "echo", "messages": [7]}, 400, "messages"),
    ({"model": "echo", "messages": [{"role": "user", "content": 7}]}, 400, "messages"),
    ({"model": "echo", "messages": HELLO, "stream": "yes"}, 400, "stream"),
    ({"model": "echo", "messages": HELLO, "max_tokens": "many"}, 400, "max_tokens"),
    ({"model": "echo", "messages": HELLO, "max_tokens": 0}, 400, "max_tokens"),
    ({"model": "echo", "messages": HELLO, "max_tokens": -5}, 400, "max_tokens"),
    ({"model": "echo", "messages": HELLO, "max_tokens": 10**30}, 400, "max_tokens"),
    ({"model": "echo", "messages": HELLO, "n": 0}, 400, "n"),
    ({"model": "no-such-model", "messages": HELLO}, 404, "model"),
    ({"model": "\x00" * 200, "messages": HELLO}, 404, "model"),
]


@pytest.mark.parametrize(("body", "status", "param"), CASES, ids=[str(c[0])[:60] for c in CASES])
def test_a_bad_body_is_refused_with_a_sentence(gateway, body, status, param):
    got, reply, headers = gateway.request("POST", "/v1/chat/completions", body, key=gateway.owner)
    assert got == status, reply
    assert len(reply["error"]["message"]) > 15
    assert reply["error"]["type"]
    assert reply["error"].get("param") == param
    assert headers["x-request-id"].startswith("req_")


def test_unknown_fields_are_never_an_error(gateway):
    assert gateway.chat(gateway.owner, enable_thinking=True, provider={"order": ["x"]})[0] == 200


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_of_100_mb_is_refused_and_the_answer_can_be_read(gateway, declared):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    piece = b" " * 1_000_000
    headers = {"authorization": f"Bearer {gateway.owner}", "content-type": "application/json"}
    if declared:
        connection.request("POST", "/v1/chat/completions", piece * 100, headers)
    else:
        connection.request(
            "POST", "/v1/chat/completions", (piece for _ in range(100)), headers, encode_chunked=True
        )
    reply = connection.getresponse()
    assert reply.status == 413
    assert json.loads(reply.read())["error"]["message"]
    connection.close()


def test_another_content_type_is_refused_with_what_is_wanted(gateway):
    status, reply, _ = gateway.request(
        "POST",
        "/v1/chat/completions",
        b"a=b",
        key=gateway.owner,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert status == 415
    assert "application/json" in reply["error"]["message"]


@pytest.mark.parametrize("key", [None, "nope", "pix_" + "0" * 52, "é", "x" * 5000])
def test_a_bad_key_is_a_401(gateway, key):
    headers = {"authorization": f"Bearer {key}".encode("latin-1").decode("latin-1")} if key else {}
    status, reply, _ = gateway.request(
        "POST", "/v1/chat/completions", {"model": "echo", "messages": HELLO}, headers=headers
    )
    assert status == 401
    assert reply["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/nothing/here", 404),
        ("POST", "/v1/responses/resp_1/cancel", 501),
        ("GET", "/v1/images/generations", 405),
        ("POST", "/v1/images/variations", 501),
        ("POST", "/v1/audio/translations", 501),
        ("POST", "/v1/batches", 501),
        ("POST", "/v1/models/echo:batchEmbedContents", 501),
        ("POST", "/v1beta/models/echo:batchEmbedContents", 501),
        ("GET", "/v1/charges/chg_none", 404),
        ("GET", "/v1/models/none", 404),
    ],
)
def test_other_paths_answer_honestly_in_the_dialect(gateway, method, path, status):
    body = {} if method == "POST" else None
    got, reply, headers = gateway.request(method, path, body, key=gateway.owner)
    assert got == status
    assert reply["error"]["message"]
    assert headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions"),
        ("/v1beta/v1beta/models/echo:generateContent", "/v1beta/models/echo:generateContent"),
    ],
)
def test_a_wrong_base_url_is_told(gateway, path, meant):
    status, reply, _ = gateway.request("POST", path, {"model": "echo", "messages": HELLO}, key=gateway.owner)
    assert status == 404
    assert reply["error"]["message"].endswith(f"the SDK's base URL, so that it asks for {meant}")


def test_nothing_was_lost_and_the_process_lives(gateway):
    assert gateway.chat(gateway.owner)[0] == 200
    balance = gateway.json("credits", "balance", "ada@example.com")
    assert balance["held"] == "0"
    assert gateway.cli("ledger", "verify").returncode == 0


def test_failures_are_in_the_request_log(gateway):
    wanted, failed = {400, 404, 413, 415, 401}, []
    for _ in range(20):  # it is written once a second
        failed = gateway.json("requests", "list", "--failed")
        if {row["http_status"] for row in failed} >= wanted:
            break
        time.sleep(0.5)
    assert {row["http_status"] for row in failed} >= wanted
    assert all("hello" not in json.dumps(row) for row in failed)
