"""The provider `ark`: Seedream's pictures at Volcengine Ark, and at BytePlus ModelArk.

Source: Ark API reference, "Image generation API" and "Error codes" (https://www.volcengine.com/docs/82379/1541523,
https://docs.byteplus.com/en/docs/ModelArk/1541523), and the official SDK `volcengine-python-sdk`. Pictures are asked
for in OpenAI's dialect with differences (`pixapi.wire.ark_images`); fields of its own (``seed``, ``guidance_scale``,
``watermark``, ``image``, ``sequential_image_generation``, ``optimize_prompt_options``) go on as they came. A route's
model is a model id or the id of an endpoint. Addresses are good for a day.

The account's number stands in what Ark says of missing models and endpoints; callers do not read it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.errors import UpstreamError, UpstreamRejected
from pixapi.interfaces import (
    Call,
    HttpReply,
    HttpRequest,
    PluginConfig,
    ProviderType,
    Result,
    Secret,
)
from pixapi.wire.ark_images import read_ark_reply, write_ark_call
from pixapi.wire.image_errors import read_image_error
from pixapi.wire.openai_images import read_images_call

PIXAPI_INTERFACE = 1

_QUIRKS = Quirks(operations=frozenset({"images", "image_edits"}))
_UNKNOWN_MODEL = ("ModelNotOpen", "InvalidEndpointOrModel", "ModelNotFound", "EndpointNotFound")


class Config(PluginConfig):
    """Settings of a provider with `use = "ark"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://ark.cn-beijing.volces.com/api/v3"
    """Where the API lies; `https://ark.ap-southeast.bytepluses.com/api/v3` for BytePlus."""
    watermark: bool | None = None
    """Whether images are marked as made by AI where the caller does not say; without it as Ark likes, which marks."""


class Ark(OpenAICompatible):
    """One configured upstream of Ark."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.api_key, base_url=config.base_url, quirks=_QUIRKS)
        self._config = config

    def request(self, call: Call) -> HttpRequest:
        asked = read_images_call(call, ("background",))
        fields = write_ark_call(asked, watermark=self._config.watermark)
        # An edit is a generation with pictures in its body.
        return super().request(msgspec.structs.replace(call, operation="images", fields=fields, uploads=()))

    def result(self, call: Call, reply: HttpReply) -> Result:
        return read_ark_reply(call, reply)

    def error(self, reply: HttpReply) -> UpstreamError:
        error = read_image_error(reply.status, reply.body, reply.headers)
        if isinstance(error, UpstreamRejected) and (error.upstream_code or "").startswith(_UNKNOWN_MODEL):
            error.message = "The provider of this model does not have it, or not for this gateway's account."
            error.code, error.status, error.param = "model_not_found", 404, "model"
            error.retryable, error.scope = True, "allowance"
        return error

    def probe(self) -> HttpRequest | None:
        return None  # every request costs something


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Seedream's images at Volcengine Ark and BytePlus ModelArk"
    return [ProviderType("ark", summary, Config, Ark, "documented")]
