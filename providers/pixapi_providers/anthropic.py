"""The provider `anthropic`: the Messages API of Anthropic, and of vendors who offer the same one.

Source: Anthropic API reference, "Messages", "Count tokens", "Versions", "Errors". Calls of this dialect go on as they
came, calls of others are translated; both by `pixapi.wire`. What is here is the address, the headers and the
settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    ChatRequest,
    CountsTokens,
    Decoder,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.anthropic_count import COUNTED, read_count
from pixapi.wire.anthropic_errors import read_error
from pixapi.wire.anthropic_forward import forward_message
from pixapi.wire.anthropic_relay import MessagesRelay
from pixapi.wire.anthropic_reply import read_reply, relay_reply
from pixapi.wire.anthropic_request import NEWEST_VERSION, WORDS, write_request
from pixapi.wire.anthropic_seal import NATIVE
from pixapi.wire.anthropic_stream import MessagesDecoder
from pixapi.wire.anthropic_thinking import BINDING_BETA
from pixapi.wire.chat_terms import unsaid, withheld
from pixapi.wire.json import TRUE, encode, is_null, lenient_fields, raw
from pixapi.wire.openai_chat import read_chat_request

PIXAPI_INTERFACE = 1

_MAX_TOKENS = 4096
"""The cap for a call that was priced without one; the API insists on a cap."""


class Config(PluginConfig):
    """Settings of a provider with `use = "anthropic"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.anthropic.com"
    """Where the API lies, without `/v1`."""
    version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = NEWEST_VERSION
    """The API version to speak. From 2026-10-21 on it refuses `temperature`, `top_p` and `top_k`, which are
    left out then; with 2023-06-01 they are sent to the models that take them.
    """
    betas: list[str] = []
    """Names for the header `anthropic-beta` of every request."""
    allowed_betas: list[str] = []
    """Names that callers of this dialect may ask for in an `anthropic-beta` of their own; others are left out."""
    auth: Literal["auto", "bearer", "x-api-key"] = "auto"
    """The header that carries the key: `Authorization: Bearer`, `x-api-key`, or what the version wants."""


class Anthropic(Provider, CountsTokens):
    """One configured upstream of the Messages API."""

    dialects = frozenset({"anthropic"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.base_url.rstrip("/").removesuffix("/v1")
        host = urlsplit(self._root).hostname or ""
        self._maker = NATIVE if host.endswith("anthropic.com") else host.replace(":", "-")
        bearer = config.version >= NEWEST_VERSION if config.auth == "auto" else config.auth == "bearer"
        self._key_header = "authorization" if bearer else "x-api-key"

    def request(self, call: Call) -> HttpRequest:
        if call.operation != "chat":
            raise BadRequest(f"{call.operation} is not offered by this model's provider; it only chats")
        body = self._body(call)
        dropped = withheld(call.fields, body) if self._is_own(call) else unsaid(_asked(call), body, WORDS)
        return self._post("/v1/messages", body, call, dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        if self._is_own(call):
            return relay_reply(call, reply.body, self._maker)
        return read_reply(reply.body, self._maker)

    def decoder(self, call: Call) -> Decoder:
        if self._is_own(call):
            return MessagesRelay(call, self._maker)
        return MessagesDecoder(self._maker, call_prefix=call.reply_id)

    def count_request(self, call: Call) -> HttpRequest:
        counted = {name: value for name, value in self._body(call).items() if name in COUNTED}
        return self._post("/v1/messages/count_tokens", counted, call)

    def count(self, call: Call, reply: HttpReply) -> int:
        return read_count(reply.body)

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._root}/v1/models?limit=1", self._headers())

    def _is_own(self, call: Call) -> bool:
        return call.dialect in self.dialects

    def _post(
        self, path: str, body: Mapping[str, Any], call: Call, dropped: tuple[str, ...] = ()
    ) -> HttpRequest:
        thinking = body.get("thinking", {})
        fields = lenient_fields(thinking) if isinstance(thinking, msgspec.Raw) else thinking
        betas = [BINDING_BETA] if "block_binding" in fields else []
        if call.dialect in self.dialects:
            asked = call.headers.get("anthropic-beta", "").split(",")
            betas += [name for name in map(str.strip, asked) if name in self._config.allowed_betas]
        headers = (*self._headers(*betas), ("content-type", "application/json"))
        return HttpRequest("POST", self._root + path, headers, encode(body), dropped=dropped)

    def _body(self, call: Call) -> Mapping[str, Any]:
        try:
            return self._forwarded(call) if self._is_own(call) else self._translated(call)
        except RecursionError:
            raise BadRequest("the request is nested too deeply to be understood") from None

    def _forwarded(self, call: Call) -> Mapping[str, Any]:
        """The caller's own body."""
        body = forward_message(call.fields, model=call.model, version=self._config.version, maker=self._maker)
        if call.output_cap is not None or is_null(body.get("max_tokens")):
            body["max_tokens"] = raw(call.output_cap or _MAX_TOKENS)
        body.pop("stream", None)
        return {**body, "stream": TRUE} if call.stream else body

    def _translated(self, call: Call) -> Mapping[str, Any]:
        """The internal model, or a body of OpenAI's dialect, as this API wants it."""
        asked = _asked(call)
        return write_request(
            asked,
            model=call.model,
            max_tokens=call.output_cap or asked.max_output or _MAX_TOKENS,
            version=self._config.version,
            maker=self._maker,
            stream=call.stream,
        )

    def _headers(self, *betas: str) -> tuple[tuple[str, str], ...]:
        key = self._config.api_key.reveal()
        value = f"Bearer {key}" if self._key_header == "authorization" else key
        headers = (
            (self._key_header, value),
            ("anthropic-version", self._config.version),
            ("accept-encoding", "identity"),
        )
        names = dict.fromkeys((*self._config.betas, *betas))
        return (*headers, ("anthropic-beta", ",".join(names))) if names else headers


def _asked(call: Call) -> ChatRequest:
    return call.chat if call.chat is not None else read_chat_request(call.fields)


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [
        ProviderType(
            "anthropic", "Claude models, over Anthropic's Messages API", Config, Anthropic, "recorded"
        )
    ]
