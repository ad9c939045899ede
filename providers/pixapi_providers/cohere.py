"""The provider `cohere`: chat and embeddings of Cohere's models.

Source: Cohere API reference, "Chat API (v2)", "Embed API (v2)", "Errors". Calls are translated by
`pixapi.wire`; what is here is the address, the headers and the settings.
"""

from __future__ import annotations

from collections.abc import Iterable

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    Decoder,
    HttpReply,
    HttpRequest,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.chat_terms import unsaid
from pixapi.wire.cohere_errors import read_error
from pixapi.wire.cohere_reply import read_reply, read_vectors
from pixapi.wire.cohere_request import WORDS, write_chat, write_embed
from pixapi.wire.cohere_stream import CohereDecoder
from pixapi.wire.json import encode
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_embeddings import encode_embeddings_reply, read_embeddings_request

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    """Settings of a provider with `use = "cohere"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.cohere.com"
    """Where the API lies, without `/v2`."""


class Cohere(Provider):
    """One configured upstream of Cohere's API."""

    operations = frozenset({"chat", "embeddings"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.base_url.rstrip("/").removesuffix("/v2")

    def request(self, call: Call) -> HttpRequest:
        dropped: tuple[str, ...] = ()
        try:
            if call.operation == "embeddings":
                path, body = "/v2/embed", write_embed(read_embeddings_request(call.fields), call.model)
            else:
                asked = call.chat if call.chat is not None else read_chat_request(call.fields)
                cap = call.output_cap or asked.max_output
                path, body = (
                    "/v2/chat",
                    write_chat(asked, model=call.model, max_tokens=cap, stream=call.stream),
                )
                dropped = unsaid(asked, body, WORDS)
        except RecursionError:
            raise BadRequest("the request is nested too deeply to be understood") from None
        headers = (*self._headers(), ("content-type", "application/json"))
        return HttpRequest("POST", self._root + path, headers, encode(body), dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        if call.operation == "chat":
            return read_reply(reply.body)
        vectors, usage = read_vectors(reply.body)
        return Result(usage=usage, body=encode_embeddings_reply(call, vectors, usage))

    def decoder(self, call: Call) -> Decoder:
        return CohereDecoder(call_prefix=call.reply_id)

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._root}/v1/models?page_size=1", self._headers())

    def _headers(self) -> tuple[tuple[str, str], ...]:
        key = self._config.api_key.reveal()
        return (("authorization", f"Bearer {key}"), ("accept-encoding", "identity"))


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Cohere's models: chat and embeddings over its own API"
    return [ProviderType("cohere", summary, Config, Cohere, "recorded")]
