"""Any server that speaks OpenAI's chat and embeddings dialect (OpenAI API reference).

``vendor`` names a row of the table in `rows`, which knows the vendor's address and its peculiarities;
without it an ordinary compatible server at ``base_url`` is assumed. Every peculiarity that matters can be
set by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks, ResponsesApi
from pixapi.interfaces import Operation, PluginConfig, ProviderType, Secret, TextOrSecret
from pixapi_providers.openai_compatible.rows import rows

PIXAPI_INTERFACE = 1

Vendor = Literal[
    "baseten",
    "bedrock_mantle",
    "cerebras",
    "crusoe",
    "dashscope",
    "deepseek",
    "fireworks",
    "gemini",
    "groq",
    "huggingface",
    "llama_cpp",
    "lm_studio",
    "mistral",
    "moonshot",
    "ollama",
    "openrouter",
    "perplexity",
    "sglang",
    "together",
    "vllm",
    "voyage",
    "xai",
    "zai",
    "zhipu",
]


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2 (token)."""


class Config(PluginConfig):
    """A server that speaks OpenAI's dialect."""

    base_url: str | None = None
    """Where its API lies, version included, such as http://127.0.0.1:8080/v1; needless for most vendors."""
    api_key: Secret = Secret("")
    """Its key; empty or "none" sends none."""
    vendor: Vendor | None = None
    """The row of known peculiarities to go by."""
    headers: dict[str, TextOrSecret] = {}
    """Further headers for every request; a value named by reference is kept as confidential as the key."""
    responses: bool = False
    """The server offers `/responses` beside `/chat/completions`; callers of that dialect go there unchanged."""
    api: Literal["chat", "responses"] = "chat"
    """The API for calls of other dialects than Responses: `responses` for a server that offers nothing else."""
    operations: Annotated[list[Operation], Field(min_length=1)] | None = None
    """What it offers, instead of the row's; a server without a row is taken to offer all."""
    rename: dict[str, str] | None = None
    """Request fields that go under another name, instead of the row's."""
    drop: list[str] | None = None
    """Request fields that the server refuses, instead of the row's."""
    stream_usage: bool | None = None
    """Whether the server accepts `stream_options`; turn it off where it answers 400 to streams."""
    flatten_text: bool | None = None
    """Join message contents that are lists of text into strings."""
    echo_reasoning: bool | None = None
    """Whether `reasoning_content` on assistant messages is sent back to the server."""
    reasoning_field: Annotated[str, Field(pattern=r"^[a-z_]+$")] | None = None
    """What the server calls `reasoning_content`."""
    cap_field: Literal["max_tokens", "max_completion_tokens"] | None = None
    """The field for the cap on output tokens where the caller used neither name."""
    repair_tools: bool | None = None
    """Whether pieces of tool calls are numbered anew where the server numbers them wrongly."""
    completion_excludes_reasoning: bool | None = None
    """Whether the server's `completion_tokens` leaves the reasoning out."""

    @field_validator("base_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and (
            urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc
        ):
            raise ValueError("expected an address such as https://example.com/v1")
        return value

    @field_validator("headers")
    @classmethod
    def _are_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f'"{name}" is no name of a header; expected letters, digits and dashes')
        return value

    @model_validator(mode="after")
    def _has_address(self) -> Config:
        if self.base_url is None and not (self.vendor and rows()[self.vendor].base_url):
            raise ValueError("base_url is missing; expected it unless the vendor's row has an address")
        return self

    def quirks(self) -> Quirks:
        """The vendor's row with what is set here in place of its own."""
        row = (
            rows()[self.vendor]
            if self.vendor
            else Quirks(
                rename=(("max_completion_tokens", "max_tokens"),), operations=frozenset(get_args(Operation))
            )
        )
        own: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "stream_usage",
                "flatten_text",
                "echo_reasoning",
                "reasoning_field",
                "cap_field",
                "repair_tools",
                "completion_excludes_reasoning",
            )
            if getattr(self, name) is not None
        }
        if self.rename is not None:
            own["rename"] = tuple(self.rename.items())
        if self.operations is not None:
            own["operations"] = frozenset(self.operations)
        if self.drop is not None:
            own["drop"] = frozenset(self.drop)
        return replace(row, **own)


def build(config: Config) -> OpenAICompatible:
    """The provider for one table of the configuration."""
    quirks = config.quirks()
    offers_responses = config.responses or config.api == "responses"
    return OpenAICompatible(
        config.api_key,
        base_url=config.base_url,
        quirks=quirks,
        headers=tuple(config.headers.items()),
        responses=ResponsesApi.at(config.base_url or quirks.base_url) if offers_responses else None,
        api=config.api,
    )


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Any server of OpenAI's dialect; peculiarities of many vendors by name"
    return [ProviderType("openai_compatible", summary, Config, build, "live")]
