"""Images that Google's models made, as OpenAI's callers read them (OpenAI API reference, "The image generation
response").

Only images that were made stand in ``data`` and are counted. What a filter kept back is told in ``filtered``, which
OpenAI's reply does not have; where nothing else is left, the call is refused as OpenAI refuses it.
"""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import Any

import msgspec

from pixapi.errors import UpstreamRejected
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.usage import Usage
from pixapi.wire.image_header import dimensions
from pixapi.wire.json import encode, lenient
from pixapi.wire.openai_error_words import clean_words
from pixapi.wire.openai_media_sizes import images_asked, megapixels_of, usual_megapixels

_HEAD = 256 * 1024
"""So many signs of the base64 text are looked at: a JPEG's size stands behind what its maker says about it."""


class Made(msgspec.Struct, frozen=True):
    """One image: base64 text and its media type."""

    data: str
    media_type: str


def write_images(call: Call, made: list[Made], usage: Usage | None, filtered: list[str]) -> Result:
    """The reply with at least one image. ``usage``: tokens where they are told; ``filtered``: why some are missing."""
    sizes = [_size_of(image) for image in made]
    body: dict[str, Any] = {
        "created": call.created,
        "data": [{"b64_json": image.data} for image in made],
        "output_format": made[0].media_type.removeprefix("image/"),
    }
    if sizes[0] is not None and len(set(sizes)) == 1:
        body["size"] = f"{sizes[0][0]}x{sizes[0][1]}"
    if usage is not None:
        body["usage"] = _usage_of(usage)
    if filtered:
        body["filtered"] = [clean_words(reason) for reason in filtered]
    count = min(len(made), images_asked(call.fields))
    asked = megapixels_of(lenient(call.fields.get("size")))
    area = sum((_megapixels(size, asked) for size in sizes[:count]), Decimal(0))
    return Result(msgspec.structs.replace(usage or Usage(), images=count, megapixels=area), encode(body))


def filtered_out(said: str, reason: str | None) -> UpstreamRejected:
    """All images were kept back, or the prompt was. ``said``: the vendor's words, if any; ``reason``: its code."""
    why = clean_words(said) or f"The provider of this model refused to make this image ({reason})."
    return UpstreamRejected(why, code="moderation_blocked", upstream_status=200, upstream_code=reason)


def _size_of(image: Made) -> tuple[int, int] | None:
    try:
        return dimensions(base64.b64decode(image.data[:_HEAD]))
    except (binascii.Error, ValueError):
        return None


def _megapixels(size: tuple[int, int] | None, asked: Decimal | None) -> Decimal:
    """Of one image: as many as it has, but no more than were asked for, since no more were held for."""
    if size is None:
        return asked or usual_megapixels()
    real = Decimal(size[0] * size[1]) / 1_000_000
    return real if asked is None else min(real, asked)


def _usage_of(usage: Usage) -> dict[str, Any]:
    drawn, read = usage.image_output or 0, usage.image_input or 0
    return {
        "input_tokens": usage.total_input(),
        "input_tokens_details": {"text_tokens": usage.total_input() - read, "image_tokens": read},
        "output_tokens": usage.total_output(),
        "output_tokens_details": {"text_tokens": usage.total_output() - drawn, "image_tokens": drawn},
        "total_tokens": usage.total_input() + usage.total_output(),
    }
