"""Bodies that begin and do not end: they take room before anything is known of their calls."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from pixapi.gateway.crowded import MOST_VALUES
from pixapi.testing.gateway import ECHO, RunningGateway

MOST = 3
CHAT, FORM, QUOTE = "/v1/chat/completions", "/v1/audio/transcriptions", "/v1/quote"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    made = RunningGateway(
        tmp_path_factory.mktemp("world"), f"{ECHO}\n[limits]\nconcurrent_requests = {MOST}\n"
    )
    made.credential = made.account()
    made.start()
    yield made
    made.kill(15)


def begin(gateway, path):
    """A call of which half the body is sent."""
    kind = "multipart/form-data; boundary=x" if path == FORM else "application/json"
    sock = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    lines = (f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {gateway.credential}",
             f"content-type: {kind}", "content-length: 2000000", "", "")  # fmt: skip
    sock.sendall("\r\n".join(lines).encode() + b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n')
    sock.sendall(bytes(1_000_000))
    return sock


def answer_to_half(gateway, path) -> bytes:
    """What is answered before the rest of the body was sent."""
    with begin(gateway, path) as sock:
        sock.settimeout(1)
        answer = b""
        with suppress(TimeoutError):
            while b"rate_limit_exceeded" not in answer:
                answer += sock.recv(65536)
        return answer


@pytest.mark.parametrize("path", [CHAT, FORM, QUOTE])
def test_a_key_sends_no_more_bodies_at_once_than_it_may_make_calls(gateway, path):
    halves = [begin(gateway, path) for _ in range(MOST)]
    time.sleep(0.3)
    answer = answer_to_half(gateway, path)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert b"rate_limit_exceeded" in answer
    assert gateway.chat(gateway.key())[0] == 200, "another key is not concerned"
    # A quote is a request under way from its beginning; a call that comes at once takes no room here.
    assert gateway.chat(gateway.credential)[0] == (429 if path == QUOTE else 200)
    for half in halves:
        half.close()
    time.sleep(0.3)
    assert answer_to_half(gateway, path) == b"", "who leaves makes room"


def test_what_is_asked_beforehand_counts_as_a_request(gateway):
    """It costs nothing, and makes work here and at the vendor's."""
    key = gateway.key("ada@example.com", "--rpm", "4")
    asked = {"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    paths = [QUOTE, "/v1/messages/count_tokens", "/v1/messages", QUOTE]
    assert [gateway.request("POST", path, asked, key=key)[0] for path in paths] == [200] * 4
    refused = [QUOTE, "/v1/messages/count_tokens", "/v1/messages"]
    assert [gateway.request("POST", path, asked, key=key)[0] for path in refused] == [429] * 3


@pytest.mark.parametrize("path", [QUOTE, "/v1/messages/count_tokens"])
def test_a_large_question_stops_nobody(gateway, path):
    """The loop answers others meanwhile, while a body of nearly as many values is read as one may have."""
    message = b'{"role":"user","content":"%s"},' % (b"a" * 150)
    body = b'{"model":"echo","max_tokens":9,"messages":[%s]}' % (message * (MOST_VALUES // 3 - 10))[:-1]
    waits: list[float] = []
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(gateway.request, "POST", path, body, key=gateway.credential)
        while not asking.done():
            begun_s = time.monotonic()
            gateway.request("GET", "/healthz")
            waits.append(time.monotonic() - begun_s)
    assert asking.result()[0] == 200
    assert len(waits) > 5
    assert max(waits) < 0.8
