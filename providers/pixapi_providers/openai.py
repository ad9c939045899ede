"""OpenAI: chat completions, Responses, embeddings, images, audio and moderations
(https://platform.openai.com/docs/api-reference).

OpenAI sends usage in a last chunk without choices, if asked; the adapter always asks. It takes
``max_completion_tokens`` for every model and ``max_tokens`` for the older ones only, so the caller's own
name for the cap is kept and the newer one used where there is none.

Callers of the Responses dialect go to ``/responses``; others too where ``api`` says so, in translation, for
models that are offered nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks, ResponsesApi
from pixapi.interfaces import Operation, PluginConfig, ProviderType, Secret

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    """OpenAI's API."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.openai.com/v1"
    """Where the API lies; another one for a regional endpoint or a proxy."""
    organization: str | None = None
    """The organization that usage counts for, where the key has several."""
    project: str | None = None
    """The project that usage counts for, where the key has several."""
    api: Literal["chat", "responses"] = "chat"
    """The API for calls of other dialects than Responses: `responses` for models that chat completions do not
    offer. `stop`, `n`, `logprobs` and audio are refused then.
    """
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    """Have thoughts summed up for callers of other dialects, where calls go over Responses; OpenAI wants a
    verified organization for that.
    """


def build(config: Config) -> OpenAICompatible:
    """The provider for one table of the configuration."""
    scopes = (("openai-organization", config.organization), ("openai-project", config.project))
    return OpenAICompatible(
        config.api_key,
        base_url=config.base_url,
        quirks=Quirks(cap_field="max_completion_tokens", repair_tools=False),
        headers=tuple((name, value) for name, value in scopes if value),
        responses=ResponsesApi.at(config.base_url, summary=config.reasoning_summary),
        api=config.api,
        operations=frozenset(get_args(Operation)) - {"rerank"},
        streams=frozenset({"chat", "images", "image_edits"}),
    )


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [
        ProviderType(
            "openai",
            "OpenAI's chat completions, Responses, embeddings, images, audio and moderations",
            Config,
            build,
            "recorded",
        )
    ]
