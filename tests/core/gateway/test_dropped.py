"""The header that names what the model's server was not told: on whole replies and streams, in the caller's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pixapi.testing.gateway import ECHO, RunningGateway

HI = [{"role": "user", "content": "hi"}]
CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]
GOOGLES = "/v1beta/models/echo"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    with RunningGateway(tmp_path_factory.mktemp("gateway"), ECHO) as running:
        running.owner = running.account()
        running.start()
        yield running


def dropped(gateway: RunningGateway, path: str, body: dict[str, Any]) -> str | None:
    status, reply, headers = gateway.request("POST", path, body, key=gateway.owner)
    assert status == 200, reply
    return headers.get("x-pixapi-dropped")


CASES: list[tuple[str, dict[str, Any], str | None]] = [
    ("/v1/messages", {"messages": HI, "top_k": 5, "speed": "fast"}, "speed, top_k"),
    ("/v1/messages", {"messages": HI, "temperature": 0.5}, None),
    ("/v1/responses", {"input": "hi", "metadata": {"a": "b"}, "truncation": "auto"}, "metadata, truncation"),
    ("/v1/responses", {"input": "hi", "store": False, "service_tier": "flex"}, None),
    ("/v1/chat/completions", {"messages": HI, "seed": 7, "top_k": 5, "of_tomorrow": 1}, None),
    (GOOGLES, {"contents": CONTENTS, "generation_config": {"top_k": 5}, "labels": {"a": "b"}},
     "labels, generationConfig.topK"),
    (GOOGLES, {"contents": CONTENTS, "generationConfig": {"topP": 0.5}}, None),
]  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("path", "body", "expected"), CASES)
def test_a_reply_names_what_was_dropped(
    gateway: RunningGateway, path: str, body: dict[str, Any], expected: str | None, streamed: bool
) -> None:
    if path == GOOGLES:
        path += ":streamGenerateContent?alt=sse" if streamed else ":generateContent"
    else:
        body = {"model": "echo", "max_tokens": 50, **body, "stream": streamed}
        if path == "/v1/responses":
            del body["max_tokens"]
    assert dropped(gateway, path, body) == expected


def test_names_that_callers_make_up_are_cleaned_cut_and_counted(gateway: RunningGateway) -> None:
    bad = {"a\r\nset-cookie: x": 1, "naïve": 1, "n" * 100: 1}
    body = {"contents": CONTENTS, **bad}
    assert dropped(gateway, GOOGLES + ":generateContent", body) == f"a??set-cookie??x, na?ve, {'n' * 64}"
    many = {f"f{number:02}": 1 for number in range(40)}
    said = dropped(gateway, GOOGLES + ":generateContent", {"contents": CONTENTS, **many})
    assert said == ", ".join([f"f{number:02}" for number in range(32)] + ["..."])


def test_what_is_refused_is_named_in_the_callers_words(gateway: RunningGateway) -> None:
    body = {"model": "echo", "messages": HI, "max_tokens": 9, "thread": "t"}
    status, reply, headers = gateway.request("POST", "/v1/messages", body, key=gateway.owner)
    assert (status, "thread is not offered" in reply["error"]["message"]) == (400, True)
    assert "x-pixapi-dropped" not in headers
