"""The provider `azure_openai`: models that are deployed at Azure, in OpenAI's dialect.

Source: Azure OpenAI documentation, "API version lifecycle" (v1), "REST API reference" and "Azure OpenAI in Microsoft
Foundry Models v1 preview REST API reference" (images, audio). A route's model is
the deployment's name. Azure says in a first chunk without choices what its filter thinks of the prompt, and
in further members of choices what it thinks of the answer; they go on to callers as they come. It proves who
asks by a key, or by an access token of Microsoft Entra ID that lives for about an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, field_validator, model_validator

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.errors import UpstreamError
from pixapi.interfaces import (
    Call,
    Credential,
    Credentials,
    HttpReply,
    HttpRequest,
    Outbound,
    PluginConfig,
    ProviderType,
    Secret,
)
from pixapi.wire.entra import read_token, write_token_request

PIXAPI_INTERFACE = 1

_QUIRKS = Quirks(
    auth="api-key",
    cap_field="max_completion_tokens",
    repair_tools=False,
    operations=frozenset({"chat", "embeddings", "images", "image_edits", "speech", "transcriptions"}),
)


class Config(PluginConfig):
    """Settings of a provider with `use = "azure_openai"`: a key, or an application of Microsoft Entra ID."""

    endpoint: str
    """The resource's address, such as https://my-resource.openai.azure.com."""
    api_key: Secret | None = None
    """One of the resource's keys, instead of an application."""
    tenant_id: str | None = None
    """The tenant in which the application is registered."""
    client_id: str | None = None
    """The application's id. It needs the role "Cognitive Services OpenAI User" on the resource."""
    client_secret: Secret | None = None
    """The application's secret."""
    authority: str = "https://login.microsoftonline.com"
    """Where tokens are asked for; another one in national clouds."""
    scope: str = "https://cognitiveservices.azure.com/.default"
    """What tokens are asked for; another one in national clouds."""
    api_version: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}(-preview)?$")] | None = None
    """A dated version of the older API, whose addresses name the deployment; without it the v1 API is asked.
    """

    @field_validator("endpoint", "authority")
    @classmethod
    def _is_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("expected an address such as https://my-resource.openai.azure.com")
        return value.rstrip("/").removesuffix("/v1").removesuffix("/openai")

    @model_validator(mode="after")
    def _has_one_credential(self) -> Config:
        application = [self.tenant_id, self.client_id, self.client_secret]
        if self.api_key is None and None in application:
            raise ValueError("expected api_key, or tenant_id, client_id and client_secret together")
        if self.api_key is not None and application != [None, None, None]:
            raise ValueError("expected either api_key or an application, not both")
        return self


class AzureOpenAI(OpenAICompatible):
    """One resource of Azure OpenAI, asked with its key."""

    def __init__(self, config: Config) -> None:
        super().__init__(
            config.api_key or Secret(""),
            base_url=f"{config.endpoint}/openai/v1",
            quirks=_QUIRKS,
            streams=frozenset({"chat", "images", "image_edits"}),
        )
        self._config = config

    def request(self, call: Call) -> HttpRequest:
        request = super().request(call)
        version = self._config.api_version
        if version is None:
            return request
        root = f"{self._config.endpoint}/openai"
        path = request.url.removeprefix(f"{root}/v1")
        deployment = quote(call.model, safe="")
        query = urlencode({"api-version": version})
        return replace(request, url=f"{root}/deployments/{deployment}{path}?{query}")

    def error(self, reply: HttpReply) -> UpstreamError:
        error = super().error(reply)
        if error.code == "DeploymentNotFound":
            error.code = "model_not_found"
        return error


class EntraAzureOpenAI(AzureOpenAI, Credentials):
    """One resource of Azure OpenAI, asked with access tokens."""

    async def obtain(self, out: Outbound, now: datetime) -> Credential:
        config = self._config
        request = write_token_request(
            config.authority,
            config.tenant_id or "",
            client_id=config.client_id or "",
            client_secret=(config.client_secret or Secret("")).reveal(),
            scope=config.scope,
        )
        return read_token(await out.send(request), now)

    def sign(
        self, request: HttpRequest, body_sha256: str, credential: Credential, now: datetime
    ) -> HttpRequest:
        bearer = ("authorization", f"Bearer {credential.value.reveal()}")
        return replace(request, headers=(bearer, *request.headers))

    def probe(self) -> HttpRequest | None:
        return None  # `check --live` asks without a credential of its own


def build(config: Config) -> AzureOpenAI:
    """The provider for one table of the configuration."""
    return AzureOpenAI(config) if config.api_key is not None else EntraAzureOpenAI(config)


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = (
        "Azure OpenAI: chat completions, embeddings, images and audio of the models that are deployed there"
    )
    return [ProviderType("azure_openai", summary, Config, build, "recorded")]
