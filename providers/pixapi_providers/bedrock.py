"""The provider `bedrock`: models of many makers on Amazon Bedrock, over Converse; embeddings of Titan, Nova
and Cohere models over InvokeModel.

Source: Amazon Bedrock API reference, "Converse", "ConverseStream", "InvokeModel"; user guide, "API keys".
What is here is the address, the headers, the settings and the two ways to prove who asks: a Bedrock API key,
or an access key that signs each request, its own or that of a role which it takes on (`sts`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field, model_validator

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    ChatRequest,
    Credential,
    Credentials,
    Decoder,
    HttpReply,
    HttpRequest,
    Outbound,
    PluginConfig,
    Provider,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.bedrock_embeddings import read_vectors, write_invocation
from pixapi.wire.bedrock_errors import read_error, says_expired
from pixapi.wire.bedrock_reply import read_reply
from pixapi.wire.bedrock_request import WORDS, write_request
from pixapi.wire.bedrock_stream import ConverseDecoder
from pixapi.wire.chat_terms import unsaid
from pixapi.wire.json import encode
from pixapi.wire.openai_chat import read_chat_request
from pixapi.wire.openai_embeddings import encode_embeddings_reply, read_embeddings_request
from pixapi.wire.sigv4 import SigningKeys, sign
from pixapi.wire.sts import keys_of, read_assumed_role, write_assume_role

PIXAPI_INTERFACE = 1

_EVENT_STREAM = "application/vnd.amazon.eventstream"


class Config(PluginConfig):
    """Settings of a provider with `use = "bedrock"`: an API key, or an access key that signs."""

    region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "us-east-1"
    """The region that is asked."""
    base_url: str | None = None
    """Where the runtime lies, such as a VPC endpoint's address; by default the region's own."""
    api_key: Secret | None = None
    """A Bedrock API key (`AWS_BEARER_TOKEN_BEDROCK`), instead of an access key."""
    access_key_id: Secret | None = None
    """The access key's id."""
    secret_access_key: Secret | None = None
    """The access key's secret."""
    session_token: Secret | None = None
    """The token that comes with a temporary access key. Secrets in files are read anew when they change."""
    role_arn: Annotated[str, Field(pattern=r"^arn:[\w-]+:iam::\d{12}:role/.+$")] | None = None
    """A role that the access key takes on; its temporary keys are renewed before they expire."""
    sts_url: str = "https://sts.us-east-1.amazonaws.com"
    """Where roles are taken on. Its region must be `sts_region`."""
    sts_region: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "us-east-1"
    """The region of `sts_url`."""
    profiles: dict[str, str] = {}
    """Which model an inference profile stands for whose ARN does not show it: ARN = model id."""
    guardrail_id: str | None = None
    """A guardrail that every conversation goes through."""
    guardrail_version: str = "DRAFT"
    """The guardrail's version."""

    @model_validator(mode="after")
    def _has_one_credential(self) -> Config:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("expected access_key_id and secret_access_key together")
        if (self.api_key is None) == (self.access_key_id is None):
            raise ValueError("expected either api_key, or access_key_id and secret_access_key")
        if self.api_key is not None and self.role_arn is not None:
            raise ValueError("role_arn needs an access key; an api_key cannot take on a role")
        return self


class Bedrock(Provider):
    """One region of Amazon Bedrock, asked with an API key."""

    operations = frozenset({"chat", "embeddings"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = (config.base_url or f"https://bedrock-runtime.{config.region}.amazonaws.com").rstrip("/")

    def request(self, call: Call) -> HttpRequest:
        dropped: tuple[str, ...] = ()
        try:
            if call.operation == "embeddings":
                texts = read_embeddings_request(call.fields)
                action, body = "invoke", write_invocation(texts, self._named(call))
            else:
                asked = call.chat if call.chat is not None else read_chat_request(call.fields)
                action, body = ("converse-stream" if call.stream else "converse"), self._body(call, asked)
                dropped = unsaid(asked, body, WORDS)
        except RecursionError:
            raise BadRequest("the request is nested too deeply to be understood") from None
        accept = _EVENT_STREAM if action == "converse-stream" else "application/json"
        headers = (
            *self._key_headers(),
            ("content-type", "application/json"),
            ("accept", accept),
            ("accept-encoding", "identity"),
        )
        url = f"{self._root}/model/{quote(call.model, safe='')}/{action}"
        return HttpRequest("POST", url, headers, encode(body), dropped=dropped)

    def result(self, call: Call, reply: HttpReply) -> Result:
        if call.operation == "chat":
            return read_reply(reply.body)
        vectors, usage = read_vectors(reply.body, reply.headers)
        return Result(usage=usage, body=encode_embeddings_reply(call, vectors, usage))

    def decoder(self, call: Call) -> Decoder:
        return ConverseDecoder(call_prefix=call.reply_id)

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_error(reply.status, reply.body, reply.headers)

    def _key_headers(self) -> tuple[tuple[str, str], ...]:
        key = self._config.api_key
        return () if key is None else (("authorization", f"Bearer {key.reveal()}"),)

    def _named(self, call: Call) -> str:
        """The id of the model that answers, whose peculiarities the request must respect."""
        return self._config.profiles.get(call.model, call.model)

    def _body(self, call: Call, asked: ChatRequest) -> dict[str, Any]:
        body = write_request(asked, model=self._named(call), max_tokens=call.output_cap or asked.max_output)
        if self._config.guardrail_id is not None:
            body["guardrailConfig"] = {
                "guardrailIdentifier": self._config.guardrail_id,
                "guardrailVersion": self._config.guardrail_version,
            }
        return body


class SignedBedrock(Bedrock, Credentials):
    """One region of Amazon Bedrock, asked with an access key, or with a role that it takes on."""

    async def obtain(self, out: Outbound, now: datetime) -> Credential:
        config, keys = self._config, self._own_keys()
        if config.role_arn is None:
            return Credential(config.secret_access_key or Secret(""))  # by reference: it is read when used
        request = write_assume_role(config.sts_url, config.role_arn)
        signed = sign(request, request.body_sha256(), keys, region=config.sts_region, service="sts", now=now)
        return read_assumed_role(await out.send(signed))

    def sign(
        self, request: HttpRequest, body_sha256: str, credential: Credential, now: datetime
    ) -> HttpRequest:
        keys = self._own_keys() if self._config.role_arn is None else keys_of(credential)
        return sign(request, body_sha256, keys, region=self._config.region, service="bedrock", now=now)

    def is_stale(self, status: int, headers: Mapping[str, str]) -> bool:
        return status == 401 or says_expired(headers)

    def _own_keys(self) -> SigningKeys:
        config = self._config
        parts = (config.access_key_id, config.secret_access_key, config.session_token)
        key_id, secret, token = (part.reveal() if part is not None else "" for part in parts)
        return SigningKeys(key_id, secret, token or None)


def build(config: Config) -> Bedrock:
    """The provider for one table of the configuration."""
    return Bedrock(config) if config.api_key is not None else SignedBedrock(config)


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Amazon Bedrock: chat over Converse, embeddings of Titan, Nova and Cohere models"
    return [ProviderType("bedrock", summary, Config, build, "recorded")]
