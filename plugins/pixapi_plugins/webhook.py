"""The guard `webhook`: asks a service of the deployer's own about each call.

It POSTs a JSON document, signed as Standard Webhooks describes it (https://www.standardwebhooks.com, specification,
"Signature scheme"): HMAC-SHA256 over ``id.timestamp.body`` under the secret, in ``webhook-signature: v1,BASE64``.
The service answers ``{"allow": true}`` or ``{"allow": false, "reason": "..."}`` with a status of 2xx. Anything else
(another status, no answer in time, something that is no such object) is a failure; `on_failure` says what follows.

A request is sent once: whoever waits for the verdict is a caller. The service sees ids of account and key, never the
key.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, field_validator

from pixapi import hookimpl
from pixapi.clock import SystemClock
from pixapi.errors import ConfigError, NotReady, UpstreamError, UpstreamInvalid
from pixapi.interfaces import (
    Allow,
    Call,
    Deny,
    Guard,
    GuardPort,
    GuardType,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Rewrite,
    Secret,
    SecretForm,
)
from pixapi.wire.texts import texts_of

PIXAPI_INTERFACE = 1

_LONGEST_REASON = 500
_LARGEST_ANSWER_BYTES = 64 * 1024
_LEAST_SECRET_BYTES = 24


def _key(secret: str) -> bytes:
    """The bytes that sign. Raises ConfigError: the secret is none of Standard Webhooks."""
    try:
        key = b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _LEAST_SECRET_BYTES:
        raise ConfigError(
            "the secret of a webhook is no such secret; expected whsec_ and the base64 of 24 random bytes or more, "
            "such as `openssl rand -base64 32` makes"
        )
    return key


class Config(PluginConfig):
    """Settings of a guard with `use = "webhook"`."""

    url: str
    """Where the service lies; https, or plain http in your own network."""
    secret: Annotated[Secret, SecretForm(_key)]
    """What requests are signed with: `whsec_` and the base64 of 24 to 64 random bytes."""
    send_texts: bool = True
    """Send what the call says; without it, only who calls which model."""
    max_text_bytes: Annotated[int, Field(ge=0)] = 262_144
    """The most UTF-8 bytes of text that are sent. What goes beyond is left out, and `truncated` is true."""
    on_failure: Literal["refuse", "allow"] = "refuse"
    """Where the service does not answer as it should: refuse calls with 503, or let them by unseen."""
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 5
    """How long it may take to answer."""
    reason: Annotated[str, Field(min_length=1, max_length=_LONGEST_REASON)] = (
        "the request was refused by a check of this gateway"
    )
    """What the caller reads where the service gives no reason."""

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected an address such as https://guard.example.com/check")
        return value


class _Question(msgspec.Struct):
    """The document that is sent; docs/how-to/guard-calls.md describes it."""

    request_id: str
    account_id: str
    key_id: str
    operation: str
    model: str
    dialect: str
    stream: bool
    texts: list[str]
    truncated: bool


class _Answer(msgspec.Struct):
    allow: bool
    reason: str | None = None


class Webhook(Guard):
    """Asks one service."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clock = SystemClock()

    async def check(self, call: Call, out: GuardPort) -> Allow | Deny | Rewrite:
        config = self._config
        request = self._request(call, out)
        try:
            answer = _read(await out.send(request, timeout_s=config.timeout_s))
        except UpstreamError as error:
            if config.on_failure == "allow":
                return Allow()
            raise NotReady(
                "a check that every request goes through does not answer; nothing was charged, try again later"
            ) from error
        if answer.allow:
            return Allow()
        reason = (answer.reason or "").strip()[:_LONGEST_REASON]
        return Deny(reason or config.reason)

    def _request(self, call: Call, out: GuardPort) -> HttpRequest:
        texts, truncated = self._texts(call)
        question = _Question(
            request_id=call.id,
            account_id=out.account_id,
            key_id=out.key_id,
            operation=call.operation,
            model=call.alias,
            dialect=call.dialect,
            stream=call.stream,
            texts=texts,
            truncated=truncated,
        )
        body = msgspec.json.encode(question)
        at_s = str(self._clock.now_us() // 1_000_000)
        signed = b".".join((call.id.encode(), at_s.encode(), body))
        mac = hmac.new(_key(self._config.secret.reveal()), signed, hashlib.sha256).digest()
        headers = (
            ("content-type", "application/json"),
            ("webhook-id", call.id),
            ("webhook-timestamp", at_s),
            ("webhook-signature", f"v1,{b64encode(mac).decode()}"),
        )
        return HttpRequest("POST", self._config.url, headers, body)

    def _texts(self, call: Call) -> tuple[list[str], bool]:
        """What the call says, as far as it is to be sent, and whether something was left out for its size."""
        texts: list[str] = []
        if not self._config.send_texts:
            return texts, False
        left = self._config.max_text_bytes
        for text in texts_of(call):
            data = text.encode("utf-8", "replace")  # a lone surrogate cannot be sent
            if len(data) > left:
                cut = data[:left].decode("utf-8", "ignore")
                return [*texts, cut] if cut else texts, True
            left -= len(data)
            texts.append(data.decode())
        return texts, False


def _read(reply: HttpReply) -> _Answer:
    if not 200 <= reply.status < 300:
        raise UpstreamInvalid("the webhook answered with an error", upstream_status=reply.status)
    if len(reply.body) > _LARGEST_ANSWER_BYTES:
        raise UpstreamInvalid(f"the webhook answered with more than {_LARGEST_ANSWER_BYTES} bytes")
    try:
        return msgspec.json.decode(reply.body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UpstreamInvalid('the webhook answered with something else than {"allow": ...}') from None


@hookimpl
def pixapi_register_guards() -> Iterable[GuardType]:
    return [GuardType("webhook", "Asks a service of your own about each call", Config, Webhook)]
