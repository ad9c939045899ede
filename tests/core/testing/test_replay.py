"""The replay server, read over real sockets."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from pixapi.testing.contracts.recorded import Recorded
from pixapi.testing.replay import ReplayServer


def post(url: str, body: bytes = b"{}") -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, data=body, headers={"X-Word": "hi"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.read(), dict(reply.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("body", [b"", b"x", "Grüße\n\n".encode() * 5000])
def test_the_bytes_come_as_they_were_recorded(body: bytes, is_stream: bool) -> None:
    headers = {"x-request-id": "r", "content-length": "7", "content-encoding": "gzip"}
    with ReplayServer([Recorded("r", body, headers=headers, is_stream=is_stream)], seed=len(body)) as server:
        status, got, sent = post(server.url + "/v1/chat?a=b", b'{"a":1}')
        assert (status, got, sent["x-request-id"]) == (200, body, "r")
        received = server.received[0]
    assert (received.method, received.path, received.body) == ("POST", "/v1/chat?a=b", b'{"a":1}')
    assert received.headers["x-word"] == "hi"


def test_replies_come_in_their_order_and_the_last_one_stays() -> None:
    with ReplayServer([Recorded("a", b"a"), Recorded("b", b"b", status=529)]) as server:
        assert [post(server.url)[:2] for _ in range(3)] == [(200, b"a"), (529, b"b"), (529, b"b")]


def test_the_fixtures(pixapi_replay: Callable[..., ReplayServer], pixapi_call: Callable[..., object]) -> None:
    one, two = pixapi_replay(Recorded("a", b"a")), pixapi_replay(Recorded("b", b"b"), seed=2)
    assert post(one.url)[1] + post(two.url)[1] == b"ab"
    assert getattr(pixapi_call("hi", stream=True), "stream", None) is True
