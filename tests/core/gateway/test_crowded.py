"""Large bodies are for large values: what holds hundreds of thousands of them is refused before it is read."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections.abc import Iterator

import pytest

from pixapi.errors import BadRequest
from pixapi.gateway.crowded import MOST_VALUES, refuse_crowded
from pixapi.testing.gateway import ECHO, RunningGateway

MANY = MOST_VALUES + 1
TURN = {"role": "user", "content": [{"type": "text", "text": "hello, you " * 20}]}
CALLED = {
    "id": "c",
    "type": "function",
    "function": {"name": "look", "arguments": '{"at": [1, 2], "how": "well"}'},
}


def fields(count: int) -> bytes:
    return b'{"model":"echo",' + b",".join(b'"%x":1' % n for n in range(count)) + b"}"


@pytest.mark.parametrize(
    "body",
    [
        fields(MANY),
        b'{"messages":[' + b",".join([b"{}"] * MANY) + b"]}",
        b"[" + b"1 ,\n" * MANY + b"1]",
        b"[" + b"[[[[1]]]]," * (MANY // 5 + 1) + b"1]",
        b"[" + b'"\\\\",' * MANY + b"1]",
        b'{"a":"' + b"\\\\" * 500_000 + b'",' + fields(MANY)[1:],
        json.dumps({str(n): {"a": "b", "c": ""} for n in range(MANY // 2)}, indent=1).encode(),
    ],
    ids=["fields", "objects", "numbers", "depths", "escapes", "a string before", "nested"],
)  # fmt: skip
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"more than 400000 values.*send fewer") as caught:
        refuse_crowded(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "value",
    [
        [TURN, {"role": "assistant", "content": None, "tool_calls": [CALLED]}] * 10_000,
        base64.b64encode(random.Random(1).randbytes(9_000_000)).decode(),
        "1,2,3,[4],{5}\n" * 300_000,
        json.dumps([{"a": n, "b": ["x", "\\"]} for n in range(MANY // 2)]),
        '"\\' * MANY,
    ],
    ids=["20 000 messages", "an image", "a table", "JSON in a string", "quotes and backslashes"],
)
def test_what_is_not(value: object) -> None:
    refuse_crowded(json.dumps({"model": "echo", "messages": value}).encode())


@pytest.fixture
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("crowded"), ECHO) as made:
        made.credential = made.account(credits="1000")
        made.start()
        yield made


def test_others_do_not_wait_for_it(gateway: RunningGateway) -> None:
    waits_s: list[float] = []
    over = threading.Event()

    def others() -> None:
        while not over.is_set():
            began_s = time.monotonic()
            assert gateway.request("GET", "/healthz")[0] == 200
            waits_s.append(time.monotonic() - began_s)

    thread = threading.Thread(target=others)
    thread.start()
    status, said, _ = gateway.request(
        "POST", "/v1/chat/completions", fields(2_000_000), key=gateway.credential
    )
    over.set()
    thread.join()
    assert (status, said["error"]["type"]) == (400, "invalid_request_error")
    assert max(waits_s) < 0.6  # reading it took 1.2 s in one piece


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/quote"])
def test_questions_beforehand_are_no_way_around(gateway: RunningGateway, path: str) -> None:
    status, said, _ = gateway.request("POST", path, fields(MANY), key=gateway.credential)
    assert status == 400
    assert "values" in said["error"]["message"]
