"""The provider `recraft`: pictures of Recraft, as pixels or as vectors.

Source: Recraft API reference, "Endpoints", "Image inputs and results", "Image to image", "Inpainting"
(https://www.recraft.ai/docs/api-reference). Pictures of text are asked for in OpenAI's dialect, with fields of its own
(``style``, ``style_id``, ``negative_prompt``, ``controls``, ``text_layout``), which go on as they came. Edits have
addresses of their own: with a mask, whose white pixels are drawn anew, `inpaint`; without one `imageToImage`, which
wants a ``strength``. A reply tells in ``credits`` what the operator pays, 1000 for a USD. Addresses are good for
about a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import msgspec

from pixapi import hookimpl
from pixapi.adapters import OpenAICompatible, Quirks
from pixapi.errors import BadRequest, UpstreamError
from pixapi.interfaces import (
    Call,
    HttpReply,
    HttpRequest,
    PluginConfig,
    ProviderType,
    Result,
    Secret,
    Upload,
    Usage,
)
from pixapi.wire.image_errors import read_image_error
from pixapi.wire.json import Fields, encode, lenient, lenient_fields, lenient_objects, raw
from pixapi.wire.openai_images import ImagesAsked, opaque_mask, read_images_call

PIXAPI_INTERFACE = 1

_QUIRKS = Quirks(operations=frozenset({"images", "image_edits"}))
_CREDITS_PER_USD = 1000
_STRENGTH = raw("0.5")
"""How far a picture may be from the one it is made of, where the caller does not say."""
_MASK_COLOURS = "white is drawn anew, black stays"


class Config(PluginConfig):
    """Settings of a provider with `use = "recraft"`."""

    api_key: Secret
    """The API token."""
    base_url: str = "https://external.api.recraft.ai/v1"
    """Where the API lies, its version included."""


class Recraft(OpenAICompatible):
    """One configured upstream of Recraft."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.api_key, base_url=config.base_url, quirks=_QUIRKS)
        self._root = config.base_url.rstrip("/")

    def request(self, call: Call) -> HttpRequest:
        asked = read_images_call(call, ("style",))
        fields: Fields = {
            **asked.more,
            "prompt": raw(asked.prompt),
            "n": raw(asked.count),
            "response_format": raw("url" if asked.as_url else "b64_json"),
        }
        if call.operation == "images":
            if asked.size is not None:
                fields["size"] = raw(asked.size)
            return super().request(msgspec.structs.replace(call, fields=fields))
        task, files = _edit(asked)
        if task == "imageToImage":
            fields.setdefault("strength", _STRENGTH)
        request = super().request(msgspec.structs.replace(call, fields=fields, uploads=files))
        return replace(request, url=f"{self._root}/images/{task}")

    def result(self, call: Call, reply: HttpReply) -> Result:
        result = super().result(call, reply)
        fields = lenient_fields(result.body)
        items = lenient_objects(fields.get("data"))
        for item in items:
            item.pop("image_id", None)
        fields["data"] = raw(items)
        spent = lenient(fields.pop("credits", None))
        usage = result.usage or Usage()
        if isinstance(spent, int | float) and not isinstance(spent, bool) and spent >= 0:
            usage = msgspec.structs.replace(
                usage, provider_cost_usd=str(Decimal(str(spent)) / _CREDITS_PER_USD)
            )
        return msgspec.structs.replace(result, body=encode(fields), usage=usage)

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_image_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        probe = super().probe()
        return None if probe is None else replace(probe, url=self._root + "/users/me")


def _edit(asked: ImagesAsked) -> tuple[str, tuple[Upload, ...]]:
    if asked.size is not None:
        raise BadRequest("an edited image keeps its size here; leave size out", param="size")
    if len(asked.images) != 1:
        raise BadRequest("the provider of this model edits one image a call", param="image")
    image = msgspec.structs.replace(asked.images[0], name="image")
    if asked.mask is None:
        return "imageToImage", (image,)
    return "inpaint", (image, opaque_mask(asked.mask, _MASK_COLOURS))


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Recraft: images as pixels or vectors, and edits of images"
    return [ProviderType("recraft", summary, Config, Recraft, "documented")]
