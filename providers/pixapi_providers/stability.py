"""The provider `stability`: pictures of Stability AI.

Source: Stability AI REST API, v2beta, "Generate" (ultra, core, sd3), "Edit", "Control"
(https://platform.stability.ai/docs/api-reference). Requests are forms; ``accept: application/json`` asks for a reply of
``{"image", "finish_reason", "seed"}`` with the picture in base64. It makes one picture a call, knows proportions
instead of sizes, and gives no addresses. A picture that its filter withheld comes with 200 and ``CONTENT_FILTERED``.

A route's model is the last part of the address (`core`, `ultra`, `inpaint`, ...); any other goes to `sd3`, which takes
the model's name in the form. Errors are ``{"id", "name", "errors": [...]}``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import quote

import msgspec

from pixapi import hookimpl
from pixapi.errors import BadRequest, UpstreamError, UpstreamInvalid
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
    Upload,
)
from pixapi.wire.image_errors import content_refused, read_image_error
from pixapi.wire.image_file import image_size
from pixapi.wire.image_shapes import closest_ratio
from pixapi.wire.json import NULL, Fields, raw
from pixapi.wire.multipart import write_form
from pixapi.wire.openai_images import ImagesAsked, is_text, opaque_mask, read_images_call, write_images_reply
from pixapi.wire.openai_result import open_reply

PIXAPI_INTERFACE = 1

RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
_FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "core": "generate",
        "ultra": "generate",
        "inpaint": "edit",
        "erase": "edit",
        "outpaint": "edit",
        "search-and-replace": "edit",
        "search-and-recolor": "edit",
        "remove-background": "edit",
        "sketch": "control",
        "structure": "control",
        "style": "control",
    }
)
"""Where a model that has an address of its own lies."""
_WITHOUT_PROMPT = frozenset({"erase", "remove-background"})
_MASKED = frozenset({"inpaint", "erase"})
_STRENGTH = raw("0.7")
"""How far a picture may be from the one it is made of, where the caller does not say."""
_HEAD_CHARACTERS = 64 * 1024
"""So much of a picture, in base64, tells its size."""
_MASK_COLOURS = "white is drawn anew, black stays"


class Config(PluginConfig):
    """Settings of a provider with `use = "stability"`."""

    api_key: Secret
    """The API key."""
    base_url: str = "https://api.stability.ai"
    """Where the API lies, without `/v2beta`."""


class Stability(Provider):
    """One configured upstream of Stability AI."""

    operations = frozenset({"images", "image_edits"})

    def __init__(self, config: Config) -> None:
        self._config = config
        self._root = config.base_url.rstrip("/").removesuffix("/v2beta")

    def request(self, call: Call) -> HttpRequest:
        asked = read_images_call(call)
        if asked.count != 1:
            raise BadRequest("the provider of this model makes one image a call; leave n out", param="n")
        if asked.as_url:
            raise BadRequest(
                "the provider of this model gives no addresses; leave response_format out, or ask for b64_json",
                param="response_format",
            )
        folder = _FOLDERS.get(call.model, "generate")
        name = call.model if call.model in _FOLDERS else "sd3"
        kind, body = write_form(_fields(call.model, asked), _files(call.model, asked), call.id)
        headers = (*self._headers(), ("accept", "application/json"), ("content-type", kind))
        url = f"{self._root}/v2beta/stable-image/{folder}/{quote(name, safe='')}"
        return HttpRequest("POST", url, headers, body, paid=True)

    def result(self, call: Call, reply: HttpReply) -> Result:
        fields = open_reply(reply.body)
        if bytes(fields.get("finish_reason", b"")) == b'"CONTENT_FILTERED"':
            raise content_refused(status=reply.status, code="CONTENT_FILTERED")
        image = fields.get("image", NULL)
        if not is_text(image):
            if "errors" in fields or "name" in fields:
                raise read_image_error(400, reply.body)
            raise UpstreamInvalid("The provider of this model answered without any image; try again.")
        return write_images_reply(call, [{"b64_json": image}], [_size(image)])

    def decoder(self, call: Call) -> Decoder:
        raise BadRequest("images are not streamed here; leave `stream` out", param="stream")

    def error(self, reply: HttpReply) -> UpstreamError:
        return read_image_error(reply.status, reply.body, reply.headers)

    def probe(self) -> HttpRequest | None:
        return HttpRequest("GET", f"{self._root}/v1/user/balance", self._headers())

    def _headers(self) -> tuple[tuple[str, str], ...]:
        key = self._config.api_key.reveal()
        return (("authorization", f"Bearer {key}"), ("accept-encoding", "identity"))


def _fields(model: str, asked: ImagesAsked) -> Fields:
    fields = dict(asked.more)
    if model not in _WITHOUT_PROMPT:
        fields["prompt"] = raw(asked.prompt)
    if asked.size is not None:
        if asked.images:
            raise BadRequest("an edited image keeps its size here; leave size out", param="size")
        fields["aspect_ratio"] = raw(closest_ratio(asked.size, RATIOS))
    if model not in _FOLDERS:
        fields["model"] = raw(model)
        if asked.images:
            fields["mode"] = raw("image-to-image")
    if asked.images and _FOLDERS.get(model, "generate") == "generate":
        fields.setdefault("strength", _STRENGTH)
    return fields


def _files(model: str, asked: ImagesAsked) -> list[Upload]:
    if len(asked.images) > 1:
        raise BadRequest("the provider of this model edits one image a call", param="image")
    if asked.images and model == "core":
        raise BadRequest("this model makes images of text only; edit with another one", param="model")
    files = [msgspec.structs.replace(image, name="image") for image in asked.images]
    if asked.mask is not None:
        if model not in _MASKED:
            raise BadRequest("this model takes no mask; leave it out, or take one that does", param="mask")
        files.append(opaque_mask(asked.mask, _MASK_COLOURS))
    return files


def _size(image: msgspec.Raw) -> str | None:
    """The size of a picture in a string of base64; None where its first bytes do not say."""
    head = bytes(memoryview(image)[1 : 1 + _HEAD_CHARACTERS]).rstrip(b'"=')
    try:
        size = image_size(base64.b64decode(head[: len(head) // 4 * 4]))
    except (binascii.Error, ValueError):
        return None
    return None if size is None else f"{size[0]}x{size[1]}"


@hookimpl
def pixapi_register_providers() -> Iterable[ProviderType]:
    summary = "Stability AI: images made of text and of images, and edited"
    return [ProviderType("stability", summary, Config, Stability, "documented")]
