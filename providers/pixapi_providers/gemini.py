"""The provider `gemini`: Google's Gemini API, as AI Studio gives out keys for it.

Source: Gemini API reference, "Generating content", "Embeddings", "Models"; its documentation, "Image generation" and
"Speech generation". What both of Google's ways to the
models share is `pixapi.wire.gemini_provider`; what is here is the address, the key and the settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from pixapi import hookimpl
from pixapi.interfaces import Call, HttpRequest, PluginConfig, ProviderType, Secret
from pixapi.wire.gemini_embeddings import write_batch
from pixapi.wire.gemini_provider import GeminiProvider, Headers, path_of

PIXAPI_INTERFACE = 1


class Config(PluginConfig):
    """Settings of a provider with `use = "gemini"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://generativelanguage.googleapis.com/v1beta"
    """Where the API lies, its version included."""
    refused_tools: list[str] = []
    """Tools of Google's own that callers may not use, such as `googleSearch` and `googleMaps`, for each use of
    which Google charges besides the tokens. Tools that read what you have stored with Google are always refused.
    """


class Gemini(GeminiProvider):
    """One configured upstream of the Gemini API."""

    def __init__(self, config: Config) -> None:
        self._api_key = config.api_key
        self._root = config.base_url.rstrip("/")
        host = urlsplit(self._root).hostname or ""
        maker = "gemini" if host.endswith(".googleapis.com") else host.replace(":", "-")
        super().__init__(maker, frozenset(config.refused_tools))

    def url(self, model: str, method: str) -> str:
        return f"{self._root}/{path_of(model)}:{method}"

    def headers(self) -> Headers:
        return (("x-goog-api-key", self._api_key.reveal()), ("accept-encoding", "identity"))

    def embedding(self, call: Call) -> tuple[str, bytes]:
        return "batchEmbedContents", write_batch(call)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._root}/models?pageSize=1", self.headers())


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    return [ProviderType("gemini", "Gemini models, over Google's Gemini API", Config, Gemini, "recorded")]
