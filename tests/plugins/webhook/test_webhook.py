"""The guard `webhook`: what it sends, and what it makes of each answer."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from pydantic import ValidationError

from pixapi.errors import ConfigError, NotReady, UpstreamTimeout
from pixapi.interfaces import Allow, Deny, HttpReply, HttpRequest
from pixapi.testing import guard_contract
from pixapi.testing.contracts.calls import call, chat
from pixapi.testing.contracts.guard import NoOutbound
from pixapi_plugins.webhook import Config, Webhook, pixapi_register_guards

(KIND,) = pixapi_register_guards()
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SETTINGS = {"url": "https://guard.example/check", "secret": SECRET}


class Service(NoOutbound):
    """Refuses calls with the word ``no`` in them, or answers what it is told to."""

    def __init__(self, reply: HttpReply | Exception | None = None) -> None:
        self.reply = reply
        self.sent: list[tuple[HttpRequest, float]] = []

    async def send(self, request: HttpRequest, *, timeout_s: float = 30) -> HttpReply:
        self.sent.append((request, timeout_s))
        if isinstance(self.reply, Exception):
            raise self.reply
        allow = "no" not in json.loads(request.body)["texts"]
        return self.reply or HttpReply(200, {}, json.dumps({"allow": allow, "reason": "said no"}).encode())


test_contract = guard_contract(KIND, SETTINGS, allowed=["hello"], denied=["no"], outbound=Service())


def verdict(asked: Any, service: Service, **settings: Any) -> Any:
    return asyncio.run(Webhook(Config(**SETTINGS, **settings)).check(asked, service))


def test_the_document_says_who_asks_for_what() -> None:
    service = Service()
    verdict(chat("hello", stream=True), service, timeout_s=2)
    ((request, timeout_s),) = service.sent
    assert (request.method, request.url, timeout_s) == ("POST", "https://guard.example/check", 2)
    assert json.loads(request.body) == {
        "request_id": "req_contract", "account_id": "acc_contract", "key_id": "key_contract", "operation": "chat",
        "model": "alias-of-the-caller", "dialect": "openai", "stream": True, "texts": ["hello"], "truncated": False,
    }  # fmt: skip
    assert dict(request.headers)["content-type"] == "application/json"


def test_texts_come_in_the_order_of_the_body_and_can_be_left_out() -> None:
    asked = call(
        {
            "system": "be kind",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                         {"role": "assistant", "content": "c"}],
        }
    )  # fmt: skip
    service = Service()
    verdict(asked, service)
    verdict(asked, service, send_texts=False)
    assert [json.loads(request.body)["texts"] for request, _ in service.sent] == [
        ["a", "b", "c", "be kind"],
        [],
    ]


@pytest.mark.parametrize(
    ("limit", "texts", "truncated"),
    [(9, ["h\u00e9llo", "you"], False), (8, ["h\u00e9llo", "yo"], True), (6, ["h\u00e9llo"], True), (2, ["h"], True), (0, [], True)],
)  # fmt: skip
def test_what_is_too_large_is_cut_and_said_to_be(limit: int, texts: list[str], truncated: bool) -> None:
    service = Service()
    verdict(call({"input": ["h\u00e9llo", "you"]}, operation="embeddings"), service, max_text_bytes=limit)
    said = json.loads(service.sent[0][0].body)
    assert (said["texts"], said["truncated"]) == (texts, truncated)


def test_the_signature_is_over_id_time_and_body() -> None:
    service = Service()
    verdict(chat("hello"), service)
    request = service.sent[0][0]
    headers = dict(request.headers)
    assert headers["webhook-id"] == "req_contract"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 5
    signed = f"req_contract.{headers['webhook-timestamp']}.".encode() + request.body
    mac = hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b'{"allow": true}', Allow()),
        (b'{"allow": true, "reason": "fine", "more": 1}', Allow()),
        (b'{"allow": false, "reason": "too rude"}', Deny("too rude")),
        (b'{"allow": false}', Deny("not here")),
        (b'{"allow": false, "reason": null}', Deny("not here")),
        (b'{"allow": false, "reason": "  "}', Deny("not here")),
        (b'{"allow": false, "reason": "' + b"x" * 900 + b'"}', Deny("x" * 500)),
    ],
)
def test_what_an_answer_means(answer: bytes, expected: Any) -> None:
    assert verdict(chat("hello"), Service(HttpReply(200, {}, answer)), reason="not here") == expected


@pytest.mark.parametrize(
    "failure",
    [
        HttpReply(500, {}, b'{"allow": true}'),
        HttpReply(302, {"location": "https://elsewhere.example"}, b'{"allow": true}'),
        HttpReply(200, {}, b""),
        HttpReply(200, {}, b"<html>"),
        HttpReply(200, {}, b'{"allow": "yes"}'),
        HttpReply(200, {}, b"[true]"),
        HttpReply(200, {}, b'{"allow": true, "more": "' + b"x" * 70_000 + b'"}'),
        UpstreamTimeout("too slow", phase="total"),
    ],
)
def test_whatever_else_comes_is_a_failure(failure: Any) -> None:
    with pytest.raises(NotReady, match="nothing was charged"):
        verdict(chat("hello"), Service(failure))
    assert verdict(chat("no"), Service(failure), on_failure="allow") == Allow()


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_secret_that_is_none_signs_nothing_and_lets_nothing_by(secret: str) -> None:
    service = Service()
    guard = Webhook(Config(url="https://guard.example", secret=secret, on_failure="allow"))  # ty: ignore
    with pytest.raises(ConfigError, match="whsec_"):
        asyncio.run(guard.check(chat("hello"), service))
    assert service.sent == []


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"url": "https://a.example"}, {"secret": SECRET}, {"url": "guard.example", "secret": SECRET},
        {"url": "ftp://a.example", "secret": SECRET}, {**SETTINGS, "timeout_s": 0}, {**SETTINGS, "max_text_bytes": -1},
        {**SETTINGS, "on_failure": "maybe"},
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(settings)
